"""`manage.py crm_train`: learn recommendations from the shop's orders, here or elsewhere, and serve them."""

from __future__ import annotations

import datetime
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from saleor_crm_plugin.exceptions import CRMError
from saleor_crm_plugin.ingestion.export_training import export_now
from saleor_crm_plugin.ingestion.import_training import import_now
from saleor_crm_plugin.ingestion.train import train_now
from saleor_crm_plugin.ingestion.versions import list_versions, roll_back_now, training_is_running
from saleor_crm_plugin.management.progress import Bars
from saleor_crm_plugin.management.versions import evaluation_lines, learnt_from, version_lines

# `--rollback` without an ID. No text, which argparse would take for one.
PREVIOUS = object()


class Command(BaseCommand):
    help = "Learn recommendations from the shop's orders and publish them. What is published stays until it is done."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since",
            type=_day,
            metavar="YYYY-MM-DD",
            help="Learn from orders placed on this day or later (default: the training history of the settings).",
        )
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument(
            "--tune",
            action="store_true",
            default=None,
            help="Choose parameters and rankers anew on the shop's last weeks (default: once a week).",
        )
        choice.add_argument(
            "--no-tune",
            dest="tune",
            action="store_false",
            help="Keep those that the model in use was trained with: four times as fast.",
        )
        parser.add_argument(
            "--force", action="store_true", help="Publish what was learnt even if it does worse than what is published."
        )
        instead = parser.add_mutually_exclusive_group()
        instead.add_argument(
            "--export",
            type=Path,
            metavar="DIR",
            help="Train nothing; write the training data there as Parquet files. An older export is replaced.",
        )
        instead.add_argument(
            "--import",
            dest="results",
            type=Path,
            metavar="DIR",
            help="Train nothing; check and publish what another engine has learnt (docs/how-to/train-elsewhere.md).",
        )
        instead.add_argument("--list", action="store_true", help="Train nothing; list the versions that are kept.")
        instead.add_argument(
            "--rollback",
            nargs="?",
            type=int,
            const=PREVIOUS,
            metavar="ID",
            help="Train nothing; serve the version before the one in use again, or the one with this ID.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        bars = Bars(quiet=options["verbosity"] < 1)
        try:
            if options["export"] is not None:
                self._export(options["export"], options["since"], bars)
            elif options["results"] is not None:
                self._import(options, bars)
            elif options["list"]:
                self._list()
            elif options["rollback"] is not None:
                self._roll_back(None if options["rollback"] is PREVIOUS else options["rollback"])
            else:
                self._train(options, bars)
        except CRMError as error:
            raise CommandError(str(error)) from error
        finally:
            bars.close()

    def _train(self, options: dict[str, Any], bars: Bars) -> None:
        model = train_now(progress=bars, since=options["since"], tune=options["tune"], force=options["force"])
        bars.close()
        data = model.training_data
        seconds = (model.finished_at - model.started_at).total_seconds() if model.finished_at else 0.0
        self.stdout.write(
            f"Model {model.pk} is published: learnt from {data['lines']:,} lines of {data['orders']:,} orders by "
            f"{data['customers']:,} customers of {data['products']:,} products since {data['since']}, "
            f"in {seconds:.1f} s."
        )
        for line in evaluation_lines(model.evaluation):
            self.stdout.write(line)

    def _export(self, directory: Path, since: datetime.datetime | None, bars: Bars) -> None:
        done = export_now(directory, since=since, progress=bars)
        bars.close()
        self.stdout.write(
            f"{directory} holds {done.lines:,} lines of {done.orders:,} orders by {done.customers:,} customers of "
            f"{done.products:,} products, {done.unnamed_lines:,} of them without a customer: {done.files} files, "
            f"{done.size_bytes / 1e6:,.1f} MB."
        )

    def _import(self, options: dict[str, Any], bars: Bars) -> None:
        model = import_now(options["results"], since=options["since"], force=options["force"], progress=bars)
        bars.close()
        seconds = (model.finished_at - model.started_at).total_seconds() if model.finished_at else 0.0
        self.stdout.write(f"Model {model.pk} is published: {learnt_from(model)}, in {seconds:.1f} s.")

    def _list(self) -> None:
        for line in version_lines(list_versions()):
            self.stdout.write(line)

    def _roll_back(self, model_id: int | None) -> None:
        model = roll_back_now(model_id)
        self.stdout.write(f"Model {model.pk} is served now: {learnt_from(model)}.")
        if training_is_running():
            self.stdout.write("A training is running; it will publish what it learns in place of it.")


def _day(text: str) -> datetime.datetime:
    """Midnight of a day in the shop's time zone. argparse turns the ValueError into a message."""
    return datetime.datetime.combine(
        datetime.date.fromisoformat(text), datetime.time.min, tzinfo=timezone.get_current_timezone()
    )
