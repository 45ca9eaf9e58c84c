from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from saleor.order.models import Fulfillment, Order
from saleor.payment import ChargeStatus
from saleor.payment.models import Payment, Transaction, TransactionItem

from saleor_crm_plugin.ingestion.readers import read_customer, read_orders
from saleor_crm_plugin.ingestion.snapshots import CustomerSnapshot, LineSnapshot, OrderSnapshot
from tests.devshop.factories import (
    approve_fulfillment,
    make_channel,
    make_customer,
    make_order,
    make_product,
    make_voucher,
    pack_goods,
)

pytestmark = pytest.mark.django_db

PLACED = datetime(2024, 3, 1, 12, tzinfo=UTC)


def read(order: Order) -> OrderSnapshot:
    return read_orders([order.pk])[order.pk]


def unpaid_order(total: int = 100) -> Order:
    return make_order(email="ada@example.com", lines=[(make_product(price=total), 1)], paid=False, created_at=PLACED)


def add_payment(order: Order, captured: str, status: str = ChargeStatus.FULLY_CHARGED, days: int = 0) -> Payment:
    payment = Payment.objects.create(
        order=order, gateway="manual", charge_status=status, total=order.total_gross_amount,
        captured_amount=Decimal(captured), currency="USD",
    )  # fmt: skip
    Payment.objects.filter(pk=payment.pk).update(created_at=PLACED + timedelta(days=days))
    return payment


def add_operation(payment: Payment, kind: str, amount: str, days: int = 0, **fields: object) -> None:
    operation = Transaction.objects.create(
        **{
            "payment": payment, "kind": kind, "amount": Decimal(amount), "currency": "USD", "is_success": True,
            "gateway_response": {}, **fields,
        }
    )  # fmt: skip
    Transaction.objects.filter(pk=operation.pk).update(created_at=PLACED + timedelta(days=days))


def add_transaction(order: Order, charged: str, refunded: str, days: int = 0, **fields: object) -> TransactionItem:
    item = TransactionItem.objects.create(
        order=order, charged_value=Decimal(charged), refunded_value=Decimal(refunded), currency="USD", **fields
    )
    TransactionItem.objects.filter(pk=item.pk).update(created_at=PLACED + timedelta(days=days))
    return item


def add_event(item: TransactionItem, kind: str, amount: str, days: int = 0, *, counts: bool = True) -> None:
    item.events.create(
        type=kind, amount_value=Decimal(amount), currency="USD", include_in_calculations=counts,
        created_at=PLACED + timedelta(days=days),
    )  # fmt: skip


def charge(order: Order, amount: str) -> None:
    """What Saleor keeps on the order: the sum over its payments and transactions, net of refunds."""
    Order.objects.filter(pk=order.pk).update(total_charged_amount=Decimal(amount))


def test_an_order_is_read_with_all_its_facts() -> None:
    channel = make_channel("main", "EUR")
    user = make_customer("ada@example.com")
    tea, card = make_product(price=20, channel=channel), make_product(price=50, channel=channel)
    code = make_voucher("TEN-OFF", 10, channel)
    order = make_order(
        user, channel=channel, lines=[(tea, 3), (card, 1)], voucher_code=code, discount=11, shipping_price=5,
        tax_rate="0.25", created_at=PLACED, email="Ada@Example.com",
    )  # fmt: skip
    order.lines.filter(variant=card.default_variant).update(is_gift_card=True)
    order.refresh_from_db()

    snapshot = read(order)

    first, second = sorted(snapshot.lines, key=lambda line: line.product_id == card.pk)
    assert snapshot == OrderSnapshot(
        order_id=order.pk,
        number=order.number,
        status="unfulfilled",
        origin="checkout",
        channel_id=channel.pk,
        currency="EUR",
        user_id=user.pk,
        email="ada@example.com",
        placed_at=PLACED,
        updated_at=order.updated_at,
        total_gross=Decimal("104"),
        total_net=Decimal("83.2"),
        shipping_gross=Decimal("5"),
        shipping_net=Decimal("4"),
        charged=Decimal("104"),
        refunded=Decimal(0),
        voucher_code="TEN-OFF",
        voucher_amount=Decimal(11),
        paid_at=PLACED,
        fulfilled_at=None,
        lines=snapshot.lines,
    )
    assert first == LineSnapshot(
        first.line_id, tea.pk, tea.default_variant_id, 3, Decimal("54"), Decimal("43.2"), is_gift_card=False,
        product_type_id=tea.product_type_id, base_total=Decimal("60"), tax_rate=Decimal("0.25"),
        unit_gross=Decimal("18"),
    )  # fmt: skip
    assert second == LineSnapshot(
        second.line_id, card.pk, card.default_variant_id, 1, Decimal("45"), Decimal("36"), is_gift_card=True,
        product_type_id=card.product_type_id, base_total=Decimal("50"), tax_rate=Decimal("0.25"),
        unit_gross=Decimal("45"),
    )  # fmt: skip


@pytest.mark.parametrize("orders", [1, 7])
def test_any_number_of_orders_takes_five_statements(orders: int) -> None:
    product = make_product()
    ids = [make_order(email="ada@example.com", lines=[(product, 1)]).pk for _ in range(orders)]

    with CaptureQueriesContext(connection) as statements:
        snapshots = read_orders(ids)

    assert len(snapshots) == orders
    assert len(statements) == 5


def test_postgresql_is_kept_from_compiling_what_reads_a_few_hundred_orders() -> None:
    """It took half a second for 500 of them."""
    order = unpaid_order()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = on")
        read(order)
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)


def test_unknown_orders_are_not_in_the_answer() -> None:
    order = unpaid_order()

    assert read_orders([order.pk, uuid4()]).keys() == {order.pk}
    assert read_orders([uuid4()]) == {}
    assert read_orders([]) == {}


def test_refunds_of_a_payment_are_those_that_went_through() -> None:
    order = unpaid_order()
    payment = add_payment(order, "55", ChargeStatus.PARTIALLY_REFUNDED)
    add_operation(payment, "capture", "100")
    add_operation(payment, "refund", "30")
    add_operation(payment, "refund", "15")
    add_operation(payment, "refund", "99", is_success=False)
    add_operation(payment, "refund", "98", action_required=True)
    add_operation(payment, "refund_ongoing", "97")
    add_operation(payment, "refund_failed", "96")
    add_operation(payment, "void", "95")
    charge(order, "55")

    assert read(order).refunded == Decimal("45")
    assert read(order).is_fully_paid


def test_a_refund_that_bounced_is_no_refund() -> None:
    order = unpaid_order()
    payment = add_payment(order, "90", ChargeStatus.PARTIALLY_CHARGED)
    add_operation(payment, "refund", "30")
    add_operation(payment, "refund_reversed", "20")
    charge(order, "90")

    assert read(order).refunded == Decimal("10")


def test_refunds_of_a_transaction_are_what_it_says_without_what_is_pending() -> None:
    order = unpaid_order()
    # By what is pending, Saleor has lowered what is charged already.
    add_transaction(order, "50", "30", refund_pending_value=Decimal("20"))
    charge(order, "50")

    assert read(order).refunded == Decimal("30")
    assert read(order).is_fully_paid


def test_refunds_are_summed_over_all_payments_and_transactions_of_the_order() -> None:
    order, other = unpaid_order(), unpaid_order()
    for captured, refunded in (("10", "1"), ("20", "2")):
        add_operation(add_payment(order, captured, ChargeStatus.PARTIALLY_REFUNDED), "refund", refunded)
    add_transaction(order, "30", "4")
    add_transaction(order, "40", "8")
    add_transaction(other, "50", "16")
    charge(order, "100")

    assert read(order).refunded == Decimal("15")
    assert read(other).refunded == Decimal("16")


@pytest.mark.parametrize(
    ("total", "items", "given_back"),
    [
        pytest.param(100, [([100], 70, 0, 30)], 30, id="a part"),
        pytest.param(100, [([60], 40, 0, 20)], 20, id="a part of a part"),
        pytest.param(100, [([100], 100, 0, 0), ([100], 0, 0, 100)], 0, id="charged twice"),
        pytest.param(100, [([100], 70, 0, 30), ([100], 0, 0, 100)], 30, id="charged twice, and a part"),
        pytest.param(100, [([200, -100], 100, 0, 100)], 0, id="too much, as an app corrects it"),
        pytest.param(100, [([100, -30], 70, 0, 30)], 30, id="a part, as an app corrects it"),
        pytest.param(100, [([200], 50, 50, 100)], 0, id="too much, and more is asked for"),
        pytest.param(80, [([100], 80, 0, 20)], 0, id="the order has become smaller"),
        pytest.param(80, [([100], 50, 0, 50)], 30, id="the order has become smaller, and a part"),
        # Nothing is taken off what was charged where the refund is reported by itself.
        pytest.param(100, [([100], 100, 0, 0), ([], 0, 0, 30)], 30, id="in a transaction of its own"),
        pytest.param(100, [([100], 100, 0, 30)], 30, id="in the transaction of the charge"),
        pytest.param(100, [([100], 100, 0, 0), ([100], 100, 0, 0), ([], 0, 0, 100)], 0, id="charged twice, by itself"),
        pytest.param(100, [([], 0, 0, 100)], 100, id="events are missing"),
    ],
)
def test_what_came_in_beyond_the_total_is_no_refund_of_the_order_when_it_goes_back(
    total: int, items: list[tuple[list[int], int, int, int]], given_back: int
) -> None:
    order = unpaid_order(total)
    for charges, charged, pending, refunded in items:
        item = add_transaction(order, str(charged), str(refunded), refund_pending_value=Decimal(pending))
        for amount in charges:
            add_event(item, "charge_success", str(amount))
    charge(order, str(sum(charged for _, charged, _, _ in items)))

    assert read(order).refunded == sum(refunded for *_, refunded in items)
    assert read(order).given_back == given_back


def test_a_payment_in_place_of_another_one_leaves_the_order_paid() -> None:
    order = unpaid_order()
    add_operation(add_payment(order, "0", ChargeStatus.FULLY_REFUNDED), "refund", "100")
    add_payment(order, "100")
    charge(order, "100")

    assert read(order).is_fully_paid
    assert (read(order).refunded, read(order).given_back) == (100, 0)


def test_money_that_only_came_in_is_never_a_negative_refund() -> None:
    order = unpaid_order()
    add_operation(add_payment(order, "100"), "refund_reversed", "20")

    assert read(order).refunded == Decimal(0)


def test_an_order_is_paid_when_the_last_charge_that_it_needed_came() -> None:
    order = unpaid_order()
    add_payment(order, "60", days=1)
    add_transaction(order, "40", "0", days=3)
    # Neither of these brought money.
    add_payment(order, "0", ChargeStatus.NOT_CHARGED, days=5)
    add_transaction(order, "0", "0", days=6, authorized_value=Decimal("40"))
    charge(order, "100")

    assert read(order).paid_at == PLACED + timedelta(days=3)


@pytest.mark.parametrize("status", [ChargeStatus.FULLY_CHARGED, ChargeStatus.PARTIALLY_REFUNDED])
def test_an_order_is_paid_when_its_payment_came(status: str) -> None:
    order = unpaid_order()
    add_payment(order, "100", status, days=2)
    charge(order, "100")

    assert read(order).paid_at == PLACED + timedelta(days=2)


def test_a_payment_that_was_authorized_has_come_when_it_is_captured() -> None:
    order = unpaid_order()
    payment = add_payment(order, "95", ChargeStatus.PARTIALLY_REFUNDED, days=1)
    add_operation(payment, "auth", "100", days=1)
    add_operation(payment, "capture", "60", days=10)
    add_operation(payment, "capture", "40", days=19)
    # None of these brought money.
    add_operation(payment, "capture", "40", days=20, is_success=False)
    add_operation(payment, "capture", "40", days=21, action_required=True)
    add_operation(payment, "refund", "10", days=22)
    add_operation(payment, "refund_reversed", "5", days=23)
    charge(order, "95")

    assert read(order).paid_at == PLACED + timedelta(days=19)


def test_a_transaction_that_was_authorized_has_come_when_it_is_charged() -> None:
    order = unpaid_order(95)
    item = add_transaction(order, "85", "10", days=1)
    add_event(item, "authorization_success", "100", days=1)
    add_event(item, "charge_success", "60", days=10)
    add_event(item, "charge_success", "40", days=19)
    # None of these brought money.
    add_event(item, "charge_failure", "40", days=20)
    add_event(item, "charge_success", "40", days=21, counts=False)
    add_event(item, "charge_success", "-10", days=22)
    add_event(item, "refund_success", "10", days=22)
    add_event(item, "charge_back", "5", days=23)
    charge(order, "85")

    assert read(order).paid_at == PLACED + timedelta(days=19)


def test_the_last_charge_of_all_payments_and_transactions_counts() -> None:
    order = unpaid_order()
    # Begun last, but charged first.
    add_event(add_transaction(order, "40", "0", days=5), "charge_success", "40", days=6)
    add_operation(add_payment(order, "60", days=1), "capture", "60", days=8)
    charge(order, "100")

    assert read(order).paid_at == PLACED + timedelta(days=8)


def test_an_order_that_was_paid_stays_so_when_all_of_it_is_refunded() -> None:
    order = unpaid_order()
    payment = add_payment(order, "0", ChargeStatus.FULLY_REFUNDED, days=2)
    add_operation(payment, "refund", "100")
    charge(order, "0")

    assert read(order).paid_at == PLACED + timedelta(days=2)
    assert read(order).refunded == Decimal("100")


def test_a_refund_in_a_transaction_of_its_own_leaves_the_time_of_the_payment() -> None:
    order = unpaid_order()
    add_transaction(order, "100", "0", days=1)
    add_transaction(order, "0", "20", days=9)
    charge(order, "100")

    assert read(order).paid_at == PLACED + timedelta(days=1)


def test_a_refund_in_a_transaction_leaves_the_time_of_the_payment_in_another_way() -> None:
    order = unpaid_order()
    add_payment(order, "100", days=1)
    add_transaction(order, "0", "20", days=9)
    charge(order, "100")

    assert read(order).paid_at == PLACED + timedelta(days=1)


@pytest.mark.parametrize(("refunded", "pending"), [("60", "0"), ("0", "60")])
def test_a_charge_of_which_all_goes_back_stays_the_last_payment(refunded: str, pending: str) -> None:
    order = unpaid_order()
    add_transaction(order, "40", "0", days=1)
    item = add_transaction(order, "0", refunded, days=2, refund_pending_value=Decimal(pending))
    add_event(item, "charge_success", "60", days=3)
    add_transaction(order, "0", "5", days=9)
    charge(order, "40")

    assert read(order).paid_at == PLACED + timedelta(days=3)


def test_an_order_of_which_only_refunds_are_known_is_paid_with_the_last_of_these() -> None:
    order = unpaid_order()
    add_transaction(order, "0", "60", days=2)
    add_transaction(order, "0", "40", days=4)

    assert read(order).paid_at == PLACED + timedelta(days=4)


def test_a_charge_that_was_taken_back_is_no_payment() -> None:
    order = unpaid_order()
    add_transaction(order, "100", "0", days=1)
    add_event(add_transaction(order, "0", "0", days=2), "charge_success", "100", days=3)
    charge(order, "100")

    assert read(order).paid_at == PLACED + timedelta(days=1)


def test_an_order_that_is_paid_in_part_is_not_paid() -> None:
    order = unpaid_order()
    add_transaction(order, "99", "0")
    charge(order, "99")

    assert read(order).paid_at is None


@pytest.mark.parametrize(
    ("currency", "total", "charged", "price"),
    [
        pytest.param("USD", "33.333", "33.33", "33.33", id="cents"),
        pytest.param("JPY", "1000.4", "1000", "1000", id="no cents"),
        # Marked as paid by staff, with what the order says.
        pytest.param("USD", "33.337", "33.337", "33.34", id="charged as unround"),
    ],
)
def test_what_a_tax_app_leaves_of_a_coin_need_not_be_paid(currency: str, total: str, charged: str, price: str) -> None:
    order = unpaid_order()
    Order.objects.filter(pk=order.pk).update(currency=currency, total_gross_amount=Decimal(total))
    item = add_transaction(order, charged, "0", days=1)
    charge(order, charged)

    assert read(order).is_fully_paid
    assert read(order).paid_at == PLACED + timedelta(days=1)
    assert (read(order).total_gross, read(order).overpaid) == (Decimal(price), 0)

    TransactionItem.objects.filter(pk=item.pk).update(charged_value=0, refunded_value=Decimal(price))
    charge(order, "0")

    assert read(order).is_fully_paid
    assert read(order).given_back == read(order).total_gross


def test_a_coin_that_is_missing_is_missing_where_the_total_is_unround() -> None:
    order = unpaid_order()
    Order.objects.filter(pk=order.pk).update(total_gross_amount=Decimal("33.333"))
    add_transaction(order, "33.32", "0")
    charge(order, "33.32")

    assert read(order).paid_at is None


@pytest.mark.parametrize(
    ("charged", "grants", "is_paid", "given_back"),
    [
        pytest.param(60, [(40, "none")], True, 40, id="the rest"),
        pytest.param(60, [(25, "none"), (15, "pending")], True, 40, id="the rest, in two grants"),
        pytest.param(70, [(40, "none")], True, 30, id="more than the rest, which is to go back"),
        pytest.param(100, [(40, "none")], True, 0, id="nothing is left to pay"),
        pytest.param(59, [(40, "none")], False, 0, id="less than the rest"),
        pytest.param(60, [(40, "failure")], False, 0, id="a grant that failed"),
        pytest.param(0, [(100, "none")], False, 0, id="all of what was never paid"),
    ],
)
def test_what_staff_granted_a_refund_of_need_not_be_paid(
    charged: int, grants: list[tuple[int, str]], is_paid: bool, given_back: int
) -> None:
    order = unpaid_order()
    add_transaction(order, str(charged), "0", days=1)
    charge(order, str(charged))
    for amount, status in grants:
        order.granted_refunds.create(amount_value=Decimal(amount), currency="USD", status=status)

    assert read(order).is_fully_paid == is_paid
    assert read(order).paid_at == (PLACED + timedelta(days=1) if is_paid else None)
    assert (read(order).refunded, read(order).given_back) == (0, given_back)


@pytest.mark.parametrize(("refunded", "pending"), [("40", "0"), ("0", "40")])
def test_what_goes_back_for_a_grant_was_not_let_go(refunded: str, pending: str) -> None:
    order = unpaid_order()
    item = add_transaction(order, "20", refunded, refund_pending_value=Decimal(pending))
    add_event(item, "charge_success", "60")
    charge(order, "20")
    order.granted_refunds.create(amount_value=Decimal(40), currency="USD", status="pending")

    assert (read(order).is_fully_paid, read(order).given_back) == (False, Decimal(refunded))


def test_an_order_paid_before_it_was_placed_is_paid_when_it_is_placed() -> None:
    order = unpaid_order()
    add_transaction(order, "100", "0", days=-1)
    charge(order, "100")

    assert read(order).paid_at == PLACED


@pytest.mark.parametrize(
    ("status", "is_fulfilled"),
    [
        ("fulfilled", True),
        ("returned", True),
        ("partially_returned", True),
        ("partially fulfilled", False),
        ("unfulfilled", False),
        ("canceled", False),
    ],
)
def test_an_order_is_fulfilled_with_its_last_fulfillment(status: str, is_fulfilled: bool) -> None:
    order = unpaid_order()
    for days in (4, 2):
        fulfillment = Fulfillment.objects.create(order=order)
        Fulfillment.objects.filter(pk=fulfillment.pk).update(created_at=PLACED + timedelta(days=days))
    Order.objects.filter(pk=order.pk).update(status=status)
    order.lines.update(quantity_fulfilled=0 if status == "partially fulfilled" else 1)

    assert read(order).fulfilled_at == (PLACED + timedelta(days=4) if is_fulfilled else None)


def test_an_order_of_which_something_came_back_is_fulfilled_once_the_rest_is_sent() -> None:
    order = make_order(lines=[(make_product(), 2)], status="partially_returned")
    line = order.lines.get()
    order.fulfillments.create(status="returned").lines.create(order_line=line, quantity=1)
    order.lines.update(quantity_fulfilled=1)

    assert read(order).fulfilled_at is None

    order.lines.update(quantity_fulfilled=2)
    rest = order.fulfillments.create(status="waiting_for_approval")

    assert read(order).fulfilled_at is None

    order.fulfillments.filter(pk=rest.pk).update(status="fulfilled")

    assert read(order).fulfilled_at == rest.created_at


def test_an_order_of_which_the_unsent_rest_was_refunded_is_fulfilled() -> None:
    order = make_order(lines=[(make_product(), 2)], status="partially fulfilled")
    line = order.lines.get()
    order.fulfillments.create(status="fulfilled").lines.create(order_line=line, quantity=1)
    order.lines.update(quantity_fulfilled=1)

    assert read(order).fulfilled_at is None

    # As Saleor does it: nothing is left to send, and the status stays.
    refunded = order.fulfillments.create(status="refunded")
    refunded.lines.create(order_line=line, quantity=1)
    order.lines.update(quantity_fulfilled=2)

    assert read(order).fulfilled_at == refunded.created_at


def add_fulfillment(order: Order, status: str, days: int, quantity: int = 1, *, was_sent: bool = True) -> None:
    fulfillment = order.fulfillments.create(status=status)
    if quantity:
        line = order.lines.get()
        # Saleor keeps the stock with goods that were sent, wherever it moves them.
        stock = line.variant.stocks.get() if was_sent else None
        fulfillment.lines.create(order_line=line, quantity=quantity, stock=stock)
    Fulfillment.objects.filter(pk=fulfillment.pk).update(created_at=PLACED + timedelta(days=days))


@pytest.mark.parametrize(
    ("status", "of_order", "quantity"),
    [
        ("returned", "partially_returned", 1),
        ("refunded_and_returned", "partially_returned", 1),
        ("replaced", "fulfilled", 1),
        ("refunded", "fulfilled", 1),
        pytest.param("refunded", "fulfilled", 0, id="money alone"),
    ],
)
def test_what_comes_back_or_is_refunded_later_does_not_move_the_time(status: str, of_order: str, quantity: int) -> None:
    order = make_order(lines=[(make_product(), 2)], status=of_order, created_at=PLACED)
    order.lines.update(quantity_fulfilled=2)
    add_fulfillment(order, "fulfilled", days=2)
    add_fulfillment(order, status, days=20, quantity=quantity)

    assert read(order).fulfilled_at == PLACED + timedelta(days=2)


def test_goods_that_were_refunded_instead_of_sent_are_the_last_ones() -> None:
    order = make_order(lines=[(make_product(), 2)], status="partially fulfilled", created_at=PLACED)
    order.lines.update(quantity_fulfilled=2)
    add_fulfillment(order, "fulfilled", days=2)
    add_fulfillment(order, "refunded", days=5, was_sent=False)
    add_fulfillment(order, "refunded", days=20, quantity=0)

    assert read(order).fulfilled_at == PLACED + timedelta(days=5)


def test_goods_that_waited_for_approval_were_sent_when_they_were_approved() -> None:
    order = make_order(lines=[(make_product(), 2)], created_at=PLACED)
    first, second = (pack_goods(order.lines.get(), 1, at=PLACED + timedelta(days=days)) for days in (2, 3))

    assert read(order).fulfilled_at is None

    approve_fulfillment(first, at=PLACED + timedelta(days=9))
    approve_fulfillment(second, at=PLACED + timedelta(days=7))

    assert read(order).fulfilled_at == PLACED + timedelta(days=9)


def test_goods_that_were_sent_at_once_keep_their_time_beside_others_that_waited() -> None:
    order = make_order(lines=[(make_product(), 2)], created_at=PLACED)
    approve_fulfillment(pack_goods(order.lines.get(), 1, at=PLACED + timedelta(days=2)), at=PLACED + timedelta(days=3))
    Order.objects.filter(pk=order.pk).update(status="fulfilled")
    add_fulfillment(order, "fulfilled", days=5)

    assert read(order).fulfilled_at == PLACED + timedelta(days=5)


def test_an_order_all_of_which_came_back_stays_fulfilled_though_no_other_fulfillment_is_left() -> None:
    order = make_order(lines=[(make_product(), 2)], status="returned", created_at=PLACED)
    order.lines.update(quantity_fulfilled=2)
    add_fulfillment(order, "returned", days=20, quantity=2)

    assert read(order).fulfilled_at == PLACED + timedelta(days=20)


def imported_order() -> Order:
    """As Saleor imports: nobody charged it or sent it, and all of that has the day of the import."""
    order = make_order(
        lines=[(make_product(), 2)], origin="bulk_create", status="fulfilled", created_at=PLACED, paid=False
    )
    add_event(add_transaction(order, "60", "0", days=1000), "charge_success", "60", days=1000)
    add_fulfillment(order, "fulfilled", days=1000)
    order.lines.update(quantity_fulfilled=1)
    Order.objects.filter(pk=order.pk).update(total_gross_amount=60, total_charged_amount=60)
    return order


def test_an_imported_order_was_paid_and_sent_when_it_was_placed() -> None:
    order = imported_order()

    assert (read(order).paid_at, read(order).fulfilled_at) == (PLACED, PLACED)


def test_what_is_charged_and_sent_after_an_import_has_its_own_time() -> None:
    order = imported_order()
    item = order.payment_transactions.get()
    add_event(item, "charge_success", "40", days=1001)
    item.events.filter(amount_value=40).update(user=make_customer("staff@example.com"))
    TransactionItem.objects.filter(pk=item.pk).update(charged_value=100)
    Order.objects.filter(pk=order.pk).update(total_gross_amount=100, total_charged_amount=100)
    approve_fulfillment(
        pack_goods(order.lines.get(), 1, at=PLACED + timedelta(days=1002)), PLACED + timedelta(days=1003)
    )

    assert read(order).paid_at == PLACED + timedelta(days=1001)
    assert read(order).fulfilled_at == PLACED + timedelta(days=1003)


def test_an_imported_order_that_was_refunded_was_paid_when_it_was_placed() -> None:
    order = imported_order()
    item = order.payment_transactions.get()
    item.events.update(type="refund_success")
    TransactionItem.objects.filter(pk=item.pk).update(charged_value=0, refunded_value=60)
    charge(order, "0")

    assert read(order).paid_at == PLACED


@pytest.mark.parametrize(
    ("confirmed", "active", "owns_email"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_a_customer_owns_an_address_that_is_confirmed(confirmed: bool, active: bool, owns_email: bool) -> None:
    user = make_customer("Ada@example.com", is_confirmed=confirmed, is_active=active)

    assert read_customer(user.pk) == CustomerSnapshot(user.pk, "ada@example.com", owns_email)


def test_a_customer_who_is_gone_is_none() -> None:
    assert read_customer(987654) is None
