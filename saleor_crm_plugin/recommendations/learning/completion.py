"""What completes a basket: what goes with each product in it, added up, and what the customer usually buys.

The item cosine with the customer's own history completes the baskets of Complete Journey best among simple methods, and
`ease` with it those by product type (docs/explanation/recommendations.md): so both are weighed, by the shop's own
baskets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saleor_crm_plugin.recommendations.evaluation.metrics import TOP
from saleor_crm_plugin.recommendations.learning import dense
from saleor_crm_plugin.recommendations.learning.affinity import Affinities
from saleor_crm_plugin.recommendations.learning.ease import Ease
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.ranking import row_starts, spread

Array = npt.NDArray[np.int64]

# Weights that are tried. Complete Journey takes 2 and .1 by product, 10 and .2 by product type.
LINEAR_WEIGHTS: Final = (0.0, 1.0, 2.0, 4.0, 10.0, 40.0)
OWN_WEIGHTS: Final = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
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


class Weights(NamedTuple):
    linear: float
    own: float


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


def tuned_weights(items: HiddenItems, together: Affinities, linear: Ease, own: sparse.csr_array) -> Weights | None:
    """The weights with the most hits; None without baskets.

    Args:
        own: (U, P) how much each customer bought of each product.
    """
    if not len(items):
        return None
    related = together.as_matrix()
    count = np.zeros((len(LINEAR_WEIGHTS), len(OWN_WEIGHTS)), dtype=np.int64)
    for block in dense.blocks(len(items), own.shape[1]):
        given, hidden = items.given[block], items.hidden[block]
        cosine = (given @ related).toarray()
        straight = np.zeros_like(cosine)
        straight[:, linear.products] = linear.scores(given)
        usual = own[items.customers[block]].toarray()
        for row, linear_weight in enumerate(LINEAR_WEIGHTS):
            base = cosine + np.float32(linear_weight) * straight
            for column, own_weight in enumerate(OWN_WEIGHTS):
                scores = base + np.float32(own_weight) * usual
                count[row, column] += hits(scores, hidden, given).sum()
    best = np.unravel_index(int(count.argmax()), count.shape)
    return Weights(LINEAR_WEIGHTS[best[0]], OWN_WEIGHTS[best[1]])
