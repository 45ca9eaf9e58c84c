from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.recommendations.arranging import (
    ARRANGED_CANDIDATES,
    NO_POLICY,
    Candidate,
    Policy,
    Source,
    placed_by,
    recommended,
)
from saleor_crm_plugin.recommendations.merchandising.definition import ListRule, RuleAction
from saleor_crm_plugin.recommendations.merchandising.policy import ListPolicy
from saleor_crm_plugin.recommendations.models import ReasonKind
from saleor_crm_plugin.recommendations.reasons import ReasonCode, ReasonParts, Recommendation


def arrange(candidates: Sequence[Candidate], policy: Policy, first: int, offset: int = 0) -> list[Recommendation]:
    return [recommended(placed.candidate) for placed in placed_by(candidates, policy, first, offset)]


def candidate(product_id: int, category_id: int | None = None) -> Candidate:
    return Candidate(product_id, 1 / product_id, Source.LEARNT, category_id, ReasonParts(ReasonKind.POPULAR))


def candidates_of(categories: list[int | None]) -> list[Candidate]:
    return [candidate(place, category) for place, category in enumerate(categories, start=1)]


def test_without_a_policy_the_order_is_kept_and_the_page_cut_out() -> None:
    some = candidates_of([None] * 5)

    assert [one.product_id for one in arrange(some, NO_POLICY, 2)] == [1, 2]
    assert [one.product_id for one in arrange(some, NO_POLICY, 2, 3)] == [4, 5]
    assert arrange(some, NO_POLICY, 2, 5) == []
    assert arrange(some, NO_POLICY, 1)[0].reason.kind is ReasonCode.POPULAR


def test_only_a_policy_needs_more_candidates_than_the_page_holds() -> None:
    policy = Policy(lists=ListPolicy(category_limit=2))

    assert NO_POLICY.candidates_wanted(10, 20) == 30
    assert policy.candidates_wanted(10, 20) == ARRANGED_CANDIDATES
    assert policy.candidates_wanted(100, 1000) == 1100


def test_too_many_of_a_category_are_put_off() -> None:
    some = candidates_of([1, 1, 1, 1, 2, None])

    assert [one.product_id for one in arrange(some, Policy(lists=ListPolicy(category_limit=2)), 3)] == [1, 2, 5]


def test_only_the_rules_for_a_list_have_a_say_in_it() -> None:
    everywhere, similar = rule(1), rule(2, kinds=frozenset({"similar"}))
    of_segment = rule(3, segment_ids=frozenset({7}))
    policy = Policy((everywhere, similar, of_segment))

    assert policy.for_list("for_you").rules == (everywhere,)
    assert policy.for_list("similar", {7, 8}) is policy
    assert policy.for_list("for_you", {8}).rules == (everywhere,)


@given(st.lists(st.booleans(), max_size=2 * ARRANGED_CANDIDATES), st.integers(1, 40))
def test_pages_continue_each_other_beyond_the_candidates_that_are_arranged(excluded: list[bool], size: int) -> None:
    some = [replace(candidate(number), rule_ids=frozenset({1 + gone})) for number, gone in enumerate(excluded, start=1)]
    # Boosts every product that is not excluded, which changes nothing.
    policy = Policy((rule(1, action=RuleAction.BOOST, factor=2.0), rule(2)))

    pages = [arrange(some, policy, size, offset) for offset in range(0, len(some) + size, size)]

    wanted = [number for number, gone in enumerate(excluded, start=1) if not gone]
    assert [one.product_id for page in pages for one in page] == wanted


def rule(rule_id: int, action: RuleAction = RuleAction.EXCLUDE, **changes: Any) -> ListRule:
    return ListRule(rule_id, "Rule", action, **changes)
