from typing import Any

import graphene
from django.core.exceptions import ValidationError

from ....order import FulfillmentLineData, FulfillmentStatus, models
from ....order.actions import create_fulfillments_for_returned_products
from ....order.error_codes import OrderErrorCode
from ....order.fetch import OrderLineInfo
from ....permission.enums import OrderPermissions
from ...app.dataloaders import get_app_promise
from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_ORDERS
from ...core.mutations import BaseMutation
from ...core.scalars import PositiveDecimal
from ...core.types import BaseInputObjectType, NonNullList, OrderError
from ...plugins.dataloaders import get_plugin_manager_promise
from ..types import Fulfillment, FulfillmentLine, Order, OrderLine

_MAY_COME_BACK = [
    FulfillmentStatus.FULFILLED,
    FulfillmentStatus.REFUNDED,
    FulfillmentStatus.WAITING_FOR_APPROVAL,
]


class OrderReturnLineInput(BaseInputObjectType):
    order_line_id = graphene.ID(required=True, description="Which line.")
    quantity = graphene.Int(required=True, description="How many.")

    class Meta:
        doc_category = DOC_CATEGORY_ORDERS


class OrderReturnFulfillmentLineInput(BaseInputObjectType):
    fulfillment_line_id = graphene.ID(required=True, description="Which line.")
    quantity = graphene.Int(required=True, description="How many.")

    class Meta:
        doc_category = DOC_CATEGORY_ORDERS


class OrderReturnProductsInput(BaseInputObjectType):
    order_lines = NonNullList(OrderReturnLineInput, description="What was never sent.")
    fulfillment_lines = NonNullList(OrderReturnFulfillmentLineInput, description="What was sent.")
    amount_to_refund = PositiveDecimal(description="How much to give back; without it, what the lines cost.")
    include_shipping_costs = graphene.Boolean(
        default_value=False, description="Whether to give the shipping back too, where no amount is given."
    )
    refund = graphene.Boolean(default_value=False, description="Whether to give money back.")

    class Meta:
        doc_category = DOC_CATEGORY_ORDERS


class FulfillmentReturnProducts(BaseMutation):
    order = graphene.Field(Order, description="The order.")
    return_fulfillment = graphene.Field(Fulfillment, description="What came back.")

    class Arguments:
        order = graphene.ID(required=True, description="Which order.")
        input = OrderReturnProductsInput(required=True, description="What comes back.")

    class Meta:
        description = "Take products back."
        doc_category = DOC_CATEGORY_ORDERS
        permissions = (OrderPermissions.MANAGE_ORDERS,)
        error_type_class = OrderError
        error_type_field = "order_errors"

    @classmethod
    def perform_mutation(
        cls, _root: Any, info: Any, /, *, order: str, input: dict[str, Any]
    ) -> "FulfillmentReturnProducts":
        instance = cls.get_node_or_error(info, order, field="order", only_type=Order)
        payment = instance.get_last_payment()
        if input["refund"]:
            cls._check_refund(payment, input.get("amount_to_refund"))
        returned, _replaced, _new_order = create_fulfillments_for_returned_products(
            info.context.user,
            get_app_promise(info.context).get(),
            instance,
            payment,
            [cls._order_line(info, instance, data) for data in input.get("order_lines") or []],
            [cls._fulfillment_line(info, instance, data) for data in input.get("fulfillment_lines") or []],
            get_plugin_manager_promise(info.context).get(),
            refund=input["refund"],
            amount=input.get("amount_to_refund"),
            refund_shipping_costs=input["include_shipping_costs"],
        )
        instance.refresh_from_db()
        return cls(
            order=SyncWebhookControlContext(instance),
            return_fulfillment=SyncWebhookControlContext(returned),
        )

    @classmethod
    def _check_refund(cls, payment: Any, amount: Any) -> None:
        if payment is None or not payment.can_refund():
            code = OrderErrorCode.CANNOT_REFUND.value
            raise ValidationError({"order": ValidationError("There is no payment to give back.", code=code)})
        if amount is not None and amount > payment.captured_amount:
            code = OrderErrorCode.CANNOT_REFUND.value
            raise ValidationError({"amount_to_refund": ValidationError("That is more than was paid.", code=code)})

    @classmethod
    def _order_line(cls, info: Any, order: models.Order, data: dict[str, Any]) -> OrderLineInfo:
        line = cls.get_node_or_error(
            info, data["order_line_id"], field="order_lines", only_type=OrderLine, qs=order.lines.all()
        )
        _check_quantity(data["quantity"], line.quantity_unfulfilled, "order_line_id")
        return OrderLineInfo(line=line, quantity=data["quantity"])

    @classmethod
    def _fulfillment_line(cls, info: Any, order: models.Order, data: dict[str, Any]) -> FulfillmentLineData:
        sent = models.FulfillmentLine.objects.filter(fulfillment__order=order, fulfillment__status__in=_MAY_COME_BACK)
        line = cls.get_node_or_error(
            info, data["fulfillment_line_id"], field="fulfillment_lines", only_type=FulfillmentLine, qs=sent
        )
        _check_quantity(data["quantity"], line.quantity, "fulfillment_line_id")
        return FulfillmentLineData(line=line, quantity=data["quantity"])


def _check_quantity(wanted: int, there: int, field: str) -> None:
    if not 0 < wanted <= there:
        code = OrderErrorCode.INVALID_QUANTITY.value
        raise ValidationError({field: ValidationError(f"Between 1 and {there} can come back.", code=code)})
