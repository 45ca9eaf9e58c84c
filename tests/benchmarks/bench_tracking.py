"""What tracking costs: recording a batch, the report over a million events, what was viewed, and deleting old events.

    python -m tests.benchmarks.bench_tracking                    # a million events, 100,000 orders
    python -m tests.benchmarks.bench_tracking --events 100000    # is it constant?

Of the events nine in ten were shown, the others clicked, added or viewed; half of the visitors are customers. All of it
runs in a database of its own.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np

from tests.benchmarks.scratch import scratch_database

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAYS = 30

_PROFILES = "INSERT INTO crm_customer_profile (created_at) SELECT now() FROM generate_series(1, %s)"
_EVENTS = """
INSERT INTO crm_recommendation_event
    (id, type, kind, product_id, channel_id, position, profile_id, session, held_out, occurred_at)
SELECT gen_random_uuid(), type, CASE WHEN type = 'viewed' THEN '' ELSE kind END, product_id, %(channel)s,
    CASE WHEN type <> 'viewed' THEN 1 + number %% 20 END,
    CASE WHEN visitor %% 10 < 5 THEN %(first)s::bigint + visitor / 2 END,
    md5(visitor::text)::uuid, visitor %% 20 = 0,
    %(now)s::timestamptz - number * %(step)s
FROM (
    SELECT number, abs(hashint4(number)::bigint) %% %(visitors)s AS visitor,
        CASE WHEN number %% 10 < 9 THEN 'shown' WHEN number %% 30 = 9 THEN 'viewed' WHEN number %% 30 = 19 THEN 'added'
            ELSE 'clicked' END AS type,
        (ARRAY['for_you', 'similar', 'frequently_bought_together', 'bestsellers'])[1 + number %% 4] AS kind,
        (%(products)s::int[])[1 + number %% %(count)s] AS product_id
    FROM generate_series(1, %(events)s) AS number
) numbered
"""
_ORDERS = """
WITH made AS (
    SELECT gen_random_uuid() AS order_id, %(first)s::bigint + (number::bigint * 104729) %% %(customers)s AS profile_id,
        %(now)s::timestamptz - number * %(step)s AS placed_at, number
    FROM generate_series(1, %(orders)s) AS number
), facts AS (
    INSERT INTO crm_profile_order
        (order_id, profile_id, channel_id, currency, placed_at, counts, gross_amount, refunded_amount)
    SELECT order_id, profile_id, %(channel)s, 'USD', placed_at, true, 10 + number %% 90, 0 FROM made
)
SELECT count(*) FROM made
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="events in all (default: a million)")
    arguments = parser.parse_args()
    with scratch_database("bench_tracking"):
        run(arguments.events)
    return 0


def run(events: int) -> None:
    from django.db import connection

    from saleor_crm_plugin.ingestion.tracking import track_events
    from saleor_crm_plugin.profiles.models import CustomerProfile
    from saleor_crm_plugin.recommendations.tracking.attribution import attributed
    from saleor_crm_plugin.recommendations.tracking.checking import SentEvent
    from saleor_crm_plugin.recommendations.tracking.counts import count_events
    from saleor_crm_plugin.recommendations.tracking.models import EventType
    from saleor_crm_plugin.recommendations.tracking.outcome import outcome
    from saleor_crm_plugin.recommendations.tracking.retention import delete_old_events
    from tests.devshop.factories import make_channel, make_order, make_product
    from tests.shop_settings import crm_settings
    from tests.viewing import recently_viewed

    channel = make_channel()
    crm_settings(tracking_events_per_minute="600000")
    products = [make_product(channel=channel, stock=None) for _ in range(20)]
    customers, orders = max(events // 20, 100), max(events // 50, 100)
    step = timedelta(days=DAYS) / events
    with connection.cursor() as cursor:
        cursor.execute(_PROFILES, [customers])
        first = CustomerProfile.objects.earliest("pk").pk
        values: dict[str, Any] = {
            "first": first, "channel": channel.pk, "now": NOW, "events": events, "customers": customers,
            "visitors": 2 * customers, "products": [product.pk for product in products], "count": len(products),
            "orders": orders, "step": step,
        }  # fmt: skip
        cursor.execute(_EVENTS, values)
        # Orders with lines in the shop's own tables, copied from one.
        cursor.execute(_ORDERS, {**values, "step": timedelta(days=DAYS) / orders})
        sample = make_order(channel=channel, lines=[(products[0], 1)])
        _copy_orders(cursor, sample, [product.default_variant.pk for product in products])
        cursor.execute("ANALYZE")
        cursor.execute("SELECT pg_total_relation_size('crm_recommendation_event')")
        size = cursor.fetchone()[0]
    print(f"{events:,} events ({size / events:.0f} bytes each, indexes included), {orders:,} orders")

    def batch(count: int) -> Callable[[], Any]:
        sent = [
            (number, SentEvent(EventType.SHOWN, products[number % 20].pk, "for_you", event_id=str(uuid4())))
            for number in range(count)
        ]
        return lambda: track_events(
            sent,
            sent=count,
            channel_slug=channel.slug,
            user_id=None,
            session_id=str(uuid4()),
            now=datetime.now(UTC),
        )

    print(f"{'':<44}{'median ms':>10}{'p95 ms':>9}")
    for count in (1, 20, 100):
        measure(f"recording {count} of one visitor", [batch(count) for _ in range(200)])
    some = [(first + number, None) for number in range(0, customers, max(customers // 200, 1))]
    measure("what one customer viewed last", [lambda one=one: recently_viewed([one], 10) for one in some])
    since, until = NOW - timedelta(days=DAYS), NOW + timedelta(seconds=1)
    measure("report: counts", [lambda: count_events(channel.pk, since, until)] * 3)
    found = attributed(channel.pk, since, until, timedelta(days=7))[None]
    print(f"  ({found.converted_clicks:,} clicks led to {found.orders:,} orders)")
    measure("report: attribution", [lambda: attributed(channel.pk, since, until, timedelta(days=7))] * 3)
    measure("report: hold-out", [lambda: outcome(channel.pk, since, until)] * 3)
    began = time.perf_counter()
    deleted = delete_old_events(DAYS // 2, NOW)
    seconds = time.perf_counter() - began
    print(
        f"retention: {deleted:,} events deleted in {seconds:.1f} s, {10_000 * seconds / max(deleted, 1):.2f} s a batch"
    )


def _copy_orders(cursor: Any, sample: Any, variants: list[int]) -> None:
    """An order with one line for each fact, like the sample's but for id, number, product and time."""
    for table, key, extra in (
        ("order_order", "id", {"id": "bought.order_id", "number": "1000000 + row_number() OVER ()"}),
        (
            "order_orderline",
            "order_id",
            {
                "id": "gen_random_uuid()",
                "order_id": "bought.order_id",
                "variant_id": "(%s::int[])[1 + (row_number() OVER ())::int %% cardinality(%s::int[])]",
            },
        ),
    ):
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = 'public'",
            [table],
        )
        columns = [name for (name,) in cursor.fetchall()]
        chosen = ", ".join(extra.get(name, f"kept.{name}") for name in columns)
        parameters = [variants, variants] if "variant_id" in extra else []
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM crm_profile_order bought, {table} kept "
            f"WHERE kept.{key} = %s",
            [*parameters, sample.pk],
        )


def measure(what: str, calls: list[Callable[[], Any]]) -> None:
    times = []
    for call in calls:
        began = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - began))
    print(f"{what:<44}{np.median(times):>10.1f}{np.percentile(times, 95):>9.1f}")


if __name__ == "__main__":
    raise SystemExit(main())
