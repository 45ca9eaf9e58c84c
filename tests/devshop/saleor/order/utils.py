"""What an order says about itself: how much is charged, how much is covered, how far it is fulfilled."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Sum

from ..core.prices import quantize_price
from ..payment.models import Payment, TransactionItem
from . import FulfillmentStatus, OrderAuthorizeStatus, OrderChargeStatus, OrderStatus
from .models import Order, OrderGrantedRefund

if TYPE_CHECKING:
    from ..account.models import User

_CHARGE_FIELDS = ["total_charged_amount", "charge_status", "updated_at"]
_AUTHORIZE_FIELDS = ["total_authorized_amount", "authorize_status", "updated_at"]


def update_order_charge_data(
    order: Order,
    order_payments: Iterable[Payment] | None = None,
    order_transactions: Iterable[TransactionItem] | None = None,
    order_granted_refunds: Iterable[OrderGrantedRefund] | None = None,
    with_save: bool = True,
) -> None:
    """Count what payments and transactions charged, against the total less granted refunds."""
    payments = order.payments.all() if order_payments is None else order_payments
    transactions = order.payment_transactions.all() if order_transactions is None else order_transactions
    granted_refunds = order.granted_refunds.all() if order_granted_refunds is None else order_granted_refunds
    charged = sum((payment.captured_amount for payment in payments), Decimal(0))
    charged += sum((item.charged_value for item in transactions), Decimal(0))
    order.total_charged_amount = charged
    update_order_charge_status(order, _granted(granted_refunds))
    if with_save:
        order.save(update_fields=_CHARGE_FIELDS)


def update_order_charge_status(order: Order, granted_refund_amount: Decimal) -> None:
    charged = quantize_price(order.total_charged_amount, order.currency)
    due = _due(order, granted_refund_amount)
    if charged == due:
        order.charge_status = OrderChargeStatus.FULL
    elif charged <= 0:
        order.charge_status = OrderChargeStatus.NONE
    elif charged < due:
        order.charge_status = OrderChargeStatus.PARTIAL
    else:
        order.charge_status = OrderChargeStatus.OVERCHARGED


def update_order_authorize_data(
    order: Order,
    order_payments: Iterable[Payment] | None = None,
    order_transactions: Iterable[TransactionItem] | None = None,
    order_granted_refunds: Iterable[OrderGrantedRefund] | None = None,
    with_save: bool = True,
) -> None:
    """Payments of the stand-in are captured at once, so only transactions can be authorized."""
    transactions = order.payment_transactions.all() if order_transactions is None else order_transactions
    granted_refunds = order.granted_refunds.all() if order_granted_refunds is None else order_granted_refunds
    order.total_authorized_amount = sum((item.authorized_value for item in transactions), Decimal(0))
    update_order_authorize_status(order, _granted(granted_refunds))
    if with_save:
        order.save(update_fields=_AUTHORIZE_FIELDS)


def update_order_authorize_status(order: Order, granted_refund_amount: Decimal) -> None:
    covered = quantize_price(order.total_authorized_amount + order.total_charged_amount, order.currency)
    if covered == 0 and order.total_gross_amount != 0:
        order.authorize_status = OrderAuthorizeStatus.NONE
    elif covered >= _due(order, granted_refund_amount):
        order.authorize_status = OrderAuthorizeStatus.FULL
    else:
        order.authorize_status = OrderAuthorizeStatus.PARTIAL


def updates_amounts_for_order(order: Order, save: bool = True) -> None:
    payments = list(order.payments.all())
    transactions = list(order.payment_transactions.all())
    granted_refunds = list(order.granted_refunds.all())
    update_order_charge_data(order, payments, transactions, granted_refunds, with_save=False)
    update_order_authorize_data(order, payments, transactions, granted_refunds, with_save=False)
    if save:
        order.save(update_fields=[*_CHARGE_FIELDS, *_AUTHORIZE_FIELDS])


def _granted(granted_refunds: Iterable[OrderGrantedRefund]) -> Decimal:
    return sum((refund.amount_value for refund in granted_refunds), Decimal(0))


def _due(order: Order, granted_refund_amount: Decimal) -> Decimal:
    return quantize_price(max(order.total_gross_amount - granted_refund_amount, Decimal(0)), order.currency)


def update_order_status(order: Order) -> None:
    """Derive the status from fulfilments, on a locked row, and copy it to the given object."""
    with transaction.atomic():
        locked = Order.objects.select_for_update(of=("self",)).get(pk=order.pk)
        if refresh_order_status(locked):
            order.status = locked.status
            locked.save(update_fields=["status", "updated_at"])


def refresh_order_status(order: Order) -> bool:
    """Set the status without saving; say whether it changed."""
    before = order.status
    ordered = order.lines.aggregate(all=Sum("quantity"), fulfilled=Sum("quantity_fulfilled"))
    moved = {
        row["status"]: row["quantity"]
        for row in order.fulfillments.order_by().values("status").annotate(quantity=Sum("lines__quantity"))
        if row["quantity"]
    }
    replaced = moved.get(FulfillmentStatus.REPLACED, 0)
    total = (ordered["all"] or 0) - replaced
    if total == 0:
        return False
    order.status = determine_order_status(
        total,
        (ordered["fulfilled"] or 0) - replaced,
        moved.get(FulfillmentStatus.RETURNED, 0) + moved.get(FulfillmentStatus.REFUNDED_AND_RETURNED, 0),
        moved.get(FulfillmentStatus.WAITING_FOR_APPROVAL, 0),
    )
    return order.status != before


def determine_order_status(
    total_quantity: int, quantity_fulfilled: int, quantity_returned: int, quantity_awaiting_approval: int
) -> str:
    approved = quantity_fulfilled - quantity_awaiting_approval
    if approved <= 0:
        return OrderStatus.UNFULFILLED
    if quantity_returned == total_quantity:
        return OrderStatus.RETURNED
    if 0 < quantity_returned < total_quantity:
        return OrderStatus.PARTIALLY_RETURNED
    if approved < total_quantity:
        return OrderStatus.PARTIALLY_FULFILLED
    return OrderStatus.FULFILLED


def match_orders_with_new_user(user: "User") -> None:
    """Attach a guest's past orders to the account with the same e-mail. One UPDATE: no hook, no `updated_at`."""
    Order.objects.confirmed().filter(user_email=user.email, user=None).update(user=user)
