"""How long a page of a timeline takes among a million events, and what writing events adds to a sync.

    python -m tests.benchmarks.bench_timeline                    # a million events of 100,000 customers
    python -m tests.benchmarks.bench_timeline --events 100000    # is it constant?
    python -m tests.benchmarks.bench_timeline --orders 4000      # the backfill, with and without events

One customer has 100,000 of the events, so that the deep page is deep. Everything runs in a database of its own.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from tests.benchmarks.scratch import milliseconds, scratch_database

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MOST = 100_000

_PROFILES = "INSERT INTO crm_customer_profile (created_at) SELECT now() FROM generate_series(1, %s)"
_EVENTS = """
INSERT INTO crm_profile_event
    (profile_id, kind, happened_at, recorded_at, key, subject_type, subject_id, actor_type, details)
SELECT profile_id, (ARRAY['order_placed', 'order_paid', 'order_fulfilled', 'checkout_started'])[1 + number %% 4],
    %s::timestamptz - number * interval '1 minute', now(), 'order:' || gen_random_uuid() || ':0:placed', 'order',
    gen_random_uuid()::text, 'system', '{"amount": "10.000", "currency": "USD"}'
FROM (
    SELECT number,
        CASE WHEN number %% 10 = 0 THEN %s::bigint ELSE %s::bigint + (number::bigint * 7919) %% %s END AS profile_id
    FROM generate_series(1, %s) AS number
) AS numbered
"""
_OTHERS = """
INSERT INTO crm_customer_note (profile_id, text, actor_type, created_at)
SELECT id, 'A note', 'staff', %(now)s - id * interval '7 minutes' FROM crm_customer_profile WHERE id %% 5 = 0;
INSERT INTO crm_consent_record (profile_id, purpose, state, source, text_version, actor_type, recorded_at)
SELECT id, 'marketing_email', 'granted', '', '', 'customer', %(now)s - id * interval '7 minutes'
FROM crm_customer_profile;
INSERT INTO crm_loyalty_account (program_id, profile_id, active, pending, deficit, held, lifetime, created_at)
SELECT (SELECT min(id) FROM crm_loyalty_program), id, 0, 0, 0, 0, 0, now() FROM crm_customer_profile;
INSERT INTO crm_points_transaction
    (account_id, type, points, balance_after, idempotency_key, actor_type, reason, breakdown, created_at)
SELECT id, 'adjust', 5, 5, 'bench:' || id || ':' || number, 'system', '', '{}',
    %(now)s - number * interval '1 day' - id * interval '1 minute'
FROM crm_loyalty_account CROSS JOIN generate_series(1, 5) AS number;
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="events in all (default: a million)")
    parser.add_argument("--orders", type=int, default=2_000, help="orders of the backfill (default: 2,000; 0: none)")
    arguments = parser.parse_args()
    with database():
        pages(arguments.events)
        if arguments.orders:
            sync(arguments.orders)
    return 0


def pages(events: int) -> None:
    from django.db import connection

    from saleor_crm_plugin.ingestion.timeline import SOURCES
    from saleor_crm_plugin.loyalty.accounts import default_program_id
    from saleor_crm_plugin.profiles.models import CustomerProfile
    from saleor_crm_plugin.profiles.timeline.reading import Position, Selection, read_timelines
    from saleor_crm_plugin.profiles.timeline.retention import blank_old_details

    customers = max(events // 10, 1_000)
    default_program_id("default")
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(_PROFILES, [customers])
        first = CustomerProfile.objects.earliest("pk").pk
        cursor.execute(_EVENTS, [NOW, first, first, customers, events])
        cursor.execute(_OTHERS, {"now": NOW})
        cursor.execute("ANALYZE")
        cursor.execute("SELECT count(*) FROM crm_profile_event WHERE profile_id = %s", [first])
        most = cursor.fetchone()[0]
    print(
        f"\n{events:,} events of {customers:,} customers ({most:,} of one), made in {time.perf_counter() - began:.0f} s"
    )
    everything = Selection(internal=True)
    some = list(CustomerProfile.objects.order_by("pk").values_list("pk", flat=True)[1 : customers : customers // 300])

    def page(persons: list[int], selection: Selection = everything, limit: int = 21, after: Any = None) -> Any:
        return lambda: read_timelines(persons, SOURCES, selection, limit=limit, after=after)

    middle = [
        Position(NOW - timedelta(minutes=minutes), "event", 1) for minutes in range(0, events, max(events // 200, 1))
    ]
    rare = Selection(internal=True, kinds=frozenset({"note_added"}))
    none = Selection(internal=True, kinds=frozenset({"order_refunded"}))
    print(f"{'page of 20':<44}{'median ms':>10}{'p95 ms':>9}{'statements':>12}")
    measure("first page", [page([one]) for one in some])
    measure(f"first page of the one with {most:,}", [page([first])] * 100)
    measure("  anywhere in it", [page([first], after=place) for place in middle])
    measure("  filtered: notes", [page([first], rare)] * 100)
    measure("  filtered: a kind of event it has none of", [page([first], none)] * 5)
    measure("first page of 100 customers", [page(some[start : start + 100]) for start in range(0, 200, 10)])
    measure("page of 100 of 100 customers", [page(some[start : start + 100], limit=101) for start in range(0, 200, 10)])
    began = time.perf_counter()
    blanked = blank_old_details(1, NOW)
    print(f"retention: {blanked:,} details blanked in {time.perf_counter() - began:.1f} s")


def sync(orders: int) -> None:
    """The same orders, taken in with and without events, alternately; twice over, the second time as a replay."""
    from django.db import connection

    from saleor_crm_plugin.ingestion import sync as module
    from saleor_crm_plugin.ingestion.backfill import backfill
    from tests.devshop.factories import make_channel, make_customer, make_order, make_product
    from tests.shop_settings import loyalty_settings

    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01", award_imported_orders=True)
    product = make_product(channel=channel)
    customers = [make_customer() for _ in range(max(orders // 5, 1))]
    ids = [
        make_order(customers[number % len(customers)], channel=channel, lines=[(product, 1 + number % 3)]).pk
        for number in range(orders)
    ]
    tables = ", ".join(
        f"crm_{name}"
        for name in (
            "profile_event", "order_sync", "profile_order", "profile_metrics", "sync_state", "lot_consumption",
            "points_lot", "points_transaction",
        )
    )  # fmt: skip

    def forget() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {tables} CASCADE")
            cursor.execute("UPDATE crm_loyalty_account SET active = 0, pending = 0, deficit = 0, lifetime = 0")

    def one_by_one() -> None:
        for order_id in ids[:40]:
            module.sync_order(order_id)

    print(f"{'sync':<44}{'without s':>10}{'with s':>9}{'ratio':>8}{'statements':>12}")
    runs: dict[str, tuple[Callable[[], object], bool]] = {
        "40 orders, one by one, for the first time": (one_by_one, True),
        "40 orders, one by one, again": (one_by_one, False),
        f"backfill of {orders:,} orders": (backfill, True),
        f"backfill of {orders:,} orders, again": (backfill, False),
    }
    for name, (run, fresh) in runs.items():
        times: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(4):
            for events in (False, True):
                with nothing_recorded(not events):
                    if fresh:
                        forget()
                    began = time.perf_counter()
                    run()
                    times[events].append(time.perf_counter() - began)
        without, with_events = min(times[False]), min(times[True])
        counts = []
        for events in (False, True):
            with nothing_recorded(not events):
                counts.append(statements(lambda: module.sync_order(ids[0])))
        print(
            f"{name:<44}{without:>10.2f}{with_events:>9.2f}{with_events / without:>8.2f}{counts[0]:>8} ->{counts[1]:>3}"
        )
    forget()


@contextmanager
def nothing_recorded(nothing: bool) -> Iterator[None]:
    from saleor_crm_plugin.ingestion import backfill, sync

    if not nothing:
        yield
        return
    with (
        patch.object(sync, "record_order_events"),
        patch.object(sync, "record_account_events"),
        patch.object(backfill, "record_missed_account_events"),
    ):
        yield


def measure(name: str, calls: list[Callable[[], object]]) -> None:
    count = statements(calls[0])
    times = sorted(milliseconds(call) for call in calls)
    print(f"{name:<44}{times[len(times) // 2]:>10.2f}{times[int(len(times) * 0.95)]:>9.2f}{count:>12}")


def statements(call: Callable[[], object]) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)


@contextmanager
def database() -> Iterator[None]:
    with scratch_database("bench_timeline"):
        from django.conf import settings

        settings.DEBUG = False
        yield


if __name__ == "__main__":
    raise SystemExit(main())
