from collections.abc import Iterable
from typing import Any

from .auth_filters import AuthorizationFilters, resolve_authorization_filter_fn
from .enums import AccountPermissions, BasePermissionEnum


def all_permissions_required(context: Any, permissions: Iterable[BasePermissionEnum]) -> bool:
    """All of the permissions, and one of the authorization filters if there are any."""
    held, filters = _check(context, list(permissions))
    return all(held) and (not filters or any(filters))


def one_of_permissions_or_auth_filter_required(context: Any, permissions: Iterable[BasePermissionEnum]) -> bool:
    permissions = list(permissions)
    if not permissions:
        return True
    held, filters = _check(context, permissions)
    return any(held) or any(filters)


def _check(context: Any, permissions: list[BasePermissionEnum]) -> tuple[list[bool], list[bool]]:
    from ..graphql.utils import get_user_or_app_from_context

    wanted = [permission for permission in permissions if not isinstance(permission, AuthorizationFilters)]
    checks = [
        resolve_authorization_filter_fn(permission)
        for permission in permissions
        if isinstance(permission, AuthorizationFilters)
    ]
    requestor = get_user_or_app_from_context(context)
    held = [bool(requestor and requestor.has_perm(permission)) for permission in wanted]
    return held, [check(context) for check in checks if check]


def permission_required(requestor: Any, perms: Iterable[BasePermissionEnum]) -> bool:
    from ..app.models import App

    if not requestor:
        return False
    if isinstance(requestor, App) and AccountPermissions.MANAGE_STAFF in perms:
        return False
    return requestor.has_perms(perms)


def has_one_of_permissions(requestor: Any, permissions: Iterable[BasePermissionEnum]) -> bool:
    permissions = list(permissions)
    return not permissions or any(permission_required(requestor, [permission]) for permission in permissions)


def message_one_of_permissions_required(permissions: Iterable[BasePermissionEnum]) -> str:
    names = ", ".join(permission.name for permission in permissions)
    return f"\n\nNeeds one of the permissions {names}."
