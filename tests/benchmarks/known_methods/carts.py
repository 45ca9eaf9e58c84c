"""A cart and its owner: what the owner buys anyway, alone or added to what goes with the cart."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from tests.benchmarks.known_methods.items import basket_cosine
from tests.benchmarks.known_methods.linear import basket_ease
from tests.benchmarks.known_methods.scoring import BasketScores, Ints, Scores, decayed, dense


def own_history(history: PurchaseHistory, half_life_days: float = 90) -> BasketScores:
    """The owner's frequency with decay; nothing where nobody is known."""
    matrix = decayed(history, half_life_days)

    def scores(given: sparse.csr_array, customers: Ints) -> Scores:
        found = np.zeros(given.shape, dtype=np.float32)
        known = customers >= 0
        found[known] = dense(matrix[customers[known]])
        return found

    return scores


def ease_and_own(
    history: PurchaseHistory, regularization: float = 200, half_life_days: float = 90, own: float = 0.1
) -> BasketScores:
    """EASE on baskets plus `own` times the owner's history."""
    return _added(basket_ease(history, regularization), own_history(history, half_life_days), own)


def cosine_and_own(
    history: PurchaseHistory, support: int = 3, half_life_days: float = 90, own: float = 0.1
) -> BasketScores:
    """Co-purchase cosine plus `own` times the owner's history."""
    return _added(basket_cosine(history, support), own_history(history, half_life_days), own)


def _added(first: BasketScores, second: BasketScores, weight: float) -> BasketScores:
    return lambda given, customers: first(given, customers) + np.float32(weight) * second(given, customers)
