"""Resolvers of the customer fields on Saleor's types and of the root fields."""

from __future__ import annotations

from typing import Any

from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.validators import validate_one_of_args_is_in_query
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.access import require_owner_of, require_owner_or_permission, require_permission
from saleor_crm_plugin.graphql.dataloaders import CustomerByUserIdLoader, ProfileByIdLoader
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.roots import is_unsaved_user, node_of
from saleor_crm_plugin.ingestion.lookup import profile_id_by_email
from saleor_crm_plugin.profiles.models import CustomerProfile


def resolve_user_customer_profile(root: Any, info: Any) -> Any:
    user = node_of(root)
    require_owner_or_permission(info, user.pk, AccountPermissions.MANAGE_USERS)
    return None if is_unsaved_user(user) else _profile_of_user(info, user.pk)


def resolve_customer_profile(
    _root: Any, info: Any, *, id: str | None = None, user_id: str | None = None, email: str | None = None
) -> Any:
    validate_one_of_args_is_in_query("id", id, "userId", user_id, "email", email)
    if user_id:
        primary_key = integer_key(user_id, "User")
        require_owner_or_permission(info, primary_key, AccountPermissions.MANAGE_USERS)
        return _profile_of_user(info, primary_key)
    if email:
        require_permission(info, AccountPermissions.MANAGE_USERS)
        profile_id = profile_id_by_email(email, get_database_connection_name(info.context))
        return ProfileByIdLoader(info.context).load(profile_id) if profile_id else None

    def visible(profile: CustomerProfile | None) -> CustomerProfile | None:
        # Who may not see it learns nothing, not even whether there is such a profile.
        require_owner_of(info, profile, AccountPermissions.MANAGE_USERS)
        return profile

    primary_key = integer_key(id or "", "CustomerProfile")
    return ProfileByIdLoader(info.context).load(primary_key).then(visible)


def _profile_of_user(info: Any, user_id: int) -> Any:
    return CustomerByUserIdLoader(info.context).load(user_id).then(lambda customer: customer and customer.profile)
