"""Which goods of an order count as taken back."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.utils import timezone
from saleor.order import FulfillmentStatus, OrderGrantedRefundStatus
from saleor.order.models import Order, OrderGrantedRefund, OrderLine
from saleor.payment.models import TransactionItem

from saleor_crm_plugin.ingestion.readers import read_orders
from tests.devshop.factories import make_address, make_order, make_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def order() -> Order:
    """Four teas at 15, a cup at 40, and 10 of shipping."""
    return make_order(
        email="ada@example.com", lines=[(make_product(price=15), 4), (make_product(price=40), 1)], shipping_price=10
    )


def line_of(order: Order, quantity: int) -> OrderLine:
    return order.lines.get(quantity=quantity)


def put(order: Order, status: str, quantity: int, line_quantity: int = 4) -> None:
    order.fulfillments.create(status=status).lines.create(order_line=line_of(order, line_quantity), quantity=quantity)


def grant(order: Order, amount: str, quantity: int, **fields: object) -> OrderGrantedRefund:
    refund = order.granted_refunds.create(amount_value=Decimal(amount), currency="USD", **fields)
    refund.lines.create(order_line=line_of(order, 4), quantity=quantity)
    return refund


def taken_back(order: Order) -> tuple[Fraction, Fraction, Fraction]:
    """Shares of the tea, the cup and the shipping."""
    snapshot = read_orders([order.pk])[order.pk]
    tea, cup = sorted(snapshot.lines, key=lambda line: -line.quantity)
    return tea.taken_back, cup.taken_back, snapshot.shipping_taken_back


def test_nothing_came_back(order):
    put(order, FulfillmentStatus.FULFILLED, 4)
    assert taken_back(order) == (0, 0, 0)


@pytest.mark.parametrize(
    ("status", "share"),
    [
        (FulfillmentStatus.RETURNED, Fraction(1, 4)),
        (FulfillmentStatus.REFUNDED, Fraction(1, 4)),
        (FulfillmentStatus.REFUNDED_AND_RETURNED, Fraction(1, 4)),
        # The customer has something in their place.
        (FulfillmentStatus.REPLACED, 0),
        (FulfillmentStatus.CANCELED, 0),
    ],
)
def test_goods_count_by_what_became_of_them(order, status, share):
    put(order, status, 1)
    assert taken_back(order) == (share, 0, 0)


def test_returns_add_up_and_end_at_the_whole(order):
    put(order, FulfillmentStatus.RETURNED, 1)
    put(order, FulfillmentStatus.REFUNDED, 2)
    put(order, FulfillmentStatus.RETURNED, 1, line_quantity=1)
    assert taken_back(order) == (Fraction(3, 4), 1, 0)
    put(order, FulfillmentStatus.RETURNED, 4)
    assert taken_back(order) == (1, 1, 0)


@pytest.mark.parametrize(
    ("amount", "fields", "expected"),
    [
        ("30", {}, (Fraction(1, 2), 0, 0)),
        # Half of what the two teas cost.
        ("15", {}, (Fraction(1, 4), 0, 0)),
        # More than they cost is money, which counts once it has moved.
        ("50", {}, (Fraction(1, 2), 0, 0)),
        ("40", {"shipping_costs_included": True}, (Fraction(1, 2), 0, 1)),
        ("20", {"shipping_costs_included": True}, (Fraction(1, 4), 0, Fraction(1, 2))),
        ("30", {"status": OrderGrantedRefundStatus.PENDING}, (Fraction(1, 2), 0, 0)),
        ("30", {"status": OrderGrantedRefundStatus.FAILURE}, (0, 0, 0)),
    ],
)
def test_a_granted_refund_counts_by_its_lines(order, amount, fields, expected):
    grant(order, amount, 2, **fields)
    assert taken_back(order) == expected


@pytest.mark.parametrize(
    ("answers", "share"),
    [
        (["refund_request"], Fraction(1, 2)),
        (["refund_request", "refund_failure"], 0),
        (["refund_request", "refund_failure", "info"], 0),
        (["refund_request", "refund_failure", "refund_request"], Fraction(1, 2)),
        (["refund_request", "refund_failure", "refund_request", "refund_success"], Fraction(1, 2)),
        (["refund_request", "refund_success", "refund_reverse"], Fraction(1, 2)),
    ],
)
@pytest.mark.parametrize("status", [OrderGrantedRefundStatus.PENDING, OrderGrantedRefundStatus.FAILURE])
def test_what_the_payment_app_answered_decides_before_saleor_writes_it(order, status, answers, share):
    item, other = (TransactionItem.objects.create(order=order, currency="USD") for _ in range(2))
    granted = grant(order, "30", 2, status=status, transaction_item=item)
    now = timezone.now()
    for minutes, answer in enumerate(answers):
        _answer(item, granted, answer, now + timedelta(minutes=minutes))
    # Asked for in another transaction before.
    _answer(other, granted, "refund_failure", now + timedelta(hours=1))

    assert taken_back(order) == (share, 0, 0)


def _answer(item: TransactionItem, granted: OrderGrantedRefund, answer: str, at: datetime) -> None:
    item.events.create(
        type=answer, amount_value=Decimal(30), currency="USD", related_granted_refund=granted, created_at=at
    )


def test_goods_granted_and_then_returned_count_once(order):
    grant(order, "30", 2)
    put(order, FulfillmentStatus.RETURNED, 2)
    assert taken_back(order) == (Fraction(1, 2), 0, 0)


def test_two_grants_add_up(order):
    grant(order, "15", 1)
    grant(order, "30", 2)
    assert taken_back(order) == (Fraction(3, 4), 0, 0)


def test_who_is_a_business():
    company = make_order(email="a@example.com", billing_address=make_address(company_name="Tea & Co"))
    person = make_order(email="a@example.com", billing_address=make_address(company_name=" "))
    found = read_orders([company.pk, person.pk])
    assert (found[company.pk].is_business, found[person.pk].is_business) == (True, False)


def test_pieces_that_came_back(order):
    put(order, FulfillmentStatus.RETURNED, 1)
    put(order, FulfillmentStatus.REFUNDED_AND_RETURNED, 2)
    put(order, FulfillmentStatus.REFUNDED, 1)
    put(order, FulfillmentStatus.REFUNDED, 1, line_quantity=1)
    put(order, FulfillmentStatus.REPLACED, 1)
    grant(order, "60", 4)

    snapshot = read_orders([order.pk])[order.pk]

    assert (snapshot.items, snapshot.returned_items) == (5, 3), "neither money nor a promise of it brings anything back"


def test_no_more_pieces_come_back_than_were_bought(order):
    put(order, FulfillmentStatus.RETURNED, 4)
    put(order, FulfillmentStatus.RETURNED, 4)

    assert read_orders([order.pk])[order.pk].returned_items == 4
