"""A gradient-boosted ranker: puts candidates in order by what came of such candidates before.

Trees boosted on the pairwise gain in nDCG (Burges, "From RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82, sections
4 to 7), by XGBoost (Chen and Guestrin, KDD 2016). The library is the package `xgboost-cpu`, which brings its own OpenMP
and needs numpy and scipy; where a platform has no wheel of it, `available` is False and lists are in the order of the
simple models.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

# Trees, their depth and the share of features that each may use. Complete Journey, November: nDCG@10 .2248 at depth 4,
# .2235 at 5; .2218 with 60 trees of depth 5 and .2243 with 200 of half the rate, in twice the time.
ROUNDS: Final = 100
_TRAINING: Final = {
    "objective": "rank:ndcg",
    "lambdarank_num_pair_per_sample": 10,
    "tree_method": "hist",
    "max_depth": 4,
    "eta": 0.1,
    "min_child_weight": 2,
    "colsample_bytree": 0.5,
    # Histograms of 64 bins: as good as 256, and half the memory and time.
    "max_bin": 64,
    "seed": 0,
}
# Rows scored at a time: what the library copies of them is then below 200 MB.
SCORED_ROWS: Final = 1_000_000


@cache
def available() -> bool:
    """Whether the library is installed and loads."""
    if find_spec("xgboost") is None:
        return False
    try:
        import xgboost  # noqa: F401
    except (ImportError, OSError):
        return False
    return True


class Ranker:
    """A trained ranker. Higher scores stand first; they compare within one customer."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster

    @classmethod
    def fit(
        cls, features: npt.NDArray[np.float32], wanted: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64]
    ) -> Self:
        """Learn from candidates whose outcome is known.

        Args:
            features: (n, F), a customer's candidates of one moment next to each other.
            wanted: (n,) what was bought then.
            groups: (n,) the number of each such list, rising.
        """
        import xgboost

        table = xgboost.QuantileDMatrix(features, wanted.astype(np.float32), qid=groups, max_bin=_TRAINING["max_bin"])
        parameters = {**_TRAINING, "nthread": _threads()}
        return cls(xgboost.train(parameters, table, ROUNDS))

    def scores(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """(n,) scores of n candidates."""
        parts = [
            self._booster.inplace_predict(features[first : first + SCORED_ROWS], predict_type="margin")
            for first in range(0, len(features), SCORED_ROWS)
        ]
        return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)

    def to_bytes(self) -> bytes:
        """In the library's own documented format (universal binary JSON), which it reads in every later version."""
        return bytes(self._booster.save_raw(raw_format="ubj"))

    @classmethod
    def from_bytes(cls, saved: bytes) -> Self:
        """Raises ValueError for anything that `to_bytes` did not write."""
        import xgboost

        booster = xgboost.Booster({"nthread": _threads()})
        try:
            booster.load_model(bytearray(saved))
        except xgboost.core.XGBoostError as error:
            raise ValueError("This is not a saved ranker.") from error
        return cls(booster)


def _threads() -> int:
    """The processors that this process may use: in a container often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
