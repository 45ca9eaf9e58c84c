"""Exchanging training data with another engine, beside COPY TO, top products by `implicit`, and COPY FROM."""

from __future__ import annotations

import importlib.util
import itertools
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks import complete_journey, exchange_files, frames, shop_tables
from tests.benchmarks.exchange_files import PERSONAL, RELATED
from tests.benchmarks.measuring import Bench
from tests.benchmarks.other_engines import store
from tests.benchmarks.scratch import scratch_database

RANK = 64

_PURCHASES = """
SELECT fact.profile_id, fact.order_id, fact.placed_at, variant.product_id, line.quantity, line.unit_price_gross_amount,
    fact.currency, fact.channel_id
FROM crm_profile_order fact
JOIN order_orderline line ON line.order_id = fact.order_id
JOIN product_productvariant variant ON variant.id = line.variant_id
WHERE fact.counts AND line.quantity > 0 AND NOT line.is_gift
"""
_PRODUCTS = "SELECT id, name, product_type_id, category_id FROM product_product"


def measure(bench: Bench) -> None:
    if importlib.util.find_spec("pyarrow") is None:
        print("Nothing is exported without pyarrow: pip install pyarrow")
        return
    # An eighth of Complete Journey's households: lists of products are most of it, of whom soon all are bought.
    purchases = complete_journey.read(bench.size(300, 12))
    with scratch_database("bench_export") as connection, tempfile.TemporaryDirectory() as folder:
        shop_tables.fill(connection, purchases)
        exported = Path(folder) / "exported"
        exporting(bench, connection, Path(folder), len(purchases.days))
        exporting_once(exported)
        factors(bench, connection, exported, Path(folder) / "factors")
        lists(bench, connection, exported, Path(folder) / "lists")


def exporting(bench: Bench, connection: Any, folder: Path, lines: int) -> None:
    numbers = itertools.count()

    def copy_to() -> None:
        for name, query in (("purchases", _PURCHASES), ("products", _PRODUCTS)):
            statement = f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)"
            with (
                (folder / f"{name}.csv").open("wb") as file,
                connection.cursor() as cursor,
                cursor.copy(statement) as copy,
            ):
                file.writelines(copy)

    bench.measure(
        "export purchases and products",
        lambda: exporting_once(folder / f"export-{next(numbers)}"),
        copy_to,
        beside="COPY TO, as CSV",
        size=lines,
    )


def exporting_once(directory: Path) -> None:
    from saleor_crm_plugin.ingestion.export_training import export_now

    export_now(directory)


def factors(bench: Bench, connection: Any, exported: Path, target: Path) -> None:
    from saleor_crm_plugin.ingestion.import_training import import_now

    exchange_files.write_factors(exported, target, RANK)

    def best_by_implicit() -> None:
        import numpy as np
        import pyarrow.parquet as pq
        from implicit.cpu.topk import topk

        read = {name: pq.read_table(target / f"{name}_factors.parquet") for name in ("customer", "product")}
        ids = {name: table.column("id").to_numpy() for name, table in read.items()}
        vectors = {
            name: table.column("features").combine_chunks().flatten().to_numpy().reshape(-1, RANK).astype(np.float32)
            for name, table in read.items()
        }
        for name, most in (("customer", PERSONAL), ("product", RELATED)):
            positions, scores = topk(vectors["product"], vectors[name], most)
            store(connection, f"other_{name}", ids[name], ids["product"][positions], scores)

    bench.measure(
        f"import factors, rank {RANK}",
        lambda: import_now(target, force=True),
        **frames.by("implicit", best_by_implicit, "implicit topk, COPY"),
        note="ours leaves out what is not sold and judges itself",
    )


def lists(bench: Bench, connection: Any, exported: Path, target: Path) -> None:
    from saleor_crm_plugin.ingestion.import_training import import_now

    exchange_files.write_lists(exported, target)

    def copy_from() -> None:
        import polars as pl

        for name, columns in (
            ("personal", "customer bigint, product int, score float8, rank int"),
            ("product_neighbours", "product int, related int, score float8, confidence float8"),
        ):
            frames.write(connection, columns, pl.read_parquet(target / f"{name}.parquet"))

    bench.measure(
        f"import lists of {PERSONAL} and of {RELATED}",
        lambda: import_now(target, force=True),
        **frames.by("polars", copy_from, "polars, COPY of rows"),
    )
