"""Who is asking, and may they.

Ownership is always the authenticated user of the request. An e-mail address proves nothing, and neither does
`checkout.user`: anyone may put anybody's address on a guest checkout.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from saleor.core.exceptions import PermissionDenied
from saleor.graphql.utils import get_user_or_app_from_context
from saleor.permission.auth_filters import AuthorizationFilters

from saleor_crm_plugin.profiles.identity import normalize_email
from saleor_crm_plugin.profiles.merging.family import users_of
from saleor_crm_plugin.profiles.models import CustomerProfile


def authenticated_user(info: Any) -> Any | None:
    """The user who sent the request; None for apps and anonymous requests."""
    requestor = get_user_or_app_from_context(info.context)
    return requestor if requestor and not info.context.app else None


def is_owner(info: Any, user_id: int | None) -> bool:
    """Whether the authenticated user is this user. False for apps, anonymous requests and where there is no user."""
    user = authenticated_user(info)
    return user is not None and user_id is not None and user.pk == user_id


def is_one_of(info: Any, user_ids: Collection[int]) -> bool:
    """Whether the authenticated user is one of these."""
    user = authenticated_user(info)
    return user is not None and user.pk in user_ids


def has_any_permission(info: Any, *permissions: Any) -> bool:
    """Whether the user or app that sent the request has one of these permissions."""
    requestor = get_user_or_app_from_context(info.context)
    return bool(requestor) and any(requestor.has_perm(permission) for permission in permissions)


def require_owner_or_permission(info: Any, user_id: int | None, *permissions: Any) -> None:
    """
    Raises:
        PermissionDenied: as Saleor's own fields of a user do.
    """
    if not is_owner(info, user_id) and not has_any_permission(info, *permissions):
        raise PermissionDenied(permissions=[AuthorizationFilters.OWNER, *permissions])


def is_owner_of(info: Any, profile: CustomerProfile | None) -> bool:
    """Whether the authenticated user is the person of this profile: its user, or that of one merged into it.

    Staff have said that these are one person, who sees the numbers, points and history of both. What belongs to an
    account of the shop (addresses, orders, the e-mail) stays with that account, and is not shown by way of a profile.
    A profile that was not read `with_family` belongs to its own user only.
    """
    user = authenticated_user(info)
    return user is not None and profile is not None and user.pk in users_of(profile)


def is_own(info: Any, user_id: int | None, email: str) -> bool:
    """Whether an order or checkout is the authenticated user's: by the account, or a guest's by the confirmed address.

    It tells where its customer lives. Staff who say that two customers are one do not make it the other's.
    """
    user = authenticated_user(info)
    if user is None:
        return False
    if user_id is not None:
        return user.pk == user_id
    return user.is_confirmed and normalize_email(user.email) == normalize_email(email)


def require_owner_of(info: Any, profile: CustomerProfile | None, *permissions: Any) -> None:
    """
    Raises:
        PermissionDenied: as `require_owner_or_permission`.
    """
    if not is_owner_of(info, profile) and not has_any_permission(info, *permissions):
        raise PermissionDenied(permissions=[AuthorizationFilters.OWNER, *permissions])


def require_permission(info: Any, *permissions: Any) -> None:
    """
    Raises:
        PermissionDenied: the requestor has none of the permissions.
    """
    if not has_any_permission(info, *permissions):
        raise PermissionDenied(permissions=list(permissions))


def requires(*permissions: Any) -> str:
    """The sentence about permissions that ends a description, worded as Saleor words it."""
    names = ", ".join(permission.name for permission in permissions)
    return f"\n\nRequires one of the following permissions: {names}."
