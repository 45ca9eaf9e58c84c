"""Candidates put in order: the list of each customer, what is bought again mixed with what is new."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.candidates import NO_PRODUCT, Candidates, CandidateSource, Why
from saleor_crm_plugin.recommendations.learning.parameters import Discovery, Parameters
from saleor_crm_plugin.recommendations.learning.ranking import best_per_row, found_in, places, row_starts
from saleor_crm_plugin.recommendations.learning.statistics import HALF_LIVES, Statistics

Array = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Preferences(NamedTuple):
    """(n,) how much each candidate is preferred; they compare within one customer.

    Attributes:
        next: as part of the next basket. new: as a first purchase; it counts for what was never bought.
        ranked: they are logarithms, as a ranker gives them, and `next` compares what was bought with what was not.
            Otherwise they are amounts, and what has 0 is left out.
    """

    next: Floats
    new: Floats
    ranked: bool


@dataclass(frozen=True, slots=True)
class PersonalLists:
    """The lists of some customers, as m entries sorted by customer, best first.

    Attributes:
        customers, products: (m,) positions.
        scores: (m,) above 0 up to 1: as a share of the customer's best of the same kind (bought before or not).
        kinds: (m,) values of `Why`.
        reason_products: (m,) position of the product that led to it; `POPULAR`: the product itself.
        reason_values: (m,) `BOUGHT_BEFORE`: number of baskets; `BOUGHT_TOGETHER`: share of the reason's baskets, 0 if
            not known.
        amounts: (m,) how much was bought: decayed baskets to a power, as parameters say; 0 if never.
        due_days: (m,) days after the end of the history at which it is expected to be bought again; NaN if not known.
        rhythm_days: (m,) mean days between the customer's own purchases of it; NaN below three purchases.
    """

    customers: Array
    products: Array
    scores: Floats
    kinds: Array
    reason_products: Array
    reason_values: Floats
    amounts: Floats
    due_days: Floats
    rhythm_days: Floats

    def amounts_of(self, customers_count: int, products_count: int) -> sparse.csr_array:
        """(U, P) `amounts`, of what is listed."""
        bought = self.amounts > 0
        entries = (self.amounts[bought].astype(np.float32), (self.customers[bought], self.products[bought]))
        return sparse.csr_array(entries, shape=(customers_count, products_count))


# From so many purchases on, the gaps between them are called a rhythm.
RHYTHM_BASKETS = 3


def simple_preferences(candidates: Candidates, statistics: Statistics, parameters: Parameters) -> Preferences:
    """Without a ranker: decayed frequency; and what goes with what was bought, times what sells of late."""
    lately = statistics.products.sold[2][candidates.products].astype(np.float64)
    linear = np.maximum(candidates.linear, 0).astype(np.float64)
    match parameters.discovery:
        case Discovery.EASE:
            new, other = linear * np.log1p(lately) ** parameters.popularity_power, candidates.cosine
        case Discovery.COSINE:
            new, other = candidates.cosine, linear
        case Discovery.POPULAR:
            new, other = lately, candidates.cosine
    # Where the chosen model is silent, the other one speaks, behind it.
    behind = other / (1 + other) * 1e-9
    return Preferences(next=candidates.again, new=np.where(new > 0, new + 1e-6, behind), ranked=False)


def arranged(
    candidates: Candidates, preferences: Preferences, statistics: Statistics, parameters: Parameters
) -> PersonalLists:
    """The best of the candidates, in order."""
    bought = candidates.again > 0
    again, fresh = np.flatnonzero(bought), np.flatnonzero(~bought & (preferences.ranked | (preferences.new > 0)))
    again = again[_best(candidates, again, preferences.next, parameters.bought_limit)]
    fresh = fresh[_best(candidates, fresh, preferences.new, parameters.discovery_limit)]
    if preferences.ranked and parameters.discovery_share is None:
        slots = _by_preference(candidates, again, fresh, preferences.next)
    else:
        slots = _by_share(candidates, again, fresh, statistics, parameters)
    scores = np.concatenate(
        (
            _relative(candidates.customers[again], preferences.next[again], preferences.ranked),
            _relative(candidates.customers[fresh], preferences.new[fresh], preferences.ranked),
        )
    )
    chosen = np.concatenate((again, fresh))
    order = np.lexsort((slots, candidates.customers[chosen]))
    chosen = chosen[order]
    return _described(candidates.where(chosen), scores[order], bought[chosen], statistics, parameters)


def explained(lists: PersonalLists, source: CandidateSource) -> PersonalLists:
    """With the purchase that speaks for it most where the cosine names none; who has none is there as popular."""
    silent = np.flatnonzero(lists.kinds == Why.POPULAR)
    if len(silent) == 0:
        return lists
    reasons = source.speaking_for(lists.customers[silent], lists.products[silent])
    kinds, reason_products = lists.kinds.copy(), lists.reason_products.copy()
    kinds[silent] = np.where(reasons == NO_PRODUCT, Why.POPULAR, Why.BOUGHT_TOGETHER)
    reason_products[silent] = np.where(reasons == NO_PRODUCT, lists.products[silent], reasons)
    return replace(lists, kinds=kinds, reason_products=reason_products)


def _best(candidates: Candidates, chosen: Array, scores: Floats, limit: int) -> Array:
    return best_per_row(candidates.customers[chosen], candidates.products[chosen], scores[chosen], limit)


def _by_preference(candidates: Candidates, again: Array, fresh: Array, scores: Floats) -> Floats:
    """The ranker says where something new may stand; which new product stands there is the discoveries' own order."""
    customers = candidates.customers[fresh]
    ranked = np.lexsort((-scores[fresh], customers))
    # `fresh` is sorted by customer, then by preference as new: the k-th of a customer gets the k-th best place.
    return -np.concatenate((scores[again], scores[fresh][ranked]))


def _by_share(
    candidates: Candidates, again: Array, fresh: Array, statistics: Statistics, parameters: Parameters
) -> Floats:
    """Every so manieth place is new, and what nobody buys twice comes last.

    Of the first n places n x share, rounded down, are new, also where a share is not one in so many (40 %).
    """
    share, every = parameters.discovery_share, float(parameters.discovery_every)
    if share is not None:
        every = 1 / share if share > 0 else 0
    end = (parameters.discovery_limit + parameters.bought_limit) * max(every, 2)
    seldom = statistics.products.repeat_rates[candidates.products[again]] < parameters.minimum_repeat_rate
    slots = np.empty(len(again), dtype=np.float64)
    often = np.flatnonzero(~seldom)
    slots[often] = places(candidates.customers[again][often])
    slots[seldom] = end + places(candidates.customers[again][seldom])
    fresh_place = places(candidates.customers[fresh])
    if every:
        # Its place among all less the new ones before it: before the bought one of that number. 1 / .1 is not quite 10.
        fresh_slots = np.ceil((fresh_place + 1) * max(every, 2) - 1e-9) - 1 - fresh_place - 0.5
    else:
        fresh_slots = end / 2 + fresh_place
    return np.concatenate((slots, fresh_slots))


def _relative(customers: Array, scores: Floats, logarithms: bool) -> Floats:
    """As a share of the customer's best, which stands first."""
    starts = row_starts(customers)
    best = np.repeat(scores[starts], np.diff(np.append(starts, len(customers))))
    return np.exp(scores - best) if logarithms else scores / best


def own_amounts(
    customers: Array, products: Array, statistics: Statistics, half_life_days: float, power: float
) -> Floats:
    """(n,) how much each of these customers bought of each of these products; 0 if never.

    Args:
        half_life_days: one of `HALF_LIVES`.
    """
    known = statistics.bought
    entry, found = found_in(known.keys, customers * statistics.size + products)
    amounts = np.zeros(len(products))
    amounts[found] = known.decayed[HALF_LIVES.index(half_life_days)][entry[found]] ** power
    return amounts


def _described(
    chosen: Candidates,
    scores: Floats,
    bought: npt.NDArray[np.bool_],
    statistics: Statistics,
    parameters: Parameters,
) -> PersonalLists:
    kinds = np.where(
        bought, Why.BOUGHT_BEFORE, np.where(chosen.reasons != NO_PRODUCT, Why.BOUGHT_TOGETHER, Why.POPULAR)
    )
    due, rhythm = _timing(chosen, bought, statistics)
    return PersonalLists(
        customers=chosen.customers,
        products=chosen.products,
        scores=scores,
        kinds=kinds,
        reason_products=np.where(chosen.reasons == NO_PRODUCT, chosen.products, chosen.reasons),
        reason_values=chosen.values,
        amounts=own_amounts(
            chosen.customers, chosen.products, statistics, parameters.own_half_life_days, parameters.own_power
        ),
        due_days=due,
        rhythm_days=rhythm,
    )


def _timing(chosen: Candidates, bought: npt.NDArray[np.bool_], statistics: Statistics) -> tuple[Floats, Floats]:
    known = statistics.bought
    due, rhythm = np.full(len(chosen), np.nan), np.full(len(chosen), np.nan)
    if not bought.any():
        return due, rhythm
    entry, _ = found_in(known.keys, chosen.customers[bought] * statistics.size + chosen.products[bought])
    baskets, own = known.baskets[entry], known.mean_gaps[entry]
    usual = statistics.products.gaps[chosen.products[bought]]
    # The customer's own gaps count once each, the product's usual one twice.
    gap = np.where(baskets > 1, (np.nan_to_num(own) * (baskets - 1) + 2 * usual) / (baskets + 1), usual)
    comes_back = (baskets > 1) | (statistics.products.buyers[chosen.products[bought]] > 1)
    due[bought] = np.where(comes_back, gap - known.last_ages[entry], np.nan)
    rhythm[bought] = np.where(baskets >= RHYTHM_BASKETS, own, np.nan)
    return due, rhythm
