"""From factors to lists: products of matrices in blocks, so that memory does not grow with the shop.

Customers' lists hold what was bought before and what was not, in the order of the engine's scores, which are kept as
shares of the best one. Something new is explained by the product bought before that is nearest to it, by the cosine of
their factors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.exchange.factors import Factors
from saleor_crm_plugin.recommendations.exchange.tables import Floats, Ints
from saleor_crm_plugin.recommendations.learning.candidates import Why
from saleor_crm_plugin.recommendations.learning.history import NO_CATEGORY
from saleor_crm_plugin.recommendations.learning.stored import PersonalList, RelatedList

# Scores computed at a time, 4 bytes each. 400 customers and 68,000 products of 64 numbers take .79 s of CPU with a
# million, .42 s with 8 and .47 s with 32.
BLOCK_SCORES = 8_000_000
# A cosine of nothing in common, after sums of 32 bits.
_ROUNDING = 1e-6
# A share of the best that is next to nothing.
_LEAST = 1e-3
# As the reason for a product: there is none.
NO_PRODUCT = 0


@dataclass(frozen=True, slots=True)
class Bought:
    """What some customers have bought: parallel arrays, one entry for each customer and product.

    Attributes:
        customers, products: ids.
        baskets: how many held the product.
    """

    customers: Ints
    products: Ints
    baskets: Ints


def similar_products(factors: Factors, categories: Ints, limit: int) -> Iterator[RelatedList]:
    """For each product that has any: those of its category with the nearest factors, as our own learner does it.

    Args:
        categories: (P,) of `factors.product_ids`; `NO_CATEGORY` where there is none.
    """
    order = np.argsort(categories, kind="stable")
    bounds = np.append(np.flatnonzero(np.diff(categories[order], prepend=NO_CATEGORY - 1)), len(order))
    for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        members = order[first:last]
        if categories[members[0]] == NO_CATEGORY:
            continue
        ids = factors.product_ids[members]
        directions = factors.products[members] / _lengths(factors.products[members])[:, None]
        step = max(1, BLOCK_SCORES // len(members))
        for start in range(0, len(members), step):
            cosines = directions[start : start + step] @ directions.T
            for place, row in enumerate(cosines, start):
                row[place] = -np.inf
                best = _best(row, limit)
                best = best[row[best] > _ROUNDING]
                if len(best):
                    # What share of the baskets hold both, factors do not know.
                    yield RelatedList(int(ids[place]), ids[best].tolist(), row[best].tolist(), [0.0] * len(best))


class Scorer:
    """Customers' lists from factors.

    Args:
        bought_limit, new_limit: products kept of either sort.
    """

    def __init__(self, factors: Factors, bought_limit: int, new_limit: int) -> None:
        self._factors = factors
        self._lengths = _lengths(factors.products)
        self._bought_limit = bought_limit
        self._new_limit = new_limit

    def lists(self, ids: Ints, vectors: Floats, bought: Bought) -> Iterator[PersonalList]:
        """The lists of some customers.

        Args:
            ids, vectors: the customers, and their factors.
            bought: what they have bought.
        """
        purchases = _by_customer(ids, self._factors, bought)
        step = max(1, BLOCK_SCORES // len(self._factors.product_ids))
        for start in range(0, len(ids), step):
            scores = vectors[start : start + step] @ self._factors.products.T
            for customer, row in zip(ids[start : start + step].tolist(), scores, strict=True):
                yield self._list_of(customer, row, *purchases.get(customer, (_NOTHING, _NOTHING)))

    def _list_of(self, customer: int, scores: Floats, products: Ints, baskets: Ints) -> PersonalList:
        own = scores[products]
        again = np.lexsort((products, -own))[: self._bought_limit]
        scores[products] = -np.inf
        new = _best(scores, min(self._new_limit, len(scores) - len(products)))
        ids = self._factors.product_ids
        positions = np.concatenate((products[again], new))
        worth = np.concatenate((own[again], scores[new]))
        kinds = np.concatenate((np.full(len(again), Why.BOUGHT_BEFORE), np.full(len(new), Why.BOUGHT_TOGETHER)))
        reasons = np.concatenate((ids[products[again]], self._nearest(new, products[again])))
        # What share of the baskets hold both, factors do not know.
        values = np.concatenate((baskets[again].astype(np.float64), np.zeros(len(new))))
        order = np.lexsort((positions, -worth))
        return PersonalList(
            customer,
            ids[positions[order]].tolist(),
            shares_of_best(worth[order]).tolist(),
            kinds[order].tolist(),
            reasons[order].tolist(),
            values[order].tolist(),
            # When it will be bought again, factors do not know.
            amounts=[],
            due_days=[],
            rhythm_days=[],
        )

    def _nearest(self, new: Ints, products: Ints) -> Ints:
        """For each new product the id of the bought one that is nearest; `NO_PRODUCT` where nothing was bought."""
        if not len(products):
            return np.full(len(new), NO_PRODUCT)
        factors = self._factors.products
        # Not a matrix product: that would wake the threads of BLAS for a moment, once for each customer.
        cosines = np.einsum("nd,bd->nb", factors[new], factors[products] / self._lengths[products][:, None])
        return self._factors.product_ids[products[np.argmax(cosines, axis=1)]]


_NOTHING = np.zeros(0, dtype=np.int64)


def _by_customer(ids: Ints, factors: Factors, bought: Bought) -> dict[int, tuple[Ints, Ints]]:
    """Customer -> positions of the products bought, of those that have factors, and their baskets."""
    positions = np.searchsorted(factors.product_ids, bought.products)
    positions[positions == len(factors.product_ids)] = 0
    known = factors.product_ids[positions] == bought.products
    customers, products, baskets = bought.customers[known], positions[known], bought.baskets[known]
    order = np.argsort(customers, kind="stable")
    customers, products, baskets = customers[order], products[order], baskets[order]
    first, last = np.searchsorted(customers, ids, "left"), np.searchsorted(customers, ids, "right")
    return {
        customer: (products[start:end], baskets[start:end])
        for customer, start, end in zip(ids.tolist(), first.tolist(), last.tolist(), strict=True)
        if end > start
    }


def shares_of_best(scores: npt.NDArray[np.floating[Any]]) -> Floats:
    """(n,) scores of a list as shares of its best one, above 0 up to 1, as our own lists have them.

    Beside a cart they are added to cosines, and an engine's may be of any size, or logarithms. Where one is not above
    0, its place says more.

    Args:
        scores: (n,) in the order of the list.
    """
    places = np.arange(1, len(scores) + 1)
    best = scores.max(initial=0)
    if best <= 0:
        return (1 / places).astype(np.float32)
    return np.maximum(np.maximum(scores, 0) / best, _LEAST / places).astype(np.float32)


def _lengths(factors: Floats) -> Floats:
    """Lengths to divide by; 1 for zeros, which stay zeros."""
    lengths = np.linalg.norm(factors, axis=1)
    return np.where(lengths == 0, np.float32(1), lengths).astype(np.float32)


def _best(scores: Floats, limit: int) -> npt.NDArray[np.int64]:
    """Positions of the largest ones, best first; of equal ones, the first."""
    if limit <= 0:
        return _NOTHING
    if limit >= len(scores):
        chosen = np.arange(len(scores))
    else:
        # All that equal the last one that has a place, of which the first ones get it.
        least = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        chosen = np.flatnonzero(scores >= least)
    return chosen[np.lexsort((chosen, -scores[chosen]))][:limit]
