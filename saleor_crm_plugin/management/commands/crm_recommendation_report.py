"""`manage.py crm_recommendation_report`: what recommendations lead to and are worth, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from saleor_crm_plugin.exceptions import RecommendationInputError
from saleor_crm_plugin.ingestion.recommendation_report import report_of, rounded
from saleor_crm_plugin.management.arguments import instant
from saleor_crm_plugin.management.tables import aligned
from saleor_crm_plugin.recommendations.tracking.counts import Counts
from saleor_crm_plugin.recommendations.tracking.outcome import Group
from saleor_crm_plugin.recommendations.tracking.report import (
    DEFAULT_DAYS,
    LONGEST_DAYS,
    Performance,
    RecommendationReport,
)
from saleor_crm_plugin.recommendations.tracking.statistics import ComparisonStatus, Share

NOTHING = "-"


class Command(BaseCommand):
    help = "Say what recommendations are looked at, lead to and are worth in a channel. Nothing is written."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("channel", help="slug of the channel")
        parser.add_argument(
            "--from", dest="since", type=instant, help=f"events from here; default: {DEFAULT_DAYS} days before --to"
        )
        parser.add_argument(
            "--to", dest="until", type=instant, help=f"events before here, {LONGEST_DAYS} days at most; default: now"
        )
        parser.add_argument("--json", action="store_true", help="print JSON; amounts are strings")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = report_of(
                options["channel"],
                options["since"],
                options["until"],
                timezone.now(),
                settings.DATABASE_CONNECTION_REPLICA_NAME,
            )
        except RecommendationInputError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(_as_json(report), indent=2) if options["json"] else "\n".join(_as_table(report)))


def _as_json(report: RecommendationReport) -> dict[str, Any]:
    comparison, currency = report.comparison, report.currency
    return {
        "since": report.since.isoformat(),
        "until": report.until.isoformat(),
        "currency": currency,
        "attributionDays": report.window.days,
        "isFinal": report.is_final,
        "kinds": [_performance(performance, currency) for performance in report.kinds],
        "total": _performance(report.total, currency),
        "models": [{"modelVersion": version, **_counts(counts)} for version, counts in report.models],
        "comparison": {
            "status": comparison.status.name,
            "since": report.compared_since.isoformat(),
            "holdoutPercent": report.holdout_percent,
            "heldOut": _group(report.outcome.held_out, currency),
            "others": _group(report.outcome.others, currency),
            "changedCustomers": report.outcome.changed,
            "customersNeeded": comparison.needed,
            "difference": _amount(comparison.difference, currency),
            "low": _amount(comparison.low, currency),
            "high": _amount(comparison.high, currency),
        },
    }


def _performance(performance: Performance, currency: str) -> dict[str, Any]:
    attributed = performance.attributed
    return {
        "kind": None if performance.kind is None else performance.kind.upper(),
        **_counts(performance.counts),
        "conversion": _share(performance.conversion),
        "orders": attributed.orders,
        "lines": attributed.lines,
        "revenue": _amount(attributed.revenue, currency),
    }


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "shown": counts.shown,
        "clicked": counts.clicked,
        "added": counts.added,
        "clickThrough": _share(counts.click_through),
    }


def _share(share: Share | None) -> dict[str, Any] | None:
    if share is None:
        return None
    return {
        "value": round(share.value, 6),
        "low": round(share.low, 6),
        "high": round(share.high, 6),
        "successes": share.successes,
        "trials": share.trials,
    }


def _group(group: Group, currency: str) -> dict[str, Any]:
    return {
        "customers": group.spent.count,
        "buyers": group.buyers,
        "revenue": _amount(group.spent.first, currency),
        "revenuePerCustomer": _amount(group.spent.mean, currency),
    }


def _amount(value: Decimal | Fraction | float | None, currency: str) -> str | None:
    return None if value is None else f"{rounded(value, currency):f}"


def _as_table(report: RecommendationReport) -> list[str]:
    found = _as_json(report)
    rows = [["", "shown", "clicked", "click-through", "added", "conversion", "orders", f"revenue {report.currency}"]]
    for row in [*found["kinds"], found["total"]]:
        rows.append(
            [
                row["kind"] or "in all",
                str(row["shown"]),
                str(row["clicked"]),
                _percent(row["clickThrough"]),
                str(row["added"]),
                _percent(row["conversion"]),
                str(row["orders"]),
                row["revenue"],
            ]
        )
    final = "" if report.is_final else f" Orders still come in: a click counts for {report.window.days} days."
    return [
        f"From {found['since']} to {found['until']}.{final}",
        *aligned(rows),
        *_compared(found["comparison"], report),
    ]


def _compared(found: dict[str, Any], report: RecommendationReport) -> list[str]:
    rows = [["customers shown a personal list", "customers", "buyers", f"revenue {report.currency}", "for each"]]
    for name, group in (("held out", found["heldOut"]), ("others", found["others"])):
        each = group["revenuePerCustomer"] or NOTHING
        rows.append([name, str(group["customers"]), str(group["buyers"]), group["revenue"], each])
    return [*aligned(rows), *_changed(found["since"], report), _verdict(found, report.currency)]


def _changed(since: str, report: RecommendationReport) -> list[str]:
    if report.compared_since == report.since:
        return []
    return [f"Compared since {since}, when the percentage was changed. Of the time before: --to {since}"]


def _verdict(found: dict[str, Any], currency: str) -> str:
    if found["status"] == ComparisonStatus.MEASURED.name:
        return (
            f"Difference for each customer: {found['difference']} {currency}, 95 % interval {found['low']} to "
            f"{found['high']}."
        )
    if found["status"] == ComparisonStatus.NO_HOLDOUT.name:
        return (
            "Nobody was held out: set Percent of customers held out in the plugin's settings to learn what it is worth."
        )
    if found["customersNeeded"] is None:
        return "Not enough data: nobody has spent anything yet."
    return f"Not enough data: each group needs {found['customersNeeded']} customers, by how uneven their spending is."


def _percent(share: dict[str, Any] | None) -> str:
    return NOTHING if share is None else f"{share['value']:.2%} ({share['low']:.2%} to {share['high']:.2%})"
