"""Shares and comparisons against published numbers, scipy, and what an interval promises."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from saleor_crm_plugin.recommendations.tracking.statistics import (
    LEAST_CUSTOMERS,
    Comparison,
    ComparisonStatus,
    Sums,
    compare,
    share_of,
)

amounts = st.lists(st.integers(0, 500), min_size=2, max_size=60)


def sums(values) -> Sums:
    exact = [Fraction(str(value)) for value in values]
    return Sums(len(exact), *(sum((value**power for value in exact), Fraction(0)) for power in (1, 2, 3)))


class TestShares:
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    @pytest.mark.parametrize(
        ("successes", "trials", "low", "high"),
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
    )
    def test_as_published(self, successes, trials, low, high):
        share = share_of(successes, trials)
        assert (round(share.low, 4), round(share.high, 4)) == (low, high)

    @given(st.integers(1, 10**7), st.data())
    def test_the_share_is_within_its_interval_and_that_within_0_and_1(self, trials, data):
        share = share_of(data.draw(st.integers(0, trials)), trials)
        assert 0 <= share.low <= share.value <= share.high <= 1

    @given(st.integers(1, 1000), st.data())
    def test_as_scipy(self, trials, data):
        successes = data.draw(st.integers(0, trials))
        known = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
        share = share_of(successes, trials)
        assert (share.low, share.high) == pytest.approx((known.low, known.high), abs=1e-12)

    @pytest.mark.parametrize(("successes", "trials"), [(0, 0), (1, 0), (3, 2), (-1, 5)])
    def test_nothing_is_said_without_trials_or_with_more_successes(self, successes, trials):
        assert share_of(successes, trials) is None


class TestSums:
    @given(amounts)
    def test_are_those_of_numpy_and_scipy(self, values):
        found = sums(values)
        assert float(found.mean) == pytest.approx(np.mean(values))
        assert float(found.variance) == pytest.approx(np.var(values, ddof=1))
        assert found.skewness == pytest.approx(stats.skew(values) if len(set(values)) > 1 else 0, abs=1e-9)

    def test_of_nobody(self):
        assert (Sums().mean, Sums().variance, Sums().skewness) == (None, 0, 0)

    def test_large_amounts_lose_nothing(self):
        # With doubles the variance would be 0, or negative.
        assert sums([10**12, 10**12 + 1, 10**12 + 2]).variance == 1


def even(count: int, around: int) -> list[int]:
    """Amounts without skewness."""
    return [around + offset % 11 - 5 for offset in range(11 * count // 11)]


class TestComparison:
    def test_as_welchs_test_of_scipy(self):
        others, held_out = even(1100, 30), even(220, 28)
        known = stats.ttest_ind(others, held_out, equal_var=False).confidence_interval(0.95)
        found = compare(sums(others), sums(held_out))
        assert (found.status, found.difference, found.needed) == (ComparisonStatus.MEASURED, 2, LEAST_CUSTOMERS)
        assert (found.low, found.high) == pytest.approx((known.low, known.high), rel=1e-9)

    def test_without_held_out_customers(self):
        assert compare(sums(even(1000, 30)), Sums()) == Comparison(ComparisonStatus.NO_HOLDOUT, None)

    def test_nobody_spent_anything(self):
        nothing = sums([0] * 1000)
        assert compare(nothing, nothing) == Comparison(ComparisonStatus.INSUFFICIENT_DATA, None)

    def test_everybody_spent_the_same(self):
        found = compare(sums([20] * 100), sums([15] * 100))
        assert (found.status, found.difference, found.low, found.high) == (ComparisonStatus.MEASURED, 5, 5, 5)

    @pytest.mark.parametrize("small", [0, 1, 2, LEAST_CUSTOMERS - 1])
    def test_too_few(self, small):
        few, many = sums(even(small, 30)), sums(even(1000, 30))
        for groups in ((many, few), (few, many)):
            found = compare(*groups)
            if not groups[1].count:
                assert found.status == ComparisonStatus.NO_HOLDOUT
                continue
            assert (found.status, found.needed) == (ComparisonStatus.INSUFFICIENT_DATA, LEAST_CUSTOMERS)
            assert (found.difference, found.low, found.high) == (None, None, None)

    def test_uneven_spending_needs_more_customers(self):
        # One in ten buys: skewness 8 / 3, so 355 * 64 / 9.
        tenth = sums([100] * 100 + [0] * 900)
        assert tenth.skewness == pytest.approx(8 / 3)
        found = compare(tenth, tenth)
        assert (found.status, found.needed) == (ComparisonStatus.INSUFFICIENT_DATA, math.ceil(355 * 64 / 9))
        larger = sums([100] * 260 + [0] * 2340)
        assert compare(larger, larger).status == ComparisonStatus.MEASURED

    def test_a_difference_is_found_as_often_as_the_interval_promises(self):
        random = np.random.default_rng(7)

        def spending(count: int, mean: float) -> list[float]:
            # Half buy nothing, the others a log-normal amount: skewness about 2.
            values = np.exp(random.normal(math.log(mean), 0.5, count)) * (random.random(count) < 0.5)
            return [round(value, 2) for value in values.tolist()]

        truth = (30 - 25) * math.exp(0.125) / 2
        within = measured = 0
        for _ in range(200):
            found = compare(sums(spending(6000, 30)), sums(spending(2500, 25)))
            measured += found.status == ComparisonStatus.MEASURED
            within += found.low is not None and found.low <= truth <= found.high
        assert measured >= 190
        # Five standard deviations of 200 draws at 95 %.
        assert within / measured > 0.95 - 5 * (0.95 * 0.05 / 200) ** 0.5
