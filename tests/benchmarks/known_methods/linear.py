"""EASE on the most sold products.

Steck, "Embarrassingly shallow autoencoders for sparse data" (WWW 2019), section 3.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.ease import Ease, fit_ease
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from tests.benchmarks.known_methods.scoring import (
    BasketScores,
    CustomerScores,
    Ints,
    Scores,
    counts,
    lately,
    remembered,
)

PRODUCTS = 6_000


@remembered
def _fitted(history: PurchaseHistory, baskets: bool, regularization: float) -> Ease:
    return fit_ease(history.by_basket() if baskets else history.by_customer(), regularization, PRODUCTS)


def ease(
    history: PurchaseHistory, regularization: float = 500, frequencies: bool = False, popularity_power: float = 0
) -> CustomerScores:
    """On customers.

    Args:
        frequencies: what a customer bought in several baskets counts so many times when scored.
        popularity_power: scores count times the logarithm of the last 28 days' sales to this power.
    """
    ones = history.by_customer()
    model = _fitted(history, False, regularization)
    weights = counts(history) if frequencies else ones
    popular = np.log1p(lately(history, 28))[model.products] ** np.float32(popularity_power)

    def scores(customers: Ints) -> Scores:
        found = np.zeros((len(customers), ones.shape[1]), dtype=np.float32)
        found[:, model.products] = model.scores(weights[customers]) * popular
        return found

    return scores


def basket_ease(history: PurchaseHistory, regularization: float = 200) -> BasketScores:
    """On baskets."""
    model = _fitted(history, True, regularization)

    def scores(given: sparse.csr_array, customers: Ints) -> Scores:
        found = np.zeros(given.shape, dtype=np.float32)
        found[:, model.products] = model.scores(given)
        return found

    return scores
