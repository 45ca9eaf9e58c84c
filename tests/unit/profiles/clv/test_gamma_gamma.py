from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.exceptions import ForecastError
from saleor_crm_plugin.profiles.clv.learning.gamma_gamma import AverageValue, GammaGamma
from saleor_crm_plugin.profiles.clv.learning.model import Degeneracy

CDNOW = GammaGamma(6.25, 3.74, 15.44)


def simulated(truth: GammaGamma, customers: int, unit: float = 1.0) -> tuple[Any, Any]:
    generator = np.random.default_rng(4)
    purchases = generator.integers(1, 12, customers)
    scale = generator.gamma(truth.q, 1 / truth.v, customers)
    return purchases, unit * generator.gamma(truth.p * purchases, 1 / (scale * purchases))


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_a_fit_finds_the_world_it_was_simulated_from_in_any_unit(unit: float) -> None:
    model, wrong = GammaGamma.fit(*simulated(CDNOW, 20_000, unit))
    assert wrong is None
    assert (model.p, model.q, model.v / unit) == pytest.approx((CDNOW.p, CDNOW.q, CDNOW.v), rel=0.06)


def test_the_fit_is_a_maximum_of_the_likelihood() -> None:
    purchases, means = simulated(CDNOW, 3_000)
    model, _ = GammaGamma.fit(purchases, means)
    best = model.log_likelihood(purchases, means)
    for p, q, v in ((1.01, 1, 1), (0.99, 1, 1), (1, 1.01, 1), (1, 0.99, 1), (1, 1, 1.01), (1, 1, 0.99)):
        assert GammaGamma(model.p * p, model.q * q, model.v * v).log_likelihood(purchases, means) < best


def test_expected_values_agree_with_simulated_customers() -> None:
    generator = np.random.default_rng(9)
    scale = generator.gamma(CDNOW.q, 1 / CDNOW.v, 200_000)
    seen = generator.gamma(CDNOW.p * 2, 1 / (scale * 2))
    later = generator.gamma(CDNOW.p, 1 / scale)
    expected = CDNOW.expected_value(np.full(200_000, 2), seen)
    for some in (seen < 20, (seen > 30) & (seen < 60), seen > 80):
        error = later[some].std() / np.sqrt(some.sum())
        assert later[some].mean() == pytest.approx(expected[some].mean(), abs=4 * error)


@given(count=st.integers(1, 5000), mean=st.floats(0.01, 1e9))
def test_a_forecast_lies_between_the_own_mean_and_that_of_all(count: int, mean: float) -> None:
    everybody = CDNOW.p * CDNOW.v / (CDNOW.q - 1)
    (value,) = CDNOW.expected_value(np.array([count]), np.array([mean]))
    slack = 1e-9 * (mean + everybody)
    assert min(mean, everybody) - slack <= value <= max(mean, everybody) + slack


def test_without_purchases_the_mean_of_all() -> None:
    assert CDNOW.expected_value(np.array([0, 0]), np.array([0.0, 99.0])) == pytest.approx([35.22, 35.22], abs=0.01)


def test_where_everything_costs_the_same_there_is_no_shape() -> None:
    _, wrong = GammaGamma.fit(np.array([1, 2, 3] * 50), np.full(150, 20.0))
    assert wrong == Degeneracy.AT_LIMIT


@pytest.mark.parametrize(
    ("purchases", "means", "words"),
    [
        ([], [], "no purchases"),
        ([0], [5.0], "no purchases"),
        ([1], [0.0], "positive"),
        ([1], [-1.0], "positive"),
        ([1], [np.inf], "positive"),
        ([1], [np.nan], "positive"),
    ],
)
def test_what_is_no_value(purchases: list[int], means: list[float], words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        GammaGamma.fit(np.array(purchases, dtype=int), np.array(means))


def test_the_average_is_the_same_for_everybody() -> None:
    assert AverageValue(7.5).expected_value(np.array([0, 3]), np.array([0.0, 99.0])).tolist() == [7.5, 7.5]
