"""The command, and the call that it shares with the nightly task."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connections

from saleor_crm_plugin.config import CRMSettings
from saleor_crm_plugin.exceptions import ForecastError
from saleor_crm_plugin.ingestion.forecasts import JOB, forecast_now
from saleor_crm_plugin.ingestion.locks import only_one
from saleor_crm_plugin.profiles.clv.models import ClvFit, FitStatus
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.integration.profiles.clv.shops import NOW, fill, place
from tests.integration.profiles.facts import make_fact
from tests.shop_settings import crm_settings

SETTINGS = CRMSettings(forecast_minimum_customers=50, forecast_minimum_days=60)


def run(*arguments: str) -> list[str]:
    out = StringIO()
    with time_machine.travel(NOW, tick=False):
        call_command("crm_fit_clv", *arguments, stdout=out)
    return out.getvalue().splitlines()


@pytest.mark.django_db
class TestCommand:
    def test_the_report_is_a_table(self) -> None:
        fill()
        place(make_fact(CustomerProfile.objects.create().pk, currency="EUR"))
        crm_settings(forecast_minimum_customers="60")
        headings, euros, dollars, reason = run()
        fit = ClvFit.objects.get(currency="USD")
        assert headings.split() == (
            [
                "currency",
                "status",
                "model",
                "customers",
                "MAE",
                "naive",
                "RMSE",
                "naive",
                "bias",
                "churn",
                "AUC",
                "hold-out",
            ]
        )
        assert euros.split() == ["EUR", "insufficient_data", "-", "0", *["-"] * 7]
        assert dollars.split() == [
            "USD",
            "fitted",
            fit.model,
            "120",
            *(
                f"{figure:.3f}"
                for figure in (fit.mae, fit.naive_mae, fit.rmse, fit.naive_rmse, fit.bias, fit.churn_auc)
            ),
            "2025-07-03",
            "to",
            "2026-03-01",
        ]
        assert reason.startswith("EUR: 1 customers have bought; a forecast needs 60.")

    def test_the_defaults_are_klaviyos(self) -> None:
        fill()
        assert run()[-1] == "USD: 120 customers have bought; a forecast needs 500."

    def test_one_currency(self) -> None:
        place(
            make_fact(CustomerProfile.objects.create().pk),
            make_fact(CustomerProfile.objects.create().pk, currency="EUR"),
        )
        run("--currency", "usd")
        assert [fit.currency for fit in ClvFit.objects.all()] == ["USD"]

    def test_a_currency_that_nobody_has_ordered_in(self) -> None:
        place(make_fact(CustomerProfile.objects.create().pk))
        with pytest.raises(CommandError, match=r"^Nobody has ordered in CHF\. There are orders in: USD\.$"):
            run("--currency", "CHF")

    def test_an_empty_shop(self) -> None:
        assert run() == ["Nobody has ordered yet."]

    def test_profiles_switched_off(self) -> None:
        crm_settings(profiles_enabled=False)
        with pytest.raises(CommandError, match="switched off"):
            run()


@pytest.mark.django_db
def test_the_settings_are_the_terms() -> None:
    fill()
    (fit,) = forecast_now(CRMSettings(forecast_minimum_customers=50, forecast_days=90), NOW)
    assert (fit.status, fit.forecast_days) == (FitStatus.FITTED, 90)
    for settings in (
        CRMSettings(forecast_minimum_customers=121),
        CRMSettings(forecast_minimum_customers=50, forecast_minimum_days=800),
        CRMSettings(forecast_minimum_customers=50, forecast_minimum_loyal=120),
    ):
        (fit,) = forecast_now(settings, NOW)
        assert fit.status == FitStatus.INSUFFICIENT_DATA


@pytest.mark.django_db
def test_progress_is_told() -> None:
    fill()
    told: list[tuple[str, int]] = []
    forecast_now(SETTINGS, NOW, progress=lambda stage, done: told.append((stage, done)))
    assert told == [("reading", 120), ("fitting", 0), ("storing", 120)]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_impossible() -> None:
    def other(now: datetime) -> Any:
        try:
            return forecast_now(SETTINGS, now)
        finally:
            connections.close_all()

    with only_one(JOB) as mine, ThreadPoolExecutor() as pool:
        assert mine
        with pytest.raises(ForecastError, match="Another forecast is running"):
            pool.submit(other, NOW).result()
    assert forecast_now(SETTINGS, NOW) == []
