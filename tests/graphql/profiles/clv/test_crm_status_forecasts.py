"""`crmStatus { forecasts }`: the newest fit in each currency."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleor_crm_plugin.profiles.clv.models import ClvFit, FitStatus

pytestmark = pytest.mark.django_db

NIGHT = datetime(2026, 3, 1, 2, 40, tzinfo=UTC)
FORECASTS = """{ crmStatus { forecasts {
  currency status reason fittedAt forecastDays model churnModel customers historyDays loyalCustomers scoredCustomers
  calibrationFrom holdoutFrom holdoutUntil holdoutCustomers mae rmse bias churnAuc naiveMae naiveRmse naiveBias
} } }"""


def fit(currency="USD", **fields):
    counts = {"customers": 900, "history_days": 728, "loyal_customers": 200}
    return ClvFit.objects.create(currency=currency, fitted_at=NIGHT, **{"forecast_days": 365, **counts, **fields})


def test_all_that_is_known_of_a_fit(staff_with):
    fit(status=FitStatus.INSUFFICIENT_DATA)
    fit(
        status=FitStatus.FITTED,
        model="bg_nbd",
        churn_model="pareto_nbd",
        reason="MBG/NBD was not used: by it nobody stays.",
        scored_customers=900,
        calibration_from=date(2024, 3, 3),
        holdout_from=date(2025, 7, 3),
        holdout_until=date(2026, 3, 1),
        holdout_customers=640,
        mae=0.75,
        rmse=1.5,
        bias=0.9,
        churn_auc=0.77,
        naive_mae=0.9,
        naive_rmse=2.0,
        naive_bias=1.25,
    )
    assert staff_with("MANAGE_PLUGINS").data(FORECASTS)["crmStatus"]["forecasts"] == [
        {
            "currency": "USD",
            "status": "FITTED",
            "reason": "MBG/NBD was not used: by it nobody stays.",
            "fittedAt": "2026-03-01T02:40:00+00:00",
            "forecastDays": 365,
            "model": "BG_NBD",
            "churnModel": "PARETO_NBD",
            "customers": 900,
            "historyDays": 728,
            "loyalCustomers": 200,
            "scoredCustomers": 900,
            "calibrationFrom": "2024-03-03",
            "holdoutFrom": "2025-07-03",
            "holdoutUntil": "2026-03-01",
            "holdoutCustomers": 640,
            "mae": 0.75,
            "rmse": 1.5,
            "bias": 0.9,
            "churnAuc": 0.77,
            "naiveMae": 0.9,
            "naiveRmse": 2.0,
            "naiveBias": 1.25,
        }
    ]


def test_the_newest_of_each_currency_in_one_statement(app_with):
    app = app_with("MANAGE_PLUGINS")
    counts = []
    for currency in ("USD", "EUR", "CHF"):
        fit(currency, status=FitStatus.DEGENERATE)
        fit(currency, status=FitStatus.INSUFFICIENT_DATA, reason="Too few.")
        with CaptureQueriesContext(connection) as statements:
            seen = app.data(FORECASTS)["crmStatus"]["forecasts"]
        counts.append(len([one for one in statements if "crm_clv_fit" in one["sql"]]))
    assert [(one["currency"], one["status"], one["model"]) for one in seen] == [
        ("CHF", "INSUFFICIENT_DATA", None),
        ("EUR", "INSUFFICIENT_DATA", None),
        ("USD", "INSUFFICIENT_DATA", None),
    ]
    assert counts == [1, 1, 1]


def test_only_who_manages_plugins(as_ann, anonymous, staff_with, app_with):
    for requestor in (as_ann, anonymous, staff_with("MANAGE_USERS"), app_with("MANAGE_USERS")):
        assert requestor.denied(FORECASTS) == {"MANAGE_PLUGINS"}
