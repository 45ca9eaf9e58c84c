from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.profiles.models import RFMGroup
from saleor_crm_plugin.profiles.rfm import SCORES, group_for, group_without_scores, quintile, value_level

ALL_SCORES = list(product(SCORES, SCORES, SCORES))


def scores_of(values: list[int]) -> list[int]:
    return [quintile(sum(other < value for other in values), values.count(value), len(values)) for value in values]


def test_each_of_the_125_combinations_has_one_group() -> None:
    counts = Counter(group_for(*scores) for scores in ALL_SCORES)

    # Of the 25 pairs of F and M, 6 have a low mean (1 or 2), 9 a middling one, 7 a mean of 4 and 3 one of 5.
    assert counts == {
        RFMGroup.CHAMPIONS: 10,
        RFMGroup.LOYAL: 20,
        RFMGroup.ACTIVE: 18,
        RFMGroup.NEW: 6,
        RFMGroup.PROMISING: 6,
        RFMGroup.ALMOST_LOST: 6,
        RFMGroup.NEEDS_ATTENTION: 9,
        RFMGroup.DORMANT: 12,
        RFMGroup.AT_RISK: 32,
        RFMGroup.PREVIOUSLY_LOYAL: 6,
    }
    assert counts.total() == 125


def test_every_group_can_be_reached() -> None:
    reached = {group_for(*scores) for scores in ALL_SCORES} | {group_without_scores(0)}

    assert reached == set(RFMGroup)


@pytest.mark.parametrize(
    ("recency", "frequency", "monetary", "group"),
    [
        (5, 5, 5, RFMGroup.CHAMPIONS),
        (5, 4, 3, RFMGroup.CHAMPIONS),
        (5, 3, 3, RFMGroup.ACTIVE),
        (5, 1, 1, RFMGroup.NEW),
        (4, 5, 5, RFMGroup.LOYAL),
        (3, 4, 4, RFMGroup.LOYAL),
        (4, 3, 3, RFMGroup.ACTIVE),
        (4, 1, 2, RFMGroup.PROMISING),
        (3, 3, 3, RFMGroup.NEEDS_ATTENTION),
        (3, 1, 1, RFMGroup.ALMOST_LOST),
        (2, 4, 4, RFMGroup.AT_RISK),
        (1, 3, 3, RFMGroup.AT_RISK),
        (1, 5, 5, RFMGroup.PREVIOUSLY_LOYAL),
        (2, 1, 1, RFMGroup.DORMANT),
        (1, 1, 1, RFMGroup.DORMANT),
    ],
)
def test_groups(recency: int, frequency: int, monetary: int, group: RFMGroup) -> None:
    assert group_for(recency, frequency, monetary) == group


def test_who_bought_nothing_in_the_window_is_dormant_and_who_never_bought_a_prospect() -> None:
    assert group_without_scores(3) == RFMGroup.DORMANT
    assert group_without_scores(0) == RFMGroup.PROSPECTS


def test_the_mean_of_frequency_and_monetary_rounds_up() -> None:
    assert [value_level(*pair) for pair in ((1, 1), (1, 2), (2, 3), (3, 4), (5, 4), (5, 5), (1, 5))] == [
        1, 2, 3, 4, 5, 5, 3,
    ]  # fmt: skip


def test_five_different_values_get_the_five_scores() -> None:
    assert scores_of([10, 20, 30, 40, 50]) == [1, 2, 3, 4, 5]


def test_a_hundred_different_values_get_twenty_of_each_score() -> None:
    assert Counter(scores_of(list(range(100)))) == dict.fromkeys(SCORES, 20)


def test_a_lone_customer_is_in_the_middle() -> None:
    assert scores_of([7]) == [3]


def test_equal_values_are_in_the_middle_of_their_ranks() -> None:
    # Seven of ten bought once: ranks 1 to 7, the middle of which is 35 % of the way up.
    assert scores_of([1] * 7 + [2, 3, 4]) == [2] * 7 + [4, 5, 5]


@given(st.lists(st.integers(-5, 50), min_size=1, max_size=60))
def test_scores_are_within_1_to_5_rise_with_the_value_and_ignore_the_order_of_rows(values: list[int]) -> None:
    scores = scores_of(values)

    assert all(score in SCORES for score in scores)
    ranked = sorted(zip(values, scores, strict=True))
    assert [score for _, score in ranked] == sorted(scores)
    assert len(set(ranked)) == len(set(values)), "equal values, equal scores"
    assert scores_of(values[::-1]) == scores[::-1]
