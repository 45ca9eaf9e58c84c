from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.recommendations.arranging import (
    CANDIDATES_WITH_POLICY,
    DIVERSITY_WINDOW,
    NO_POLICY,
    Candidate,
    Policy,
    Source,
    arrange,
    diverse,
)
from saleor_crm_plugin.recommendations.models import ReasonKind
from saleor_crm_plugin.recommendations.reasons import ReasonCode, ReasonParts


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
    assert NO_POLICY.candidates_wanted(10, 20) == 30
    assert Policy(most_of_category=2).candidates_wanted(10, 20) == CANDIDATES_WITH_POLICY
    assert Policy(most_of_category=2).candidates_wanted(100, 1000) == 1100


def test_too_many_of_a_category_are_put_off() -> None:
    some = candidates_of([1, 1, 1, 1, 2, None])

    assert [one.product_id for one in diverse(some, 2)] == [1, 2, 5, 6, 3, 4]
    assert [one.product_id for one in arrange(some, Policy(most_of_category=2), 3)] == [1, 2, 5]


@given(st.lists(st.sampled_from([None, 1, 2, 3]), max_size=60), st.integers(1, 5))
def test_diverse_lists_lose_nothing_and_break_the_limit_only_where_nothing_else_is_left(
    categories: list[int | None], most: int
) -> None:
    some = candidates_of(categories)

    arranged = diverse(some, most)

    assert sorted(one.product_id for one in arranged) == [one.product_id for one in some]
    for place, one in enumerate(arranged):
        near = [before.category_id for before in arranged[max(0, place - DIVERSITY_WINDOW + 1) : place]]
        if one.category_id is not None and near.count(one.category_id) >= most:
            left = {other.category_id for other in arranged[place:]}
            assert None not in left
            assert all(near.count(category) >= most for category in left)
    for category in {1, 2, 3, None}:
        order = [one.product_id for one in arranged if one.category_id == category]
        assert order == sorted(order), "within a category the better one stays before the other"
