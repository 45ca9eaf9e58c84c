"""The demo's purchases: in the shop as Saleor would have left them, and by every way in the same rows of ours."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from saleor.account.models import User
from saleor.core.db.connection import allow_writer
from saleor.order import OrderStatus
from saleor.order.models import Order
from saleor.order.utils import update_order_authorize_data, update_order_charge_data
from saleor.plugins.manager import get_plugins_manager

from demo import history, journey, shop, summary
from saleor_crm_plugin.ingestion.backfill import backfill
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.train import train_now
from saleor_crm_plugin.loyalty.models import PointsLot, PointsTransaction
from saleor_crm_plugin.profiles.rfm import refresh_rfm
from tests.integration.ingestion.state import state, undone
from tests.integration.loyalty.audit import assert_ledger_adds_up

PLUGINS = ["saleor_crm_plugin.plugin.CRMPlugin", "saleor_crm_plugin.plugin.LoyaltySettingsPlugin"]
HOUSEHOLDS = 12
BASKETS = 700
# Few, since each hook is a sync of its own; enough for every fate that the demo has for an order, and for a guest.
HOOKED_BASKETS = 120
REPLAYED_BASKETS = 60
LOST_EVERY = 10
EVERY_FATE: dict[str, set[object]] = {
    "status": {"fulfilled", "canceled"},
    "charged": {"full", "partial", "none"},
    "origin": {"checkout", "bulk_create"},
    "by payment": {True, False},
    "by transaction": {True, False},
    "of a guest": {True, False},
}
NOW = datetime.now(UTC)

Committed = Callable[..., AbstractContextManager[Any]]


@pytest.fixture(scope="module")
def purchases() -> journey.Journey:
    return journey.read(HOUSEHOLDS, NOW)


@pytest.fixture
def filled(purchases: journey.Journey, settings: Any, db: None) -> journey.Journey:
    """The shop with the first baskets in it, points switched on and both plugins active."""
    return fill(settings, first_baskets(purchases, BASKETS))


def first_baskets(purchases: journey.Journey, baskets: int) -> journey.Journey:
    """Less of the same: whoever has not bought yet is left out."""
    orders = purchases.orders.iloc[:baskets]
    customers = purchases.customers.iloc[: orders["customer"].max() + 1]
    lines = purchases.lines[purchases.lines["order"] < baskets]
    return replace(purchases, customers=customers, orders=orders, lines=lines)


def fill(settings: Any, purchases: journey.Journey) -> journey.Journey:
    settings.PLUGINS = PLUGINS
    with allow_writer():
        channel, warehouse = shop.open_shop()
        history.write(purchases, channel, warehouse, "demo", lambda rows: None)
        shop.switch_points_on(channel, purchases.orders["placed_at"].iloc[0])
    return purchases


def test_the_last_basket_was_yesterday_and_money_adds_up(purchases: journey.Journey) -> None:
    orders, lines = purchases.orders, purchases.lines

    assert orders["placed_at"].iloc[-1].date() == NOW.date() - timedelta(days=1)
    assert orders["placed_at"].is_monotonic_increasing
    assert (orders["updated_at"] <= NOW).all()
    assert (lines.groupby("order")["total"].sum() == orders["total"]).all()
    assert (lines["total"] > 0).all()
    assert (lines["quantity"] > 0).all()
    assert (orders["refunded"] <= orders["total"]).all()


def test_one_household_in_ten_is_a_guest_in_every_sample(purchases: journey.Journey) -> None:
    smaller = journey.read(HOUSEHOLDS // 2, NOW)

    customers = purchases.customers
    assert (customers["is_guest"] == (customers["household"] % journey.GUEST_EVERY == 0)).all()
    assert set(smaller.customers["household"]) < set(customers["household"])


@pytest.mark.parametrize("households", [0, -1, journey.HOUSEHOLDS + 1])
def test_a_number_of_households_that_there_is_not_is_refused(households: int) -> None:
    with pytest.raises(ValueError, match="1 to 2469"):
        journey.read(households, NOW)


def test_orders_are_as_saleor_would_have_left_them(filled: journey.Journey) -> None:
    orders = Order.objects.prefetch_related("lines", "payments", "payment_transactions", "fulfillments__lines")

    for order in orders:
        stored = (order.charge_status, order.authorize_status, order.total_charged_amount, order.status)
        with allow_writer():
            update_order_charge_data(order, with_save=False)
            update_order_authorize_data(order, with_save=False)
        assert stored == (order.charge_status, order.authorize_status, order.total_charged_amount, order.status)
        assert order.total_gross_amount == sum(line.total_price_gross_amount for line in order.lines.all())
        sent = sum(line.quantity for fulfillment in order.fulfillments.all() for line in fulfillment.lines.all())
        in_all = sum(line.quantity for line in order.lines.all())
        assert sent == (0 if order.status == OrderStatus.CANCELED else in_all)
        assert order.user_email

    assert fates_of(orders) == EVERY_FATE


def test_a_new_order_gets_the_next_number(filled: journey.Journey) -> None:
    last = Order.objects.order_by("number").last()

    assert last is not None
    assert Order._meta.get_field("number").get_default() == last.number + 1


def test_profiles_and_points_are_what_the_purchases_say(filled: journey.Journey) -> None:
    backfill()
    train_now()

    lines = list(summary.lines_of(filled))

    assert [line.split()[0] for line in lines] == ["profiles", "orders", "RFM", "points", "recommendations"]
    assert_ledger_adds_up()


def test_the_backfill_and_the_hooks_lead_to_identical_rows(
    purchases: journey.Journey, settings: Any, db: None, django_capture_on_commit_callbacks: Committed
) -> None:
    fill(settings, first_baskets(purchases, HOOKED_BASKETS))
    assert fates_of(Order.objects.all()) == EVERY_FATE
    with undone():
        backfill()
        by_backfill = rows()

    with django_capture_on_commit_callbacks(execute=True):
        for hint in hints():
            hint()
    refresh_rfm(365, NOW)

    by_hooks = rows()
    for part, expected in by_backfill.items():
        assert by_hooks[part] == expected, part
    assert_ledger_adds_up()


def test_hooks_twice_shuffled_and_every_tenth_lost_lead_there_too(
    purchases: journey.Journey, settings: Any, db: None, django_capture_on_commit_callbacks: Committed
) -> None:
    fill(settings, first_baskets(purchases, REPLAYED_BASKETS))
    with undone():
        with django_capture_on_commit_callbacks(execute=True):
            for hint in hints():
                hint()
        refresh_rfm(365, NOW)
        once = state()

    twice = [*hints(), *hints()]
    random.Random(2017).shuffle(twice)
    with django_capture_on_commit_callbacks(execute=True):
        for number, hint in enumerate(twice):
            if number % LOST_EVERY:
                hint()
    reconcile(full=True)
    refresh_rfm(365, NOW)

    in_the_end = state()
    for part, expected in once.items():
        assert in_the_end[part] == expected, part
    assert_ledger_adds_up()


def fates_of(orders: Iterable[Order]) -> dict[str, set[object]]:
    found: dict[str, set[object]] = {name: set() for name in EVERY_FATE}
    for order in orders:
        found["status"].add(order.status)
        found["charged"].add(order.charge_status)
        found["origin"].add(order.origin)
        found["by payment"].add(order.payments.exists())
        found["by transaction"].add(order.payment_transactions.exists())
        found["of a guest"].add(order.user_id is None)
    return found


def hints() -> Iterator[Callable[[], object]]:
    """Every hook that Saleor fires for these customers and orders, in the order of time."""
    manager = get_plugins_manager(allow_replica=False)
    for user in User.objects.filter(is_staff=False).order_by("pk"):
        yield lambda user=user: manager.customer_created(user)
    for order in Order.objects.order_by("created_at", "pk"):
        if order.origin == "bulk_create":
            yield lambda order=order: manager.order_bulk_created([order])
            continue
        fired = ["order_created", "order_confirmed"]
        if order.charge_status != "none" or order.payments.exists() or order.payment_transactions.exists():
            fired += ["order_paid", "order_fully_paid", "order_updated"]
        fired += ["order_cancelled"] if order.status == OrderStatus.CANCELED else ["order_fulfilled"]
        if order.charge_status == "partial":
            fired += ["order_refunded", "order_updated"]
        for hook in fired:
            yield lambda order=order, hook=hook: getattr(manager, hook)(order)


def rows() -> dict[str, Any]:
    """`state`, and the ledger entry by entry."""
    entries = PointsTransaction.objects.order_by("idempotency_key")
    lots = PointsLot.objects.order_by("transaction__idempotency_key")
    moved = list(entries.values_list("idempotency_key", "type", "points", "balance_after", "reason", "breakdown"))
    assert sum(Decimal(points) for _, _, points, *_ in moved) > 0
    return state() | {
        "entries": moved,
        "lots": list(lots.values_list("transaction__idempotency_key", "status", "amount", "remaining", "available_at")),
    }
