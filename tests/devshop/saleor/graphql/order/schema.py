from typing import Any

import graphene

from ...order import models
from ...permission.enums import OrderPermissions
from ..core.connection import create_connection_slice_for_sync_webhook_control_context
from ..core.context import SyncWebhookControlContext, get_database_connection_name
from ..core.doc_category import DOC_CATEGORY_ORDERS
from ..core.fields import BaseField, ConnectionField
from ..core.utils import from_global_id_or_error
from ..core.validators import validate_one_of_args_is_in_query
from .mutations.fulfillment_return_products import FulfillmentReturnProducts
from .mutations.order_cancel import OrderCancel
from .mutations.order_fulfill import OrderFulfill
from .mutations.order_grant_refund_create import OrderGrantRefundCreate
from .mutations.order_mark_as_paid import OrderMarkAsPaid
from .mutations.order_refund import OrderRefund
from .types import Order, OrderCountableConnection


class OrderQueries(graphene.ObjectType):
    order = BaseField(
        Order,
        id=graphene.Argument(graphene.ID, description="By id."),
        external_reference=graphene.Argument(graphene.String, description="By id in another system."),
        description="One order; whoever knows the id may see it, without the person.",
        doc_category=DOC_CATEGORY_ORDERS,
    )
    orders = ConnectionField(
        OrderCountableConnection,
        channel=graphene.String(description="Only of this channel."),
        description="All orders but drafts.",
        permissions=[OrderPermissions.MANAGE_ORDERS],
        doc_category=DOC_CATEGORY_ORDERS,
    )

    @staticmethod
    def resolve_order(
        _root: Any, info: Any, *, id: str | None = None, external_reference: str | None = None
    ) -> SyncWebhookControlContext | None:
        validate_one_of_args_is_in_query("id", id, "external_reference", external_reference)
        orders = models.Order.objects.using(get_database_connection_name(info.context)).non_draft()
        if id:
            order = orders.filter(pk=from_global_id_or_error(id, Order, raise_error=True)[1]).first()
        else:
            order = orders.filter(external_reference=external_reference).first()
        return SyncWebhookControlContext(order) if order else None

    @staticmethod
    def resolve_orders(_root: Any, info: Any, *, channel: str | None = None, **kwargs: Any) -> Any:
        orders = models.Order.objects.using(get_database_connection_name(info.context)).non_draft()
        if channel:
            orders = orders.filter(channel__slug=channel)
        return create_connection_slice_for_sync_webhook_control_context(
            orders, info, kwargs, OrderCountableConnection, allow_sync_webhooks=False
        )


class OrderMutations(graphene.ObjectType):
    order_cancel = OrderCancel.Field()
    order_fulfill = OrderFulfill.Field()
    order_fulfillment_return_products = FulfillmentReturnProducts.Field()
    order_grant_refund_create = OrderGrantRefundCreate.Field()
    order_mark_as_paid = OrderMarkAsPaid.Field()
    order_refund = OrderRefund.Field()
