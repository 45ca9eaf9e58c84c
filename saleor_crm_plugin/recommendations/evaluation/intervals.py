"""How sure a mean over customers is."""

from __future__ import annotations

from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RESAMPLES: Final = 1_000
CONFIDENCE: Final = 0.95
SEED: Final = 20_170_101
# Draws held at a time.
_BLOCK_DRAWS: Final = 4_000_000


class Estimate(NamedTuple):
    """A mean with the ends of its 95 % interval; `cases` it was taken over."""

    value: float
    low: float
    high: float
    cases: int


class PerCase(NamedTuple):
    """(n,) what each case is worth, and the (n,) customer of each where one can have several (else None)."""

    values: Floats
    owners: npt.NDArray[np.int64] | None = None

    def estimate(self) -> Estimate | None:
        return estimate(self.values, self.owners)

    def ahead_of(self, other: Self) -> Estimate | None:
        """By how much the mean is above that of another answer to the same questions; compared case by case."""
        return estimate(self.values - other.values, self.owners)


def estimate(values: Floats, owners: npt.NDArray[np.int64] | None = None) -> Estimate | None:
    """The mean, with a percentile bootstrap over customers (Efron and Tibshirani, "An introduction to the bootstrap",
    1993, chapter 13); None without values.

    Args:
        values: (n,) one for each case.
        owners: (n,) the customer of each case, where a customer can have several: customers are drawn, with all theirs.
    """
    if len(values) == 0:
        return None
    places = np.arange(len(values)) if owners is None else np.unique(owners, return_inverse=True)[1]
    sums: Floats = np.bincount(places, weights=values).astype(np.float64)
    counts: Floats = np.bincount(places).astype(np.float64)
    low, high = np.quantile(_resampled(sums, counts), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def _resampled(sums: Floats, counts: Floats) -> Floats:
    dice = np.random.default_rng(SEED)
    means = np.empty(RESAMPLES)
    step = max(1, _BLOCK_DRAWS // len(sums))
    for first in range(0, RESAMPLES, step):
        drawn = dice.integers(len(sums), size=(min(step, RESAMPLES - first), len(sums)))
        means[first : first + step] = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return means
