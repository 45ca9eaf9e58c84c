"""What did best on the shop's own last weeks: parameters, and whether a ranker earns its place.

Three stretches of time, so that nothing is chosen and judged on the same purchases: rankers learn from the oldest, the
parameters are chosen on the next, and what was chosen is judged on the last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from saleor_crm_plugin.recommendations.evaluation.cases import Cases
from saleor_crm_plugin.recommendations.evaluation.intervals import estimate
from saleor_crm_plugin.recommendations.evaluation.metrics import quality
from saleor_crm_plugin.recommendations.learning.candidates import Why
from saleor_crm_plugin.recommendations.learning.completion import HiddenItems, tuned_completion
from saleor_crm_plugin.recommendations.learning.ease import Ease, fit_ease
from saleor_crm_plugin.recommendations.learning.examples import Examples
from saleor_crm_plugin.recommendations.learning.features import NAMES
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.lists import Preferences, arranged, own_amounts, simple_preferences
from saleor_crm_plugin.recommendations.learning.moments import Snapshot
from saleor_crm_plugin.recommendations.learning.parameters import Discovery, Parameters
from saleor_crm_plugin.recommendations.learning.ranker import Ranker, available
from saleor_crm_plugin.recommendations.learning.statistics import HALF_LIVES
from saleor_crm_plugin.recommendations.progress import Progress

Floats = npt.NDArray[np.float64]

# "Next" is four weeks, or shorter where the history is: it must hold so many such stretches.
HORIZON_DAYS: Final = 28.0
HORIZONS_IN_HISTORY: Final = 5
SHORTEST_HORIZON_DAYS: Final = 3.0
# Below so many customers who bought within the horizon, a comparison would be chance: the defaults stay.
FEWEST_CASES: Final = 100
# Below so many lists with a right answer in them, a ranker would learn by heart.
FEWEST_LISTS: Final = 400
# Moments in the past that rankers learn from, half a horizon apart.
RANKED_MOMENTS: Final = 3

# A half-life that is none.
NO_DECAY_DAYS: Final = 36_500.0

TOO_SHORT: Final = "The history is too short to choose anything on."

REPEAT_POWERS: Final = (0.0, 0.25, 0.5, 1.0)
POPULARITY_POWERS: Final = (0.0, 0.5, 1.0, 2.0)
DISCOVERIES_EVERY: Final = (0, 20, 10, 5)


@dataclass(frozen=True, slots=True)
class Rankers:
    """Two rankers on the same features: of the next basket, and of first purchases."""

    next: Ranker
    new: Ranker

    def preferences(self, features: npt.NDArray[np.float32]) -> Preferences:
        return Preferences(self.next.scores(features), self.new.scores(features), ranked=True)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What each way of putting candidates in order was worth in the last weeks.

    Attributes:
        next, new: method -> (c,) nDCG@10 of each case of the next basket, of first purchases.
    """

    next: dict[str, Floats] = field(default_factory=dict)
    new: dict[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen.

    Attributes:
        rankers: None where the simple models do as well, or nothing could be compared.
        comparison: empty where there was too little history.
        notes: what was done and why, for the operator.
    """

    parameters: Parameters
    rankers: Rankers | None
    comparison: Comparison
    notes: list[str]

    @classmethod
    def without_comparison(cls, parameters: Parameters, rankers: Rankers | None) -> Self:
        """Of a model that was chosen before, elsewhere."""
        return cls(parameters, rankers, Comparison(), [])


def kept(history: PurchaseHistory, parameters: Parameters, rankers: Rankers | None, progress: Progress) -> Selection:
    """Leave parameters and rankers as an earlier training chose them, and say what they are worth now.

    The rankers have learnt from most of the weeks that they are judged on here, which flatters them.
    """
    horizon = horizon_of(history)
    parameters = replace(parameters, ranked=rankers is not None)
    if horizon is None:
        return Selection(parameters, rankers, Comparison(), [TOO_SHORT])
    progress("past", 0, 1)
    parameters = replace(parameters, horizon_days=horizon)
    snapshot = Snapshot.of(history, horizon, parameters)
    progress("past", 1, 1)
    if len(snapshot.next.customers) < FEWEST_CASES:
        return Selection(parameters, rankers, Comparison(), [_too_few(horizon)])
    ranked = rankers.preferences(snapshot.features) if rankers is not None else None
    return Selection(parameters, rankers, _compared(snapshot, parameters, ranked), [])


def select(history: PurchaseHistory, parameters: Parameters, progress: Progress) -> Selection:
    """Choose parameters, learn rankers, and decide whether these earn their place."""
    horizon = horizon_of(history)
    if horizon is None:
        return Selection(replace(parameters, ranked=False), None, Comparison(), [TOO_SHORT])
    parameters = replace(parameters, horizon_days=horizon)
    ranking = available()
    notes: list[str] = []
    step = horizon / 2
    # From old to new: what rankers learn from before the last horizon, the moment to choose at, the moment to judge at.
    learnt_at = [2 * horizon + step * number for number in range(RANKED_MOMENTS, 0, -1)] if ranking else []
    between = [horizon + step] if ranking else []
    moments = [*learnt_at, 2 * horizon, *between, horizon]
    next_examples: dict[float, Examples] = {}
    new_examples: dict[float, Examples] = {}
    comparison = Comparison()
    early: Rankers | None = None
    won: Rankers | None = None
    for number, days in enumerate(moments):
        progress("past", number, len(moments))
        snapshot = Snapshot.of(history, days, parameters)
        if days == 2 * horizon:
            parameters = _tuned(snapshot, history, parameters, notes)
        if ranking and len(snapshot.next.customers):
            everything = np.ones(len(snapshot.candidates), dtype=bool)
            next_examples[days] = Examples.of(snapshot, snapshot.next, everything)
            new_examples[days] = Examples.of(snapshot, snapshot.new, snapshot.candidates.again <= 0)
        if days == 2 * horizon and ranking:
            early = _rankers(next_examples.values(), new_examples.values())
        if days == horizon:
            ranked = early.preferences(snapshot.features) if early is not None else None
            comparison = _compared(snapshot, parameters, ranked)
            won = early if early is not None and _better(comparison) else None
            if won is None and _worse(comparison.new.get("simple"), comparison.new.get("bestsellers")):
                notes.append("What sells most was bought for the first time more than what goes together: it leads.")
                parameters = replace(parameters, discovery=Discovery.POPULAR)
                comparison = _compared(snapshot, parameters, ranked)
            parameters = _tuned_completion(snapshot, history, parameters, ranked if won is not None else None)
    progress("past", len(moments), len(moments))
    if len(next(iter(comparison.next.values()), ())) < FEWEST_CASES:
        notes.append(_too_few(horizon))
        return Selection(replace(parameters, ranked=False), None, Comparison(), notes)
    rankers = None
    if won is not None:
        progress("ranking", 0, None)
        latest = [days for days in next_examples if days <= 2 * horizon + step]
        rankers = _rankers([next_examples[days] for days in latest], [new_examples[days] for days in latest])
    notes.append(_verdict(ranking, early, rankers))
    return Selection(replace(parameters, ranked=rankers is not None), rankers, comparison, notes)


def _too_few(horizon: float) -> str:
    return f"Fewer than {FEWEST_CASES} customers bought in the last {horizon:.0f} days: too few to compare on."


def horizon_of(history: PurchaseHistory) -> float | None:
    """Days that "next" looks ahead; None where the history is too short for any."""
    span = float(history.ages.max(initial=0))
    horizon = min(HORIZON_DAYS, span / HORIZONS_IN_HISTORY)
    return None if horizon < SHORTEST_HORIZON_DAYS else horizon


def _rankers(next_examples: Iterable[Examples], new_examples: Iterable[Examples]) -> Rankers | None:
    upcoming, fresh = Examples.joined(list(next_examples)), Examples.joined(list(new_examples))
    if upcoming.lists_count < FEWEST_LISTS or fresh.lists_count < FEWEST_LISTS:
        return None
    return Rankers(
        next=Ranker.fit(upcoming.features, upcoming.wanted, upcoming.groups),
        new=Ranker.fit(fresh.features, fresh.wanted, fresh.groups),
    )


def _tuned(snapshot: Snapshot, history: PurchaseHistory, parameters: Parameters, notes: list[str]) -> Parameters:
    if len(snapshot.next.customers) < FEWEST_CASES:
        notes.append("Too few customers bought to choose the parameters on: the defaults stay.")
        return parameters
    parameters = _tuned_frequency(snapshot, parameters)
    parameters = _tuned_discovery(snapshot, parameters)
    return _tuned_mixture(snapshot, parameters)


def _tuned_frequency(snapshot: Snapshot, parameters: Parameters) -> Parameters:
    candidates, statistics = snapshot.candidates, snapshot.moment.statistics
    rates = statistics.products.repeat_rates[candidates.products]
    bought = candidates.again > 0
    best = -1.0
    for half_life in (*HALF_LIVES[1:], NO_DECAY_DAYS):
        name = "baskets" if half_life == NO_DECAY_DAYS else f"decayed_{half_life:.0f}"
        frequency = snapshot.features[:, NAMES.index(name)].astype(np.float64)
        for power in REPEAT_POWERS:
            worth = _ndcg(snapshot, np.where(bought, frequency * rates**power, -np.inf), snapshot.next).mean()
            if worth > best:
                best, parameters = worth, replace(parameters, half_life_days=half_life, repeat_power=power)
    return parameters


def _tuned_discovery(snapshot: Snapshot, parameters: Parameters) -> Parameters:
    if len(snapshot.new.customers) < FEWEST_CASES:
        return parameters
    best, unbought, chosen = -1.0, snapshot.candidates.again <= 0, parameters
    for discovery in Discovery:
        for power in POPULARITY_POWERS if discovery is Discovery.EASE else (1.0,):
            tried = replace(parameters, discovery=discovery, popularity_power=power)
            new = simple_preferences(snapshot.candidates, snapshot.moment.statistics, tried).new
            worth = _ndcg(snapshot, np.where(unbought, new, -np.inf), snapshot.new).mean()
            if worth > best:
                best, chosen = worth, tried
    return chosen


def _tuned_mixture(snapshot: Snapshot, parameters: Parameters) -> Parameters:
    best, chosen = -1.0, parameters
    statistics = snapshot.moment.statistics
    preferences = simple_preferences(snapshot.candidates, statistics, parameters)
    for every in DISCOVERIES_EVERY:
        tried = replace(parameters, discovery_every=every)
        lists = arranged(snapshot.candidates, preferences, statistics, tried)
        worth = quality(lists.customers, lists.products, snapshot.next).ndcg.mean()
        if worth > best:
            best, chosen = worth, tried
    return chosen


def _tuned_completion(
    snapshot: Snapshot, history: PurchaseHistory, parameters: Parameters, ranked: Preferences | None
) -> Parameters:
    if len(snapshot.next.customers) < FEWEST_CASES:
        return parameters
    moment = snapshot.moment
    statistics = moment.statistics
    preferences = ranked or simple_preferences(snapshot.candidates, statistics, parameters)
    lists = arranged(snapshot.candidates, preferences, statistics, parameters)
    later = history.since(snapshot.days, snapshot.days - parameters.horizon_days)
    items = HiddenItems.of(later, statistics.products.baskets > 0)

    def own(half_life_days: float, power: float) -> sparse.csr_array:
        amounts = own_amounts(lists.customers, lists.products, statistics, half_life_days, power)
        return replace(lists, amounts=amounts).amounts_of(len(history.customer_ids), statistics.size)

    def linear(regularization: float) -> Ease:
        return fit_ease(moment.history.by_basket(), regularization)

    return tuned_completion(items, moment.together, linear, own, parameters)


def _compared(snapshot: Snapshot, parameters: Parameters, ranked: Preferences | None) -> Comparison:
    candidates, statistics = snapshot.candidates, snapshot.moment.statistics
    bought = candidates.again > 0
    lately = statistics.products.sold[2][candidates.products].astype(np.float64)
    simple = simple_preferences(candidates, statistics, parameters)
    frequency = snapshot.features[:, NAMES.index("baskets")].astype(np.float64)
    lists = arranged(candidates, simple, statistics, parameters)
    comparison = Comparison(
        next={
            "bestsellers": _ndcg(snapshot, lately, snapshot.next),
            "frequency": _ndcg(snapshot, np.where(bought, frequency, -np.inf), snapshot.next),
            "decayed frequency": _ndcg(snapshot, np.where(bought, candidates.again, -np.inf), snapshot.next),
            "simple": quality(lists.customers, lists.products, snapshot.next).ndcg,
        },
        new={
            "bestsellers": _ndcg(snapshot, np.where(bought, -np.inf, lately), snapshot.new),
            "cosine": _ndcg(snapshot, np.where(bought, -np.inf, candidates.cosine), snapshot.new),
            "ease": _ndcg(snapshot, np.where(bought, -np.inf, candidates.linear), snapshot.new),
            "simple": _ndcg(snapshot, np.where(bought, -np.inf, simple.new), snapshot.new),
        },
    )
    if ranked is not None:
        lists = arranged(candidates, ranked, statistics, parameters)
        comparison.next["ranker"] = quality(lists.customers, lists.products, snapshot.next).ndcg
        fresh = lists.kinds != Why.BOUGHT_BEFORE
        comparison.new["ranker"] = quality(lists.customers[fresh], lists.products[fresh], snapshot.new).ndcg
    return comparison


def _better(comparison: Comparison) -> bool:
    """Whether the ranker beat the simple models at both questions together, and at neither lost to what sells most."""
    questions = (comparison.next, comparison.new)
    if any(_worse(methods["ranker"], methods["bestsellers"]) for methods in questions):
        return False
    return bool(sum(methods["ranker"].mean() - methods["simple"].mean() for methods in questions) > 0)


def _worse(values: Floats | None, than: Floats | None) -> bool:
    """By more than chance."""
    if values is None or than is None:
        return False
    difference = estimate(values - than)
    return difference is not None and difference.high < 0


def _verdict(ranking: bool, early: Rankers | None, rankers: Rankers | None) -> str:
    if not ranking:
        return "The library of the ranker is not installed: lists are in the order of the simple models."
    if early is None:
        return "There are too few purchases to teach a ranker: lists are in the order of the simple models."
    if rankers is None:
        return "The ranker did no better than the simple models in the last weeks: they stay."
    return "The ranker did better than the simple models in the last weeks."


def _ndcg(snapshot: Snapshot, scores: Floats, cases: Cases) -> Floats:
    """(c,) nDCG@10 of the candidates in the order of their scores; those at minus infinity are left out."""
    candidates = snapshot.candidates
    kept = np.flatnonzero(scores > -np.inf)
    order = kept[np.lexsort((candidates.products[kept], -scores[kept], candidates.customers[kept]))]
    return quality(candidates.customers[order], candidates.products[order], cases).ndcg
