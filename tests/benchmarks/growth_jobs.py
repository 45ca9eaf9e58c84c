"""Each job over one shop, beside the same by hand."""

from __future__ import annotations

import importlib.util
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

from tests.benchmarks import growth_by_hand, growth_shop
from tests.benchmarks.figures import Budget, Figure, Spread
from tests.benchmarks.measuring import Bench, peak_memory, seconds_of
from tests.benchmarks.scratch import scratch_database

BACKFILL = "backfill"
ONE_ORDER = "an order that was cancelled, or is not after all"
PARTS = 5
# Of a million orders that have all changed, a fifth is reconciled: the rest would take as long again, four times.
MOST_RECONCILED = 200_000
# For what is measured of one order at a time.
SOME_ORDERS = 40
# Of each side, where one takes a minute.
FEW_RUNS = 3
THE_MACHINE = "a fixed piece of work"


def measure(bench: Bench, size: int) -> None:
    with scratch_database("bench_growth") as connection:
        growth_shop.fill(connection, size)
        paces = [_pace(connection)]
        for job in (_backfill, _one_order, _reconcile, _points, _customers, _training):
            job(bench, connection, size)
            paces.append(_pace(connection))
        bench.report(
            Figure(
                THE_MACHINE,
                size=size,
                seconds=Spread.of(paces),
                note="the machine's own pace, before and after each job",
            )
        )


def _pace(connection: Any) -> float:
    """Seconds of a fixed piece of work, some in Python and some in PostgreSQL."""

    def work() -> None:
        total = 0
        for number in range(3_000_000):
            total += number
        with connection.cursor() as cursor:
            cursor.execute("SELECT sum(hashint4(number)) FROM generate_series(1, 1500000) AS number")

    return seconds_of(work)


def _backfill(bench: Bench, connection: Any, size: int) -> None:
    from saleor_crm_plugin.ingestion import backfill

    by_hand = seconds_of(lambda: growth_by_hand.take_in(connection))
    growth_by_hand.empty(connection)
    bench.report(
        _in_parts(
            BACKFILL,
            size,
            backfill,
            backfill.backfill,
            by_hand,
            beside="11 statements",
            budgets=(Budget("peak_mb", 500),),
        )
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _one_order(bench: Bench, connection: Any, size: int) -> None:
    from saleor_crm_plugin.ingestion.sync import sync_order

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT order_id FROM crm_points_transaction WHERE order_id IS NOT NULL ORDER BY 1 LIMIT %s",
            [SOME_ORDERS],
        )
        ids = [order_id for (order_id,) in cursor.fetchall()]

    def change() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE order_order SET updated_at = now(),"
                " status = CASE status WHEN 'canceled' THEN 'fulfilled' ELSE 'canceled' END WHERE id = ANY(%s)",
                [ids],
            )

    calls: list[Callable[[], object]] = [lambda order_id=order_id: sync_order(order_id) for order_id in ids]
    bench.measure(ONE_ORDER, calls, before=change, size=size, note="its points are taken back, or given again")


def _reconcile(bench: Bench, connection: Any, size: int) -> None:
    from saleor_crm_plugin.ingestion import reconcile

    def run() -> object:
        return reconcile.reconcile(full=True)

    bench.measure(
        "reconcile, nothing changed", run, lambda: growth_by_hand.compare(connection), beside="SQL", size=size
    )
    hundredths = itertools.count()
    bench.measure(
        "reconcile, 1 % changed",
        run,
        lambda: growth_by_hand.bring_facts_in_line(connection),
        beside="SQL, without points",
        before=lambda: _change(connection, 100, next(hundredths)),
        size=size,
    )
    _change(connection, 1, 0)
    by_hand = seconds_of(lambda: growth_by_hand.bring_facts_in_line(connection))
    bench.report(
        _in_parts(
            "reconcile, 100 % changed",
            size,
            reconcile,
            run,
            by_hand,
            beside="SQL, without points",
            most=MOST_RECONCILED,
        )
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _change(connection: Any, one_of: int, which: int) -> None:
    """Orders that Saleor has written without a hook: one in ten of them was cancelled."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE order_order SET updated_at = now(), status = CASE WHEN number / %(of)s %% 10 = 7"
            " AND status <> 'draft' THEN 'canceled' ELSE status END WHERE number %% %(of)s = %(which)s",
            {"of": one_of, "which": which % one_of},
        )


def _customers(bench: Bench, connection: Any, size: int) -> None:
    from django.utils import timezone

    from saleor_crm_plugin.ingestion.segments import refresh_segments
    from saleor_crm_plugin.profiles.rfm import refresh_rfm

    now = timezone.now()
    days, their_days = itertools.count(1), itertools.count(1)
    bench.measure(
        "segments, all seven",
        refresh_segments,
        lambda: growth_by_hand.choose(connection),
        beside="7 statements",
        size=size,
    )
    # Last, because it loads pandas, which stays.
    has_pandas = importlib.util.find_spec("pandas") is not None
    bench.measure(
        "RFM, a day later",
        lambda: refresh_rfm(365, now + timedelta(days=next(days))),
        (lambda: growth_by_hand.score(connection, now + timedelta(days=next(their_days)))) if has_pandas else None,
        beside="pandas" if has_pandas else "pip install pandas",
        size=size,
    )


def _points(bench: Bench, connection: Any, size: int) -> None:
    from django.utils import timezone

    from saleor_crm_plugin.ingestion.liability import LiabilityReport
    from saleor_crm_plugin.loyalty.schedule import activate_due_lots, expire_due_lots

    now, month = timezone.now(), timedelta(days=30)
    activate_due_lots(now)
    # Ours stay expired, so each run has the next month; theirs are taken back.
    months, their_months = itertools.count(1), itertools.count(20)

    def by_hand() -> None:
        until = now + next(their_months) * month
        growth_by_hand.expire(connection, until - month, until)

    bench.measure(
        "expiry of a month's points",
        lambda: expire_due_lots(now + next(months) * month),
        by_hand,
        beside="4 statements",
        size=size,
    )

    def report() -> None:
        found = LiabilityReport(now=timezone.now(), using="default")
        for part in (found.months, found.total, found.movements, found.expected_breakage_worth):
            assert part is not None

    bench.measure(
        "liability report", report, lambda: growth_by_hand.count_liability(connection), beside="2 sums", size=size
    )


def _training(bench: Bench, connection: Any, size: int) -> None:
    from saleor_crm_plugin.ingestion.train import train_now

    if size > MOST_RECONCILED:
        bench = replace(bench, runs=min(bench.runs, FEW_RUNS))
    bench.measure(
        "training",
        # As six nights of seven; published whatever it is worth.
        lambda: train_now(tune=False, force=True),
        lambda: growth_by_hand.count_pairs(connection),
        beside="SQL: bought together",
        size=size,
        note=f"{_count(connection, 'order_orderline'):,} lines",
    )


def _count(connection: Any, table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


def _in_parts(
    name: str,
    size: int,
    module: Any,
    run: Callable[[], object],
    by_hand: float,
    *,
    beside: str,
    most: int | None = None,
    budgets: tuple[Budget, ...] = (),
) -> Figure:
    """One run over everything; the spread is that of its five parts, each taken for a fifth of the whole.

    `most`: stop after so many orders, and take them for all of them.
    """
    stop = most // module.BATCH_SIZE if most and most < size else None
    with _batches(module, stop) as ends, peak_memory() as peak:
        began = time.perf_counter()
        with suppress(_EnoughError):
            run()
        ended = time.perf_counter()
        peak_mb = peak()
    moments, batches = [began, *ends], len(ends)
    parts = min(PARTS, batches)
    cuts = [batches * part // parts for part in range(parts + 1)]
    # What comes after the last batch belongs to all of them.
    paces = [
        (moments[last] - moments[first]) * batches / (last - first) + ended - moments[-1]
        for first, last in itertools.pairwise(cuts)
    ]
    times = size / (stop * module.BATCH_SIZE) if stop else 1
    whole = (ended - began) * times
    return Figure(
        name,
        size=size,
        seconds=Spread(whole, min(paces) * times, max(paces) * times, parts),
        beside=beside,
        theirs=Spread.of([by_hand]),
        ratio=Spread.of([whole / by_hand]),
        peak_mb=peak_mb,
        budgets=budgets,
        note="one run; spread at the pace of each fifth of it"
        + (f"; of {stop * module.BATCH_SIZE:,} orders, times {times:.3g}" if stop else ""),
    )


class _EnoughError(Exception):
    """Enough has been measured."""


@contextmanager
def _batches(module: Any, stop: int | None) -> Iterator[list[float]]:
    """The moments at which the batches that `module` syncs are done; it is stopped after the `stop`th."""
    ends: list[float] = []
    sync = module.sync_orders

    def timed(*arguments: Any, **named: Any) -> Any:
        result = sync(*arguments, **named)
        ends.append(time.perf_counter())
        if len(ends) == stop:
            raise _EnoughError
        return result

    with mock.patch.object(module, "sync_orders", timed):
        yield ends
