"""The published data set: published parameters, and what the fits foretell of its second half."""

from __future__ import annotations

import numpy as np
import pytest

from saleor_crm_plugin.profiles.clv.learning.beta_geometric import BGNBD, MBGNBD
from saleor_crm_plugin.profiles.clv.learning.choice import Forecaster, Purchases, choose, forecast
from saleor_crm_plugin.profiles.clv.learning.gamma_gamma import GammaGamma
from saleor_crm_plugin.profiles.clv.learning.holdout import Past, errors_of
from saleor_crm_plugin.profiles.clv.learning.model import BuyTillYouDie, ModelName
from saleor_crm_plugin.profiles.clv.learning.pareto_nbd import ParetoNBD
from tests.benchmarks import cdnow

pytestmark = pytest.mark.skipif(not cdnow.is_installed(), reason=cdnow.MISSING)

three_digits = {"rel": 5e-4}


@pytest.fixture(scope="module")
def shop() -> cdnow.CDNOW:
    return cdnow.read()


def past_of(shop: cdnow.CDNOW) -> Past:
    # Both halves have 39 weeks: "as before" is what each customer has bought again so far.
    return Past(shop.calibration, cdnow.HOLDOUT_DAYS, shop.later, shop.calibration.repeats)


def test_the_data_are_those_of_the_papers(shop: cdnow.CDNOW) -> None:
    assert len(shop.calibration) == 2357
    assert (shop.calibration.repeats > 0).sum() == 946
    assert shop.later.sum() == 1882


@pytest.mark.parametrize(
    ("kind", "parameters", "log_likelihood"),
    [
        # Fader, Hardie & Lee (2005) print .243, 4.414, .793, 2.426, and -9582.4.
        (BGNBD, (0.24259, 4.4136, 0.79292, 2.4259), -9582.43),
        (MBGNBD, (0.52484, 6.1831, 0.89136, 1.6140), -9582.14),
        # The same paper: .553, 10.578, .606, 11.669, and -9595.0.
        (ParetoNBD, (0.55328, 10.5777, 0.60624, 11.6687), -9594.98),
    ],
)
def test_parameters_to_three_digits(
    shop: cdnow.CDNOW, kind: type[BuyTillYouDie], parameters: tuple[float, ...], log_likelihood: float
) -> None:
    model, wrong = kind.fit(shop.calibration)
    assert wrong is None
    assert model.parameters == pytest.approx(parameters, **three_digits)
    assert model.log_likelihood(shop.calibration) == pytest.approx(log_likelihood, abs=0.005)


def test_gamma_gamma_to_three_digits(shop: cdnow.CDNOW) -> None:
    some = shop.values > 0
    purchases, means = shop.calibration.repeats[some], shop.values[some]
    model, wrong = GammaGamma.fit(purchases, means)
    # Fader & Hardie (2013) print 6.25, 3.74 and 15.44.
    assert wrong is None
    assert (model.p, model.q, model.v) == pytest.approx((6.2496, 3.7442, 15.4435), **three_digits)
    assert model.log_likelihood(purchases, means) == pytest.approx(-4055.92, abs=0.005)


@pytest.mark.parametrize(
    ("kind", "mae", "rmse", "churn_auc"),
    [(BGNBD, 0.785, 1.608, 0.757), (MBGNBD, 0.765, 1.607, 0.760), (ParetoNBD, 0.755, 1.603, 0.771)],
)
def test_errors_in_the_second_half(
    shop: cdnow.CDNOW, kind: type[BuyTillYouDie], mae: float, rmse: float, churn_auc: float
) -> None:
    model, _ = kind.fit(shop.calibration)
    errors = errors_of(model, past_of(shop))
    assert errors.mae == pytest.approx(mae, abs=6e-4)
    assert errors.rmse == pytest.approx(rmse, abs=6e-4)
    assert errors.churn_auc == pytest.approx(churn_auc, abs=6e-4)


def test_pareto_nbd_is_chosen_and_keeps_what_the_issue_asks_for(shop: cdnow.CDNOW) -> None:
    some = shop.values > 0
    purchases = Purchases(
        shop.calibration,
        np.where(some, shop.calibration.repeats, 0),
        shop.values,
        float(shop.values[some].mean()),
        1.0,
    )
    chosen = choose(purchases, past_of(shop))
    assert isinstance(chosen, Forecaster)
    assert chosen.model.name == chosen.churn_model.name == ModelName.PARETO_NBD
    assert chosen.holdout.mae <= 0.755
    assert chosen.holdout.rmse <= 1.603
    assert chosen.holdout.churn_auc >= 0.72
    assert chosen.holdout.bias == pytest.approx(0.885, abs=1e-3)
    assert (chosen.naive.mae, chosen.naive.rmse) == pytest.approx((0.897, 1.975), abs=1e-2)
    assert chosen.remarks == ()

    made = forecast(chosen, purchases, 365)
    # Customer 1 of the data set: two repeat purchases, the last 30 weeks after the first, 39 weeks ago.
    assert made.orders[0] == pytest.approx(1.855, abs=5e-3)
    assert made.value[0] == pytest.approx(made.orders[0] * 24.66, rel=1e-3)
