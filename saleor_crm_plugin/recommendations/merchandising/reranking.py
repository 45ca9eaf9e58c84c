"""A list after merchandising: what the rules and the policy make of it. Pure and deterministic.

In this order: what is excluded is gone; boosted and buried products change places; pins take theirs; the places left
are filled one after the other with the best product that the policy allows. A list is always arranged from its first
place on, so that a second page continues the first.

Boosting goes by places and not by scores: a list mixes purchases, links between products and bestsellers, whose scores
have nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Generic, Protocol, TypeVar

from saleor_crm_plugin.recommendations.merchandising.definition import ListRule, RuleAction
from saleor_crm_plugin.recommendations.merchandising.diversity import Diversity
from saleor_crm_plugin.recommendations.merchandising.policy import WINDOW, ListPolicy

# Pins that a list can hold: with more, it would be written by hand.
PINS_PER_LIST = 20


class Candidate(Protocol):
    """A product that a list may hold, with what rules and policy ask of it.

    Attributes:
        category_id: its category; None: it has none.
        brand_ids: its values of the attribute for brands.
        rule_ids: the rules whose target it is.
        is_new: published in the channel not long ago.
        is_extra: not from the list, but at hand for pins and for the places of new products.
    """

    @property
    def product_id(self) -> int: ...
    @property
    def category_id(self) -> int | None: ...
    @property
    def brand_ids(self) -> frozenset[int]: ...
    @property
    def rule_ids(self) -> frozenset[int]: ...
    @property
    def is_new(self) -> bool: ...
    @property
    def is_extra(self) -> bool: ...


Chosen = TypeVar("Chosen", bound=Candidate)


class Cause(StrEnum):
    """Why a product is not where it was, beside the rules."""

    NEW = "new"
    DIVERSITY = "diversity"


@dataclass(frozen=True, slots=True)
class Placed(Generic[Chosen]):
    """
    Attributes:
        position: place in the list, from 1.
        rule_ids: rules that had a say in where it is, highest priority first.
        causes: what of the policy had.
    """

    candidate: Chosen
    position: int
    rule_ids: tuple[int, ...] = ()
    causes: tuple[Cause, ...] = ()


def rerank(
    candidates: Iterable[Chosen], rules: Iterable[ListRule], policy: ListPolicy, first: int, offset: int = 0
) -> list[Placed[Chosen]]:
    """The places `offset` + 1 to `offset` + `first` of a list; fewer where there is nothing left to put there.

    Args:
        candidates: best first; of a product that comes twice, the first counts.
        rules: those that apply to this list, in any order. Of the same priority, the older one goes first.
    """
    if first <= 0:
        return []
    rules = sorted(rules, key=lambda rule: (-rule.priority, rule.rule_id))
    kept = _kept(candidates, rules)
    ordered = _by_boosts([one for one in kept if not one.is_extra], rules)
    extras = [one for one in kept if one.is_extra]
    pins = _pins([*ordered, *extras], rules)
    pinned = {one.product_id for one, _rule_id in pins.values()}
    filling = _Filling(
        pins,
        [one for one in ordered if one.product_id not in pinned],
        [one for one in extras if one.product_id not in pinned and one.is_new],
        policy,
        {rule.rule_id: rule for rule in rules},
    )
    return list(filling.places(offset + first))[offset:]


def excluding(candidate: Candidate, rules: Iterable[ListRule]) -> tuple[int, ...]:
    """The rules that keep a product out of the list."""
    return tuple(
        rule.rule_id for rule in rules if rule.action is RuleAction.EXCLUDE and rule.rule_id in candidate.rule_ids
    )


def _kept(candidates: Iterable[Chosen], rules: Sequence[ListRule]) -> list[Chosen]:
    excluding = {rule.rule_id for rule in rules if rule.action is RuleAction.EXCLUDE}
    first_of_each: dict[int, Chosen] = {}
    for one in candidates:
        first_of_each.setdefault(one.product_id, one)
    return [one for one in first_of_each.values() if excluding.isdisjoint(one.rule_ids)]


def _by_boosts(candidates: list[Chosen], rules: Sequence[ListRule]) -> list[Chosen]:
    """A product goes where one at its place, divided by the factors of its boosts and times those of its buries, would
    go; next to that one, the boosted one goes first and the buried one last.
    """
    strengths = {
        rule.rule_id: rule.factor if rule.action is RuleAction.BOOST else 1 / rule.factor
        for rule in rules
        if rule.action in (RuleAction.BOOST, RuleAction.BURY) and rule.factor
    }
    if not strengths:
        return candidates

    def key(place: int) -> tuple[float, float, int]:
        # In the order of the rules, so that rounding is the same every time.
        own = candidates[place - 1].rule_ids
        strength = prod(factor for rule_id, factor in strengths.items() if rule_id in own)
        return place / strength, -strength, place

    return [candidates[place - 1] for place in sorted(range(1, len(candidates) + 1), key=key)]


def _pins(candidates: Sequence[Chosen], rules: Sequence[ListRule]) -> dict[int, tuple[Chosen, int]]:
    """Products by the place that is theirs, with the rule that says so. A place that is taken already makes a pin go to
    the next one.
    """
    pins: dict[int, tuple[Chosen, int]] = {}
    taken: set[int] = set()
    for rule in rules:
        if rule.action is not RuleAction.PIN or rule.position is None:
            continue
        place = rule.position
        wanted = [one for one in candidates if rule.rule_id in one.rule_ids and one.product_id not in taken]
        if rule.targets.product_ids:
            order = {product_id: number for number, product_id in enumerate(rule.targets.product_ids)}
            wanted.sort(key=lambda one: order.get(one.product_id, len(order)))
        for one in wanted[: rule.places or 1]:
            if len(pins) == PINS_PER_LIST:
                return pins
            while place in pins:
                place += 1
            pins[place] = one, rule.rule_id
            taken.add(one.product_id)
    return pins


def _quota(place: int, policy: ListPolicy) -> int:
    """New products that belong into the list as far as this place."""
    return place * policy.new_in_ten // WINDOW


def _new_due(pins: Mapping[int, tuple[Candidate, int]], policy: ListPolicy) -> dict[int, int]:
    """By place, as far as the last pin: as many as belong there, or more where pins behind leave no place for them."""
    found: dict[int, int] = {}
    due = 0
    for place in range(max(pins, default=0), 0, -1):
        due = max(due, _quota(place, policy))
        found[place] = due
        due -= place not in pins or pins[place][0].is_new
    return found


class _Filling(Generic[Chosen]):
    """Fills a list place by place."""

    def __init__(
        self,
        pins: dict[int, tuple[Chosen, int]],
        rest: list[Chosen],
        new: list[Chosen],
        policy: ListPolicy,
        rules: dict[int, ListRule],
    ) -> None:
        self._pins, self._rest, self._new, self._policy, self._rules = pins, rest, new, policy, rules
        self._diversity = Diversity(policy, {place: one for place, (one, _) in pins.items()})
        self._passed_over: set[int] = set()
        self._new_placed = 0
        self._new_due = _new_due(pins, policy)

    def places(self, until: int) -> Iterator[Placed[Chosen]]:
        waiting = sorted(self._pins)
        for place in range(1, until + 1):
            if self._rest and place not in self._pins:
                placed = self._fill(place)
            elif not waiting:
                return
            else:
                # At its place; or, where the list is too short to get there, at its end.
                one, rule_id = self._pins[waiting.pop(0)]
                placed = Placed(one, place, (rule_id,))
            self._new_placed += placed.candidate.is_new
            self._diversity.put(place, placed.candidate)
            yield placed

    def _fill(self, place: int) -> Placed[Chosen]:
        blocked = self._diversity.blocked(place)
        if self._new_placed < self._new_due.get(place, _quota(place, self._policy)):
            for source in (self._rest, self._new):
                for number, one in enumerate(source):
                    if one.is_new and blocked.isdisjoint(self._diversity.groups(one)):
                        moved = source is self._new or number > 0
                        return self._placed(source.pop(number), place, [Cause.NEW] if moved else [])
        for number, one in enumerate(self._rest):
            if blocked.isdisjoint(self._diversity.groups(one)):
                return self._placed(self._rest.pop(number), place, [])
            self._passed_over.add(one.product_id)
        # There is nothing else.
        return self._placed(self._rest.pop(0), place, [])

    def _placed(self, one: Chosen, place: int, causes: Collection[Cause]) -> Placed[Chosen]:
        moving = (RuleAction.BOOST, RuleAction.BURY)
        found = tuple(
            rule_id for rule_id, rule in self._rules.items() if rule_id in one.rule_ids and rule.action in moving
        )
        if one.product_id in self._passed_over:
            causes = [*causes, Cause.DIVERSITY]
        return Placed(one, place, found, tuple(causes))
