"""A whole export: purchases, products, and the manifest that says what they are."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.exceptions import ExchangeError
from saleor_crm_plugin.recommendations.exchange import manifest
from saleor_crm_plugin.recommendations.exchange.arrow import parquet
from saleor_crm_plugin.recommendations.exchange.directory import replacing
from saleor_crm_plugin.recommendations.exchange.writing import PRODUCTS, PURCHASES, PurchaseWriter, write_products

CURRENCY_NOTE = (
    "`price` is the price of one piece, taxes included, after discounts, in `currency`. Prices in different currencies "
    "are not converted: compare or add them only within one currency."
)
CUSTOMER_NOTE = (
    "`customer` is the id of a customer profile. It is null in the baskets of customers who refuse profiling or "
    "recommendations, and of erased ones; those baskets carry the day only, not the time."
)


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds: the sum over all purchases. `unnamed_lines` are those without a customer."""

    lines: int
    orders: int
    customers: int
    products: int
    unnamed_lines: int
    currencies: tuple[str, ...]
    files: int
    size_bytes: int


class _Distinct:
    """How many different ids there were: one byte for each up to the largest. Ids come from a sequence, so few are
    missing."""

    def __init__(self) -> None:
        self._seen = np.zeros(1024, dtype=bool)

    def add(self, ids: npt.NDArray[Any]) -> None:
        if len(ids):
            largest = int(ids.max())
            if largest >= len(self._seen):
                self._seen = np.concatenate((self._seen, np.zeros(largest + 1, dtype=bool)))
            self._seen[ids] = True

    def count(self) -> int:
        return int(self._seen.sum())


def write_export(
    directory: Path,
    purchases: Iterable[npt.NDArray[Any]],
    products: Iterable[Sequence[Any]],
    *,
    since: datetime.datetime,
    until: datetime.datetime,
    made_by: str,
) -> Exported:
    """Write an export that takes the place of an older one, whole or not at all.

    Args:
        purchases: chunks of `writing.PURCHASE_TYPE`, read as they are written.
        products: rows as `writing.write_products` takes them; read after the purchases.
        made_by: name and version of the program.

    Raises:
        ExchangeError: pyarrow is missing, the directory cannot be used, the disk is full, or nothing was bought.
    """
    parquet()
    with replacing(directory, (PURCHASES, PRODUCTS), manifest.NAME) as writing:
        try:
            return _written(writing, purchases, products, since, until, made_by)
        except ConnectionError:
            # Of the database, and none of the disk.
            raise
        except OSError as error:
            raise ExchangeError(
                f"It cannot be written: {error.strerror or error}. Nothing has changed there.", directory
            ) from error


def _written(
    directory: Path,
    purchases: Iterable[npt.NDArray[Any]],
    products: Iterable[Sequence[Any]],
    since: datetime.datetime,
    until: datetime.datetime,
    made_by: str,
) -> Exported:
    customers, orders, bought = _Distinct(), _Distinct(), _Distinct()
    currencies: set[bytes] = set()
    lines = unnamed = 0
    writer = PurchaseWriter(directory)
    try:
        for chunk in purchases:
            writer.write(chunk)
            named = chunk["customer"] != 0
            customers.add(chunk["customer"][named])
            orders.add(chunk["basket"])
            bought.add(chunk["product"])
            currencies.update(np.unique(chunk["currency"]).tolist())
            lines += len(chunk)
            unnamed += len(chunk) - int(named.sum())
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    if not lines:
        raise ExchangeError(
            f"There are no purchases since {since.date().isoformat()} to export. If the shop has orders, run "
            "`manage.py crm_backfill` first."
        )
    catalogue = write_products(directory, products)
    files = [_described(path, directory) for path in sorted(directory.rglob("*.parquet"))]
    done = Exported(
        lines=lines,
        orders=orders.count(),
        customers=customers.count(),
        products=bought.count(),
        unnamed_lines=unnamed,
        currencies=tuple(sorted(code.decode().strip() for code in currencies)),
        files=len(files),
        size_bytes=sum(file["bytes"] for file in files),
    )
    manifest.write(
        directory,
        {
            "format": manifest.EXPORT_FORMAT,
            "version": manifest.VERSION,
            "id": str(uuid.uuid4()),
            "made_by": made_by,
            "since": since.isoformat(),
            "until": until.isoformat(),
            "counts": {
                "lines": done.lines,
                "orders": done.orders,
                "customers": done.customers,
                "products": done.products,
                "lines_without_customer": done.unnamed_lines,
                "products_in_catalogue": catalogue,
            },
            "currencies": list(done.currencies),
            "notes": {"price": CURRENCY_NOTE, "customer": CUSTOMER_NOTE},
            "files": files,
        },
    )
    return done


def _described(path: Path, directory: Path) -> dict[str, Any]:
    return {
        "path": path.relative_to(directory).as_posix(),
        "rows": parquet().ParquetFile(path).metadata.num_rows,
        "bytes": path.stat().st_size,
        "sha256": manifest.checksum(path),
    }
