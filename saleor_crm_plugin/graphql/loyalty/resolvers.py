"""Resolvers of the loyalty fields on Saleor's types and of the root fields."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError
from saleor.graphql.checkout.utils import prevent_sync_event_circular_query
from saleor.graphql.core.context import get_database_connection_name
from saleor.permission.enums import AccountPermissions, OrderPermissions

from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.access import authenticated_user, require_owner_or_permission, require_permission
from saleor_crm_plugin.graphql.dataloaders import CustomerByUserIdLoader
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.checkout_points import points_of_checkout
from saleor_crm_plugin.graphql.loyalty.dataloaders import AccountByProfileIdLoader, OrderPointsByOrderIdLoader
from saleor_crm_plugin.graphql.roots import is_unsaved_user, node_of
from saleor_crm_plugin.ingestion.lookup import profile_id_by_email


def resolve_user_loyalty_account(root: Any, info: Any, *, channel: str | None = None) -> Any:
    user = node_of(root)
    require_owner_or_permission(info, user.pk, AccountPermissions.MANAGE_USERS)
    return None if is_unsaved_user(user) else _account_of_user(info, user.pk, channel)


def resolve_loyalty_account(
    _root: Any, info: Any, *, user_id: str | None = None, email: str | None = None, channel: str | None = None
) -> Any:
    # A blank one is a mistake of whoever sends it, and does not stand for oneself.
    if user_id is not None and email is not None:
        raise GraphQLError("Give either `userId` or `email`, not both.")
    if email is not None:
        # An address proves nothing, not even one's own: this way is for staff and apps.
        require_permission(info, AccountPermissions.MANAGE_USERS)
        profile_id = profile_id_by_email(email, get_database_connection_name(info.context))
        if profile_id is None:
            return None
        return AccountByProfileIdLoader(info.context).load(profile_id).then(lambda account: _wrap(account, channel))
    if user_id is not None:
        primary_key = integer_key(user_id, "User")
        require_owner_or_permission(info, primary_key, AccountPermissions.MANAGE_USERS)
        return _account_of_user(info, primary_key, channel)
    user = authenticated_user(info)
    return _account_of_user(info, user.pk, channel) if user is not None else None


@prevent_sync_event_circular_query
def resolve_checkout_loyalty(root: Any, info: Any) -> Any:
    return points_of_checkout(node_of(root), info, allow_sync_webhooks=getattr(root, "allow_sync_webhooks", True))


def resolve_order_loyalty(root: Any, info: Any) -> Any:
    order = node_of(root)
    require_owner_or_permission(info, order.user_id, OrderPermissions.MANAGE_ORDERS)
    return OrderPointsByOrderIdLoader(info.context).load(order.pk)


def _account_of_user(info: Any, user_id: int, channel: str | None) -> Any:
    return (
        CustomerByUserIdLoader(info.context)
        .load(user_id)
        .then(lambda customer: _wrap(customer.account, channel) if customer else None)
    )


def _wrap(account: Any, channel: str | None) -> Any:
    return in_channel(account, channel) if account else None
