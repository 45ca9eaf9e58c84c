"""How long an import of points takes.

python -m tests.benchmarks.bench_import                         # 200,000 balances of as many new guests
python -m tests.benchmarks.bench_import --rows 50000 --profile  # and which functions take the time
python -m tests.benchmarks.bench_import --known                 # of customers who have an account already
"""

from __future__ import annotations

import argparse
import cProfile
import io
import pstats
import sys
from contextlib import nullcontext

from tests.benchmarks.scratch import scratch_database, timed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000, help="default: 200,000")
    parser.add_argument("--known", action="store_true", help="import once before, under the name of another batch")
    parser.add_argument("--profile", action="store_true", help="print the functions that take longest")
    arguments = parser.parse_args()
    with scratch_database("bench_import"):
        print(f"{'stage':<16}{'seconds':>9}{'rows/s':>9}")
        if arguments.known:
            _import(arguments.rows, "before")
        profile = cProfile.Profile()
        with profile if arguments.profile else nullcontext():
            _import(arguments.rows, "bench")
        if arguments.profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    return 0


def _import(rows: int, batch: str) -> None:
    from saleor_crm_plugin.ingestion.import_points import PointsImport
    from saleor_crm_plugin.loyalty.import_format import ImportType

    lines = (f"customer{i}@example.com,{i % 5000 + 1},{2030 + i % 5}-12-31\n" for i in range(rows))
    file = io.BytesIO(("email,points,expires_at\n" + "".join(lines)).encode())
    work = PointsImport(file, ImportType.BALANCES, batch, create_guests=True)
    with timed() as seconds:
        check = work.check(lambda count: None)
    assert (check.rows, check.wrong) == (rows, 0), check.errors[:3]
    _report(f"{batch}: check", rows, seconds())
    with timed() as seconds:
        assert work.run(lambda count: None)
    _report(f"{batch}: write", rows, seconds())


def _report(stage: str, rows: int, seconds: float) -> None:
    print(f"{stage:<16}{seconds:>9.1f}{rows / seconds:>9,.0f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
