"""What happens to orders is in their customers' timelines, once, however often and in whatever order we hear of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from saleor.order import FulfillmentStatus, OrderGrantedRefundStatus, OrderOrigin, OrderStatus
from saleor.order.models import Fulfillment, Order, OrderGrantedRefund, OrderLine

from saleor_crm_plugin.ingestion.backfill import backfill
from saleor_crm_plugin.ingestion.order_events import Goods, OrderHistory, _returns, read_histories, record_order_events
from saleor_crm_plugin.ingestion.readers import read_orders
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_order, sync_orders
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from tests.devshop.factories import approve_fulfillment, make_customer, make_order, make_product, pack_goods
from tests.devshop.flows import cancel_order, fulfill_order, hand_over_orders, pay_order, refund_order
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(day: int) -> time_machine.travel:
    return time_machine.travel(MONDAY + timedelta(days=day), tick=False)


def of_orders() -> QuerySet[ProfileEvent]:
    """Stages and segments have events of their own, some of them about the order that led there."""
    return ProfileEvent.objects.filter(kind__startswith="order_")


def events(order: Order | None = None) -> list[tuple[str, datetime, dict]]:
    rows = of_orders().order_by("happened_at", "id")
    if order is not None:
        rows = rows.filter(subject_type="order", subject_id=str(order.pk))
    return list(rows.values_list("kind", "happened_at", "details"))


def rows() -> set[tuple]:
    return {
        (profile_id, kind, happened_at, key, subject_type, subject_id, str(sorted(details.items())))
        for profile_id, kind, happened_at, key, subject_type, subject_id, details in of_orders().values_list(
            "profile_id", "kind", "happened_at", "key", "subject_type", "subject_id", "details"
        )
    }


@pytest.fixture
def order(db: None) -> Order:
    """Four teas at 15, a cup at 40: 100 dollars."""
    lines = [(make_product(price=15), 4), (make_product(price=40), 1)]
    return make_order(make_customer("ada@example.com"), lines=lines, paid=False, created_at=MONDAY)


def live(order: Order) -> None:
    """Paid, sent in two parts, half of the tea came back, money was given back twice."""
    tea, cup = order.lines.get(quantity=4), order.lines.get(quantity=1)
    with at(1):
        pay_order(order)
        sync_order(order.pk)
    with at(2):
        fulfill_order(order, [(tea, 4)])
        sync_order(order.pk)
    with at(3):
        fulfill_order(order, [(cup, 1)])
        sync_order(order.pk)
    with at(4):
        order.fulfillments.create(status=FulfillmentStatus.RETURNED).lines.create(order_line=tea, quantity=2)
        sync_order(order.pk)
    for day, amount in ((5, 30), (6, 15)):
        with at(day):
            refund_order(order, amount)
            sync_order(order.pk)


def test_a_life_of_an_order(order):
    sync_order(order.pk)
    live(order)
    sent, rest, back = (
        Fulfillment.objects.filter(status__in=["fulfilled", "returned"]).order_by("pk").values_list("pk", flat=True)
    )
    assert events() == [
        ("order_placed", MONDAY, {"amount": "100.000", "currency": "USD", "quantity": 5}),
        ("order_paid", MONDAY + timedelta(days=1), {"amount": "100.000", "currency": "USD"}),
        ("order_fulfilled", MONDAY + timedelta(days=2), {"fulfillment": sent, "quantity": 4}),
        ("order_fulfilled", MONDAY + timedelta(days=3), {"fulfillment": rest, "quantity": 1}),
        ("order_returned", MONDAY + timedelta(days=4), {"fulfillment": back, "quantity": 2}),
        ("order_refunded", MONDAY + timedelta(days=5), {"amount": "30.000", "currency": "USD"}),
        ("order_refunded", MONDAY + timedelta(days=6), {"amount": "15.000", "currency": "USD"}),
    ]
    profile = CustomerProfile.objects.get()
    assert set(of_orders().values_list("profile_id", "subject_type", "subject_id", "actor_type")) == {
        (profile.pk, "order", str(order.pk), "system")
    }


def test_replays_add_nothing_and_the_backfill_writes_what_hooks_have_written(order):
    other = make_order(email="guest@example.com", created_at=MONDAY, status=OrderStatus.UNFULFILLED)
    sync_orders([order.pk, other.pk])
    live(order)
    with at(8):
        cancel_order(other)
        sync_order(other.pk)
    of_orders = {row for row in rows() if row[4] == "order"}
    assert len(of_orders) == 10
    for _ in range(2):
        sync_orders([other.pk, order.pk])
    assert {row for row in rows() if row[4] == "order"} == of_orders
    ProfileEvent.objects.all().delete()
    backfill()
    assert {row for row in rows() if row[4] == "order"} == of_orders


def test_an_order_of_which_staff_let_a_part_go_is_paid_with_the_rest(order):
    with at(1):
        pay_order(order, 60)
        order.granted_refunds.create(amount_value=Decimal(40), currency="USD")
    sync_order(order.pk)
    assert events()[1:] == [("order_paid", MONDAY + timedelta(days=1), {"amount": "60.000", "currency": "USD"})]


def test_refunds_of_transactions_are_events_each_with_its_amount(order):
    with at(1):
        pay_order(order, 100)
    for day, amount in ((2, "10.5"), (3, 20)):
        with at(day):
            refund_order(order, amount)
    sync_order(order.pk)
    assert [event for event in events() if event[0] == "order_refunded"] == [
        ("order_refunded", MONDAY + timedelta(days=2), {"amount": "10.500", "currency": "USD"}),
        ("order_refunded", MONDAY + timedelta(days=3), {"amount": "20.000", "currency": "USD"}),
    ]


def test_an_order_that_is_cancelled_says_when(order):
    with at(2):
        cancel_order(order)
    with at(5):
        # Whatever touches the order later does not move the time.
        order.save()
    sync_order(order.pk)
    assert events() == [
        ("order_placed", MONDAY, {"amount": "100.000", "currency": "USD", "quantity": 5}),
        ("order_cancelled", MONDAY + timedelta(days=2), {}),
    ]


def test_an_imported_order_that_is_cancelled_was_so_when_it_last_changed(db):
    with at(3):
        order = make_order(
            email="ada@example.com",
            status=OrderStatus.CANCELED,
            origin=OrderOrigin.BULK_CREATE,
            created_at=MONDAY,
            paid=False,
        )
    sync_order(order.pk)
    assert events()[-1] == ("order_cancelled", MONDAY + timedelta(days=3), {})


def test_an_imported_order_was_sent_when_it_was_placed(db):
    with at(3):
        order = make_order(
            email="ada@example.com", status=OrderStatus.FULFILLED, origin=OrderOrigin.BULK_CREATE, created_at=MONDAY
        )
        order.fulfillments.create().lines.create(order_line=order.lines.get(), quantity=1)
    sync_order(order.pk)
    assert [(kind, when) for kind, when, _ in events()][2:] == [("order_fulfilled", MONDAY)]


def test_placed_comes_before_paid_if_both_were_one_moment(db):
    order = make_order(email="ada@example.com", created_at=MONDAY)
    sync_order(order.pk)
    assert [(kind, when) for kind, when, _ in events()] == [("order_placed", MONDAY), ("order_paid", MONDAY)]


def test_postgresql_is_kept_from_compiling_what_reads_the_histories_of_a_few_hundred_orders(order):
    snapshots = list(read_orders([order.pk]).values())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = on")
        read_histories(snapshots, "default")
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)


@pytest.mark.parametrize("status", [FulfillmentStatus.WAITING_FOR_APPROVAL, FulfillmentStatus.CANCELED])
def test_goods_that_were_not_sent(order, status):
    order.fulfillments.create(status=status).lines.create(order_line=order.lines.first(), quantity=1)
    sync_order(order.pk)
    assert [kind for kind, *_ in events()] == ["order_placed"]


def test_goods_that_waited_for_approval_were_sent_when_they_were_approved(order):
    tea, cup = order.lines.get(quantity=4), order.lines.get(quantity=1)
    packed = pack_goods(tea, 4, at=MONDAY + timedelta(days=2))
    with at(3):
        fulfill_order(order, [(cup, 1)])
    sync_order(order.pk)
    assert [(kind, when) for kind, when, _ in events()][1:] == [("order_fulfilled", MONDAY + timedelta(days=3))]

    approve_fulfillment(packed, at=MONDAY + timedelta(days=5))
    sync_order(order.pk)
    assert [(kind, when) for kind, when, _ in events()][1:] == [
        ("order_fulfilled", MONDAY + timedelta(days=3)),
        ("order_fulfilled", MONDAY + timedelta(days=5)),
    ]


def test_goods_that_are_paid_back_but_not_returned(order):
    order.fulfillments.create(status=FulfillmentStatus.REFUNDED).lines.create(
        order_line=order.lines.first(), quantity=1
    )
    sync_order(order.pk)
    assert [kind for kind, *_ in events()] == ["order_placed"]


def told(granted: OrderGrantedRefund, line: OrderLine, quantity: int) -> dict:
    return {"granted_refund": granted.pk, "lines": {str(line.pk): quantity}}


def test_a_grant_and_the_return_of_the_same_goods_are_one_event(order):
    tea = order.lines.get(quantity=4)
    with at(1):
        granted = order.granted_refunds.create(amount_value=Decimal(30), currency="USD")
        granted.lines.create(order_line=tea, quantity=2)
        failed = order.granted_refunds.create(
            amount_value=Decimal(30), currency="USD", status=OrderGrantedRefundStatus.FAILURE
        )
        failed.lines.create(order_line=tea, quantity=2)
    with at(2):
        back = order.fulfillments.create(status=FulfillmentStatus.RETURNED)
        back.lines.create(order_line=tea, quantity=3)
    sync_order(order.pk)
    assert events()[1:] == [
        ("order_returned", MONDAY + timedelta(days=1), {**told(granted, tea, 2), "quantity": 2}),
        # The third one was news.
        ("order_returned", MONDAY + timedelta(days=2), {"fulfillment": back.pk, "quantity": 1}),
    ]


def test_a_return_adds_what_the_event_of_its_grant_did_not_say(order):
    tea = order.lines.get(quantity=4)
    with at(1):
        granted = order.granted_refunds.create(amount_value=Decimal(15), currency="USD")
        granted.lines.create(order_line=tea, quantity=1)
    sync_order(order.pk)
    # As `orderGrantRefundUpdate` does it.
    granted.lines.all().delete()
    granted.lines.create(order_line=tea, quantity=3)
    with at(2):
        back = order.fulfillments.create(status=FulfillmentStatus.RETURNED)
        back.lines.create(order_line=tea, quantity=3)
    for _ in range(2):
        sync_order(order.pk)
    assert events()[1:] == [
        ("order_returned", MONDAY + timedelta(days=1), {**told(granted, tea, 1), "quantity": 1}),
        ("order_returned", MONDAY + timedelta(days=2), {"fulfillment": back.pk, "quantity": 2}),
    ]


@pytest.mark.parametrize("details_are_kept", [True, False])
def test_goods_of_a_grant_that_failed_are_not_told_again(order, details_are_kept):
    tea = order.lines.get(quantity=4)
    with at(1):
        granted = order.granted_refunds.create(amount_value=Decimal(30), currency="USD")
        granted.lines.create(order_line=tea, quantity=2)
    sync_order(order.pk)
    if not details_are_kept:
        of_orders().update(details={})
    granted.status = OrderGrantedRefundStatus.FAILURE
    granted.save(update_fields=["status"])
    with at(2):
        again = order.granted_refunds.create(amount_value=Decimal(30), currency="USD")
        again.lines.create(order_line=tea, quantity=2)
    with at(3):
        back = order.fulfillments.create(status=FulfillmentStatus.RETURNED)
        back.lines.create(order_line=tea, quantity=3)
    for _ in range(2):
        sync_order(order.pk)
    assert [event[0] for event in events()] == ["order_placed", "order_returned", "order_returned"]
    assert events()[2] == ("order_returned", MONDAY + timedelta(days=3), {"fulfillment": back.pk, "quantity": 1})


def test_events_go_where_their_order_goes(order):
    sync_order(order.pk)
    live(order)
    before = of_orders().count()
    grace = make_customer("grace@example.com")
    Order.objects.filter(pk=order.pk).update(user=grace, user_email=grace.email)
    sync_order(order.pk)
    profile = CustomerProfile.objects.get(user=grace)
    assert of_orders().filter(profile=profile).count() == before == of_orders().count()


def test_a_guest_who_gets_an_account_is_read_with_it(db):
    order = make_order(email="ada@example.com", created_at=MONDAY)
    sync_order(order.pk)
    # Something that hangs on no order.
    guest = CustomerProfile.objects.get()
    checkout = ProfileEvent.objects.create(
        profile=guest, kind="checkout_started", happened_at=MONDAY, key="checkout:x:0:started"
    )
    ada = make_customer("ada@example.com", is_confirmed=True)
    hand_over_orders(ada)
    sync_customer(ada.pk)
    profile = CustomerProfile.objects.get(user=ada)
    assert profile != guest
    assert set(of_orders().values_list("profile_id", flat=True)) == {profile.pk}
    guest.refresh_from_db()
    checkout.refresh_from_db()
    assert (checkout.profile, guest.merged_into) == (guest, profile)


def test_orders_of_others_keep_their_events(order):
    other = make_order(email="guest@example.com", created_at=MONDAY)
    sync_orders([order.pk, other.pk])
    before = rows()
    sync_orders([order.pk])
    assert rows() == before


def test_drafts_orders_of_nobody_and_erased_customers_have_none(order):
    draft = make_order(email="ada@example.com", status=OrderStatus.DRAFT)
    nobodys = make_order()
    sync_orders([draft.pk, nobodys.pk])
    assert events() == []
    sync_order(order.pk)
    CustomerProfile.objects.update(erased_at=MONDAY)
    before = rows()
    live(order)
    assert rows() == before


def test_without_profiles_there_are_no_events(order):
    crm_settings(profiles_enabled=False)
    sync_order(order.pk)
    assert not ProfileEvent.objects.exists()


def test_a_granted_refund_is_found_by_reconciliation(order):
    sync_order(order.pk)
    reconcile()
    granted = order.granted_refunds.create(amount_value=Decimal(15), currency="USD")
    granted.lines.create(order_line=order.lines.get(quantity=4), quantity=1)
    reconcile()
    assert [kind for kind, *_ in events(order)] == ["order_placed", "order_returned"]


def test_three_statements_for_any_number_of_orders(db):
    orders = [make_order(email=f"guest{number}@example.com", created_at=MONDAY) for number in range(6)]
    sync_orders([order.pk for order in orders])
    owner = {order.pk: CustomerProfile.objects.earliest("pk").pk for order in orders}
    for batch in (orders[:1], orders):
        snapshots = list(read_orders([order.pk for order in batch]).values())
        with CaptureQueriesContext(connection) as captured:
            record_order_events(snapshots, owner, "default")
        assert len(captured) == 3


TEA, CUP = UUID(int=1), uuid4()
quantities = st.dictionaries(st.sampled_from([TEA, CUP]), st.integers(1, 5), min_size=1)
happenings = st.lists(st.tuples(st.booleans(), quantities), max_size=6)


@given(happenings)
def test_in_all_as_many_goods_come_back_as_the_larger_of_the_two_says(happened):
    history, said = OrderHistory(), {True: {TEA: 0, CUP: 0}, False: {TEA: 0, CUP: 0}}
    before: list[tuple[str, Goods, int]] = []
    for number, (returned, goods) in enumerate(happened):
        group = history.returned if returned else history.granted
        group.append(Goods(number, MONDAY + timedelta(days=number), goods))
        for line_id, quantity in goods.items():
            said[returned][line_id] += quantity
        found = list(_returns(history))
        # What happens later changes nothing of what was said before.
        assert found[: len(before)] == before
        before = found
    expected = sum(max(said[True][line_id], said[False][line_id]) for line_id in (TEA, CUP))
    assert sum(added for *_, added in before) == expected
