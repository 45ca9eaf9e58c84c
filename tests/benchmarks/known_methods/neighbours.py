"""Customers like this one."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from tests.benchmarks.known_methods.scoring import CustomerScores, Ints, Scores, counts, dense


def tifu_knn(
    history: PurchaseHistory,
    group: int = 3,
    within: float = 0.9,
    across: float = 0.6,
    neighbours: int = 900,
    own_share: float = 0.2,
) -> CustomerScores:
    """TIFU-KNN: Hu, He, Gao and Zhang, "Modeling personalized item frequency information for next-basket
    recommendation" (SIGIR 2020), sections 4.1 to 4.3. Defaults: theirs for Dunnhumby.

    Args:
        group: baskets in a group (m).
        within, across: decay from basket to basket in a group (r_b), from group to group (r_g).
        neighbours: nearest ones by Euclidean distance (k), whose mean is taken.
        own_share: weight of the customer's own vector (alpha).
    """
    order, total = _places_of_baskets(history)
    # As in the paper, only the first group may be short: places are counted from the newest basket.
    from_end = total - 1 - order
    groups = -(-total // group)
    of_group = np.minimum(group, total - from_end // group * group)
    weights = within ** (from_end % group) / of_group * across ** (from_end // group) / groups
    own = counts(history, weights)
    squares = np.asarray(own.multiply(own).sum(axis=1)).ravel()
    distances = squares[:, None] + squares[None, :] - 2 * dense(own @ own.T)
    np.fill_diagonal(distances, np.inf)
    # Who never bought is nobody's neighbour.
    distances[:, squares == 0] = np.inf
    size = len(squares)
    limit = min(neighbours, size - 1)
    nearest = np.argpartition(distances, limit - 1, axis=1)[:, :limit] if limit > 0 else np.zeros((size, 0), int)
    near = sparse.csr_array(
        (np.full(nearest.size, 1 / max(limit, 1), np.float32), (np.repeat(np.arange(size), limit), nearest.ravel())),
        shape=(size, size),
    )

    def scores(customers: Ints) -> Scores:
        return own_share * dense(own[customers]) + (1 - own_share) * _product(dense(near[customers]), own)

    return scores


def up_cf(history: PurchaseHistory, recent: int = 100, locality: float = 10, asymmetry: float = 0.5) -> CustomerScores:
    """UP-CF@r: Faggioli, Polato and Aiolli, "Recency aware collaborative filtering for next basket recommendation"
    (UMAP 2020), sections 3.1 to 3.3.

    Args:
        recent: last baskets that a customer's frequency of a product is taken over (r).
        locality: power of the similarity (q).
        asymmetry: of the asymmetric cosine (alpha); .5 is the cosine.
    """
    order, total = _places_of_baskets(history)
    kept = order >= total - recent
    popularity = counts(history, np.where(kept, 1 / np.minimum(total, recent), 0.0))
    ones = history.by_customer()
    sizes = np.maximum(np.asarray(ones.sum(axis=1)).ravel(), 1)
    common = dense(ones @ ones.T)
    similar = (common / sizes[:, None] ** asymmetry / sizes[None, :] ** (1 - asymmetry)) ** locality

    def scores(customers: Ints) -> Scores:
        return _product(similar[customers].astype(np.float32), popularity)

    return scores


def _places_of_baskets(history: PurchaseHistory) -> tuple[Ints, Ints]:
    """(n,) of each line: the place of its basket among the customer's (0: the oldest), and how many these are."""
    baskets, first = np.unique(history.baskets, return_index=True)
    customers, ages = history.customers[first], history.ages[first]
    sequence = np.lexsort((baskets, -ages, customers))
    starts = np.searchsorted(customers[sequence], np.arange(len(history.customer_ids)))
    place = np.empty(len(baskets), dtype=np.int64)
    place[sequence] = np.arange(len(baskets)) - starts[customers[sequence]]
    totals = np.bincount(customers, minlength=len(history.customer_ids))
    of_line = np.searchsorted(baskets, history.baskets)
    return place[of_line], totals[history.customers]


def _product(left: Scores, right: sparse.csr_array) -> Scores:
    return np.asarray(left @ right, dtype=np.float32)
