"""Orders that our types name, and who may see them.

Whoever has an order's id can ask Saleor for it, and is told where its customer lives. So nobody is given the id who may
not see the order.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from promise import Promise
from saleor.graphql.core.context import SyncWebhookControlContext
from saleor.graphql.order.dataloaders import OrderByIdLoader
from saleor.permission.enums import OrderPermissions

from saleor_crm_plugin.graphql.access import has_any_permission, is_own, requires
from saleor_crm_plugin.graphql.channel_access import may_see_channel

# Ends the description of a field that names an order.
SEEN_BY = (
    requires(OrderPermissions.MANAGE_ORDERS)
    + " Staff see those of the channels of their groups, a customer the own ones. Null for others."
)


def may_see_order(info: Any, order: Any) -> Promise[bool]:
    """Promise of whether an order is for whoever asks: its customer, or who has MANAGE_ORDERS and its channel.

    Points of somebody else's order can stand in one's account: the order changed hands, or two customers were one for
    a while.
    """
    if is_own(info, order.user_id, order.user_email):
        return Promise.resolve(True)
    return may_see_orders_of(info, order.channel_id)


def may_see_orders_of(info: Any, channel_id: int) -> Promise[bool]:
    """Promise of whether all orders of a channel are for whoever asks."""
    if not has_any_permission(info, OrderPermissions.MANAGE_ORDERS):
        return Promise.resolve(False)
    return may_see_channel(info, channel_id)


def load_order(info: Any, order_id: UUID) -> Promise[Any]:
    """Promise of an order as Saleor's type takes it; of None where it is gone, and for whoever may not see it."""

    def in_context(order: Any) -> Any:
        if order is None:
            return None
        context = SyncWebhookControlContext(node=order, allow_sync_webhooks=False)
        return may_see_order(info, order).then(lambda sees: context if sees else None)

    return OrderByIdLoader(info.context).load(order_id).then(in_context)
