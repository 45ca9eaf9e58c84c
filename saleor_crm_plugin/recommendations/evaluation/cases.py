"""What was bought later, as questions that a list of recommendations answers well or badly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.ranking import row_starts

Array = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cases:
    """For each of some customers, the products that would have been right.

    Attributes:
        keys: (k,) customer position x P + product position, sorted, without repeats.
        customers: (c,) positions of the customers asked about, sorted.
        sizes: (c,) how many products would have been right.
        products_count: P.
    """

    keys: Array
    customers: Array
    sizes: Array
    products_count: int

    @classmethod
    def of_keys(cls, keys: Array, products_count: int) -> Cases:
        known = np.unique(keys)
        customers, sizes = np.unique(known // products_count, return_counts=True)
        return cls(known, customers, sizes, products_count)

    def of_customers(self, chosen: Array) -> Cases:
        """The cases of these customers only."""
        kept = np.isin(self.customers, chosen)
        keys = self.keys[np.isin(self.keys // self.products_count, chosen)]
        return Cases(keys, self.customers[kept], self.sizes[kept], self.products_count)


def keys_of(history: PurchaseHistory) -> Array:
    """(n,) customer position x P + product position of each line."""
    return history.customers.astype(np.int64) * len(history.product_ids) + history.products


def next_baskets(history: PurchaseHistory, days: float, horizon_days: float) -> Cases:
    """The first basket of each customer within `horizon_days` from `days` days before the end of the history."""
    return first_baskets(history.since(days, days - horizon_days))


def first_baskets(later: PurchaseHistory) -> Cases:
    """The first basket of each customer."""
    order = np.lexsort((later.baskets, -later.ages, later.customers))
    customers = later.customers[order]
    starts = row_starts(customers)
    first = np.full(len(later.customer_ids), -1, dtype=np.int64)
    first[customers[starts]] = later.baskets[order][starts]
    return Cases.of_keys(keys_of(later)[first[later.customers] == later.baskets], len(later.product_ids))


def first_purchases(history: PurchaseHistory, days: float, horizon_days: float) -> Cases:
    """What each customer with a past bought within the horizon and never before."""
    past = history.before(days)
    new = np.setdiff1d(keys_of(history.since(days, days - horizon_days)), keys_of(past))
    known = np.isin(new // len(history.product_ids), np.unique(past.customers))
    return Cases.of_keys(new[known], len(history.product_ids))
