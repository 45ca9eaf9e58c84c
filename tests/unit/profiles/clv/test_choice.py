"""Which model wins, what replaces one that cannot be used, and the measures by which it is decided."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from saleor_crm_plugin.profiles.clv.learning import choice
from saleor_crm_plugin.profiles.clv.learning.beta_geometric import BGNBD, MBGNBD
from saleor_crm_plugin.profiles.clv.learning.choice import Forecaster, Purchases, Unusable, choose, forecast
from saleor_crm_plugin.profiles.clv.learning.gamma_gamma import AverageValue
from saleor_crm_plugin.profiles.clv.learning.histories import Histories, histories
from saleor_crm_plugin.profiles.clv.learning.holdout import Errors, Past, auc, holdout_days, naive_errors
from saleor_crm_plugin.profiles.clv.learning.model import BuyTillYouDie, Degeneracy
from saleor_crm_plugin.profiles.clv.learning.pareto_nbd import ParetoNBD

CUSTOMERS = histories([0, 2, 1], [0, 60, 20], [100, 90, 80])
PAST = Past(CUSTOMERS, 30, np.array([0, 2, 0]), np.array([0, 1, 1]))
EVERYTHING = Purchases(CUSTOMERS, np.array([0, 0, 0]), np.zeros(3), 12.5, 0.8)
LATER = histories([0, 4, 1], [0, 115, 20], [130, 120, 110])


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Decide by hand how well each model does, and where it is degenerate: in the past, or on everything."""

    def decide(errors: dict[Any, float], past: tuple[Any, ...] = (), now: tuple[Any, ...] = ()) -> Any:
        for kind, parameters in ((ParetoNBD, (1, 9, 1, 9)), (MBGNBD, (1, 9, 1, 3)), (BGNBD, (1, 9, 1, 3))):

            def fit(customers: Histories, kind: Any = kind, parameters: Any = parameters) -> Any:
                wrong = kind in (past if customers is CUSTOMERS else now)
                return kind(*parameters), Degeneracy.NOBODY_LEAVES if wrong else None

            monkeypatch.setattr(kind, "fit", fit)

        def measured(model: BuyTillYouDie, past: Past) -> Errors:
            return Errors(0.5, errors[type(model)], 1.0, errors[type(model)] / 10)

        monkeypatch.setattr(choice, "errors_of", measured)
        return choose(Purchases(LATER, EVERYTHING.valued, EVERYTHING.means, 12.5, 0.8), PAST)

    return decide


def test_the_least_squared_error_wins(world: Any) -> None:
    chosen = world({ParetoNBD: 3.0, MBGNBD: 1.0, BGNBD: 2.0})
    assert type(chosen.model) is type(chosen.churn_model) is MBGNBD
    assert (chosen.holdout.rmse, chosen.holdout.churn_auc) == (1.0, 0.1)
    # No customer has a repeat purchase with a value.
    assert chosen.values == AverageValue(12.5)
    assert chosen.remarks == ("Everybody's next order is taken to be an average one.",)


def test_where_bg_nbd_wins_the_next_best_tells_who_has_left(world: Any) -> None:
    chosen = world({ParetoNBD: 3.0, MBGNBD: 2.0, BGNBD: 1.0})
    assert (type(chosen.model), type(chosen.churn_model)) == (BGNBD, MBGNBD)
    # The error is that of the orders, the AUC that of churn.
    assert (chosen.holdout.rmse, chosen.holdout.churn_auc) == (1.0, 0.2)


def test_a_degenerate_fit_is_replaced_and_said(world: Any) -> None:
    chosen = world({ParetoNBD: 1.0, MBGNBD: 2.0, BGNBD: 3.0}, past=(ParetoNBD,))
    assert type(chosen.model) is MBGNBD
    assert chosen.remarks[0] == "Pareto/NBD was left out of the comparison: by it nobody ever leaves."
    chosen = world({ParetoNBD: 1.0, MBGNBD: 2.0, BGNBD: 3.0}, now=(ParetoNBD,))
    assert (type(chosen.model), chosen.holdout.rmse) == (MBGNBD, 2.0)
    assert chosen.remarks[0] == "Pareto/NBD was not used: by it nobody ever leaves."


def test_bg_nbd_alone_says_nothing_on_churn(world: Any) -> None:
    chosen = world({ParetoNBD: 1.0, MBGNBD: 2.0, BGNBD: 3.0}, past=(ParetoNBD,), now=(MBGNBD,))
    assert isinstance(chosen, Forecaster)
    assert type(chosen.model) is BGNBD
    assert chosen.churn_model is None
    assert chosen.holdout.churn_auc is None
    assert "Nothing is said about who has left: BG/NBD cannot tell, and no other model fits." in chosen.remarks
    made = forecast(chosen, Purchases(LATER, EVERYTHING.valued, EVERYTHING.means, 12.5, 0.8), 365)
    assert made.alive is made.churn is made.next_days is None
    # An average order, for the share of them that is worth anything.
    assert made.value == pytest.approx(made.orders * 12.5 * 0.8)


def test_no_model_fits(world: Any) -> None:
    chosen = world({ParetoNBD: 1.0}, past=(MBGNBD, BGNBD), now=(ParetoNBD,))
    assert isinstance(chosen, Unusable)
    assert len(chosen.remarks) == 3


def test_the_naive_forecast_says_as_before() -> None:
    errors = naive_errors(PAST)
    # Off by 0, -1 and 1; two forecast, two bought.
    assert (errors.mae, errors.rmse, errors.bias) == pytest.approx((2 / 3, (2 / 3) ** 0.5, 1.0))
    # Of the two who did not buy, one had bought as much before as the one who did.
    assert errors.churn_auc == 0.75


def test_without_any_purchase_there_is_no_bias() -> None:
    errors = naive_errors(Past(CUSTOMERS, 30, np.zeros(3, dtype=int), np.array([1, 0, 0])))
    assert (errors.bias, errors.churn_auc) == (None, None)


@pytest.mark.parametrize(
    ("scores", "positive", "area"),
    [
        ([1, 2, 3, 4], [False, False, True, True], 1.0),
        ([1, 2, 3, 4], [True, True, False, False], 0.0),
        ([1, 1, 1, 1], [True, False, True, False], 0.5),
        ([1, 2, 3], [False, True, False], 0.5),
        ([1, 2], [True, True], None),
        ([1, 2], [False, False], None),
    ],
)
def test_area_under_the_curve(scores: list[int], positive: list[bool], area: float | None) -> None:
    assert auc(np.array(scores), np.array(positive)) == area


@pytest.mark.parametrize(
    ("history", "ahead", "days"), [(180, 365, 60), (1095, 365, 365), (2000, 365, 365), (2, 365, 1), (900, 30, 30)]
)
def test_how_much_is_held_out(history: int, ahead: int, days: int) -> None:
    assert holdout_days(history, ahead) == days
