"""Every number about customers, on the demo's purchases, equals what plain Python makes of the raw file.

The raw file knows no returned goods, so some are sent back first. A second test takes the orders in one by one, in any
order and more than once, and comes to the same rows.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import median_low
from typing import Any
from uuid import UUID

import pytest
import time_machine
from saleor.core.db.connection import allow_writer
from saleor.order import FulfillmentStatus
from saleor.order.models import Fulfillment, FulfillmentLine, Order, OrderLine

from demo import history, journey, shop
from demo.copying import fixed_uuids
from saleor_crm_plugin.ingestion.backfill import backfill
from saleor_crm_plugin.ingestion.lifecycle import STATE, refresh_all_stages
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.profiles.lifecycle import refreshing
from saleor_crm_plugin.profiles.lifecycle.rules import Before, Terms, standing_of
from saleor_crm_plugin.profiles.metrics import refresh_metrics
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics, ProfileOrder
from saleor_crm_plugin.profiles.orders import OrderFact, store_order_facts
from saleor_crm_plugin.profiles.rfm import group_for, group_without_scores, refresh_rfm
from tests.integration.ingestion.state import owners, undone
from tests.integration.test_demo_data import first_baskets

# As many as the demo has; all that there are, and those of them who bought nothing but what the demo does not sell.
HOUSEHOLDS, ALL_HOUSEHOLDS, WITHOUT_ORDERS = 60, 2_469, 2
FACTS_AT_ONCE = 5_000
FEWER_HOUSEHOLDS, FEWER_BASKETS = 40, 250
RETURN_EVERY = 9
WINDOW_DAYS = 90
NOW = datetime.now(UTC)
PROFILE = ("lifecycle_stage", "lifecycle_since", "found_quiet_at", "customer_type")
METRICS = [
    field.name for field in ProfileMetrics._meta.fields if field.name not in ("id", "profile", "currency")
]  # fmt: skip


@dataclass
class Bought:
    """An order, as the raw file has it."""

    email: str
    placed_at: datetime
    canceled: bool
    total: Decimal
    refunded: Decimal
    items: int = 0
    returned: int = 0

    def as_fact(self, order_id: UUID, profile_id: int) -> OrderFact:
        return OrderFact(
            order_id=order_id,
            profile_id=profile_id,
            channel_id=1,
            currency="USD",
            placed_at=self.placed_at,
            counts=not self.canceled,
            gross_amount=self.total,
            refunded_amount=self.refunded,
            items=self.items,
            returned_items=self.returned,
        )


def fill(purchases: journey.Journey) -> dict[UUID, Bought]:
    """The shop with these purchases; every so many lines, one piece came back."""
    with allow_writer():
        channel, warehouse = shop.open_shop()
        history.write(purchases, channel, warehouse, "demo", lambda rows: None)
    facts = orders_in(purchases)
    lines = OrderLine.objects.order_by("order__created_at", "order_id", "pk").values_list("pk", "order_id")
    back = [
        (line_id, order_id)
        for number, (line_id, order_id) in enumerate(lines.iterator())
        if number % RETURN_EVERY == 0 and not facts[order_id].canceled
    ]
    parcels = Fulfillment.objects.bulk_create(
        Fulfillment(order_id=order_id, fulfillment_order=3, status=FulfillmentStatus.RETURNED) for _, order_id in back
    )
    FulfillmentLine.objects.bulk_create(
        FulfillmentLine(fulfillment=parcel, order_line_id=line_id, quantity=1)
        for parcel, (line_id, _) in zip(parcels, back, strict=True)
    )
    for _, order_id in back:
        facts[order_id].returned += 1
    return facts


def orders_in(purchases: journey.Journey) -> dict[UUID, Bought]:
    """The orders by their ids, before anything came back."""
    emails = purchases.customers["email"].tolist()
    ids = [UUID(one) for one in fixed_uuids("order", purchases.orders["basket"])]
    bought = [
        Bought(
            emails[row.customer], row.placed_at.to_pydatetime(), bool(row.canceled),
            Decimal(int(row.total)) / 100, Decimal(int(row.refunded)) / 100,
        )
        for row in purchases.orders.itertuples()
    ]  # fmt: skip
    for line in purchases.lines.itertuples():
        bought[line.order].items += int(line.quantity)
    return dict(zip(ids, bought, strict=True))


def bought_in(purchases: journey.Journey) -> dict[UUID, Bought]:
    """The orders by their ids; of every so many lines, one piece came back."""
    facts = orders_in(purchases)
    orders = list(facts.values())
    for position in purchases.lines["order"].tolist()[::RETURN_EVERY]:
        if not orders[position].canceled:
            orders[position].returned += 1
    return facts


def by_customer(facts: dict[UUID, Bought]) -> dict[str, list[Bought]]:
    found: defaultdict[str, list[Bought]] = defaultdict(list)
    for order in sorted(facts.values(), key=lambda one: one.placed_at):
        found[order.email].append(order)
    return found


def expected_metrics(orders: list[Bought]) -> dict[str, Any]:
    kept = [order for order in orders if not order.canceled]
    gross, refunded = sum(order.total for order in kept), sum(order.refunded for order in kept)
    average = between = None
    if kept:
        average = Decimal((gross - refunded) / len(kept)).quantize(Decimal("0.001"), ROUND_HALF_UP)
    if len(kept) > 1:
        span = (kept[-1].placed_at - kept[0].placed_at) // timedelta(microseconds=1)
        days = Decimal(span) / 86_400_000_000 / (len(kept) - 1)
        between = days.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return {
        "orders_count": len(kept),
        "gross_spent": gross,
        "refunded": refunded,
        "net_spent": gross - refunded,
        "average_order_value": average,
        "first_order_at": kept[0].placed_at if kept else None,
        "last_order_at": kept[-1].placed_at if kept else None,
        "average_days_between_orders": between,
        "items_count": sum(order.items for order in kept),
        "returned_items": sum(order.returned for order in kept),
    }


def expected_scores(customers: dict[str, list[Bought]], now: datetime) -> dict[str, tuple[Any, ...]]:
    since = now - timedelta(days=WINDOW_DAYS)
    recent = {
        email: [order for order in orders if not order.canceled and since < order.placed_at <= now]
        for email, orders in customers.items()
    }
    recent = {email: orders for email, orders in recent.items() if orders}
    values = {
        email: (orders[-1].placed_at, len(orders), sum(order.total - order.refunded for order in orders))
        for email, orders in recent.items()
    }
    found: dict[str, tuple[Any, ...]] = {}
    for email, orders in customers.items():
        if email in values:
            scores = [fifth(values[email][part], [one[part] for one in values.values()]) for part in range(3)]
            found[email] = (*scores, group_for(*scores))
        else:
            found[email] = (None, None, None, group_without_scores(sum(not order.canceled for order in orders)))
    return found


def fifth(value: Any, among: list[Any]) -> int:
    """Which fifth the middle of the equal values stands in: by its place among all, counted one by one."""
    below = sum(other < value for other in among)
    equal = sum(other == value for other in among)
    middle = below + equal / 2
    return next(score for score in range(1, 6) if middle < len(among) * score / 5 or score == 5)


def expected_gap(customers: dict[str, list[Bought]]) -> timedelta:
    gaps = []
    for orders in customers.values():
        times = [order.placed_at for order in orders if not order.canceled]
        if len(times) > 1:
            gaps.append((times[-1] - times[0]) // timedelta(seconds=1) // (len(times) - 1))
    return timedelta(seconds=median_low(gaps))


@pytest.fixture
def crm_only(settings: Any, db: None) -> None:
    settings.PLUGINS = ["saleor_crm_plugin.plugin.CRMPlugin"]


def test_every_number_is_that_of_the_raw_file(crm_only: None) -> None:
    customers = by_customer(fill(journey.read(HOUSEHOLDS, NOW)))
    with time_machine.travel(NOW, tick=False):
        backfill()
    refresh_rfm(WINDOW_DAYS, NOW)
    name = {profile_id: who.removeprefix("user ") for profile_id, who in owners().items()}
    assert len(customers) == HOUSEHOLDS
    compare(customers, name)


@pytest.mark.slow
def test_every_number_of_all_households(db: None) -> None:
    """The facts of 155 thousand orders straight into our table: what Saleor's rows say is the business of the above."""
    facts = bought_in(journey.read(ALL_HOUSEHOLDS, NOW))
    customers = by_customer(facts)
    profiles = CustomerProfile.objects.bulk_create(CustomerProfile() for _ in customers)
    owner = {email: profile.pk for email, profile in zip(customers, profiles, strict=True)}
    rows = [order.as_fact(order_id, owner[order.email]) for order_id, order in facts.items()]
    for start in range(0, len(rows), FACTS_AT_ONCE):
        store_order_facts(rows[start : start + FACTS_AT_ONCE])
    refresh_metrics()
    refresh_rfm(WINDOW_DAYS, NOW)
    refreshing.refresh_all_stages(Terms(4, timedelta(days=90), expected_gap(customers)), NOW)
    assert len(customers) == ALL_HOUSEHOLDS - WITHOUT_ORDERS
    compare(customers, {profile_id: email for email, profile_id in owner.items()})


def compare(customers: dict[str, list[Bought]], name: dict[int, str]) -> None:
    """Every number of ours with what the raw file makes of it.

    Args:
        name: profile id -> whose it is.
    """
    rows = {name[row.profile_id]: row for row in ProfileMetrics.objects.all()}
    assert rows.keys() == customers.keys()
    for email, orders in customers.items():
        expected = expected_metrics(orders)
        assert {field: getattr(rows[email], field) for field in expected} == expected, email

    scores = ("recency_score", "frequency_score", "monetary_score", "rfm_group")
    assert {email: tuple(getattr(row, part) for part in scores) for email, row in rows.items()} == expected_scores(
        customers, NOW
    )

    terms = Terms(4, timedelta(days=90), expected_gap(customers))
    stages = set()
    for profile in CustomerProfile.objects.all():
        orders = customers[name[profile.pk]]
        times = [order.placed_at for order in orders if not order.canceled]
        standing = standing_of(times, profile.created_at, None, Before(), terms, NOW, afresh=True)
        stored = (profile.lifecycle_stage, profile.lifecycle_since, profile.found_quiet_at)
        assert stored == (standing.stage.value, standing.since, standing.found_quiet_at), profile.pk
        stages.add(profile.lifecycle_stage)
    assert len(stages) > 1
    assert sum(row.returned_items for row in rows.values()) > 100
    assert sum(row.refunded for row in rows.values()) > 0


def test_one_by_one_in_any_order_and_again_leads_to_the_same_rows(crm_only: None) -> None:
    fill(first_baskets(journey.read(FEWER_HOUSEHOLDS, NOW), FEWER_BASKETS))
    with time_machine.travel(NOW, tick=False):
        with undone():
            backfill()
            by_backfill = rows_of_ours()
            known = SyncState.objects.get(name=STATE).value

        # The shop's usual gap is a number of last night's.
        SyncState.objects.create(name=STATE, value=known)
        for order_id in one_by_one():
            sync_orders([order_id])
        refresh_rfm(365, NOW)
        before_the_night = rows_of_ours()
        refresh_all_stages(load_settings().crm, NOW)

    assert known["shop_gap_seconds"] > 0
    assert rows_of_ours() == before_the_night
    for part, expected in by_backfill.items():
        assert before_the_night[part] == expected, part


def one_by_one() -> Iterator[UUID]:
    """Each order, shuffled, some of them again."""
    chance = random.Random(2017)
    ids = list(Order.objects.order_by("number").values_list("pk", flat=True))
    chance.shuffle(ids)
    for number, order_id in enumerate(ids):
        yield order_id
        if number % 5 == 0:
            yield chance.choice(ids[: number + 1])


def rows_of_ours() -> dict[str, Any]:
    """Every column of ours, by a name that does not depend on the order of rows."""
    name = owners()
    orders = [field.attname for field in ProfileOrder._meta.fields if field.name != "profile"]
    return {
        "orders": {
            key: (name[profile_id], *rest)
            for profile_id, key, *rest in ProfileOrder.objects.values_list("profile_id", *orders)
        },
        "metrics": {
            (name[profile_id], currency): tuple(rest)
            for profile_id, currency, *rest in ProfileMetrics.objects.values_list("profile_id", "currency", *METRICS)
        },
        "profiles": {
            name[profile_id]: tuple(rest) for profile_id, *rest in CustomerProfile.objects.values_list("pk", *PROFILE)
        },
    }
