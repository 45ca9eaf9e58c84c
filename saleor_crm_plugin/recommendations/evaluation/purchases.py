"""Purchases with moments in time, which can be cut into a past to learn from and what came later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.exceptions import EvaluationError
from saleor_crm_plugin.recommendations.learning.history import NO_CATEGORY, PurchaseHistory

Array = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Split(NamedTuple):
    """A past to learn from, and what came later.

    Attributes:
        past: with all products that have enough lines.
        later: everything after it, also products and customers that the past does not know.
    """

    past: PurchaseHistory
    later: Purchases


@dataclass(frozen=True, slots=True)
class Purchases:
    """(n,) lines: ids of customer, basket, product and channel, days since 1970, pieces, and the price of one.

    Ids are above 0; a basket of nobody known has a customer below 0, of its own.

    Attributes:
        categories: product id -> category id.
    """

    customers: Array
    baskets: Array
    products: Array
    channels: Array
    days: Floats
    quantities: Floats
    prices: Floats
    categories: dict[int, int]

    def __len__(self) -> int:
        return len(self.days)

    @classmethod
    def of_history(cls, history: PurchaseHistory, now: float) -> Purchases:
        """The lines of a history that ends at `now` (days since 1970)."""
        known = history.categories != NO_CATEGORY
        categories = zip(history.product_ids[known].tolist(), history.categories[known].tolist(), strict=True)
        return cls(
            customers=history.customer_ids[history.customers],
            baskets=history.baskets.astype(np.int64),
            products=history.product_ids[history.products],
            channels=history.channel_ids[history.channels],
            days=now - history.ages.astype(np.float64),
            quantities=history.quantities.astype(np.float64),
            prices=history.prices[history.products].astype(np.float64),
            categories=dict(categories),
        )

    def where(self, chosen: npt.NDArray[np.bool_]) -> Purchases:
        return replace(
            self,
            customers=self.customers[chosen],
            baskets=self.baskets[chosen],
            products=self.products[chosen],
            channels=self.channels[chosen],
            days=self.days[chosen],
            quantities=self.quantities[chosen],
            prices=self.prices[chosen],
        )

    def split(self, at: float, until: float, fewest_lines: int) -> Split:
        """The past before `at` and what came from then until `until` (both in days since 1970).

        Args:
            fewest_lines: products with fewer lines in the past are left out of it.

        Raises:
            EvaluationError: one of the two is empty.
        """
        past = self.where(self.days < at)
        later = self.where((self.days >= at) & (self.days < until))
        products, lines = np.unique(past.products, return_counts=True)
        past = past.where(np.isin(past.products, products[lines >= fewest_lines]))
        for name, part in (("before", past), ("after", later)):
            if not len(part):
                raise EvaluationError(f"There are no purchases {name} the split to evaluate on.")
        return Split(past.history(at), later)

    def history(self, now: float) -> PurchaseHistory:
        """All of it, as seen at `now` (days since 1970)."""
        return PurchaseHistory.from_lines(
            self.customers,
            self.products,
            self.baskets,
            self.channels,
            now - self.days,
            self.categories,
            quantities=self.quantities,
            prices=self.prices,
        )

    def by_category(self) -> Purchases:
        """The same purchases with the category in place of the product; lines without one are left out."""
        known, places = np.unique(self.products, return_inverse=True)
        of_product = np.asarray(
            [self.categories.get(product, NO_CATEGORY) for product in known.tolist()], dtype=np.int64
        )
        categories = of_product[places] if len(known) else self.products
        return replace(replace(self, products=categories).where(categories != NO_CATEGORY), categories={})
