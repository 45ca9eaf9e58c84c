"""Segments: twenty brought in line in full and for the customers of an order, and previewed, beside SQL by hand."""

from __future__ import annotations

from typing import Any

from tests.benchmarks import customer_tables, frames
from tests.benchmarks.measuring import Bench
from tests.benchmarks.scratch import scratch_database
from tests.benchmarks.segment_queries import BY_HAND, selected

ORDERS_EACH = 10
BATCHES = 20


def measure(bench: Bench) -> None:
    customers = bench.size(30_000, 1_000)
    with scratch_database("bench_segments") as connection:
        fill(connection, customers)
        make_segments()
        frames.run(connection, "CREATE TABLE members (segment int, profile bigint, PRIMARY KEY (segment, profile))")
        in_full(bench, connection, customers)
        same_customers(connection)
        previews(bench, connection, customers)
        of_orders(bench, connection, customers)


def fill(connection: Any, customers: int) -> None:
    from django.utils import timezone

    from saleor_crm_plugin.profiles.metrics import refresh_metrics
    from saleor_crm_plugin.profiles.rfm import refresh_rfm

    customer_tables.fill_people(connection, customers)
    customer_tables.fill_orders(connection, customers, customers * ORDERS_EACH)
    customer_tables.fill_shop(connection, customers, customers * ORDERS_EACH)
    refresh_metrics()
    refresh_rfm(365, timezone.now())
    frames.run(connection, "VACUUM ANALYZE")


def make_segments() -> None:
    from saleor_crm_plugin.profiles.segments.models import CustomerSegment

    CustomerSegment.objects.all().delete()
    for number, query in enumerate(BY_HAND):
        CustomerSegment.objects.create(name=f"S{number}", slug=f"s{number}", query=query)


def in_full(bench: Bench, connection: Any, customers: int) -> None:
    from saleor_crm_plugin.ingestion.segments import refresh_segments

    def forget() -> None:
        frames.run(
            connection, "TRUNCATE members, crm_segment_membership, crm_profile_event", "ANALYZE crm_segment_membership"
        )

    for name, before in (("the first time", forget), ("nothing moves", None)):
        bench.measure(
            f"20 segments, {name}",
            refresh_segments,
            lambda: replace_members(connection),
            beside="DELETE, INSERT … SELECT",
            before=before,
            size=customers,
            note="ours writes an event for each move" if before else f"{ORDERS_EACH} orders each",
        )


def replace_members(connection: Any, only: list[int] | None = None) -> None:
    """By hand, and without events."""
    chosen = "true" if only is None else "p.id = ANY(%(only)s::bigint[])"
    deleted = "true" if only is None else "profile = ANY(%(only)s::bigint[])"
    for number, condition in enumerate(BY_HAND.values()):
        frames.run(
            connection,
            f"DELETE FROM members WHERE segment = {number} AND {deleted}",
            f"INSERT INTO members SELECT {number}, found.id FROM ({selected(condition, chosen)}) found",
            values={"only": only},
        )


def same_customers(connection: Any) -> None:
    """Whether both sides have found the same, but for whose checkout has just rested for an hour."""
    from saleor_crm_plugin.profiles.segments.models import SegmentMembership

    with connection.cursor() as cursor:
        cursor.execute("SELECT segment, count(*) FROM members GROUP BY segment")
        by_hand = dict(cursor.fetchall())
    for number, query in enumerate(BY_HAND):
        ours = SegmentMembership.objects.filter(segment__slug=f"s{number}").count()
        assert abs(ours - by_hand.get(number, 0)) <= 5, (query, ours, by_hand.get(number, 0))


def previews(bench: Bench, connection: Any, customers: int) -> None:
    from django.utils import timezone

    from saleor_crm_plugin.ingestion.segments import VOCABULARY
    from saleor_crm_plugin.profiles.segments.looking import preview
    from saleor_crm_plugin.profiles.segments.understanding import understand

    def count(condition: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*), min(id) FROM ({selected(condition)}) found")
            cursor.fetchone()

    now = timezone.now()
    bench.measure(
        "a preview, each of 20",
        [
            lambda query=query: preview(understand(query, VOCABULARY, now, "default"), 10, "default")  # type: ignore[misc]
            for query in BY_HAND
        ],
        [lambda condition=condition: count(condition) for condition in BY_HAND.values()],  # type: ignore[misc]
        beside="SELECT count(*)",
        size=customers,
    )


def of_orders(bench: Bench, connection: Any, customers: int) -> None:
    from saleor_crm_plugin.ingestion.segments import refresh_for

    for size in (1, bench.size(500, 20)):
        batches = [list(range(start, start + size)) for start in range(1, min(BATCHES * size, customers - size), size)]
        bench.measure(
            f"20 segments, of {size} customers",
            [lambda batch=batch: refresh_for(batch) for batch in batches],  # type: ignore[misc]
            [lambda batch=batch: replace_members(connection, batch) for batch in batches],  # type: ignore[misc]
            beside="DELETE, INSERT … SELECT",
        )
