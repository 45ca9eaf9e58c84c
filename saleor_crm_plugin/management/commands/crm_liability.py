"""`manage.py crm_liability`: what the shop owes in points, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.ingestion.liability import LiabilityReport, ValuedPoints, Worth
from saleor_crm_plugin.management.arguments import instant
from saleor_crm_plugin.management.tables import aligned

NEVER = "never"


class Command(BaseCommand):
    help = "Say what the shop owes its customers in points, and what moved. Nothing is written."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--as-of", type=instant, help="state after everything before this moment; default: now")
        parser.add_argument(
            "--from", dest="since", type=instant, help="movements from here; default: from the beginning of the month"
        )
        parser.add_argument("--to", dest="until", type=instant, help="movements before here; default: --as-of")
        parser.add_argument("--json", action="store_true", help="print JSON; amounts are strings")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = LiabilityReport(
                as_of=options["as_of"],
                since=options["since"],
                until=options["until"],
                now=timezone.now(),
                using=settings.DATABASE_CONNECTION_REPLICA_NAME,
            )
        except LoyaltyInputError as error:
            raise CommandError(str(error)) from error
        found = _as_json(report)
        self.stdout.write(json.dumps(found, indent=2) if options["json"] else "\n".join(_as_table(found)))


def _as_json(report: LiabilityReport) -> dict[str, Any]:
    breakage, movements = report.breakage, report.movements
    return {
        "asOf": report.as_of.isoformat(),
        "pointValues": {currency: f"{value.normalize():f}" for currency, value in report.point_values.items()},
        "total": _points(report.total),
        "months": [
            {"month": None if month.month is None else f"{month.month:%Y-%m}", **_points(month)}
            for month in report.months
        ],
        "deficit": {"points": report.position.deficit, "accounts": report.position.deficit_accounts},
        "closedPoints": report.position.closed,
        "breakage": {
            "status": breakage.status.name,
            "rate": None if breakage.rate is None else round(float(breakage.rate), 6),
            "lots": breakage.lots,
            "expiredPoints": breakage.expired,
            "spentPoints": breakage.spent,
            "expectedPoints": report.expected_breakage,
            "expectedWorth": _amounts(report.expected_breakage_worth),
        },
        "movements": {
            "from": movements.since.isoformat(),
            "to": movements.until.isoformat(),
            "opening": movements.opening,
            "byType": [
                {"type": each.type.name, "given": each.given, "taken": each.taken, "entries": each.entries}
                for each in movements.movements
            ],
            "closing": movements.closing,
        },
    }


def _points(part: ValuedPoints) -> dict[str, Any]:
    return {
        "points": part.points,
        "pendingPoints": part.pending_points,
        "worth": _amounts(part.worth),
        "pendingWorth": _amounts(part.pending_worth),
    }


def _amounts(worth: Iterable[Worth]) -> dict[str, str]:
    return {each.currency: f"{each.amount:f}" for each in worth}


def _as_table(found: dict[str, Any]) -> list[str]:
    currencies = list(found["pointValues"])
    rows = [["expiring in", "points", *currencies, "pending", *currencies]]
    for part in [*found["months"], {"month": "total", **found["total"]}]:
        rows.append(
            [
                part["month"] or NEVER,
                str(part["points"]),
                *part["worth"].values(),
                str(part["pendingPoints"]),
                *part["pendingWorth"].values(),
            ]
        )
    breakage, movements = found["breakage"], found["movements"]
    moved = [["", "given", "taken"], ["opening", str(movements["opening"]), ""]]
    moved += [[each["type"], str(each["given"]), str(each["taken"])] for each in movements["byType"]]
    moved.append(["closing", str(movements["closing"]), ""])
    expected = (
        f"{breakage['rate']:.1%} of past points expired; at this rate {breakage['expectedPoints']} of these will"
        if breakage["rate"] is not None
        else f"too little history: {breakage['lots']} awards whose date has passed"
    )
    return [
        f"As of {found['asOf']}. Amounts of different currencies are alternatives: do not add them up.",
        *aligned(rows),
        f"Owed by customers: {found['deficit']['points']} points, by {found['deficit']['accounts']}",
        f"Of deleted customers: {found['closedPoints']} points, which nobody can spend",
        f"Expected to expire unspent: {expected}",
        f"From {movements['from']} to {movements['to']}:",
        *aligned(moved),
    ]
