"""Purchases as arrays, in one order whatever order they were read in."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

Ints = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

NO_CATEGORY = -1


@dataclass(frozen=True, slots=True)
class PurchaseHistory:
    """n purchases ("lines": one product in one basket) by U customers of P products in B baskets and C channels.

    Ids are sorted; `customers`, `products`, `baskets` and `channels` are positions in them. Lines are sorted by
    customer, product, and age from old to new, without repeats of a product in a basket.

    Attributes:
        customer_ids: (U,) profile ids.
        product_ids: (P,) product ids.
        channel_ids: (C,) channel ids.
        baskets_count: B.
        customers, products, baskets, channels: (n,) positions.
        ages: (n,) days between the purchase and the moment of training; negative ones were set to 0.
        quantities: (n,) pieces.
        categories: (P,) category id of each product, `NO_CATEGORY` where it has none.
        prices: (P,) mean price of a piece over all lines, in whatever currencies they were paid; 0 where not known.
    """

    customer_ids: Ints
    product_ids: Ints
    channel_ids: Ints
    baskets_count: int
    customers: Indices
    products: Indices
    baskets: Indices
    channels: Indices
    ages: npt.NDArray[np.float32]
    quantities: npt.NDArray[np.float32]
    categories: Ints
    prices: npt.NDArray[np.float32]

    @classmethod
    def from_lines(
        cls,
        customer_ids: npt.ArrayLike,
        product_ids: npt.ArrayLike,
        basket_ids: npt.ArrayLike,
        channel_ids: npt.ArrayLike,
        ages: npt.ArrayLike,
        categories: dict[int, int] | None = None,
        quantities: npt.ArrayLike | None = None,
        prices: npt.ArrayLike | None = None,
    ) -> PurchaseHistory:
        """Bring lines (parallel arrays of the same length, any order) into this form.

        Args:
            basket_ids: any integers that tell baskets apart.
            ages: in days.
            categories: product id -> category id.
            quantities: pieces; None: one each.
            prices: of one piece; None: not known.
        """
        known_customers, customers = _positions(customer_ids)
        known_products, products = _positions(product_ids)
        known_channels, channels = _positions(channel_ids)
        known_baskets, baskets = _positions(basket_ids)
        age = np.maximum(np.asarray(ages, dtype=np.float32), 0)

        pieces = np.ones(len(age), np.float32) if quantities is None else np.asarray(quantities, dtype=np.float32)
        mean_prices = _means(products, prices, len(known_products))

        order = np.lexsort((baskets, -age, products, customers))
        customers, products, baskets = customers[order], products[order], baskets[order]
        channels, age, pieces = channels[order], age[order], pieces[order]
        # The same product in the same basket stands next to itself: one customer, one moment.
        repeated = np.zeros(len(order), dtype=bool)
        repeated[1:] = (products[1:] == products[:-1]) & (baskets[1:] == baskets[:-1])
        if repeated.any():
            once = np.flatnonzero(~repeated)
            pieces = np.add.reduceat(pieces, once)
            customers, products, baskets = customers[once], products[once], baskets[once]
            channels, age = channels[once], age[once]

        of_product = categories or {}
        return cls(
            customer_ids=known_customers,
            product_ids=known_products,
            channel_ids=known_channels,
            baskets_count=len(known_baskets),
            customers=customers,
            products=products,
            baskets=baskets,
            channels=channels,
            ages=age,
            quantities=pieces,
            categories=np.fromiter(
                (of_product.get(product, NO_CATEGORY) for product in known_products.tolist()),
                dtype=np.int64,
                count=len(known_products),
            ),
            prices=mean_prices,
        )

    def before(self, days: float) -> PurchaseHistory:
        """The history as it stood `days` days before its end. Ids and positions keep their meaning."""
        return self._lines(self.ages > days, days)

    def since(self, days: float, until_days: float = 0.0) -> PurchaseHistory:
        """What was bought in the last `days` days, up to `until_days` before the end. Ages stay as they are."""
        return self._lines((self.ages <= days) & (self.ages > until_days if until_days else True), 0.0)

    def _lines(self, kept: npt.NDArray[np.bool_], younger_by: float) -> PurchaseHistory:
        return replace(
            self,
            customers=self.customers[kept],
            products=self.products[kept],
            baskets=self.baskets[kept],
            channels=self.channels[kept],
            ages=self.ages[kept] - np.float32(younger_by),
            quantities=self.quantities[kept],
        )

    def __len__(self) -> int:
        return len(self.products)

    def by_basket(self) -> sparse.csr_array:
        """(B, P) matrix of ones: which products each basket holds."""
        return _ones(self.baskets, self.products, (self.baskets_count, len(self.product_ids)))

    def by_customer(self) -> sparse.csr_array:
        """(U, P) matrix of ones: which products each customer ever bought."""
        matrix = _ones(self.customers, self.products, (len(self.customer_ids), len(self.product_ids)))
        matrix.data[:] = 1
        return matrix


def _positions(ids: npt.ArrayLike) -> tuple[Ints, Indices]:
    known, positions = np.unique(np.asarray(ids, dtype=np.int64), return_inverse=True)
    return known, positions.astype(np.int32)


def _means(products: Indices, values: npt.ArrayLike | None, size: int) -> npt.NDArray[np.float32]:
    if values is None:
        return np.zeros(size, dtype=np.float32)
    sums = np.bincount(products, weights=np.asarray(values, dtype=np.float64), minlength=size)
    return (sums / np.maximum(np.bincount(products, minlength=size), 1)).astype(np.float32)


def _ones(rows: Indices, columns: Indices, shape: tuple[int, int]) -> sparse.csr_array:
    # Counts of co-purchases are exact in float32 up to 16 million baskets.
    matrix = sparse.csr_array((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix
