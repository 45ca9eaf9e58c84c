from decimal import Decimal
from typing import Any

import graphene
from django.core.exceptions import ValidationError

from ....order import FulfillmentStatus
from ....order.actions import order_refunded
from ....order.error_codes import OrderErrorCode
from ....payment import PaymentError, gateway
from ....permission.enums import OrderPermissions
from ...app.dataloaders import get_app_promise
from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_ORDERS
from ...core.mutations import BaseMutation
from ...core.scalars import PositiveDecimal
from ...core.types import OrderError
from ...plugins.dataloaders import get_plugin_manager_promise
from ..types import Order


class OrderRefund(BaseMutation):
    order = graphene.Field(Order, description="The order.")

    class Arguments:
        id = graphene.ID(required=True, description="Which order.")
        amount = PositiveDecimal(required=True, description="How much to give back.")

    class Meta:
        description = "Give money of the last payment back."
        doc_category = DOC_CATEGORY_ORDERS
        permissions = (OrderPermissions.MANAGE_ORDERS,)
        error_type_class = OrderError
        error_type_field = "order_errors"

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, id: str, amount: Decimal) -> "OrderRefund":
        if amount <= 0:
            code = OrderErrorCode.ZERO_QUANTITY.value
            raise ValidationError({"amount": ValidationError("The amount must be above zero.", code=code)})
        order = cls.get_node_or_error(info, id, only_type=Order)
        payment = order.get_last_payment()
        if payment is None:
            code = OrderErrorCode.PAYMENT_MISSING.value
            raise ValidationError({"payment": ValidationError("The order has no payment.", code=code)})
        if not payment.can_refund():
            code = OrderErrorCode.CANNOT_REFUND.value
            raise ValidationError({"payment": ValidationError("There is nothing to give back.", code=code)})
        manager = get_plugin_manager_promise(info.context).get()
        try:
            gateway.refund(payment, manager, order.channel.slug, amount)
        except PaymentError as error:
            code = OrderErrorCode.PAYMENT_ERROR.value
            raise ValidationError({"payment": ValidationError(str(error), code=code)}) from error
        payment.refresh_from_db()
        app = get_app_promise(info.context).get()
        order_refunded(order, info.context.user, app, amount, payment, manager)
        order.fulfillments.create(status=FulfillmentStatus.REFUNDED, total_refund_amount=amount)
        order.refresh_from_db()
        return cls(order=SyncWebhookControlContext(order))
