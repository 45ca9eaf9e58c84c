"""Timelines: pages among a million events beside a plain SELECT of one table, and what events add to a sync."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from tests.benchmarks import frames, timeline_tables
from tests.benchmarks.measuring import Bench, Call
from tests.benchmarks.scratch import scratch_database
from tests.benchmarks.tables import unchecked

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CALLS = 100
# An event each minute.
MINUTES_A_DAY = 1440

_PLAIN = """
SELECT * FROM crm_profile_event WHERE profile_id = %(person)s AND happened_at < %(before)s
ORDER BY happened_at DESC, id DESC LIMIT %(limit)s
"""
_PLAIN_OFFSET = """
SELECT * FROM crm_profile_event WHERE profile_id = %(person)s
ORDER BY happened_at DESC, id DESC LIMIT 21 OFFSET %(offset)s
"""
_PLAIN_NOTES = """
SELECT * FROM crm_customer_note WHERE profile_id = %(person)s ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""
_RESTORE = """
UPDATE crm_profile_event SET details = '{"amount": "10.000", "currency": "USD"}'
WHERE happened_at < %(before)s AND details = '{}'
"""
_BLANK = "UPDATE crm_profile_event SET details = '{}' WHERE happened_at < %(before)s AND NOT details = '{}'"


def measure(bench: Bench) -> None:
    with scratch_database("bench_timeline") as connection:
        events = bench.size(1_000_000, 20_000)
        first = timeline_tables.fill(connection, events, max(events // 10, 1_000), NOW)
        pages(bench, connection, events, first)
        blanking(bench, connection, events)
        sync(bench, connection)


def pages(bench: Bench, connection: Any, events: int, first: int) -> None:
    from saleor_crm_plugin.ingestion.timeline import SOURCES
    from saleor_crm_plugin.profiles.timeline.reading import Position, Selection, read_timelines

    everything = Selection(internal=True)
    calls = bench.size(CALLS, 20)
    some = range(first + 1, first + 1 + calls)

    def page(persons: list[int], selection: Selection = everything, limit: int = 21, after: Any = None) -> Call:
        return lambda: read_timelines(persons, SOURCES, selection, limit=limit, after=after)

    def plainly(statement: str, **values: Any) -> Call:
        def read() -> None:
            with connection.cursor() as cursor:
                cursor.execute(statement, {"before": "infinity", "limit": 21, **values})
                cursor.fetchall()

        return read

    def together(reads: Sequence[Call]) -> Call:
        return lambda: [read() for read in reads]

    deep = range(0, events, max(events // calls, 1))
    kinds = {name: Selection(internal=True, kinds=frozenset({name})) for name in ("note_added", "order_refunded")}
    people = [list(range(first + 1 + start, first + 101 + start)) for start in range(0, 200, 20)]
    figures: dict[str, tuple[list[Call], list[Call], str]] = {
        "first page": (
            [page([one]) for one in some],
            [plainly(_PLAIN, person=one) for one in some],
            "SELECT of events",
        ),
        f"first page of one with {events // 10:,} events": (
            [page([first])] * calls,
            [plainly(_PLAIN, person=first)] * calls,
            "SELECT of events",
        ),
        "a page anywhere in it": (
            [page([first], after=Position(NOW - timedelta(minutes=place), "event", 1)) for place in deep],
            [plainly(_PLAIN_OFFSET, person=first, offset=place // 10) for place in deep],
            "the same with OFFSET",
        ),
        "notes of it": (
            [page([first], kinds["note_added"])] * calls,
            [plainly(_PLAIN_NOTES, person=first)] * calls,
            "SELECT of notes",
        ),
        "events of a kind that it has none of": (
            [page([first], kinds["order_refunded"])] * 2,
            [plainly(_PLAIN.replace("ORDER", "AND kind = 'order_refunded' ORDER"), person=first)] * 2,
            "SELECT of events",
        ),
        "first page of 100 customers": (
            [page(persons) for persons in people],
            [together([plainly(_PLAIN, person=one) for one in persons]) for persons in people],
            "100 plain statements",
        ),
        "100 rows of 100 customers": (
            [page(persons, limit=101) for persons in people],
            [together([plainly(_PLAIN, person=one, limit=101) for one in persons]) for persons in people],
            "100 plain statements",
        ),
    }
    for name, (ours, theirs, beside) in figures.items():
        bench.measure(name, ours, theirs, beside=beside, size=events)


def blanking(bench: Bench, connection: Any, events: int) -> None:
    """Of the oldest tenth."""
    from saleor_crm_plugin.profiles.timeline.retention import blank_old_details

    days = events // MINUTES_A_DAY * 9 // 10
    values = {"before": NOW - timedelta(days=days)}

    def restore() -> None:
        # The table itself only lets them be blanked.
        with unchecked(connection) as cursor:
            cursor.execute(_RESTORE, values)
        frames.run(connection, "VACUUM crm_profile_event")

    bench.measure(
        "blank details of the oldest tenth",
        lambda: blank_old_details(days, NOW),
        lambda: frames.run(connection, _BLANK, values=values),
        beside="one UPDATE",
        before=restore,
        size=events,
    )


def sync(bench: Bench, connection: Any) -> None:
    """The same orders taken in with and without events, for the first time and again."""
    from saleor_crm_plugin.ingestion import sync as module
    from saleor_crm_plugin.ingestion.backfill import backfill
    from tests.devshop.factories import make_channel, make_customer, make_order, make_product
    from tests.shop_settings import loyalty_settings

    orders = bench.size(1_000, 50)
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01", award_imported_orders=True)
    product = make_product(channel=channel)
    customers = [make_customer() for _ in range(orders // 5)]
    ids = [
        make_order(customers[number % len(customers)], channel=channel, lines=[(product, 1 + number % 3)]).pk
        for number in range(orders)
    ]

    def forget() -> None:
        frames.run(
            connection,
            "TRUNCATE crm_profile_event, crm_order_sync, crm_profile_order, crm_profile_metrics, crm_sync_state,"
            " crm_lot_consumption, crm_points_lot, crm_points_transaction CASCADE",
            "UPDATE crm_loyalty_account SET active = 0, pending = 0, deficit = 0, lifetime = 0",
        )

    one_by_one = [lambda order_id=order_id: module.sync_order(order_id) for order_id in ids[:40]]  # type: ignore[misc]
    for name, calls, before in (
        ("sync of an order, the first time", one_by_one, forget),
        ("sync of an order, again", one_by_one, None),
        (f"backfill of {orders:,} orders, the first time", [backfill], forget),
        (f"backfill of {orders:,} orders, again", [backfill], None),
    ):
        bench.measure(name, calls, [without_events(call) for call in calls], beside="without events", before=before)


def without_events(call: Call) -> Call:
    def called() -> None:
        with nothing_recorded():
            call()

    return called


@contextmanager
def nothing_recorded() -> Iterator[None]:
    from saleor_crm_plugin.ingestion import backfill, sync

    with (
        patch.object(sync, "record_order_events"),
        patch.object(sync, "record_account_events"),
        patch.object(backfill, "record_missed_account_events"),
    ):
        yield
