from typing import Any

from django.db.models import QuerySet

from ...account import models
from ...core.exceptions import PermissionDenied
from ...permission.enums import AccountPermissions, OrderPermissions
from ...permission.utils import has_one_of_permissions
from ..core.context import get_database_connection_name
from ..core.utils import from_global_id_or_error
from ..utils import get_user_or_app_from_context


def resolve_user(
    info: Any, id: str | None = None, email: str | None = None, external_reference: str | None = None
) -> models.User | None:
    lookup: dict[str, Any] = {}
    if id:
        lookup["pk"] = from_global_id_or_error(id, "User")[1]
    if email:
        lookup["email__iexact"] = email
    if external_reference:
        lookup["external_reference"] = external_reference
    return _users_by_permission(info).filter(**lookup).first()


def _users_by_permission(info: Any) -> QuerySet[models.User]:
    """Whom the requestor may look up: staff, customers or both."""
    requestor = get_user_or_app_from_context(info.context)
    users = models.User.objects
    database = get_database_connection_name(info.context)
    if requestor:
        staff = requestor.has_perm(AccountPermissions.MANAGE_STAFF)
        if staff and requestor.has_perm(AccountPermissions.MANAGE_USERS):
            return users.using(database).all()
        if staff:
            return users.staff().using(database)
        if has_one_of_permissions(requestor, [AccountPermissions.MANAGE_USERS, OrderPermissions.MANAGE_ORDERS]):
            return users.customers().using(database)
    raise PermissionDenied(
        permissions=[
            AccountPermissions.MANAGE_STAFF,
            AccountPermissions.MANAGE_USERS,
            OrderPermissions.MANAGE_ORDERS,
        ]
    )
