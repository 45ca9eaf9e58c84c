"""What each customer may want next: again what was bought, or something new that goes with it.

Again: frequency with exponential decay, which on supermarket data is as good as nearest neighbours and better than
factor models (Hu, He, Gao and Zhang, "Modeling personalized item frequency information for next-basket
recommendation", SIGIR 2020, sections 3 and 5.3), times a power of the product's repeat rate, the share of its buyers
who came back for it.

New: the sum over the bought products of their weight times their co-purchase cosine (Deshpande and Karypis,
"Item-based top-N recommendation algorithms", ACM TOIS 2004, section 4.2), the same with the weights of `ease`, and
what sells most of late.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import IntEnum
from itertools import pairwise
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.affinity import Affinities
from saleor_crm_plugin.recommendations.learning.ease import Ease
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.popular import by_sales, recent_popularity
from saleor_crm_plugin.recommendations.learning.ranking import best_per_row, found_in, row_starts
from saleor_crm_plugin.recommendations.learning.statistics import Statistics

Array = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Contributions (bought product -> related product) computed at a time: some 60 bytes each.
BLOCK_CONTRIBUTIONS: Final = 2_000_000
# Scores of `ease` held at a time: 8 bytes each, and as much again while the best are picked.
BLOCK_SCORES: Final = 4_000_000
# The discoveries of a customer come from so many of the products bought, the strongest first.
SOURCES_LIMIT: Final = 100
# Candidates for each customer: of what was bought, of what goes with it by cosine and by `ease`, of what sells most.
# Complete Journey: 42 of 100 products of the next basket are among them; 400 bought ones find 1 more.
BOUGHT_CANDIDATES: Final = 200
COSINE_CANDIDATES: Final = 50
LINEAR_CANDIDATES: Final = 60
POPULAR_CANDIDATES: Final = 40

NO_PRODUCT: Final = -1


class Why(IntEnum):
    """Why a product is in a customer's list, with the numbers of `models.ReasonKind`."""

    BOUGHT_BEFORE = 1
    BOUGHT_TOGETHER = 2
    POPULAR = 4


@dataclass(frozen=True, slots=True)
class Candidates:
    """(n,) products that some customers may want, sorted by customer and product, each once.

    Attributes:
        customers, products: positions.
        again: how strongly it was bought before, 0 if never: its decayed frequency times its repeat rate to a power.
        cosine: how well it goes with what was bought; 0 where it was bought, or is not among the best of these.
        linear: the score of `ease`, 0 for products that take no part in it.
        reasons: position of the product that leads to it, by the cosine; itself if bought before; else `NO_PRODUCT`.
        values: number of baskets if bought before, else share of the reason's baskets that hold it, 0 if not known.
    """

    customers: Array
    products: Array
    again: Floats
    cosine: Floats
    linear: npt.NDArray[np.float32]
    reasons: Array
    values: Floats

    def __len__(self) -> int:
        return len(self.products)

    def where(self, chosen: npt.NDArray[np.bool_] | Array) -> Self:
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class _Bought:
    """One entry for each customer and product bought, sorted by both, with the decayed number of baskets."""

    customers: Array
    products: Array
    baskets: Array
    weights: Floats


class CandidateSource:
    """The candidates of a history, with all models fitted on it."""

    def __init__(
        self,
        history: PurchaseHistory,
        statistics: Statistics,
        together: Affinities,
        ease: Ease,
        parameters: Parameters,
    ) -> None:
        self._together = together
        self._ease = ease
        self._parameters = parameters
        self._size = len(history.product_ids)
        self._rates = statistics.products.repeat_rates
        lately = recent_popularity(history, parameters.popular_window_days)
        self._popularity = np.log1p(lately)
        self._most_sold = by_sales(lately, statistics.products.baskets)[:POPULAR_CANDIDATES]
        weights = _decayed(history, parameters.half_life_days, statistics.bought.baskets)
        self._bought = _Bought(
            statistics.bought.customers, statistics.bought.products, statistics.bought.baskets, weights
        )

    def blocks(self, listed: npt.NDArray[np.bool_] | None = None) -> Iterator[Candidates]:
        """The candidates of all customers with a past, in blocks of whole customers that keep the memory bounded.

        Args:
            listed: (U,) which customers are wanted; None: all.
        """
        bought = self._bought
        if listed is not None and not listed.all():
            bought = _entries(bought, np.flatnonzero(listed[bought.customers]))
        for first, last in self._bounds(bought):
            yield self._of_block(_entries(bought, slice(first, last)))

    def speaking_for(self, customers: Array, products: Array) -> Array:
        """For each entry (by customer) the product bought that speaks for it most by `ease`; else `NO_PRODUCT`."""
        found = np.full(len(products), NO_PRODUCT, dtype=np.int64)
        place = self._ease.places(products)
        starts = row_starts(customers)
        bounds = np.append(starts, len(customers)).tolist()
        for first, last in pairwise(bounds):
            begin, end = np.searchsorted(self._bought.customers, [customers[first], customers[first] + 1])
            sources = self._ease.places(self._bought.products[begin:end])
            usable = np.flatnonzero(sources >= 0)
            usable = usable[np.argsort(-self._bought.weights[begin:end][usable], kind="stable")[:SOURCES_LIMIT]]
            if len(usable) == 0:
                continue
            weights = self._bought.weights[begin:end][usable].astype(np.float32)
            parts = self._ease.weights[np.ix_(sources[usable], np.maximum(place[first:last], 0))] * weights[:, None]
            strongest = parts.argmax(axis=0)
            speaks = (place[first:last] >= 0) & (parts[strongest, np.arange(last - first)] > 0)
            best = self._bought.products[begin:end][usable][strongest]
            found[first:last] = np.where(speaks, best, NO_PRODUCT)
        return found

    def _of_block(self, block: _Bought) -> Candidates:
        scores = self._linear(block)
        parts = (
            self._again(block),
            _new(block, self._together, self._popularity, COSINE_CANDIDATES),
            self._linear_best(block, scores),
            self._popular(block),
        )
        # The first of these that names a product tells how it came in.
        keys = np.concatenate([part.customers * self._size + part.products for part in parts])
        _, chosen = np.unique(keys, return_index=True)
        joined = Candidates(
            *(np.concatenate([getattr(part, field.name) for part in parts])[chosen] for field in fields(Candidates))
        )
        whose = np.searchsorted(block.customers[row_starts(block.customers)], joined.customers)
        place = self._ease.places(joined.products)
        if len(self._ease.products):
            joined.linear[:] = np.where(place >= 0, scores[whose, place], 0)
        return joined

    def _linear(self, block: _Bought) -> npt.NDArray[np.float32]:
        """(k, m) scores of `ease` for the k customers of a block."""
        starts = row_starts(block.customers)
        matrix = sparse.csr_array(
            (block.weights.astype(np.float32), block.products, np.append(starts, len(block.customers))),
            shape=(len(starts), self._size),
        )
        return self._ease.scores(matrix)

    def _again(self, block: _Bought) -> Candidates:
        scores = block.weights * self._rates[block.products] ** self._parameters.repeat_power
        limit = max(BOUGHT_CANDIDATES, self._parameters.bought_limit)
        best = best_per_row(block.customers, block.products, scores, limit)
        products = block.products[best]
        return _plain(
            block.customers[best],
            products,
            again=scores[best],
            reasons=products,
            values=block.baskets[best].astype(np.float64),
        )

    def _linear_best(self, block: _Bought, scores: npt.NDArray[np.float32]) -> Candidates:
        """The best of `ease` for each customer; those that were bought are there already."""
        limit = min(LINEAR_CANDIDATES, scores.shape[1])
        starts = row_starts(block.customers)
        unbought = scores.copy()
        place = self._ease.places(block.products)
        rows = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(block.customers))))
        unbought[rows[place >= 0], place[place >= 0]] = -np.inf
        best = np.argpartition(-unbought, limit - 1, axis=1)[:, :limit] if limit else np.zeros((len(starts), 0), int)
        row, column = np.nonzero(np.take_along_axis(unbought, best, axis=1) > 0)
        return _plain(block.customers[starts][row], self._ease.products[best[row, column]])

    def _popular(self, block: _Bought) -> Candidates:
        customers = block.customers[row_starts(block.customers)]
        return _plain(np.repeat(customers, len(self._most_sold)), np.tile(self._most_sold, len(customers)))

    def _bounds(self, bought: _Bought) -> list[tuple[int, int]]:
        """Ranges of entries, cut between customers: about BLOCK_CONTRIBUTIONS contributions, BLOCK_SCORES scores."""
        starts = row_starts(bought.customers)
        related = np.diff(self._together.starts)[bought.products]
        ends = np.append(starts, len(bought.customers))
        work = np.concatenate(([0], np.cumsum(related + 1)))[ends]
        most = max(1, BLOCK_SCORES // max(len(self._ease.products), 1))
        blocks, first = [], 0
        while first < len(starts):
            last = int(np.searchsorted(work, work[first] + BLOCK_CONTRIBUTIONS, side="right")) - 1
            last = min(max(first + 1, last), first + most, len(starts))
            blocks.append((int(ends[first]), int(ends[last])))
            first = last
        return blocks


def _decayed(history: PurchaseHistory, half_life_days: float, baskets: Array) -> Floats:
    """For each customer and product bought: the baskets, each counting half after the half-life."""
    if len(history) == 0:
        return np.zeros(0)
    starts = np.cumsum(baskets) - baskets
    sums: Floats = np.add.reduceat(np.exp2(-history.ages.astype(np.float64) / half_life_days), starts)
    return sums


def _entries(bought: _Bought, chosen: slice | Array) -> _Bought:
    return _Bought(*(getattr(bought, field.name)[chosen] for field in fields(_Bought)))


def _plain(
    customers: Array,
    products: Array,
    again: Floats | None = None,
    cosine: Floats | None = None,
    reasons: Array | None = None,
    values: Floats | None = None,
) -> Candidates:
    size = len(products)
    return Candidates(
        customers=customers,
        products=products.astype(np.int64),
        again=np.zeros(size) if again is None else again,
        cosine=np.zeros(size) if cosine is None else cosine,
        linear=np.zeros(size, dtype=np.float32),
        reasons=np.full(size, NO_PRODUCT, dtype=np.int64) if reasons is None else reasons,
        values=np.zeros(size) if values is None else values,
    )


def _new(bought: _Bought, together: Affinities, popularity: Floats, limit: int) -> Candidates:
    size = len(popularity)
    sources = best_per_row(bought.customers, bought.products, bought.weights, SOURCES_LIMIT)
    lengths = np.diff(together.starts)[bought.products[sources]]
    source = np.repeat(sources, lengths)
    entry = np.arange(lengths.sum()) + np.repeat(
        together.starts[bought.products[sources]] - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths
    )
    keys = bought.customers[source] * size + together.related[entry]
    _, is_bought = found_in(bought.customers * size + bought.products, keys)
    fresh = ~is_bought
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
    return _plain(
        candidates[best],
        products[best],
        cosine=scores[best],
        reasons=bought.products[source[strongest]],
        values=together.confidences[entry[strongest]].astype(np.float64),
    )


def _first_largest(values: Floats, starts: Array) -> Array:
    """Position of the first largest value of each run."""
    if len(starts) == 0:
        return starts
    lengths = np.diff(np.append(starts, len(values)))
    largest = np.flatnonzero(values == np.repeat(np.maximum.reduceat(values, starts), lengths))
    run = np.searchsorted(starts, largest, side="right")
    return largest[row_starts(run)]
