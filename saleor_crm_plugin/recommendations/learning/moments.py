"""The shop as it stood at a moment: simple models fitted on what had been bought, and candidates with features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.evaluation.cases import Cases, first_purchases, next_baskets
from saleor_crm_plugin.recommendations.learning.affinity import Affinities, bought_together
from saleor_crm_plugin.recommendations.learning.candidates import Candidates, CandidateSource
from saleor_crm_plugin.recommendations.learning.ease import Ease, fit_ease
from saleor_crm_plugin.recommendations.learning.features import features_of
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.ranking import spread
from saleor_crm_plugin.recommendations.learning.statistics import Statistics

Array = npt.NDArray[np.int64]

# Customers that the learner looks at for each moment. Complete Journey has 2,051 who buy within four weeks; more cost
# time and memory in proportion.
CUSTOMERS_LIMIT: Final = 3_000


@dataclass(frozen=True, slots=True)
class Moment:
    """All that is fitted on one history."""

    history: PurchaseHistory
    statistics: Statistics
    together: Affinities
    ease: Ease
    parameters: Parameters

    @classmethod
    def at_the_end_of(cls, history: PurchaseHistory, parameters: Parameters) -> Self:
        return cls(
            history=history,
            statistics=Statistics.of(history),
            together=bought_together(history, parameters.minimum_support, parameters.related_limit),
            ease=fit_ease(history.by_customer(), parameters.regularization),
            parameters=parameters,
        )

    def source(self) -> CandidateSource:
        return CandidateSource(self.history, self.statistics, self.together, self.ease, self.parameters)

    def features(self, candidates: Candidates) -> npt.NDArray[np.float32]:
        return features_of(
            self.statistics,
            candidates.customers,
            candidates.products,
            candidates.linear,
            candidates.cosine.astype(np.float32),
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Candidates at a moment of the past, with what came of them.

    Attributes:
        days: days between the moment and the end of the history.
        moment: what was known then.
        candidates, features: of the customers of the cases.
        next: the first basket of each customer within the horizon.
        new: what each customer bought within it for the first time.
    """

    days: float
    moment: Moment
    candidates: Candidates
    features: npt.NDArray[np.float32]
    next: Cases
    new: Cases

    @classmethod
    def of(cls, history: PurchaseHistory, days: float, parameters: Parameters) -> Self:
        past = history.before(days)
        moment = Moment.at_the_end_of(past, parameters)
        known = np.unique(past.customers).astype(np.int64)
        upcoming = next_baskets(history, days, parameters.horizon_days)
        upcoming = upcoming.of_customers(_some(np.intersect1d(upcoming.customers, known)))
        new = first_purchases(history, days, parameters.horizon_days).of_customers(upcoming.customers)
        listed = np.zeros(len(history.customer_ids), dtype=bool)
        listed[upcoming.customers] = True
        blocks = list(moment.source().blocks(listed))
        candidates = joined(blocks)
        return cls(days, moment, candidates, moment.features(candidates), upcoming, new)

    def wanted(self, cases: Cases) -> npt.NDArray[np.bool_]:
        """(n,) which candidates are right."""
        return np.isin(self.candidates.customers * cases.products_count + self.candidates.products, cases.keys)


def joined(blocks: list[Candidates]) -> Candidates:
    """The candidates of several blocks as one."""
    names = Candidates.__dataclass_fields__
    if not blocks:
        nothing = np.zeros(0, dtype=np.int64)
        none = nothing.astype(np.float64)
        return Candidates(nothing, nothing, none, none, none.astype(np.float32), nothing, none)
    return Candidates(*(np.concatenate([getattr(block, name) for block in blocks]) for name in names))


def _some(customers: Array) -> Array:
    """At most `CUSTOMERS_LIMIT` of them, the same ones each time."""
    if len(customers) <= CUSTOMERS_LIMIT:
        return customers
    return np.sort(customers[np.argsort(spread(customers), kind="stable")[:CUSTOMERS_LIMIT]])
