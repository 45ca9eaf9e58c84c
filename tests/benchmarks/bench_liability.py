"""The liability report over a million entries, part by part, beside plain sums over the ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.benchmarks import points_tables
from tests.benchmarks.measuring import Bench
from tests.benchmarks.scratch import scratch_database

LOTS_EACH = 4

# The points of each account: what a report that knows neither months nor what is pending would say.
_BALANCES = """
SELECT count(*), sum(points) FROM (
    SELECT account_id, sum(points) AS points FROM crm_points_transaction WHERE created_at < %(until)s
    GROUP BY account_id
) balances
"""
_BY_TYPE = "SELECT type, count(*), sum(points) FROM crm_points_transaction WHERE created_at < %(until)s GROUP BY type"
_BY_LOT = """
SELECT sum(used.points) FILTER (WHERE entry.type = 'expire'), sum(used.points)
FROM crm_lot_consumption used JOIN crm_points_transaction entry ON entry.id = used.transaction_id
WHERE entry.created_at < %(until)s
"""


def measure(bench: Bench) -> None:
    with scratch_database("bench_liability") as connection:
        entries = points_tables.fill(connection, bench.size(50_000, 200), LOTS_EACH)
        parts(bench, connection, entries)


def parts(bench: Bench, connection: Any, entries: int) -> None:
    from django.utils import timezone

    from saleor_crm_plugin.loyalty import liability

    now = timezone.now()
    month, year = now - timedelta(days=30), now - timedelta(days=365)

    def plainly(statement: str, until: Any = now) -> Callable[[], object]:
        def read() -> None:
            with connection.cursor() as cursor:
                cursor.execute(statement, {"until": until})
                cursor.fetchall()

        return read

    for name, ours, theirs, beside in (
        ("points now", lambda: liability.position_at(now, "default"), plainly(_BALANCES), "sum by account"),
        ("points 30 days ago", lambda: liability.position_at(month, "default"), plainly(_BALANCES, month),
         "sum by account"),
        ("points a year ago", lambda: liability.position_at(year, "default"), plainly(_BALANCES, year),
         "sum by account"),
        ("movements of a month", lambda: liability.movements_between(month, now, "default"), plainly(_BY_TYPE),
         "sum by type"),
        ("breakage", lambda: liability.breakage_before(now, "default"), plainly(_BY_LOT), "sum of what was used"),
    ):  # fmt: skip
        bench.measure(name, ours, theirs, beside=beside, size=entries)
