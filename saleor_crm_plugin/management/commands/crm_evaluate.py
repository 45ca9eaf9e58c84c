"""`manage.py crm_evaluate`: how good recommendations are, beside simple methods, on purchases that came later."""

from __future__ import annotations

import dataclasses
import json
import math
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from saleor_crm_plugin.exceptions import CRMError, EvaluationError
from saleor_crm_plugin.files import written_whole
from saleor_crm_plugin.management.arguments import instant
from saleor_crm_plugin.management.progress import Bars
from saleor_crm_plugin.recommendations.evaluation.csv_source import read_csv
from saleor_crm_plugin.recommendations.evaluation.purchases import Purchases
from saleor_crm_plugin.recommendations.evaluation.report import evaluated, table
from saleor_crm_plugin.recommendations.learning.parameters import Parameters

LATER_DAYS: Final = 28
FEWEST_LINES: Final = 5
_DAY: Final = 86_400.0


class Command(BaseCommand):
    help = (
        "Learn from purchases before a day, and see how well what came later is recommended: the trained model and "
        "simple methods beside it, with 95 % intervals."
    )
    # A CSV file needs neither a database nor a shop.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--csv",
            type=Path,
            metavar="FILE",
            help="Purchases of any shop: customer,basket,time,product and, if you have them, quantity,price,category "
            "(default: this shop's orders).",
        )
        parser.add_argument(
            "--split",
            type=instant,
            metavar="YYYY-MM-DD",
            help=f"Learn from what was bought before (default: {LATER_DAYS} days before the last purchase).",
        )
        parser.add_argument(
            "--until",
            type=instant,
            metavar="YYYY-MM-DD",
            help="Ask about what was bought before this moment (default: the last purchase).",
        )
        parser.add_argument(
            "--fewest-lines",
            type=int,
            default=FEWEST_LINES,
            metavar="N",
            help="Products with fewer lines before the split are not learnt (default: %(default)s).",
        )
        parser.add_argument(
            "--minimum-support", type=int, metavar="N", help="Baskets that must hold both products of a pair."
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="Write the whole report there, as JSON.")
        parser.add_argument(
            "--no-store", action="store_true", help="Do not keep the report of this shop's orders in the database."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        bars = Bars(quiet=options["verbosity"] < 1)
        try:
            purchases, parameters = self._purchases(options, bars)
            if options["minimum_support"] is not None:
                support = _positive(options["minimum_support"], "--minimum-support")
                parameters = dataclasses.replace(parameters, minimum_support=support)
            at, until = _limits(purchases, options["split"], options["until"])
            fewest = _positive(options["fewest_lines"], "--fewest-lines")
            report = evaluated(purchases, at, until, parameters, fewest, bars).report()
        except CRMError as error:
            raise CommandError(str(error)) from error
        finally:
            bars.close()
        report["split"] = {"at": _moment(at), "until": _moment(until)}
        for line in table(report):
            self.stdout.write(line)
        for note in report["chosen"].get("notes", []):
            self.stdout.write(note)
        self._keep(report, options)

    def _purchases(self, options: dict[str, Any], bars: Bars) -> tuple[Purchases, Parameters]:
        if options["csv"] is None:
            from saleor_crm_plugin.ingestion.evaluate import own_purchases

            purchases, parameters = own_purchases(bars)
            if not len(purchases):
                raise EvaluationError("The shop has no purchases to evaluate on. Run `manage.py crm_backfill` first.")
            return purchases, parameters
        read = read_csv(options["csv"], bars)
        bars.close()
        if read.returned or read.anonymous:
            self.stdout.write(
                f"{read.returned:,} lines with a quantity of 0 or less are left out; {read.anonymous:,} baskets have "
                "no customer and count as one each."
            )
        return read.purchases, Parameters()

    def _keep(self, report: dict[str, Any], options: dict[str, Any]) -> None:
        if options["json"] is not None:
            try:
                with written_whole(options["json"]) as file:
                    file.write((json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())
            except OSError as error:
                raise CommandError(f"The report cannot be written: {error}") from error
        if options["csv"] is None and not options["no_store"]:
            from saleor_crm_plugin.ingestion.evaluate import store_report

            stored = store_report(report)
            self.stdout.write(f"Report {stored.pk} is kept.")


def _limits(purchases: Purchases, split: datetime | None, until: datetime | None) -> tuple[float, float]:
    """Both in days since 1970; the second one excluded."""
    last = float(purchases.days.max()) if len(purchases) else 0.0
    end = until.timestamp() / _DAY if until is not None else math.nextafter(last, math.inf)
    at = split.timestamp() / _DAY if split is not None else end - LATER_DAYS
    if at >= end:
        raise EvaluationError("--split must be before --until.")
    return at, end


def _positive(value: int, option: str) -> int:
    if value < 1:
        raise EvaluationError(f"{option} must be at least 1.")
    return value


def _moment(days: float) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)).isoformat(timespec="seconds")
