"""Tracking: recording batches beside a plain INSERT, the report over a million events, views, and old events."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.benchmarks import frames, tracking_tables
from tests.benchmarks.measuring import Bench
from tests.benchmarks.scratch import scratch_database
from tests.benchmarks.tracking_tables import DAYS

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SINCE, UNTIL = NOW - timedelta(days=DAYS), NOW + timedelta(seconds=1)
WINDOW = timedelta(days=7)

_INSERT = """
INSERT INTO crm_recommendation_event (id, type, kind, product_id, channel_id, session, held_out, occurred_at)
SELECT id, 'shown', 'for_you', product_id, %(channel)s, %(session)s, false, now()
FROM unnest(%(ids)s::uuid[], %(products)s::int[]) AS sent (id, product_id)
"""
_VIEWED = """
SELECT product_id, max(occurred_at) FROM crm_recommendation_event
WHERE profile_id = %(profile)s AND type = 'viewed' GROUP BY product_id ORDER BY 2 DESC LIMIT 10
"""
_BY_TYPE = "SELECT kind, type, count(*) FROM crm_recommendation_event GROUP BY kind, type"
# By the person alone, and whatever click comes first.
_CLICKED = """
SELECT event.kind, count(DISTINCT event.id), count(DISTINCT bought.order_id)
FROM crm_recommendation_event event JOIN crm_profile_order bought ON bought.profile_id = event.profile_id
    AND bought.placed_at >= event.occurred_at AND bought.placed_at < event.occurred_at + %(window)s
JOIN order_orderline line ON line.order_id = bought.order_id
JOIN product_productvariant variant ON variant.id = line.variant_id AND variant.product_id = event.product_id
WHERE event.type IN ('clicked', 'added') AND bought.counts GROUP BY event.kind
"""
_SPENT = """
SELECT held_out, count(*), sum(amount) FROM (
    SELECT DISTINCT event.profile_id, event.held_out FROM crm_recommendation_event event
    WHERE event.type = 'shown' AND event.kind = 'for_you' AND event.profile_id IS NOT NULL
) shown
LEFT JOIN (
    SELECT profile_id, sum(gross_amount - refunded_amount) AS amount FROM crm_profile_order WHERE counts GROUP BY 1
) spent USING (profile_id)
GROUP BY held_out
"""
_DELETE = "DELETE FROM crm_recommendation_event WHERE occurred_at < %(before)s"


def measure(bench: Bench) -> None:
    events = bench.size(1_000_000, 10_000)
    with scratch_database("bench_tracking") as connection:
        from tests.devshop.factories import make_channel, make_product
        from tests.shop_settings import crm_settings

        channel = make_channel()
        crm_settings(tracking_events_per_minute="600000")
        products = [make_product(channel=channel, stock=None) for _ in range(20)]
        customers, orders = tracking_tables.fill(connection, channel, products, events, NOW)
        recording(bench, connection, channel, products)
        viewing(bench, connection, customers, events)
        reporting(bench, connection, channel, events, orders)
        deleting(bench, connection, events)


def recording(bench: Bench, connection: Any, channel: Any, products: list[Any]) -> None:
    from saleor_crm_plugin.ingestion.tracking import track_events
    from saleor_crm_plugin.recommendations.tracking.checking import SentEvent
    from saleor_crm_plugin.recommendations.tracking.models import EventType

    calls = bench.size(40, 5)

    def track(count: int) -> None:
        sent = [
            (number, SentEvent(EventType.SHOWN, products[number % 20].pk, "for_you", event_id=str(uuid4())))
            for number in range(count)
        ]
        track_events(
            sent,
            sent=count,
            channel_slug=channel.slug,
            user_id=None,
            session_id=str(uuid4()),
            now=datetime.now(UTC),
        )

    def insert(count: int) -> None:
        from django.db import transaction

        values = {
            "channel": channel.pk,
            "session": uuid4(),
            "ids": [uuid4() for _ in range(count)],
            "products": [products[number % 20].pk for number in range(count)],
        }
        with transaction.atomic():
            frames.run(connection, _INSERT, values=values)

    for count in (1, 20, 100):
        bench.measure(
            f"record {count} of one visitor",
            [lambda count=count: track(count)] * calls,  # type: ignore[misc]
            [lambda count=count: insert(count)] * calls,  # type: ignore[misc]
            beside="plain INSERT",
        )


def viewing(bench: Bench, connection: Any, customers: range, events: int) -> None:
    from tests.viewing import recently_viewed

    some = customers[:: max(len(customers) // bench.size(100, 5), 1)]
    bench.measure(
        "what a customer viewed last",
        [lambda one=one: recently_viewed([(one, None)], 10) for one in some],  # type: ignore[misc]
        [_reading(connection, _VIEWED, profile=one) for one in some],
        beside="plain SELECT",
        size=events,
    )


def reporting(bench: Bench, connection: Any, channel: Any, events: int, orders: int) -> None:
    from saleor_crm_plugin.recommendations.tracking.attribution import attributed
    from saleor_crm_plugin.recommendations.tracking.counts import count_events
    from saleor_crm_plugin.recommendations.tracking.outcome import outcome

    for name, ours, theirs, beside, note in (
        (
            "report: counts",
            lambda: count_events(channel.pk, SINCE, UNTIL),
            _reading(connection, _BY_TYPE),
            "GROUP BY",
            "",
        ),
        (
            "report: attribution",
            lambda: attributed(channel.pk, SINCE, UNTIL, WINDOW),
            _reading(connection, _CLICKED, window=WINDOW),
            "JOIN by the person alone",
            f"{orders:,} orders",
        ),
        (
            "report: hold-out",
            lambda: outcome(channel.pk, SINCE, UNTIL),
            _reading(connection, _SPENT),
            "JOIN of sums",
            "",
        ),
    ):
        bench.measure(name, ours, theirs, beside=beside, size=events, note=note)


def deleting(bench: Bench, connection: Any, events: int) -> None:
    """A day's events at a time, each the oldest that are left."""
    from saleor_crm_plugin.recommendations.tracking.retention import delete_old_events

    left = itertools.count(DAYS - 1, -1)
    bench.measure(
        "delete the events of a day",
        lambda: delete_old_events(next(left), NOW),
        lambda: frames.run(connection, _DELETE, values={"before": NOW - timedelta(days=next(left))}),
        beside="one DELETE",
        size=events // DAYS,
    )


def _reading(connection: Any, statement: str, **values: Any) -> Callable[[], object]:
    def read() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            cursor.fetchall()

    return read
