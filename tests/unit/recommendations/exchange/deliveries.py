"""Results of an engine elsewhere, as files."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FACTORS = pa.schema([("id", pa.int64()), ("features", pa.list_(pa.float32()))])
NEIGHBOURS = pa.schema(
    [("product", pa.int32()), ("related", pa.int32()), ("score", pa.float64()), ("confidence", pa.float64())]
)
PERSONAL = pa.schema([("customer", pa.int64()), ("product", pa.int32()), ("score", pa.float64()), ("rank", pa.int32())])

SCHEMAS = {
    "customer_factors.parquet": FACTORS,
    "product_factors.parquet": FACTORS,
    "product_neighbours.parquet": NEIGHBOURS,
    "personal.parquet": PERSONAL,
}


def table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(values, of.type) for values, of in zip(columns, schema, strict=True)], schema=schema
    )


def deliver(directory: Path, tables: Mapping[str, list[tuple[Any, ...]]], **changes: Any) -> Path:
    """Write the rows of these tables by the schema of their name, and the manifest.

    Args:
        changes: entries of the manifest that differ; None: left out.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        pq.write_table(table(rows, SCHEMAS[name]), directory / name)
    return manifest(directory, {name: len(rows) for name, rows in tables.items()}, **changes)


def manifest(directory: Path, rows: Mapping[str, int], /, **changes: Any) -> Path:
    content = {
        "format": "saleor-crm-plugin/recommendations",
        "version": 1,
        "engine": "a test",
        "learnt_until": (datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)).isoformat(),
        "rows": dict(rows),
        **changes,
    }
    (directory / "manifest.json").write_text(
        json.dumps({name: value for name, value in content.items() if value is not None})
    )
    return directory
