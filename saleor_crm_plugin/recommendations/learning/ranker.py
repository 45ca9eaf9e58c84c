"""A gradient-boosted ranker: puts candidates in order by what came of such candidates before.

Trees boosted on the pairwise gain in nDCG (Burges, "From RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82, sections
4 to 7), and on the log-loss of each candidate, by XGBoost (Chen and Guestrin, KDD 2016). The library is the package
`xgboost-cpu`, which brings its own OpenMP and needs numpy and scipy; where a platform has no wheel of it, `available`
is False and lists are in the order of the simple models.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.learning.features import NAMES

# Trees, their depth and the share of features that each may use. Complete Journey, nDCG@10 in November and December:
# pairwise .2236 and .2167, pointwise .2226 and .2176, both together .2242 and .2193; at depth 5 .2253 and .2174.
ROUNDS: Final = 100
_COMMON: Final = {
    "tree_method": "hist",
    "max_depth": 4,
    "eta": 0.1,
    "colsample_bytree": 0.5,
    # Histograms of 64 bins: as good as 256, and half the memory and time.
    "max_bin": 64,
    "seed": 0,
}
_PAIRWISE: Final = {
    **_COMMON,
    "objective": "rank:ndcg",
    "lambdarank_num_pair_per_sample": 10,
    "min_child_weight": 2,
}
_POINTWISE: Final = {**_COMMON, "objective": "binary:logistic", "min_child_weight": 10}
# Rows scored at a time: what the library copies of them is then below 200 MB.
SCORED_ROWS: Final = 1_000_000
# Raised whenever what is saved, or a feature of the same name, changes its meaning.
FORMAT_VERSION: Final = 1


# What OpenMP's threads do while one waits for another. They read it once, when the library is loaded.
_WAITING: Final = "OMP_WAIT_POLICY"


def available() -> bool:
    """Whether the library is installed and loads."""
    return _library() is not None


@cache
def _library() -> ModuleType | None:
    """XGBoost, with threads that sleep while they wait for each other, unless the operator has said otherwise.

    By default they spin, and on a machine that serves a shop meanwhile, for whoever was put off the processor. To learn
    from 190 thousand rows on 2 cores with a load of 8 took 94 s, and 35 of the processors; asleep, 23 and 9.
    """
    if find_spec("xgboost") is None:
        return None
    is_settled = _WAITING in os.environ
    os.environ.setdefault(_WAITING, "PASSIVE")
    try:
        import xgboost
    except (ImportError, OSError):
        return None
    finally:
        # Other libraries, and processes that this one starts, are not ours to tell.
        if not is_settled:
            del os.environ[_WAITING]
    return xgboost


def _loaded() -> Any:
    library = _library()
    if library is None:
        raise ImportError("The package xgboost-cpu is not installed, or does not load.")
    return library


class Ranker:
    """A trained ranker: one forest that learnt which of two candidates was bought, one that learnt how likely each was.

    Higher scores stand first; they compare within one customer.

    Args:
        boosters: the two forests. scales: the standard deviation of the scores of each where it learnt, by which they
            are divided before they are added up.
    """

    def __init__(self, boosters: Sequence[Any], scales: Sequence[float]) -> None:
        self._boosters = tuple(boosters)
        self._scales = tuple(scales)

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
        xgboost = _loaded()
        boosters, scales = [], []
        for settings in (_PAIRWISE, _POINTWISE):
            lists = groups if settings is _PAIRWISE else None
            table = xgboost.QuantileDMatrix(
                features, wanted.astype(np.float32), qid=lists, max_bin=_COMMON["max_bin"], nthread=_threads()
            )
            booster = xgboost.train({**settings, "nthread": _threads()}, table, ROUNDS)
            boosters.append(booster)
            scales.append(float(np.std(_margins(booster, features))) or 1.0)
        return cls(boosters, scales)

    def scores(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """(n,) scores of n candidates."""
        total = np.zeros(len(features))
        for booster, scale in zip(self._boosters, self._scales, strict=True):
            total += _margins(booster, features) / scale
        return total

    def to_bytes(self) -> bytes:
        """The forests in the library's own documented format (universal binary JSON), which its later versions read."""
        forests = [bytes(booster.save_raw(raw_format="ubj")) for booster in self._boosters]
        joined = b"".join(forests)
        header = {
            "format": FORMAT_VERSION,
            "features": NAMES,
            "scales": self._scales,
            "lengths": [len(forest) for forest in forests],
            # The library ends the whole process, without an exception, when it is given a damaged forest.
            "sha256": hashlib.sha256(joined).hexdigest(),
        }
        return json.dumps(header).encode() + b"\n" + joined

    @classmethod
    def from_bytes(cls, saved: bytes) -> Self:
        """Raises ValueError for anything that `to_bytes` did not write."""
        xgboost = _loaded()
        header, _, forests = saved.partition(b"\n")
        boosters = []
        try:
            described = json.loads(header)
            if described["format"] != FORMAT_VERSION or described["features"] != list(NAMES):
                raise ValueError("Another version of the plugin saved this ranker.")
            if described["sha256"] != hashlib.sha256(forests).hexdigest():
                raise ValueError("The forests are damaged.")
            scales = [float(scale) for scale in described["scales"]]
            for _, length in zip(scales, described["lengths"], strict=True):
                booster = xgboost.Booster({"nthread": _threads()})
                booster.load_model(bytearray(forests[:length]))
                boosters.append(booster)
                forests = forests[length:]
        except (xgboost.core.XGBoostError, KeyError, TypeError, ValueError) as error:
            raise ValueError("This is not a saved ranker.") from error
        return cls(boosters, scales)


def _margins(booster: Any, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    parts = [
        booster.inplace_predict(features[first : first + SCORED_ROWS], predict_type="margin")
        for first in range(0, len(features), SCORED_ROWS)
    ]
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)


def _threads() -> int:
    """The processors that this process may use: in a container often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
