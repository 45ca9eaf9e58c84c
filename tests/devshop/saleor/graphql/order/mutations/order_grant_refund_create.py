from decimal import Decimal as Number
from typing import Any

import graphene
from django.core.exceptions import ValidationError
from django.db import transaction

from ....order import models
from ....order.error_codes import OrderGrantRefundCreateErrorCode
from ....order.utils import update_order_charge_data
from ....payment.models import TransactionItem
from ....permission.enums import OrderPermissions
from ...core.context import SyncWebhookControlContext
from ...core.doc_category import DOC_CATEGORY_ORDERS
from ...core.mutations import BaseMutation
from ...core.scalars import Decimal
from ...core.types import BaseInputObjectType, Error, NonNullList
from ...payment.mutations.transaction.utils import get_transaction_item
from ..enums import OrderGrantRefundCreateErrorCode as OrderGrantRefundCreateErrorCodeEnum
from ..types import Order, OrderGrantedRefund, OrderLine


class OrderGrantRefundCreateError(Error):
    code = OrderGrantRefundCreateErrorCodeEnum(required=True, description="What is wrong, for programs.")

    class Meta:
        description = "Why a refund was not granted."
        doc_category = DOC_CATEGORY_ORDERS


class OrderGrantRefundCreateLineInput(BaseInputObjectType):
    id = graphene.ID(required=True, description="Which line of the order.")
    quantity = graphene.Int(required=True, description="How many.")
    reason = graphene.String(description="Why.")

    class Meta:
        doc_category = DOC_CATEGORY_ORDERS


class OrderGrantRefundCreateInput(BaseInputObjectType):
    amount = Decimal(description="How much; without it, what the lines cost.")
    reason = graphene.String(description="Why.")
    lines = NonNullList(OrderGrantRefundCreateLineInput, description="For what.")
    grant_refund_for_shipping = graphene.Boolean(description="Whether to add the shipping.")
    transaction_id = graphene.ID(required=True, description="From which money.")

    class Meta:
        doc_category = DOC_CATEGORY_ORDERS


class OrderGrantRefundCreate(BaseMutation):
    order = graphene.Field(Order, description="The order.")
    granted_refund = graphene.Field(OrderGrantedRefund, description="What is promised.")

    class Arguments:
        id = graphene.ID(required=True, description="Which order.")
        input = OrderGrantRefundCreateInput(required=True, description="What to promise.")

    class Meta:
        description = "Promise to give money back. No money moves."
        doc_category = DOC_CATEGORY_ORDERS
        permissions = (OrderPermissions.MANAGE_ORDERS,)
        error_type_class = OrderGrantRefundCreateError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, id: str, input: dict[str, Any]) -> "OrderGrantRefundCreate":
        order = cls.get_node_or_error(info, id, only_type=Order)
        item = get_transaction_item(input["transaction_id"], None, error_field_name="transaction_id")
        lines = [
            models.OrderGrantedRefundLine(
                order_line=cls.get_node_or_error(
                    info, data["id"], field="lines", only_type=OrderLine, qs=order.lines.all()
                ),
                quantity=data["quantity"],
                reason=data.get("reason"),
            )
            for data in input.get("lines") or []
        ]
        shipping = bool(input.get("grant_refund_for_shipping"))
        amount = cls._amount(order, item, lines, shipping, input.get("amount"))
        with transaction.atomic():
            granted = order.granted_refunds.create(
                amount_value=amount,
                currency=order.currency,
                reason=input.get("reason") or "",
                user=info.context.user,
                app=info.context.app,
                shipping_costs_included=shipping,
                transaction_item=item,
            )
            for line in lines:
                line.granted_refund = granted
            models.OrderGrantedRefundLine.objects.bulk_create(lines)
            update_order_charge_data(order)
        return cls(order=SyncWebhookControlContext(order), granted_refund=SyncWebhookControlContext(granted))

    @classmethod
    def _amount(
        cls,
        order: models.Order,
        item: TransactionItem,
        lines: list[models.OrderGrantedRefundLine],
        shipping: bool,
        given: Number | None,
    ) -> Number:
        codes = OrderGrantRefundCreateErrorCode
        if given is None and not lines and not shipping:
            message = "Give an amount, or lines, or the shipping."
            raise ValidationError({"amount": ValidationError(message, code=codes.REQUIRED.value)})
        if given is not None:
            if given > item.charged_value:
                code = codes.AMOUNT_GREATER_THAN_AVAILABLE.value
                raise ValidationError({"amount": ValidationError("That is more than was charged.", code=code)})
            return given
        amount = sum((line.order_line.unit_price_gross_amount * line.quantity for line in lines), Number(0))
        if shipping:
            amount += order.shipping_price_gross_amount
        return min(amount, item.charged_value)
