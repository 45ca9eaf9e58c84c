"""What sells most: the same for everybody."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from tests.benchmarks.known_methods.scoring import BasketScores, CustomerScores, Ints, Scores, lately


def bestsellers(history: PurchaseHistory, days: float = 14) -> CustomerScores:
    """Lines of the last days."""
    sold = lately(history, days)
    return lambda customers: np.repeat(sold[None, :], len(customers), axis=0)


def basket_bestsellers(history: PurchaseHistory, days: float = 14) -> BasketScores:
    score = bestsellers(history, days)

    def scores(given: sparse.csr_array, customers: Ints) -> Scores:
        return score(customers)

    return scores
