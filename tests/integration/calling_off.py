"""The ways in which an order, or one line of it, is called off and its money given back, as Saleor writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal as D
from enum import StrEnum
from typing import Final

from django.utils import timezone
from saleor.order import FulfillmentStatus
from saleor.order.models import Order, OrderLine

from tests.devshop import flows


class Payment(StrEnum):
    BY_STAFF = "a payment of the older kind"
    BY_APP = "a transaction"
    BY_APP_IN_PARTS = "two transactions"


def pay(order: Order, how: Payment) -> None:
    if how is Payment.BY_STAFF:
        flows.pay_order(order)
        return
    total = order.total_gross_amount
    first = (total / 3).quantize(D("0.01")) if how is Payment.BY_APP_IN_PARTS else total
    for amount in (first, total - first):
        if amount:
            flows.pay_order(order, amount)


def money_of(order: Order, lines: Iterable[OrderLine]) -> D:
    """What was paid in money for the lines: gift cards lower an order's total, and not its lines' prices."""
    price = sum((line.total_price_gross_amount for line in lines), D(0))
    of_all = sum((line.total_price_gross_amount for line in order.lines.all()), D(0))
    return (price * order.total_gross_amount / of_all).quantize(D("0.01"))


def refund(order: Order, lines: list[OrderLine]) -> None:
    """The money, without a word about the goods."""
    give_back(order, money_of(order, lines))


def refund_in_two(order: Order, lines: list[OrderLine]) -> None:
    money = money_of(order, lines)
    first = (money / 2).quantize(D("0.01"))
    for amount in (first, money - first):
        give_back(order, amount)


def grant(order: Order, lines: list[OrderLine]) -> None:
    """A refund granted for the lines and paid by the app."""
    granted = order.granted_refunds.create(
        amount_value=money_of(order, lines), currency=order.currency, status="success"
    )
    for line in lines:
        granted.lines.create(order_line=line, quantity=line.quantity)
    give_back(order, granted.amount_value)


def grant_each(order: Order, lines: list[OrderLine]) -> None:
    for line in lines:
        grant(order, [line])


def come_back(order: Order, lines: list[OrderLine]) -> None:
    """The goods were sent, come back, and are paid back."""
    flows.fulfill_order(order)
    move(order, lines, FulfillmentStatus.RETURNED)
    give_back(order, money_of(order, lines))


def refund_goods(order: Order, lines: list[OrderLine]) -> None:
    """Staff refund lines that were not sent."""
    money = money_of(order, lines)
    give_back(order, money)
    move(order, lines, FulfillmentStatus.REFUNDED, money)


def refund_returned_goods(order: Order, lines: list[OrderLine]) -> None:
    flows.fulfill_order(order)
    money = money_of(order, lines)
    give_back(order, money)
    move(order, lines, FulfillmentStatus.REFUNDED_AND_RETURNED, money)


def refund_goods_each(order: Order, lines: list[OrderLine]) -> None:
    for line in lines:
        refund_goods(order, [line])


def give_back(order: Order, amount: D) -> None:
    """That much of the order's payments, oldest first."""
    if (payment := order.get_last_payment()) is not None:
        flows.refund_payment(payment, amount)
        order.refresh_from_db()
        return
    for item in order.payment_transactions.order_by("created_at", "pk"):
        part = min(item.charged_value, amount)
        if part:
            flows.refund_order(order, part, item)
            amount -= part


def move(order: Order, lines: list[OrderLine], status: str, refunded: D | None = None) -> None:
    """What was sent is in this fulfillment now instead."""
    for line in lines:
        line.fulfillment_lines.filter(fulfillment__status=FulfillmentStatus.FULFILLED).delete()
    moved = order.fulfillments.create(status=status, total_refund_amount=refunded)
    for line in lines:
        moved.lines.create(order_line=line, quantity=line.quantity)
    order.fulfillments.filter(status=FulfillmentStatus.FULFILLED, lines=None).delete()
    Order.objects.filter(pk=order.pk).update(updated_at=timezone.now())
    order.refresh_from_db()


NAMING_GOODS: Final = frozenset(
    way.__name__ for way in (grant, grant_each, come_back, refund_goods, refund_goods_each, refund_returned_goods)
)
WAYS: Final[dict[str, Callable[[Order, list[OrderLine]], None]]] = {
    way.__name__: way
    for way in (
        refund,
        refund_in_two,
        grant,
        grant_each,
        come_back,
        refund_goods,
        refund_goods_each,
        refund_returned_goods,
    )
}
