"""How long exchanging training data with another engine takes, and how much memory.

    python -m tests.benchmarks.bench_export                  # Complete Journey in the stand-in shop's PostgreSQL
    python -m tests.benchmarks.bench_export --copies 4       # every household four times: is it linear?
    python -m tests.benchmarks.bench_export --split 20       # each household as 20 customers: many small lists
    python -m tests.benchmarks.bench_export --rank 128       # numbers in each list of factors (default: 64)

Each stage runs in a process of its own, so that its peak memory is its own. PostgreSQL's is not counted. The factors
are random: what they say costs the same as what ALS says.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.benchmarks import complete_journey
from tests.benchmarks.bench_training import copied, report
from tests.benchmarks.scratch import scratch_database, set_up_django, timed

_DATABASE = "bench_export"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--households", type=int, help="the first N households only (default: all 2,469)")
    parser.add_argument("--copies", type=int, default=1, help="each household so many times (default: 1)")
    parser.add_argument("--split", type=int, default=1, help="each household as so many customers (default: 1)")
    parser.add_argument("--rank", type=int, default=64, help="numbers in each list of factors (default: 64)")
    parser.add_argument("--block", type=int, help="scores computed at a time (default: the constant)")
    arguments = parser.parse_args()
    purchases = copied(complete_journey.read(arguments.households), arguments.copies)
    purchases = replace(
        purchases, customers=purchases.customers * arguments.split + purchases.baskets % arguments.split
    )
    print(f"{len(purchases.days):,} lines, {len(np.unique(purchases.customers)):,} customers, {os.cpu_count()} CPUs")
    print(f"{'stage':<28}{'seconds':>9}{'peak MB':>9}  what")
    with scratch_database(_DATABASE) as connection, tempfile.TemporaryDirectory() as folder:
        from tests.benchmarks import shop_tables

        shop_tables.fill(connection, purchases)
        connection.close()
        directory = Path(folder)
        stages: list[tuple[Callable[..., None], tuple[object, ...]]] = [
            (export, (directory / "export",)),
            (write_factors, (directory, arguments.rank)),
            (import_factors, (directory / "factors", arguments.block)),
            (write_lists, (directory,)),
            (import_lists, (directory / "lists",)),
        ]
        for stage, given in stages:
            process = multiprocessing.get_context("spawn").Process(target=stage, args=given)
            process.start()
            process.join()
            if process.exitcode:
                return process.exitcode
    return 0


def export(directory: Path) -> None:
    set_up_django(_DATABASE)
    from saleor_crm_plugin.ingestion.export_training import export_now
    from saleor_crm_plugin.recommendations.exchange.arrow import parquet

    parquet()
    report("start", 0.0, "Django, numpy, pyarrow")
    with timed() as seconds:
        done = export_now(directory)
    report("export", seconds(), f"{done.lines:,} lines, {done.files} files, {done.size_bytes / 1e6:.1f} MB")


def write_factors(directory: Path, rank: int) -> None:
    """For every customer and product of the export."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    random = np.random.default_rng(1)
    target = directory / "factors"
    target.mkdir()
    table = pq.read_table(directory / "export" / "purchases", columns=["customer", "product"])
    rows = {}
    for name, column in (("customer_factors.parquet", "customer"), ("product_factors.parquet", "product")):
        ids = pc.unique(table.column(column)).cast(pa.int64())
        numbers = random.standard_normal(len(ids) * rank, dtype=np.float32) / np.float32(rank)
        lists = pa.ListArray.from_arrays(np.arange(0, len(numbers) + 1, rank, dtype=np.int32), pa.array(numbers))
        pq.write_table(pa.table({"id": ids, "features": lists}), target / name, row_group_size=50_000)
        rows[name] = len(ids)
    _manifest(directory, target, f"random numbers, rank {rank}", rows)


def write_lists(directory: Path) -> None:
    """150 products for each customer, and 50 neighbours of each product."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(1)
    target = directory / "lists"
    target.mkdir()
    table = pq.read_table(directory / "export" / "purchases", columns=["customer", "product"])
    customers, products = (np.unique(table.column(name).to_numpy()) for name in ("customer", "product"))

    def some(count: int, size: int) -> np.ndarray:
        first = random.integers(0, len(products), (count, 1))
        return products[(first + np.arange(1, size + 1)) % len(products)]

    def scores(count: int) -> np.ndarray:
        return random.random(count)

    personal = pa.table(
        {
            "customer": np.repeat(customers, 150),
            "product": some(len(customers), 150).ravel(),
            "score": scores(len(customers) * 150),
            "rank": np.tile(np.arange(1, 151), len(customers)),
        }
    )
    related = products[(np.arange(len(products))[:, None] + np.arange(1, 51)) % len(products)]
    neighbours = pa.table(
        {
            "product": np.repeat(products, 50),
            "related": related.ravel(),
            "score": scores(related.size),
            "confidence": scores(related.size),
        }
    )
    rows = {}
    for name, content in (("personal.parquet", personal), ("product_neighbours.parquet", neighbours)):
        pq.write_table(content, target / name, row_group_size=500_000)
        rows[name] = content.num_rows
    _manifest(directory, target, "random lists", rows)


def _manifest(directory: Path, target: Path, engine: str, rows: dict[str, int]) -> None:
    exported = json.loads((directory / "export" / "manifest.json").read_text())
    content = {
        "format": "saleor-crm-plugin/recommendations",
        "version": 1,
        "engine": engine,
        "export": exported["id"],
        "learnt_until": exported["until"],
        "rows": rows,
    }
    (target / "manifest.json").write_text(json.dumps(content))


def import_factors(directory: Path, block: int | None) -> None:
    _import(directory, "import factors", block)


def import_lists(directory: Path) -> None:
    _import(directory, "import lists", None)


def _import(directory: Path, what: str, block: int | None) -> None:
    set_up_django(_DATABASE)
    import time

    from django.db import connection

    from saleor_crm_plugin.ingestion.import_training import import_now
    from saleor_crm_plugin.recommendations.exchange import scoring
    from saleor_crm_plugin.recommendations.exchange.arrow import parquet

    parquet()
    scoring.BLOCK_SCORES = block or scoring.BLOCK_SCORES
    stages: list[tuple[str, float]] = []

    def progress(stage: str, done: int, total: int | None) -> None:
        if not stages or stages[-1][0] != stage:
            stages.append((stage, time.perf_counter()))

    with timed() as seconds:
        model = import_now(directory, progress=progress)
    ended = time.perf_counter()
    for (stage, began), end in zip(stages, [when for _, when in stages[1:]] + [ended], strict=True):
        report(f"  {stage}", end - began, "")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM crm_personal_recommendations WHERE model_id = %(id)s),"
            " (SELECT count(*) FROM crm_product_affinity WHERE model_id = %(id)s)",
            {"id": model.pk},
        )
        customers, products = cursor.fetchone()
    report(what, seconds(), f"{customers:,} lists of customers, {products:,} of products; {directory_size(directory)}")


def directory_size(directory: Path) -> str:
    return f"{sum(path.stat().st_size for path in directory.iterdir()) / 1e6:.0f} MB"


if __name__ == "__main__":
    sys.exit(main())
