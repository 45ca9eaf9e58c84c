"""BM25, ALS and BPR by the package `implicit` (an optional dependency of the benchmark)."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import numpy as np
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from tests.benchmarks.known_methods.scoring import CustomerScores, NotInstalled, counts, dense


def bm25(history: PurchaseHistory, neighbours: int = 100, k1: float = 1.2, b: float = 0.75) -> CustomerScores:
    """Neighbouring products, weighted as terms are in BM25: Robertson and Zaragoza, "The probabilistic relevance
    framework" (2009), section 3.5.
    """
    model = _implicit("nearest_neighbours").BM25Recommender(K=neighbours, K1=k1, B=b, num_threads=0)
    frequencies = _matrix(history)
    _fit(model, frequencies)
    similarity = sparse.csr_array(model.similarity.astype(np.float32))
    return lambda customers: dense(frequencies[customers] @ similarity)


def als(
    history: PurchaseHistory,
    factors: int = 64,
    regularization: float = 0.01,
    confidence: float = 1.0,
    iterations: int = 15,
) -> CustomerScores:
    """Weighted matrix factorisation: Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets"
    (ICDM 2008), section 4.
    """
    model = _implicit("als").AlternatingLeastSquares(
        factors=factors,
        regularization=regularization,
        alpha=confidence,
        iterations=iterations,
        random_state=0,
        num_threads=0,
    )
    return _factored(model, history)


def bpr(
    history: PurchaseHistory,
    factors: int = 64,
    learning_rate: float = 0.01,
    regularization: float = 0.01,
    iterations: int = 100,
) -> CustomerScores:
    """Bayesian personalised ranking: Rendle, Freudenthaler, Gantner and Schmidt-Thieme (UAI 2009), section 5."""
    model = _implicit("bpr").BayesianPersonalizedRanking(
        factors=factors,
        learning_rate=learning_rate,
        regularization=regularization,
        iterations=iterations,
        random_state=0,
        num_threads=0,
    )
    return _factored(model, history)


def _factored(model: Any, history: PurchaseHistory) -> CustomerScores:
    _fit(model, _matrix(history))
    customers, products = np.asarray(model.user_factors), np.asarray(model.item_factors)
    # Products stand above 0 by their order alone.
    return lambda asked: _above_zero(customers[asked] @ products.T)


def _fit(model: Any, matrix: Any) -> None:
    with warnings.catch_warnings():
        # It warns of a conversion that it needs by itself.
        warnings.simplefilter("ignore")
        model.fit(matrix, show_progress=False)


def _above_zero(scores: Any) -> Any:
    return (scores - scores.min(axis=1, keepdims=True) + 1e-6).astype(np.float32)


def _matrix(history: PurchaseHistory) -> Any:
    # The package asks for scipy's older class.
    return sparse.csr_matrix(counts(history))


def _implicit(module: str) -> Any:
    try:
        return import_module(f"implicit.{module}")
    except ImportError as error:
        raise NotInstalled("implicit") from error
