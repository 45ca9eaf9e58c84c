"""What the methods have in common: the shape of what they give, and a few matrices."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory

Ints = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]

# (k,) customer positions -> (k, P) scores.
CustomerScores = Callable[[Ints], Scores]
# (k, P) baskets as ones, and (k,) positions of their customers, -1 where nobody is known -> (k, P) scores.
BasketScores = Callable[[sparse.csr_array, Ints], Scores]


_Fit = TypeVar("_Fit", bound=Callable[..., Any])


def remembered(fit: _Fit) -> _Fit:
    """Keeps the last result: while other parameters are tried, the expensive part stays the same."""
    last: list[Any] = [None, None, None]

    @wraps(fit)
    def once(history: PurchaseHistory, *given: Any) -> Any:
        if last[0] is not history or last[1] != given:
            last[:] = None, None, None
            last[:] = history, given, fit(history, *given)
        return last[2]

    return once  # type: ignore[return-value]


class NotInstalled(Exception):
    """The library that a method comes from is missing."""


def counts(history: PurchaseHistory, weights: npt.NDArray[np.floating] | None = None) -> sparse.csr_array:
    """(U, P) in how many baskets each customer bought each product, or the sum of the lines' weights."""
    data = np.ones(len(history), np.float32) if weights is None else weights.astype(np.float32)
    shape = (len(history.customer_ids), len(history.product_ids))
    matrix = sparse.csr_array((data, (history.customers, history.products)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def decayed(history: PurchaseHistory, half_life_days: float) -> sparse.csr_array:
    """(U, P) the same, each basket counting half after the half-life."""
    return counts(history, np.exp2(-history.ages.astype(np.float64) / half_life_days))


def lately(history: PurchaseHistory, days: float) -> Scores:
    """(P,) lines of the last days."""
    chosen = history.products[history.ages < days]
    return np.bincount(chosen, minlength=len(history.product_ids)).astype(np.float32)


def dense(rows: sparse.csr_array) -> Scores:
    return np.asarray(rows.toarray(), dtype=np.float32)
