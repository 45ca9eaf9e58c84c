"""Products that share customers or baskets: cosine, raw counts, lift, Jaccard."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from tests.benchmarks.known_methods.scoring import BasketScores, CustomerScores, Ints, Scores, counts, dense, remembered


def item_cosine(history: PurchaseHistory, frequencies: bool = False) -> CustomerScores:
    """Cosine of two products over customers, added up over what a customer bought: Sarwar, Karypis, Konstan and Riedl,
    "Item-based collaborative filtering recommendation algorithms" (WWW 2001), sections 3.1.1 and 3.2.1.

    Without the (P, P) matrix: the customer's products times products by customers times customers by products. A
    product does not speak for itself.

    Args:
        frequencies: what was bought in several baskets counts so many times.
    """
    ones = history.by_customer()
    norms = np.sqrt(np.maximum(np.asarray(ones.sum(axis=0)).ravel(), 1)).astype(np.float32)
    unit = sparse.csr_array(ones.multiply(1 / norms[None, :]))
    weights = counts(history) if frequencies else ones

    def scores(customers: Ints) -> Scores:
        given = weights[customers]
        return np.asarray(dense(given @ unit.T) @ unit, dtype=np.float32) - dense(given)

    return scores


@remembered
def _pairs(history: PurchaseHistory) -> sparse.coo_array:
    baskets = history.by_basket()
    return sparse.coo_array(baskets.T @ baskets)


def together(history: PurchaseHistory, measure: str, support: int) -> sparse.csr_array:
    """(P, P) how well two products go together, over baskets; pairs in fewer than `support` baskets are left out.

    `count`: common baskets. `lift`: as a multiple of what chance would have (Brin, Motwani, Ullman and Tsur, SIGMOD
    1997, section 3). `jaccard`: common baskets by baskets with either. `cosine`: see `item_cosine`.
    """
    pairs = _pairs(history)
    sold = np.maximum(pairs.tocsr().diagonal(), 1).astype(np.float32)
    kept = (pairs.row != pairs.col) & (pairs.data >= support)
    row, column, common = pairs.row[kept], pairs.col[kept], pairs.data[kept].astype(np.float32)
    if measure == "lift":
        common = common * history.baskets_count / (sold[row] * sold[column])
    elif measure == "jaccard":
        common = common / (sold[row] + sold[column] - common)
    elif measure == "cosine":
        common = common / np.sqrt(sold[row] * sold[column])
    return sparse.csr_array((common.astype(np.float32), (row, column)), shape=pairs.shape)


def basket_counts(history: PurchaseHistory, support: int = 1) -> BasketScores:
    return _summed(together(history, "count", support))


def basket_lift(history: PurchaseHistory, support: int = 10) -> BasketScores:
    return _summed(together(history, "lift", support))


def basket_jaccard(history: PurchaseHistory, support: int = 1) -> BasketScores:
    return _summed(together(history, "jaccard", support))


def basket_cosine(history: PurchaseHistory, support: int = 3) -> BasketScores:
    return _summed(together(history, "cosine", support))


def _summed(related: sparse.csr_array) -> BasketScores:
    """Added up over what the basket holds."""

    def scores(given: sparse.csr_array, customers: Ints) -> Scores:
        return dense(given @ related)

    return scores
