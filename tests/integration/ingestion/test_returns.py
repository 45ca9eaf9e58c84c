"""Which goods of an order count as taken back."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from saleor.order import FulfillmentStatus, OrderEvents, OrderGrantedRefundStatus
from saleor.order.models import Fulfillment, Order, OrderGrantedRefund, OrderLine
from saleor.payment.models import TransactionItem

from saleor_crm_plugin.ingestion.readers import read_orders
from tests.devshop.factories import make_address, make_order, make_product
from tests.devshop.flows import pay_order, refund_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def order() -> Order:
    """Four teas at 15, a cup at 40, and 10 of shipping."""
    return make_order(
        email="ada@example.com", lines=[(make_product(price=15), 4), (make_product(price=40), 1)], shipping_price=10
    )


def line_of(order: Order, quantity: int) -> OrderLine:
    return order.lines.get(quantity=quantity)


def put(order: Order, status: str, quantity: int, line_quantity: int = 4, **fields: object) -> Fulfillment:
    fulfillment = order.fulfillments.create(status=status, **fields)
    fulfillment.lines.create(order_line=line_of(order, line_quantity), quantity=quantity)
    return fulfillment


def come_back(refund: Fulfillment, *line_quantities: int) -> None:
    """Saleor moves what was refunded already away from the refund, whose amount it leaves."""
    came_back = refund.order.fulfillments.create(status=FulfillmentStatus.REFUNDED_AND_RETURNED)
    refund.lines.filter(order_line__quantity__in=line_quantities).update(fulfillment=came_back)


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


@pytest.mark.parametrize(
    ("status", "amount", "of_shipping", "share"),
    [
        (FulfillmentStatus.REFUNDED, 6, None, Fraction(1, 10)),
        (FulfillmentStatus.REFUNDED, 60, None, 1),
        (FulfillmentStatus.REFUNDED, 90, None, 1),
        (FulfillmentStatus.REFUNDED, 0, None, 0),
        (FulfillmentStatus.REFUNDED, 70, 10, 1),
        # Of what an earlier refund has left, goods and shipping get their share.
        (FulfillmentStatus.REFUNDED, 35, 10, Fraction(1, 2)),
        (FulfillmentStatus.REFUNDED_AND_RETURNED, 6, None, 1),
    ],
)
def test_goods_that_may_have_been_kept_count_by_the_money_for_them(order, status, amount, of_shipping, share):
    put(order, status, 4, total_refund_amount=amount, shipping_refund_amount=of_shipping)
    assert taken_back(order) == (share, 0, 0)


def test_goods_that_came_back_and_were_refunded_later_count_whole(order):
    """Saleor moves them to what was refunded, and only the order's history still tells."""
    told = {"lines": [{"quantity": 2, "line_pk": str(line_of(order, 4).pk), "item": "Tea"}, {"line_pk": 7}]}
    order.events.create(type=OrderEvents.FULFILLMENT_RETURNED, parameters=told)
    put(order, FulfillmentStatus.REFUNDED, 2, total_refund_amount=27)
    assert taken_back(order) == (Fraction(1, 2), 0, 0)
    # Of these, which were kept, a fifth.
    put(order, FulfillmentStatus.REFUNDED, 2, total_refund_amount=6)
    put(order, FulfillmentStatus.RETURNED, 1, line_quantity=1)
    with CaptureQueriesContext(connection) as statements:
        assert taken_back(order) == (Fraction(2, 4) + Fraction(2, 4) / 5, 1, 0)
    assert len(statements) == 6, "one more, for the history"


@pytest.mark.parametrize(
    ("amount", "of_shipping", "total", "share"),
    [
        (60, None, 110, Fraction(3, 5)),
        (10, None, 110, Fraction(1, 10)),
        (55, 10, 110, Fraction(1, 2)),
        # A gift card has paid half.
        (10, None, 55, Fraction(1, 5)),
    ],
)
def test_a_refund_is_for_all_of_its_goods_once_some_of_them_come_back(order, amount, of_shipping, total, share):
    Order.objects.filter(pk=order.pk).update(total_gross_amount=total)
    refund = put(order, FulfillmentStatus.REFUNDED, 4, total_refund_amount=amount, shipping_refund_amount=of_shipping)
    refund.lines.create(order_line=line_of(order, 1), quantity=1)
    assert taken_back(order) == (share, share, 0)
    come_back(refund, 1)
    assert taken_back(order) == (share, 1, 0)
    come_back(refund, 4)
    assert taken_back(order) == (1, 1, 0)


def test_goods_that_came_back_were_of_no_refund_of_the_shipping(order):
    refund = put(order, FulfillmentStatus.REFUNDED, 4, total_refund_amount=60)
    refund.lines.create(order_line=line_of(order, 1), quantity=1)
    order.fulfillments.create(status=FulfillmentStatus.REFUNDED, total_refund_amount=10, shipping_refund_amount=10)
    come_back(refund, 1)
    assert taken_back(order) == (Fraction(3, 5), 1, 0)


def test_goods_that_came_back_were_of_a_refund_before_that(order):
    come_back(put(order, FulfillmentStatus.REFUNDED, 1, line_quantity=1, total_refund_amount=8), 1)
    put(order, FulfillmentStatus.REFUNDED, 4, total_refund_amount=6)
    assert taken_back(order) == (Fraction(1, 10), 1, 0)


def test_goods_that_came_back_were_of_a_refund_of_which_nothing_is_left(order):
    of_the_cup = put(order, FulfillmentStatus.REFUNDED, 1, line_quantity=1, total_refund_amount=40)
    put(order, FulfillmentStatus.REFUNDED, 4, total_refund_amount=6)
    come_back(of_the_cup, 1)
    assert taken_back(order) == (Fraction(1, 10), 1, 0)


def test_goods_that_came_back_may_be_of_any_refund(order):
    """By what these name otherwise: of the cup's 40, each is for 20 beside two teas at 30."""
    whole = put(order, FulfillmentStatus.REFUNDED, 2, total_refund_amount=25)
    put(order, FulfillmentStatus.REFUNDED, 2, total_refund_amount=5)
    whole.lines.create(order_line=line_of(order, 1), quantity=1)
    come_back(whole, 1)
    assert taken_back(order) == ((1 + Fraction(1, 5)) / 4, 1, 0)


@pytest.mark.parametrize("form", ["refund", "grant"])
def test_what_the_price_of_a_piece_was_rounded_by_is_not_kept(form):
    order = make_order(email="ada@example.com", lines=[(make_product(price=10), 3)], discount=5)
    # Three at 8.33, which Saleor reckons itself.
    price = order.lines.get().unit_price_gross_amount * 3
    assert price == Decimal("24.99")
    if form == "grant":
        granted = order.granted_refunds.create(amount_value=price, currency="USD")
        granted.lines.create(order_line=order.lines.get(), quantity=3)
    else:
        put(order, FulfillmentStatus.REFUNDED, 3, line_quantity=3, total_refund_amount=price)
    assert [line.taken_back for line in read_orders([order.pk])[order.pk].lines] == [1]


@pytest.mark.parametrize("form", ["refund", "grant"])
def test_all_goods_are_back_once_all_money_is(form):
    """Saleor gives back for them what an earlier refund, of nothing in particular, has left."""
    order = make_order(
        email="ada@example.com", lines=[(make_product(price=15), 4), (make_product(price=40), 1)], paid=False
    )
    pay_order(order)
    refund_order(order, 25)
    if form == "grant":
        granted = order.granted_refunds.create(amount_value=75, currency="USD")
        for line in order.lines.all():
            granted.lines.create(order_line=line, quantity=line.quantity)
        assert taken_back(order) == (Fraction(3, 4), Fraction(3, 4), 0)
    refund_order(order, 70, goods=order.lines.all() if form == "refund" else ())
    part = Fraction(70 if form == "refund" else 75, 100)
    assert taken_back(order) == (part, part, 0)
    refund_order(order)
    assert taken_back(order) == (1, 1, 0)


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
    ("total", "amount", "expected"),
    [
        # A gift card has paid half of all; so it did of two teas.
        ("55", "15", (Fraction(1, 2), 0, 0)),
        ("55", "6", (Fraction(1, 5), 0, 0)),
        # Roundings of taxes.
        ("109.50", "15", (Fraction(1, 4), 0, 0)),
        ("0", "0", (Fraction(1, 2), 0, 0)),
    ],
)
@pytest.mark.parametrize("form", ["refund", "grant"])
def test_a_refund_counts_by_what_its_goods_cost_in_money(order, total, amount, expected, form):
    Order.objects.filter(pk=order.pk).update(total_gross_amount=Decimal(total))
    if form == "grant":
        grant(order, amount, 2)
    else:
        put(order, FulfillmentStatus.REFUNDED, 2, total_refund_amount=Decimal(amount))
    assert taken_back(order) == expected


def test_a_refund_granted_for_all_that_a_gift_card_has_left_to_pay(order):
    Order.objects.filter(pk=order.pk).update(total_gross_amount=Decimal(55))
    # Saleor grants no more than was charged.
    granted = grant(order, "55", 4, shipping_costs_included=True)
    granted.lines.create(order_line=line_of(order, 1), quantity=1)
    assert taken_back(order) == (1, 1, 1)


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
