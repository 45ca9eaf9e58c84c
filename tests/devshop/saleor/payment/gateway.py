from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction as database

from . import PaymentError, TransactionKind
from .models import Payment, Transaction
from .utils import update_payment_charge_status

if TYPE_CHECKING:
    from ..plugins.manager import PluginsManager


def refund(
    payment: Payment,
    manager: "PluginsManager",
    channel_slug: str,
    amount: Decimal | None = None,
    refund_data: Any = None,
) -> Transaction:
    """Give money back. No gateway is asked: the stand-in knows only payments that staff marked by hand."""
    amount = payment.captured_amount if amount is None else amount
    if amount <= 0:
        raise PaymentError("The amount must be above zero.")
    with database.atomic():
        locked = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
        if not locked.can_refund():
            raise PaymentError("Nothing of this payment can be refunded.")
        if amount > locked.captured_amount:
            raise PaymentError("That is more than was captured.")
        operation = Transaction.objects.create(
            payment=locked,
            kind=TransactionKind.REFUND,
            is_success=True,
            amount=amount,
            currency=locked.currency,
            gateway_response={},
        )
        update_payment_charge_status(locked, operation)
    return operation
