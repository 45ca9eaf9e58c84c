"""What completes a basket: what goes with each product in it, added up, and what the customer usually buys.

The item cosine with the customer's own history completes the baskets of Complete Journey best among simple methods, and
`ease` with it those by product type (docs/explanation/recommendations.md): so both are weighed, by the shop's own
baskets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saleor_crm_plugin.recommendations.evaluation.metrics import TOP
from saleor_crm_plugin.recommendations.learning import dense
from saleor_crm_plugin.recommendations.learning.affinity import Affinities
from saleor_crm_plugin.recommendations.learning.ease import Ease
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.ranking import row_starts, spread
from saleor_crm_plugin.recommendations.learning.statistics import HALF_LIVES

Array = npt.NDArray[np.int64]

# What is tried. Weights of the cosine and of `ease`; of one's own purchases, in units of what they usually add up to;
# after how many days these count half, and to which power their number. Complete Journey takes 1 and 2, and by product
# type `ease` alone.
MIXTURES: Final = ((1.0, 0.0), (1.0, 1.0), (1.0, 2.0), (1.0, 4.0), (1.0, 10.0), (0.0, 1.0))
OWN_WEIGHTS: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
OWN_UNITS: Final = (0.1, 0.05)
OWN_POWERS: Final = (0.5, 0.7, 1.0)
REGULARIZATIONS: Final = (50.0, 200.0, 500.0)
# Baskets that the weights are tried on: the hit rate is then known to a hundredth.
BASKETS_LIMIT: Final = 3_000


@dataclass(frozen=True, slots=True)
class HiddenItems:
    """Baskets with one product hidden.

    Attributes:
        customers: (b,) positions. hidden: (b,) product positions.
        given: (b, P) matrix of ones, the rest of each basket.
    """

    customers: Array
    hidden: Array
    given: sparse.csr_array

    @classmethod
    def of(cls, later: PurchaseHistory, known: npt.NDArray[np.bool_], limit: int | None = BASKETS_LIMIT) -> Self:
        """One product hidden in each basket of at least two known ones; the same one each time.

        Args:
            known: (P,) which products can be recommended at all.
            limit: at most so many baskets, spread over all; None: all.
        """
        of_known = np.flatnonzero(known[later.products])
        baskets, products = later.baskets[of_known], later.products[of_known].astype(np.int64)
        customers = later.customers[of_known].astype(np.int64)
        order = np.lexsort((products, baskets))
        baskets, products, customers = baskets[order], products[order], customers[order]
        starts = row_starts(baskets)
        lengths = np.diff(np.append(starts, len(baskets)))
        large = np.flatnonzero(lengths > 1)
        if limit is not None and len(large) > limit:
            large = large[(np.arange(limit) * len(large)) // limit]
        starts, lengths = starts[large], lengths[large]
        # The low bits of neighbours follow one another.
        picked = starts + (spread(baskets[starts]) >> np.uint64(7)).astype(np.int64) % lengths
        entries = np.arange(lengths.sum()) + np.repeat(starts - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
        rows = np.repeat(np.arange(len(starts)), lengths)
        rest = ~np.isin(entries, picked)
        given = sparse.csr_array(
            (np.ones(int(rest.sum()), dtype=np.float32), (rows[rest], products[entries[rest]])),
            shape=(len(starts), len(known)),
        )
        return cls(customers[starts], products[picked], given)

    def __len__(self) -> int:
        return len(self.hidden)


def hits(
    scores: npt.NDArray[np.float32], hidden: Array, given: sparse.csr_array, top: int = TOP
) -> npt.NDArray[np.bool_]:
    """(b,) whether each hidden product is among the `top` best by `scores` (b, P; changed). Ties share their places."""
    dense.without(scores, given)
    own = scores[np.arange(len(hidden)), hidden][:, None]
    before = (scores > own).sum(axis=1)
    equal = (scores == own).sum(axis=1) - 1
    result: npt.NDArray[np.bool_] = (own[:, 0] > 0) & (before + equal / 2 < top)
    return result


def tuned_completion(
    items: HiddenItems,
    together: Affinities,
    linear: Callable[[float], Ease],
    own: Callable[[float, float], sparse.csr_array],
    parameters: Parameters,
) -> Parameters:
    """With the values of those about baskets that give the most hits, one group after the other; unchanged without
    baskets.

    Args:
        linear: `ease` on baskets with a regularization.
        own: (U, P) how much each customer bought of each product, with a half-life in days and a power.
    """
    if not len(items):
        return parameters
    matrix, fitted = together.as_matrix(), lru_cache(maxsize=1)(linear)

    def best(trials: Sequence[Parameters]) -> Parameters:
        counts: list[int] = []
        for regularization, some in groupby(trials, key=lambda trial: trial.basket_regularization):
            counts += _counted(items, matrix, fitted(regularization), own, list(some))
        return max(zip(counts, trials, strict=True), key=lambda counted: counted[0])[1]

    chosen = best(
        [
            replace(
                parameters,
                basket_cosine=cosine,
                basket_linear=weight,
                basket_own=times * (cosine * OWN_UNITS[0] + weight * OWN_UNITS[1]),
            )
            for cosine, weight in MIXTURES
            for times in OWN_WEIGHTS
        ]
    )
    if chosen.basket_own:
        chosen = best([replace(one, own_half_life_days=days) for days in HALF_LIVES[1:] for one in _reweighed(chosen)])
        chosen = best([replace(one, own_power=power) for power in OWN_POWERS for one in _reweighed(chosen)])
    if chosen.basket_linear:
        others = [value for value in REGULARIZATIONS if value != chosen.basket_regularization]
        chosen = best([chosen, *(replace(chosen, basket_regularization=value) for value in others)])
    return chosen


def _reweighed(chosen: Parameters) -> list[Parameters]:
    """A longer half-life and a higher power make the numbers larger, which the weight makes up for."""
    return [replace(chosen, basket_own=chosen.basket_own * times) for times in (0.5, 0.75, 1.0, 1.5, 2.0)]


def _counted(
    items: HiddenItems,
    together: sparse.csr_array,
    ease: Ease,
    own: Callable[[float, float], sparse.csr_array],
    trials: Sequence[Parameters],
) -> list[int]:
    """The hits of each trial."""
    habits = {(trial.own_half_life_days, trial.own_power) for trial in trials}
    bought = {habit: own(*habit) for habit in sorted(habits)}
    counts = [0] * len(trials)
    for block in dense.blocks(len(items), together.shape[1]):
        given, hidden = items.given[block], items.hidden[block]
        cosine = (given @ together).toarray()
        straight = np.zeros_like(cosine)
        straight[:, ease.products] = ease.scores(given)
        usual = {habit: matrix[items.customers[block]].toarray() for habit, matrix in bought.items()}
        for number, trial in enumerate(trials):
            scores = np.float32(trial.basket_cosine) * cosine + np.float32(trial.basket_linear) * straight
            scores += np.float32(trial.basket_own) * usual[trial.own_half_life_days, trial.own_power]
            counts[number] += int(hits(scores, hidden, given).sum())
    return counts
