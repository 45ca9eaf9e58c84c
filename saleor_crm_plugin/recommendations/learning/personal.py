"""What each customer may want next: again what was bought, or something new that goes with it.

Again: frequency with exponential decay, which on supermarket data is as good as nearest neighbours and better than
factor models (Hu, He, Gao and Zhang, "Modeling personalized item frequency information for next-basket
recommendation", SIGIR 2020, sections 3 and 5.3), times the square root of the product's repeat rate, the share of its
buyers who came back for it.

New: the sum over the bought products of their weight times their co-purchase cosine (Deshpande and Karypis,
"Item-based top-N recommendation algorithms", ACM TOIS 2004, section 4.2), times the logarithm of what sells of late.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.learning.affinity import Affinities
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.popular import recent_popularity
from saleor_crm_plugin.recommendations.learning.ranking import best_per_row, places, row_starts

Array = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Contributions (bought product -> related product) computed at a time: some 60 bytes each.
BLOCK_CONTRIBUTIONS = 2_000_000
# The discoveries of a customer come from so many of the products bought, the strongest first.
SOURCES_LIMIT = 100
# A product's repeat rate is drawn to the shop's mean as if so many more customers had bought it.
REPEAT_RATE_PRIOR = 5.0


class Why(IntEnum):
    """Why a product is in a customer's list, with the numbers of `models.ReasonKind`."""

    BOUGHT_BEFORE = 1
    BOUGHT_TOGETHER = 2


@dataclass(frozen=True, slots=True)
class PersonalLists:
    """The lists of some customers, as m entries sorted by customer, best first.

    Attributes:
        customers, products: (m,) positions.
        scores: (m,) 0 to 1, comparable within one customer's entries of one kind.
        kinds: (m,) values of `Why`.
        reason_products: (m,) position of the product that led to it.
        reason_values: (m,) `BOUGHT_BEFORE`: number of baskets; `BOUGHT_TOGETHER`: share of the reason's baskets.
    """

    customers: Array
    products: Array
    scores: Floats
    kinds: Array
    reason_products: Array
    reason_values: Floats


@dataclass(frozen=True, slots=True)
class _Bought:
    """One entry for each customer and product, sorted by both."""

    customers: Array
    products: Array
    baskets: Array
    weights: Floats


def personal_lists(
    history: PurchaseHistory,
    together: Affinities,
    parameters: Parameters,
    listed: npt.NDArray[np.bool_] | None = None,
) -> Iterator[PersonalLists]:
    """The lists of all customers, in blocks that keep the memory bounded.

    Args:
        listed: (U,) which customers get one; None: all.
    """
    bought = _bought(history, parameters.half_life_days)
    rates = repeat_rates(bought.products, bought.baskets, len(history.product_ids))
    popularity = np.log1p(recent_popularity(history, parameters.popular_window_days))
    if listed is not None and not listed.all():
        wanted = listed[bought.customers]
        bought = _Bought(
            bought.customers[wanted], bought.products[wanted], bought.baskets[wanted], bought.weights[wanted]
        )
    for first, last in _blocks(bought.customers, bought.products, together):
        block = _Bought(
            bought.customers[first:last],
            bought.products[first:last],
            bought.baskets[first:last],
            bought.weights[first:last],
        )
        again = _again(block, rates, parameters.bought_limit)
        new = _new(block, together, popularity, parameters.discovery_limit)
        yield _mixed(again, new, rates, parameters)


def _bought(history: PurchaseHistory, half_life_days: float) -> _Bought:
    size = len(history.product_ids)
    starts = row_starts(history.customers.astype(np.int64) * size + history.products)
    decayed = np.exp2(-history.ages.astype(np.float64) / half_life_days)
    return _Bought(
        history.customers[starts].astype(np.int64),
        history.products[starts].astype(np.int64),
        np.diff(np.append(starts, len(history))),
        np.add.reduceat(decayed, starts) if len(starts) else decayed,
    )


def repeat_rates(products: Array, baskets: Array, size: int) -> Floats:
    """(P,) share of a product's buyers who bought it again, drawn to the shop's mean.

    Args:
        products, baskets: for each customer and product bought, the product and the number of its baskets.
    """
    buyers = np.bincount(products, minlength=size)
    again = np.bincount(products[baskets > 1], minlength=size)
    # Never quite 0: what was never bought again yet is still put in order by how often and how long ago.
    mean = (again.sum() + 1) / (buyers.sum() + 2)
    rates: Floats = (again + REPEAT_RATE_PRIOR * mean) / (buyers + REPEAT_RATE_PRIOR)
    return rates


def _blocks(customers: Array, products: Array, together: Affinities) -> list[tuple[int, int]]:
    """Ranges of entries, cut between customers, of about BLOCK_CONTRIBUTIONS contributions."""
    starts = row_starts(customers)
    related = np.diff(together.starts)[products]
    work = np.concatenate(([0], np.cumsum(related + 1)))[np.append(starts, len(customers))]
    blocks, first = [], 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(work, work[first] + BLOCK_CONTRIBUTIONS, side="right")) - 1)
        blocks.append((int(starts[first]), int(starts[last]) if last < len(starts) else len(customers)))
        first = last
    return blocks


def _again(bought: _Bought, rates: Floats, limit: int) -> PersonalLists:
    scores = bought.weights * np.sqrt(rates[bought.products])
    best = best_per_row(bought.customers, bought.products, scores, limit)
    return PersonalLists(
        customers=bought.customers[best],
        products=bought.products[best],
        scores=scores[best],
        kinds=np.full(len(best), Why.BOUGHT_BEFORE),
        reason_products=bought.products[best],
        reason_values=bought.baskets[best].astype(np.float64),
    )


def _new(bought: _Bought, together: Affinities, popularity: Floats, limit: int) -> PersonalLists:
    size = len(popularity)
    sources = best_per_row(bought.customers, bought.products, bought.weights, SOURCES_LIMIT)
    lengths = np.diff(together.starts)[bought.products[sources]]
    source = np.repeat(sources, lengths)
    entry = np.arange(lengths.sum()) + np.repeat(
        together.starts[bought.products[sources]] - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths
    )
    keys = bought.customers[source] * size + together.related[entry]
    fresh = ~_contains(bought.customers * size + bought.products, keys)
    source, entry, keys = source[fresh], entry[fresh], keys[fresh]
    # Popular of late counts, but what sold nothing in the window is not worth nothing.
    worth = bought.weights[source] * together.scores[entry] * (1 + popularity[together.related[entry]])

    order = np.argsort(keys, kind="stable")
    source, entry, keys, worth = source[order], entry[order], keys[order], worth[order]
    starts = row_starts(keys)
    scores = np.add.reduceat(worth, starts) if len(starts) else worth
    candidates, products = np.divmod(keys[starts], size)
    best = best_per_row(candidates, products, scores, limit)
    strongest = _first_largest(worth, starts)[best]
    return PersonalLists(
        customers=candidates[best],
        products=products[best],
        scores=scores[best],
        kinds=np.full(len(best), Why.BOUGHT_TOGETHER),
        reason_products=bought.products[source[strongest]],
        reason_values=together.confidences[entry[strongest]].astype(np.float64),
    )


def _mixed(again: PersonalLists, new: PersonalLists, rates: Floats, parameters: Parameters) -> PersonalLists:
    """Interleave: every `discovery_every`-th place is new, and what nobody buys twice comes last."""
    every = max(parameters.discovery_every, 2)
    seldom = rates[again.products] < parameters.minimum_repeat_rate
    slots = np.empty(len(again.products), dtype=np.int64)
    often = np.flatnonzero(~seldom)
    place = places(again.customers[often])
    slots[often] = place + place // (every - 1)
    slots[seldom] = every * (parameters.discovery_limit + parameters.bought_limit) + places(again.customers[seldom])
    new_slots = (places(new.customers) + 1) * every - 1

    customers = np.concatenate((again.customers, new.customers))
    order = np.lexsort((np.concatenate((slots, new_slots)), customers))
    return PersonalLists(
        customers=customers[order],
        products=np.concatenate((again.products, new.products))[order],
        scores=np.concatenate((_relative(again), _relative(new)))[order],
        kinds=np.concatenate((again.kinds, new.kinds))[order],
        reason_products=np.concatenate((again.reason_products, new.reason_products))[order],
        reason_values=np.concatenate((again.reason_values, new.reason_values))[order],
    )


def _relative(lists: PersonalLists) -> Floats:
    """Scores as a share of the customer's best."""
    starts = row_starts(lists.customers)
    lengths = np.diff(np.append(starts, len(lists.customers)))
    return lists.scores / np.repeat(lists.scores[starts], lengths)


def _contains(known: Array, asked: Array) -> npt.NDArray[np.bool_]:
    """Which of `asked` are in `known` (sorted)."""
    found = np.searchsorted(known, asked)
    found[found == len(known)] = 0
    return known[found] == asked if len(known) else np.zeros(len(asked), dtype=bool)


def _first_largest(values: Floats, starts: Array) -> Array:
    """Position of the first largest value of each run."""
    if len(starts) == 0:
        return starts
    lengths = np.diff(np.append(starts, len(values)))
    largest = np.flatnonzero(values == np.repeat(np.maximum.reduceat(values, starts), lengths))
    run = np.searchsorted(starts, largest, side="right")
    return largest[row_starts(run)]
