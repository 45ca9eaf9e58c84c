"""Which model, by what it would have foretold; and the forecast it makes.

The model with the least squared error in the hold-out wins: forecasts are means, and it is the squared error that the
true mean makes smallest. (The absolute error is smallest for the median, which for most customers is 0.) A degenerate
fit is not used, neither in the hold-out nor on everything; the next best takes its place.

P(alive) and churn never come from BG/NBD, by which every one-time buyer is alive for certain: where it forecasts best,
the next best model says who has left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from saleor_crm_plugin.profiles.clv.learning.beta_geometric import BGNBD, MBGNBD
from saleor_crm_plugin.profiles.clv.learning.gamma_gamma import AverageValue, GammaGamma, ValueModel
from saleor_crm_plugin.profiles.clv.learning.histories import Floats, Histories, Integers
from saleor_crm_plugin.profiles.clv.learning.holdout import Errors, Past, errors_of, naive_errors
from saleor_crm_plugin.profiles.clv.learning.model import BuyTillYouDie, ModelName
from saleor_crm_plugin.profiles.clv.learning.pareto_nbd import ParetoNBD

MODELS: Final[tuple[type[BuyTillYouDie], ...]] = (ParetoNBD, MBGNBD, BGNBD)
SILENT_ON_CHURN: Final = frozenset({ModelName.BG_NBD})
TITLES: Final = {
    ModelName.BG_NBD: "BG/NBD",
    ModelName.MBG_NBD: "MBG/NBD",
    ModelName.PARETO_NBD: "Pareto/NBD",
}


@dataclass(frozen=True, slots=True)
class Purchases:
    """All purchases until now, by customer.

    Attributes:
        valued: how many repeat purchases came to more than nothing.
        means: their mean value; 0 without any.
        mean_value: of all purchases that came to more than nothing, the first ones too; 0 without any.
        valued_share: of all purchases, how many did: what was refunded whole was still an order.
    """

    histories: Histories
    valued: Integers
    means: Floats
    mean_value: float
    valued_share: float


@dataclass(frozen=True, slots=True)
class Forecaster:
    """
    Attributes:
        churn_model: None where no model can tell who has left.
        holdout: errors of `model`; its `churn_auc` is that of `churn_model`.
        remarks: what was not used, and why: sentences.
    """

    model: BuyTillYouDie
    churn_model: BuyTillYouDie | None
    values: ValueModel
    valued_share: float
    holdout: Errors
    naive: Errors
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unusable:
    """No model fits."""

    naive: Errors
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """By customer. The last three are None where no model can tell who has left.

    Attributes:
        orders: expected purchases in the days of the forecast.
        value: what they are expected to come to.
        alive: probability that the customer still buys at all.
        churn: probability that no order comes in these days.
        next_days: days until an order has become more likely than none; 0: not within these days.
    """

    orders: Floats
    value: Floats
    alive: Floats | None
    churn: Floats | None
    next_days: Integers | None


def choose(purchases: Purchases, past: Past) -> Forecaster | Unusable:
    """Fit every model to the past, rank them by what came then, and fit the best anew to everything."""
    naive = naive_errors(past)
    remarks: list[str] = []
    measured: list[tuple[Errors, type[BuyTillYouDie]]] = []
    for kind in MODELS:
        model, wrong = kind.fit(past.histories)
        if wrong:
            remarks.append(f"{TITLES[kind.name]} was left out of the comparison: {wrong.value}.")
        else:
            measured.append((errors_of(model, past), kind))
    measured.sort(key=lambda one: one[0].rmse)
    usable: list[tuple[Errors, BuyTillYouDie]] = []
    for errors, kind in measured:
        if not usable or _says_nothing_on_churn(usable):
            model, wrong = kind.fit(purchases.histories)
            if wrong:
                remarks.append(f"{TITLES[kind.name]} was not used: {wrong.value}.")
            else:
                usable.append((errors, model))
    if not usable:
        return Unusable(naive, tuple(remarks))
    errors, chosen = usable[0]
    churn = next((one for one in usable if one[1].name not in SILENT_ON_CHURN), None)
    if churn is None:
        remarks.append("Nothing is said about who has left: BG/NBD cannot tell, and no other model fits.")
    values, remark = _value_model(purchases)
    return Forecaster(
        chosen,
        churn[1] if churn else None,
        values,
        purchases.valued_share,
        Errors(errors.mae, errors.rmse, errors.bias, churn[0].churn_auc if churn else None),
        naive,
        (*remarks, *remark),
    )


def forecast(forecaster: Forecaster, purchases: Purchases, days: int) -> Forecast:
    """What each customer is expected to do in the next days."""
    customers = purchases.histories
    orders = forecaster.model.expected_purchases(customers, days)
    value = forecaster.values.expected_value(purchases.valued, purchases.means) * forecaster.valued_share
    if forecaster.churn_model is None:
        return Forecast(orders, orders * value, None, None, None)
    return Forecast(
        orders,
        orders * value,
        forecaster.churn_model.probability_alive(customers),
        forecaster.churn_model.probability_of_none(customers, days),
        forecaster.churn_model.days_to_next(customers, days),
    )


def _says_nothing_on_churn(usable: list[tuple[Errors, BuyTillYouDie]]) -> bool:
    return all(model.name in SILENT_ON_CHURN for _, model in usable)


def _value_model(purchases: Purchases) -> tuple[ValueModel, tuple[str, ...]]:
    some = np.flatnonzero(purchases.valued > 0)
    if not len(some):
        return AverageValue(purchases.mean_value), ("Everybody's next order is taken to be an average one.",)
    model, wrong = GammaGamma.fit(purchases.valued[some], purchases.means[some])
    if wrong:
        remark = f"Gamma-Gamma was not used: {wrong.value}. Everybody's next order is taken to be an average one."
        return AverageValue(purchases.mean_value), (remark,)
    return model, ()
