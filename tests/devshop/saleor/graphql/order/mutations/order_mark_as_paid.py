from typing import Any

import graphene
from django.core.exceptions import ValidationError

from ....channel import MarkAsPaidStrategy
from ....order.actions import (
    clean_mark_order_as_paid,
    mark_order_as_paid_with_payment,
    mark_order_as_paid_with_transaction,
)
from ....order.error_codes import OrderErrorCode
from ....payment import PaymentError
from ....permission.enums import OrderPermissions
from ...app.dataloaders import get_app_promise
from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_ORDERS
from ...core.mutations import BaseMutation
from ...core.types import OrderError
from ...plugins.dataloaders import get_plugin_manager_promise
from ..types import Order


class OrderMarkAsPaid(BaseMutation):
    order = graphene.Field(Order, description="The order.")

    class Arguments:
        id = graphene.ID(required=True, description="Which order.")
        transaction_reference = graphene.String(description="What the money is called elsewhere.")

    class Meta:
        description = "Say that the money for an order has arrived."
        doc_category = DOC_CATEGORY_ORDERS
        permissions = (OrderPermissions.MANAGE_ORDERS,)
        error_type_class = OrderError
        error_type_field = "order_errors"

    @classmethod
    def perform_mutation(
        cls, _root: Any, info: Any, /, *, id: str, transaction_reference: str | None = None
    ) -> "OrderMarkAsPaid":
        order = cls.get_node_or_error(info, id, only_type=Order)
        if not order.billing_address:
            code = OrderErrorCode.BILLING_ADDRESS_NOT_SET.value
            raise ValidationError("The order needs a billing address first.", code=code)
        uses_payments = order.channel.order_mark_as_paid_strategy == MarkAsPaidStrategy.PAYMENT_FLOW
        mark = mark_order_as_paid_with_payment if uses_payments else mark_order_as_paid_with_transaction
        try:
            clean_mark_order_as_paid(order)
        except PaymentError as error:
            field = "payment" if uses_payments else "transaction"
            code = (OrderErrorCode.PAYMENT_ERROR if uses_payments else OrderErrorCode.TRANSACTION_ERROR).value
            raise ValidationError({field: ValidationError(str(error), code=code)}) from error
        app = get_app_promise(info.context).get()
        manager = get_plugin_manager_promise(info.context).get()
        mark(order, info.context.user, app, manager, transaction_reference)
        return cls(order=SyncWebhookControlContext(order))
