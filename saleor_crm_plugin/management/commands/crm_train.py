"""`manage.py crm_train`: learn recommendations from the shop's orders, and serve them."""

from __future__ import annotations

import datetime
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from saleor_crm_plugin.exceptions import TrainingError
from saleor_crm_plugin.ingestion.train import train_now


class Command(BaseCommand):
    help = "Learn recommendations from the shop's orders and publish them. What is published stays until it is done."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since",
            type=_day,
            metavar="YYYY-MM-DD",
            help="Learn from orders placed on this day or later (default: the training history of the settings).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        bars = _Bars(quiet=options["verbosity"] < 1)
        try:
            model = train_now(progress=bars, since=options["since"])
        except TrainingError as error:
            raise CommandError(str(error)) from error
        finally:
            bars.close()
        data = model.training_data
        seconds = (model.finished_at - model.started_at).total_seconds() if model.finished_at else 0.0
        self.stdout.write(
            f"Model {model.pk} is published: learnt from {data['lines']:,} lines of {data['orders']:,} orders by "
            f"{data['customers']:,} customers of {data['products']:,} products since {data['since']}, "
            f"in {seconds:.1f} s."
        )


def _day(text: str) -> datetime.datetime:
    """Midnight of a day in the shop's time zone. argparse turns the ValueError into a message."""
    return datetime.datetime.combine(
        datetime.date.fromisoformat(text), datetime.time.min, tzinfo=timezone.get_current_timezone()
    )


class _Bars:
    """One progress bar for each stage."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._stage = ""
        self._bar: tqdm[Any] | None = None

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if stage != self._stage:
            self.close()
            self._stage = stage
            self._bar = tqdm(desc=stage, total=total, disable=self._quiet or None, unit_scale=True)
        if self._bar is not None:
            self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
