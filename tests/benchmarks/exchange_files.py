"""What another engine would deliver for an export: factors, or lists, made of random numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

PERSONAL, RELATED = 150, 50


def write_factors(exported: Path, target: Path, rank: int) -> None:
    """For every customer and product of the export."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(1)
    rows = {}
    for column, ids in _ids(exported).items():
        name = f"{column}_factors.parquet"
        numbers = random.standard_normal(len(ids) * rank, dtype=np.float32) / np.float32(rank)
        lists = pa.ListArray.from_arrays(np.arange(0, len(numbers) + 1, rank, dtype=np.int32), pa.array(numbers))
        table = pa.table({"id": pa.array(ids), "features": lists})
        target.mkdir(exist_ok=True)
        pq.write_table(table, target / name, row_group_size=50_000)
        rows[name] = len(ids)
    _manifest(exported, target, f"random numbers, rank {rank}", rows)


def write_lists(exported: Path, target: Path) -> None:
    """150 products for each customer, and 50 neighbours of each product."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(1)
    customers, products = _ids(exported).values()
    personal, related = min(PERSONAL, len(products)), min(RELATED, len(products) - 1)
    starts = random.integers(0, len(products), (len(customers), 1))
    tables: dict[str, Any] = {
        "personal.parquet": pa.table(
            {
                "customer": np.repeat(customers, personal),
                "product": products[(starts + np.arange(personal)) % len(products)].ravel(),
                "score": random.random(len(customers) * personal),
                "rank": np.tile(np.arange(1, personal + 1), len(customers)),
            }
        ),
        "product_neighbours.parquet": pa.table(
            {
                "product": np.repeat(products, related),
                "related": products[
                    (np.arange(len(products))[:, None] + np.arange(1, related + 1)) % len(products)
                ].ravel(),
                "score": random.random(len(products) * related),
                "confidence": random.random(len(products) * related),
            }
        ),
    }
    target.mkdir(exist_ok=True)
    for name, table in tables.items():
        pq.write_table(table, target / name, row_group_size=500_000)
    _manifest(exported, target, "random lists", {name: table.num_rows for name, table in tables.items()})


def _ids(exported: Path) -> dict[str, npt.NDArray[np.int64]]:
    import pyarrow.parquet as pq

    table = pq.read_table(exported / "purchases", columns=["customer", "product"])
    return {name: np.unique(table.column(name).to_numpy()).astype(np.int64) for name in ("customer", "product")}


def _manifest(exported: Path, target: Path, engine: str, rows: dict[str, int]) -> None:
    export = json.loads((exported / "manifest.json").read_text())
    content = {
        "format": "saleor-crm-plugin/recommendations",
        "version": 1,
        "engine": engine,
        "export": export["id"],
        "learnt_until": export["until"],
        "rows": rows,
    }
    (target / "manifest.json").write_text(json.dumps(content))
