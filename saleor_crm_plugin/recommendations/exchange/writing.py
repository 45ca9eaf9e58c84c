"""Purchases and products as Parquet files, in a stream.

`purchases/month=2026-01/part-0000.parquet` and so on (a layout that Spark, DuckDB and pandas read as one table with a
column `month`), and `products.parquet`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.exchange.arrow import arrow, parquet

PURCHASES: Final = "purchases"
PRODUCTS: Final = "products.parquet"

# What a purchase is written from. Customer 0: nobody. Time in microseconds since 1970, price in thousandths.
PURCHASE_TYPE: Final = np.dtype(
    [
        ("customer", np.int64),
        ("basket", np.int64),
        ("time", np.int64),
        ("product", np.int32),
        ("quantity", np.int32),
        ("price", np.int64),
        ("currency", "S3"),
        ("channel", np.int32),
    ]
)

# Rows of a row group: some 3 MB as arrays. Engines read each in one go.
ROW_GROUP_ROWS = 250_000
# Rows of a part. Engines spread parts over their workers: some 60 MB each.
PART_ROWS = 4_000_000
# Purchases held back over all months until a row group is full: 47 bytes each, 100 MB.
BUFFER_ROWS = 2_000_000

PRODUCT_BATCH = 5_000


@dataclass(slots=True)
class _Month:
    directory: Path
    held: list[npt.NDArray[Any]] = field(default_factory=list)
    rows_held: int = 0
    rows_in_part: int = 0
    parts: int = 0
    writer: Any = None


class PurchaseWriter:
    """Writes purchases by month. Memory is bounded by `BUFFER_ROWS`, whatever their number and order."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / PURCHASES
        self._schema = _purchase_schema()
        self._months: dict[int, _Month] = {}
        self._held = 0
        self._directory.mkdir()

    def write(self, purchases: npt.NDArray[Any]) -> None:
        """
        Args:
            purchases: of `PURCHASE_TYPE`.
        """
        if not len(purchases):
            return
        months = purchases["time"].astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
        order = np.argsort(months, kind="stable")
        found, starts = np.unique(months[order], return_index=True)
        bounds = np.append(starts, len(order))
        for number, first, last in zip(found.tolist(), bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            month = self._months.get(number) or self._opened(number)
            month.held.append(purchases[order[first:last]])
            month.rows_held += last - first
            self._held += last - first
            if month.rows_held >= ROW_GROUP_ROWS:
                self._flush(month)
        while self._held > BUFFER_ROWS:
            self._flush(max(self._months.values(), key=lambda month: month.rows_held))

    def close(self) -> None:
        """Write what is held back, and the ends of the files."""
        for month in self._months.values():
            if month.rows_held:
                self._flush(month)
            self._end_part(month)

    def abandon(self) -> None:
        """Let go of the files, whole or not."""
        for month in self._months.values():
            if month.writer is not None:
                # A full disk fails here once more.
                with suppress(OSError):
                    month.writer.close()

    def _opened(self, number: int) -> _Month:
        name = np.datetime64(number, "M").astype(str)
        month = self._months[number] = _Month(self._directory / f"month={name}")
        month.directory.mkdir()
        return month

    def _flush(self, month: _Month) -> None:
        rows = np.concatenate(month.held)
        month.held, month.rows_held = [], 0
        self._held -= len(rows)
        for first in range(0, len(rows), ROW_GROUP_ROWS):
            part = rows[first : first + ROW_GROUP_ROWS]
            if month.writer is None:
                path = month.directory / f"part-{month.parts:04}.parquet"
                month.writer = parquet().ParquetWriter(path, self._schema, compression="zstd")
            month.writer.write_table(_purchase_table(part, self._schema), row_group_size=ROW_GROUP_ROWS)
            month.rows_in_part += len(part)
            if month.rows_in_part >= PART_ROWS:
                self._end_part(month)

    @staticmethod
    def _end_part(month: _Month) -> None:
        if month.writer is not None:
            month.writer.close()
            month.writer, month.rows_in_part, month.parts = None, 0, month.parts + 1


def write_products(directory: Path, rows: Iterable[Sequence[Any]]) -> int:
    """Write the catalogue; returns the number of products.

    Args:
        rows: product, name, product type, category or None, collections, attribute values.
    """
    pa = arrow()
    schema = _product_schema()
    written = 0
    with parquet().ParquetWriter(directory / PRODUCTS, schema, compression="zstd") as writer:
        batch: list[Sequence[Any]] = []

        def flush() -> None:
            columns = list(zip(*batch, strict=True))
            writer.write_table(
                pa.Table.from_arrays(
                    [pa.array(values, of.type) for values, of in zip(columns, schema, strict=True)], schema=schema
                )
            )

        for row in rows:
            batch.append(row)
            if len(batch) == PRODUCT_BATCH:
                flush()
                written += len(batch)
                batch = []
        if batch:
            flush()
    return written + len(batch)


def _purchase_schema() -> Any:
    pa = arrow()
    return pa.schema(
        [
            pa.field("customer", pa.int64()),
            pa.field("basket", pa.int64(), nullable=False),
            pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field("product", pa.int32(), nullable=False),
            pa.field("quantity", pa.int32(), nullable=False),
            pa.field("price", pa.decimal128(18, 3), nullable=False),
            pa.field("currency", pa.string(), nullable=False),
            pa.field("channel", pa.int32(), nullable=False),
        ]
    )


def _product_schema() -> Any:
    pa = arrow()
    ids = pa.list_(pa.field("element", pa.int32(), nullable=False))
    return pa.schema(
        [
            pa.field("product", pa.int32(), nullable=False),
            pa.field("name", pa.string(), nullable=False),
            pa.field("product_type", pa.int32(), nullable=False),
            pa.field("category", pa.int32()),
            pa.field("collections", ids, nullable=False),
            pa.field("attribute_values", ids, nullable=False),
        ]
    )


def _purchase_table(rows: npt.NDArray[Any], schema: Any) -> Any:
    pa = arrow()
    currencies, positions = np.unique(rows["currency"], return_inverse=True)
    names = pa.array([name.decode().strip() for name in currencies.tolist()], pa.string())
    columns = {
        "customer": pa.array(np.ascontiguousarray(rows["customer"]), mask=rows["customer"] == 0),
        "time": pa.array(np.ascontiguousarray(rows["time"])).cast(schema.field("time").type),
        "price": _decimals(rows["price"]),
        "currency": names.take(pa.array(positions.astype(np.int32))),
    }
    return pa.Table.from_arrays(
        [columns[of.name] if of.name in columns else pa.array(rows[of.name].copy()) for of in schema],
        schema=schema,
    )


def _decimals(thousandths: npt.NDArray[np.int64]) -> Any:
    """Whole thousandths as decimals: 128 bits each, the lower half first."""
    pa = arrow()
    halves = np.empty((len(thousandths), 2), dtype="<i8")
    halves[:, 0] = thousandths
    halves[:, 1] = thousandths >> 63
    return pa.Array.from_buffers(pa.decimal128(18, 3), len(thousandths), [None, pa.py_buffer(halves.tobytes())])
