"""Factors of a matrix factorisation: a list of numbers for each customer and product, whose product is the score.

Which is what ALS (Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008) and its
relatives learn; `id` and `features` are Spark's own names for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from saleor_crm_plugin.exceptions import ExchangeError
from saleor_crm_plugin.recommendations.exchange.known import KnownIds, Unknown
from saleor_crm_plugin.recommendations.exchange.tables import NUMBERS, WHOLE, Floats, Ints, Table

CUSTOMER_FACTORS: Final = "customer_factors.parquet"
PRODUCT_FACTORS: Final = "product_factors.parquet"
COLUMNS: Final = {"id": WHOLE, "features": NUMBERS}

LARGEST_DIMENSION = 1_024
# Bytes of the factors of all products, which are in memory, twice while they are sorted: half a million products of 256
# numbers.
LARGEST_PRODUCT_FACTORS = 512 * 1024 * 1024
# The ids of all customers are in memory twice: 16 bytes each.
MOST_CUSTOMERS = 50_000_000


@dataclass(frozen=True, slots=True)
class Factors:
    """Factors that have been checked.

    Attributes:
        product_ids: (P,) sorted.
        products: (P, d) their factors.
        customers: the table of the customers' ones, d numbers each; its ids are unique.
        customer_count: customers that the shop knows.
    """

    product_ids: Ints
    products: Floats
    customers: Table
    customer_count: int
    _known: KnownIds

    def by_customer(self) -> Iterator[tuple[Ints, Floats]]:
        """The customers that the shop knows with their factors, in batches."""
        for _, values in self.customers.batches():
            known = self._known.has(values["id"])
            yield values["id"][known], values["features"][known]


def open_factors(directory: Path, rows: dict[str, int], customers: KnownIds, products: KnownIds) -> Factors | None:
    """The factors in a directory, all of them checked; None where there are none.

    Args:
        rows: name -> number of rows, for what the directory holds.

    Raises:
        ExchangeError: they cannot be used.
    """
    names = {CUSTOMER_FACTORS, PRODUCT_FACTORS}
    if not names & rows.keys():
        return None
    if missing := names - rows.keys():
        raise ExchangeError(f"Factors come in pairs: {missing.pop()} is missing in `rows`.", directory)
    if rows[CUSTOMER_FACTORS] > MOST_CUSTOMERS:
        raise ExchangeError(f"It has more than {MOST_CUSTOMERS:,} rows.", directory / CUSTOMER_FACTORS)
    product_ids, product_factors = _products(
        Table(directory / PRODUCT_FACTORS, COLUMNS, rows[PRODUCT_FACTORS]), products
    )
    table = Table(directory / CUSTOMER_FACTORS, COLUMNS, rows[CUSTOMER_FACTORS])
    count = _checked_customers(table, customers, product_factors.shape[1])
    return Factors(product_ids, product_factors, table, count, customers)


def _products(table: Table, known: KnownIds) -> tuple[Ints, Floats]:
    unknown = Unknown(known, "id")
    ids = np.empty(table.rows, dtype=np.int64)
    factors: Floats | None = None
    filled = 0
    for place, values in table.batches():
        if factors is None:
            dimension = values["features"].shape[1]
            if dimension > LARGEST_DIMENSION:
                raise place.error(f"The list has {dimension} numbers, of at most {LARGEST_DIMENSION}.", 0, "features")
            if table.rows * dimension * 4 > LARGEST_PRODUCT_FACTORS:
                raise place.error(
                    f"{table.rows:,} products of {dimension} numbers are more than {LARGEST_PRODUCT_FACTORS:,} bytes."
                )
            factors = np.empty((table.rows, dimension), dtype=np.float32)
        kept = unknown.kept(values["id"], place)
        until = filled + int(kept.sum())
        ids[filled:until], factors[filled:until] = values["id"][kept], values["features"][kept]
        filled = until
    unknown.judge()
    assert factors is not None  # The manifest lets no table without rows through.
    order = np.argsort(ids[:filled], kind="stable")
    ids, factors = ids[:filled][order], factors[:filled][order]
    _require_unique(ids, table)
    return ids, factors


def _checked_customers(table: Table, known: KnownIds, dimension: int) -> int:
    unknown = Unknown(known, "id")
    ids = np.empty(table.rows, dtype=np.int64)
    filled = 0
    for place, values in table.batches():
        found = values["features"].shape[1]
        if found != dimension:
            raise place.error(f"The list has {found} numbers, and those of products have {dimension}.", 0, "features")
        unknown.kept(values["id"], place)
        ids[filled : filled + len(values["id"])] = values["id"]
        filled += len(values["id"])
    unknown.judge()
    ids.sort()
    _require_unique(ids, table)
    return table.rows - unknown.unknown


def _require_unique(ids: Ints, table: Table) -> None:
    """
    Args:
        ids: sorted.
    """
    repeated = np.flatnonzero(ids[1:] == ids[:-1])
    if not len(repeated):
        return
    wanted = ids[repeated[0]]
    seen = False
    # Found again only where there is something to complain about.
    for place, values in table.batches():
        for row in np.flatnonzero(values["id"] == wanted).tolist():
            if seen:
                raise place.error(f"The id {wanted} stands there for the second time.", row, "id")
            seen = True
    raise ExchangeError("The file has changed while it was read.", table.path)
