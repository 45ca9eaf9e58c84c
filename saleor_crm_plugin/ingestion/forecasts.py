"""Forecasts with the settings of the shop: the one call of the command and of the nightly task."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.config import CRMSettings
from saleor_crm_plugin.exceptions import ForecastError
from saleor_crm_plugin.ingestion.locks import only_one
from saleor_crm_plugin.profiles.clv.forecast import Progress, Terms, currencies, forecast_currency
from saleor_crm_plugin.profiles.clv.models import ClvFit

JOB: Final = "forecast"


def forecast_now(
    settings: CRMSettings, now: datetime, currency: str | None = None, progress: Progress | None = None
) -> list[ClvFit]:
    """Forecast anew in every currency, or in one.

    Raises:
        ForecastError: another forecast is running, or nobody has ordered in the currency.
    """
    terms = Terms(
        settings.forecast_days,
        settings.forecast_minimum_customers,
        settings.forecast_minimum_days,
        settings.forecast_minimum_loyal,
    )
    with allow_writer(), only_one(JOB) as mine:
        if not mine:
            raise ForecastError("Another forecast is running. Wait for it to end; it will store what it finds.")
        known = currencies()
        if currency is not None and currency not in known:
            raise ForecastError(f"Nobody has ordered in {currency}. There are orders in: {', '.join(known) or 'none'}.")
        return [
            forecast_currency(one, terms, now, progress or _unwatched)
            for one in (known if currency is None else [currency])
        ]


def _unwatched(stage: str, done: int) -> None:
    """For callers whom nobody watches."""
