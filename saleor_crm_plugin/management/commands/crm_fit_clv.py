"""`manage.py crm_fit_clv`: forecast what customers will order and spend, and how well that would have done."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from saleor_crm_plugin.exceptions import ForecastError
from saleor_crm_plugin.ingestion.forecasts import forecast_now
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.profiles.clv.models import ClvFit

HEADINGS = (
    "currency",
    "status",
    "model",
    "customers",
    "MAE",
    "naive",
    "RMSE",
    "naive",
    "bias",
    "churn AUC",
    "hold-out",
)


class Command(BaseCommand):
    help = "Forecast each customer's orders, spending and leaving, and show how the forecast did on held-out orders."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--currency", type=str.upper, help="Only in this currency, for example USD (default: all).")

    def handle(self, *args: Any, **options: Any) -> None:
        settings = load_settings().crm
        if not settings.profiles_enabled:
            raise CommandError("Customer profiles are switched off in the plugin's settings.")
        watched = options["verbosity"] > 0 and sys.stderr.isatty()
        try:
            fits = forecast_now(settings, timezone.now(), options["currency"], self._show if watched else None)
        except ForecastError as error:
            raise CommandError(str(error)) from error
        finally:
            if watched:
                self.stderr.write("")
        if not fits:
            self.stdout.write("Nobody has ordered yet.")
            return
        for row in _table([HEADINGS, *(_row(fit) for fit in fits)]):
            self.stdout.write(row)
        for fit in fits:
            if fit.reason:
                self.stdout.write(f"{fit.currency}: {fit.reason}")

    def _show(self, stage: str, done: int) -> None:
        self.stderr.write(f"\r{stage} {done:>10,}   ", ending="")
        self.stderr.flush()


def _row(fit: ClvFit) -> tuple[str, ...]:
    figures = (fit.mae, fit.naive_mae, fit.rmse, fit.naive_rmse, fit.bias, fit.churn_auc)
    days = f"{fit.holdout_from} to {fit.holdout_until}" if fit.holdout_from else "-"
    return (
        fit.currency,
        fit.status,
        fit.model or "-",
        f"{fit.scored_customers:,}",
        *("-" if figure is None else f"{figure:.3f}" for figure in figures),
        days,
    )


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
