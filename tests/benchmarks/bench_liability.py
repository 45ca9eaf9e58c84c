"""How long the parts of the liability report take.

    python -m tests.benchmarks.bench_liability                              # a million entries of 50,000 accounts
    python -m tests.benchmarks.bench_liability --accounts 500 --lots 4      # a small shop
    python -m tests.benchmarks.bench_liability --explain                    # with PostgreSQL's plans

Each part is read three times; the first time PostgreSQL may still have to read from disk.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.benchmarks import points_tables
from tests.benchmarks.scratch import scratch_database, timed

RUNS = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=50_000, help="default: 50,000")
    parser.add_argument("--lots", type=int, default=4, help="of each account; about 5 entries each (default: 4)")
    parser.add_argument("--explain", action="store_true", help="print the plan of each statement as well")
    arguments = parser.parse_args()
    with scratch_database("bench_liability") as connection:
        with timed() as seconds:
            entries = points_tables.fill(connection, arguments.accounts, arguments.lots)
        lots = arguments.accounts * arguments.lots
        print(f"{entries:,} entries, {lots:,} lots, {arguments.accounts:,} accounts, filled in {seconds():.0f} s")
        _measure(connection, explain=arguments.explain)
    return 0


def _measure(connection: Any, *, explain: bool) -> None:
    from django.utils import timezone

    now = timezone.now()
    print(f"{'part':<28}{'seconds, run by run':>22}")
    for name, read in parts(now).items():
        times = []
        for _ in range(RUNS):
            with timed() as seconds:
                read()
            times.append(seconds())
        print(f"{name:<28}{'  '.join(f'{each:6.2f}' for each in times):>22}", flush=True)
        if explain:
            with connection.execute_wrapper(_explained):
                read()


def parts(now: datetime) -> dict[str, Callable[[], object]]:
    from saleor_crm_plugin.loyalty import liability

    year_ago = now - timedelta(days=365)
    return {
        "position now": lambda: liability.position_at(now, "default"),
        "position a year ago": lambda: liability.position_at(year_ago, "default"),
        "movements of a month": lambda: liability.movements_between(now - timedelta(days=30), now, "default"),
        "breakage": lambda: liability.breakage_before(now, "default"),
    }


def _explained(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
    result = execute("EXPLAIN (ANALYZE, BUFFERS) " + sql, parameters, many, context)
    plan = context["cursor"].fetchall()
    print("\n".join(line for (line,) in plan))
    execute(sql, parameters, many, context)
    return result


if __name__ == "__main__":
    sys.exit(main())
