from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.exceptions import ForecastError
from saleor_crm_plugin.profiles.clv.learning.histories import MOST_DAYS, Histories, Repeats, grouped, histories
from tests.unit.profiles.clv.worlds import some_histories


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (([1.5], [3], [5]), "whole numbers"),
        (([1], [np.nan], [5]), "whole numbers"),
        (([1], [3], [np.inf]), "whole numbers"),
        ((["a"], [3], [5]), "whole numbers"),
        (([1, 2], [3], [5]), "same number"),
        (([[1]], [[3]], [[5]]), "same number"),
        (([-1], [0], [5]), "count from 0"),
        (([0], [0], [MOST_DAYS + 1]), "at most"),
        (([1], [3], [5], [0]), "count from 0"),
        (([1], [6], [5]), "lies between"),
        (([4], [3], [5]), "lies between"),
        (([0], [3], [5]), "lies between"),
        (([0], [0], [-1]), "lies between"),
    ],
)
def test_what_is_no_history(columns: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        histories(*columns)


def test_units() -> None:
    customers = histories([2], [14], [70])
    assert (customers.recency.tolist(), customers.age.tolist(), customers.later(7).tolist()) == ([2.0], [10.0], [11.0])


def test_grouping_counts_equal_histories() -> None:
    groups = grouped(histories([1, 0, 1, 1], [3, 0, 3, 3], [9, 9, 9, 8], [1, 2, 3, 4]))
    rows = sorted(
        zip(*(column.tolist() for column in (groups.repeats, groups.recency_days, groups.age_days)), strict=True)
    )
    assert rows == [(0, 0, 9), (1, 3, 8), (1, 3, 9)]
    assert sorted(groups.customers.tolist()) == [2, 4, 4]


@given(customers=some_histories(), most=st.integers(1, 8))
def test_too_many_groups_are_rounded_until_they_are_few(customers: Histories, most: int) -> None:
    levels = len(np.unique(customers.repeats))
    groups = grouped(customers, max(most, levels))
    assert len(groups) <= max(most, levels)
    assert groups.total == customers.total
    assert (groups.customers * groups.repeats).sum() == customers.repeats.sum()
    assert (groups.recency_days <= groups.age_days).all()


@given(values=st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_functions_of_the_repeats_are_spread_to_customers(values: list[int]) -> None:
    repeats = Repeats(np.array(values))
    assert repeats.spread(repeats.levels**2).tolist() == [float(value**2) for value in values]
