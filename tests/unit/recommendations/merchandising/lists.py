"""Candidates, rules and policies for tests of the arranging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from saleor_crm_plugin.recommendations.merchandising.definition import ListRule, RuleAction, Targets
from saleor_crm_plugin.recommendations.merchandising.policy import NO_LIST_POLICY, ListPolicy
from saleor_crm_plugin.recommendations.merchandising.reranking import rerank


@dataclass(frozen=True, slots=True)
class Item:
    product_id: int
    category_id: int | None = None
    brand_ids: frozenset[int] = frozenset()
    rule_ids: frozenset[int] = frozenset()
    is_new: bool = False
    is_extra: bool = False


def items(count: int, **changes) -> list[Item]:
    """Products 1 to `count`; of each change, the value for those products."""
    return [
        Item(number, **{name: values[number] for name, values in changes.items() if number in values})
        for number in range(1, count + 1)
    ]


def pin(rule_id: int, position: int, places: int = 1, priority: int = 0, products: Sequence[int] = ()) -> ListRule:
    return ListRule(rule_id, "Pin", RuleAction.PIN, Targets(tuple(products)), position, places, None, priority)


def boost(rule_id: int, factor: float) -> ListRule:
    return ListRule(rule_id, "Boost", RuleAction.BOOST, factor=factor)


def bury(rule_id: int, factor: float) -> ListRule:
    return ListRule(rule_id, "Bury", RuleAction.BURY, factor=factor)


def exclude(rule_id: int) -> ListRule:
    return ListRule(rule_id, "Exclude", RuleAction.EXCLUDE)


def ids(candidates, rules=(), policy=NO_LIST_POLICY, first=100, offset=0) -> list[int]:
    return [placed.candidate.product_id for placed in rerank(candidates, rules, policy, first, offset)]


RULE_IDS = range(1, 7)


@st.composite
def rules(draw, actions=tuple(RuleAction)) -> list[ListRule]:
    found = []
    for rule_id in draw(st.sets(st.sampled_from(RULE_IDS))):
        action = draw(st.sampled_from(actions))
        # Powers of two, so that places are divided exactly.
        factor = draw(st.sampled_from([2.0, 4.0, 8.0])) if action in (RuleAction.BOOST, RuleAction.BURY) else None
        pins = action is RuleAction.PIN
        found.append(
            ListRule(
                rule_id,
                f"Rule {rule_id}",
                action,
                Targets(tuple(draw(st.lists(st.integers(1, 40), max_size=3))) if pins else ()),
                draw(st.integers(1, 30)) if pins else None,
                draw(st.integers(1, 3)) if pins else None,
                factor,
                draw(st.integers(-1, 1)),
            )
        )
    return found


@st.composite
def candidates(draw, extras: bool = True) -> list[Item]:
    listed, extra = draw(st.integers(0, 30)), draw(st.integers(0, 6)) if extras else 0
    return [
        Item(
            number,
            draw(st.none() | st.integers(1, 3)),
            draw(st.frozensets(st.integers(1, 3), max_size=1)),
            draw(st.frozensets(st.sampled_from(RULE_IDS), max_size=3)),
            draw(st.booleans()),
            is_extra=number > listed,
        )
        for number in range(1, listed + extra + 1)
    ]


policies = st.builds(
    ListPolicy,
    brand_attribute=st.sampled_from([None, "brand"]),
    brand_limit=st.none() | st.integers(1, 4),
    category_limit=st.none() | st.integers(1, 4),
    new_in_ten=st.integers(0, 5),
)
