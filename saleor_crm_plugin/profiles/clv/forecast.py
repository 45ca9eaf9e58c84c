"""One run in one currency: read, gate, choose by hold-out, fit, score, store.

A function of the orders, the terms and the moment: repeating it writes the same. Where there is no forecast, everybody
gets none: a number that was computed on other terms, or when there was more to go on, does not stay.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from saleor_crm_plugin.profiles.clv.learning.choice import Forecaster, Unusable, choose, forecast
from saleor_crm_plugin.profiles.clv.models import ClvFit, FitStatus
from saleor_crm_plugin.profiles.clv.reading import Read, read
from saleor_crm_plugin.profiles.clv.storage import Scored, store_fit, store_forecasts
from saleor_crm_plugin.profiles.models import ProfileMetrics

# Told what goes on: stage, and how many customers are done.
Progress = Callable[[str, int], None]

# Below it the errors of a hold-out are chance.
FEWEST_IN_CALIBRATION = 30


@dataclass(frozen=True, slots=True)
class Terms:
    """
    Attributes:
        days: how far ahead.
        minimum_customers, minimum_days, minimum_loyal: the gate: customers who have bought, days since the first order,
            customers who have bought on three days or more.
    """

    days: int
    minimum_customers: int
    minimum_days: int
    minimum_loyal: int


def currencies(using: str | None = None) -> list[str]:
    """In which anybody has ordered."""
    rows = ProfileMetrics.objects.using(using or DEFAULT_DB_ALIAS).order_by("currency")
    return list(rows.values_list("currency", flat=True).distinct())


def forecast_currency(
    currency: str, terms: Terms, now: datetime.datetime, progress: Progress, using: str | None = None
) -> ClvFit:
    """Fit anew, write everybody's forecast in this currency, and log the fit.

    Args:
        now: the moment from which the forecast looks ahead; later orders are left out.
    """
    alias = using or DEFAULT_DB_ALIAS
    found = read(currency, now, terms.days, alias, lambda done: progress("reading", done))
    fit = ClvFit(
        currency=currency, fitted_at=now, forecast_days=terms.days, customers=0, history_days=0, loyal_customers=0
    )
    scored = None
    if refusal := _refusal(found, terms):
        fit.status, fit.reason = FitStatus.INSUFFICIENT_DATA, refusal
    if found is not None:
        fit.customers, fit.history_days = len(found.profile_ids), found.history_days
        fit.loyal_customers = found.loyal_customers
        if not refusal:
            progress("fitting", 0)
            scored = _fitted(fit, found, now)
    predicted = store_forecasts(currency, scored, alias, lambda done: progress("storing", done))
    fit.scored_customers = predicted
    store_fit(fit, alias)
    return fit


def _refusal(found: Read | None, terms: Terms) -> str:
    """What is missing for a forecast, as sentences; empty if nothing."""
    if found is None:
        return "Nobody has bought anything yet."
    missing = []
    if (customers := len(found.profile_ids)) < terms.minimum_customers:
        missing.append(f"{customers} customers have bought; a forecast needs {terms.minimum_customers}.")
    if found.history_days < terms.minimum_days:
        missing.append(f"The first order is {found.history_days} days old; a forecast needs {terms.minimum_days}.")
    if found.loyal_customers < terms.minimum_loyal:
        missing.append(
            f"{found.loyal_customers} customers have bought on three days or more; a forecast needs "
            f"{terms.minimum_loyal}."
        )
    if not missing and (known := len(found.past.histories)) < FEWEST_IN_CALIBRATION:
        missing.append(
            f"{known} customers had bought before {found.cut.isoformat()}, when the comparison with what came then "
            f"begins; it needs {FEWEST_IN_CALIBRATION}."
        )
    return " ".join(missing)


def _fitted(fit: ClvFit, found: Read, now: datetime.datetime) -> Scored | None:
    """Fill in what was fitted; None if no model fits."""
    chosen = choose(found.purchases, found.past)
    fit.reason = " ".join(chosen.remarks)
    fit.calibration_from, fit.holdout_until = found.first_day, found.today
    fit.holdout_from = found.cut + datetime.timedelta(days=1)
    fit.holdout_customers = len(found.past.histories)
    fit.naive_mae, fit.naive_rmse, fit.naive_bias = chosen.naive.mae, chosen.naive.rmse, chosen.naive.bias
    if isinstance(chosen, Unusable):
        fit.status = FitStatus.DEGENERATE
        return None
    fit.status, fit.model = FitStatus.FITTED, chosen.model.name
    fit.churn_model = chosen.churn_model.name if chosen.churn_model else ""
    errors = chosen.holdout
    fit.mae, fit.rmse, fit.bias, fit.churn_auc = errors.mae, errors.rmse, errors.bias, errors.churn_auc
    fit.parameters = _parameters(chosen)
    return Scored(found.profile_ids, forecast(chosen, found.purchases, fit.forecast_days), now)


def _parameters(chosen: Forecaster) -> dict[str, Any]:
    return {
        "model": asdict(chosen.model),
        "churn_model": asdict(chosen.churn_model) if chosen.churn_model else {},
        "value_model": asdict(chosen.values),
        "valued_share": chosen.valued_share,
    }
