from decimal import Decimal
from typing import Any

import graphene
from django.core.exceptions import ValidationError

from .....checkout.models import Checkout
from .....core.prices import quantize_price
from .....order.models import Order
from .....payment import models
from .....payment.error_codes import TransactionCreateErrorCode
from .....payment.transaction_item_calculations import recalculate_transaction_amounts
from .....payment.utils import (
    create_manual_adjustment_events,
    process_order_or_checkout_with_transaction,
)
from .....permission.enums import PaymentPermissions
from ....app.dataloaders import get_app_promise
from ....core.doc_category import DOC_CATEGORY_PAYMENTS
from ....core.mutations import BaseMutation
from ....core.types import BaseInputObjectType
from ....core.types.common import TransactionCreateError
from ....plugins.dataloaders import get_plugin_manager_promise
from ...enums import TransactionActionEnum
from ...types import TransactionItem
from ..payment.payment_check_balance import MoneyInput

_COLUMNS = {
    "amount_authorized": "authorized_value",
    "amount_charged": "charged_value",
    "amount_refunded": "refunded_value",
    "amount_canceled": "canceled_value",
}


class TransactionCreateInput(BaseInputObjectType):
    name = graphene.String(description="What to call it.")
    message = graphene.String(description="What to say about it.")
    psp_reference = graphene.String(description="What the payment provider calls it.")
    available_actions = graphene.List(graphene.NonNull(TransactionActionEnum), description="What can be done with it.")
    amount_authorized = MoneyInput(description="How much is set aside.")
    amount_charged = MoneyInput(description="How much is charged.")
    amount_refunded = MoneyInput(description="How much was given back.")
    amount_canceled = MoneyInput(description="How much was let go.")

    class Meta:
        doc_category = DOC_CATEGORY_PAYMENTS


class TransactionCreate(BaseMutation):
    transaction = graphene.Field(TransactionItem, description="The transaction.")

    class Arguments:
        id = graphene.ID(required=True, description="For which checkout or order.")
        transaction = TransactionCreateInput(required=True, description="What to report.")

    class Meta:
        description = "Report a payment for a checkout or an order."
        doc_category = DOC_CATEGORY_PAYMENTS
        permissions = (PaymentPermissions.HANDLE_PAYMENTS,)
        error_type_class = TransactionCreateError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, id: str, transaction: dict[str, Any]) -> "TransactionCreate":
        target = cls.get_node_or_error(info, id)
        if not isinstance(target, Checkout | Order):
            code = TransactionCreateErrorCode.NOT_FOUND.value
            raise ValidationError({"id": ValidationError("This is no checkout and no order.", code=code)})
        amounts = cls.take_amounts(transaction, target.currency)
        app = get_app_promise(info.context).get()
        user = info.context.user
        item = models.TransactionItem.objects.create(
            checkout=target if isinstance(target, Checkout) else None,
            order=target if isinstance(target, Order) else None,
            currency=target.currency,
            user=user if user and user.is_authenticated else None,
            app=app,
            app_identifier=app.identifier if app else None,
            **transaction,
        )
        if amounts:
            create_manual_adjustment_events(item, amounts, user or None, app)
            recalculate_transaction_amounts(item)
        manager = get_plugin_manager_promise(info.context).get()
        process_order_or_checkout_with_transaction(item, manager, user or None, app)
        return cls(transaction=item)

    @classmethod
    def take_amounts(cls, data: dict[str, Any], currency: str) -> dict[str, Decimal]:
        """Take the amounts out of the input; the rest are columns."""
        amounts = {}
        for argument, column in _COLUMNS.items():
            money = data.pop(argument, None)
            if money is None:
                continue
            if money["currency"] != currency:
                code = TransactionCreateErrorCode.INCORRECT_CURRENCY.value
                raise ValidationError({argument: ValidationError(f"The currency is {currency}.", code=code)})
            amounts[column] = quantize_price(money["amount"], currency)
        return amounts
