"""`manage.py crm_backfill`: take the shop's history in."""

from __future__ import annotations

import argparse
from datetime import datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from tqdm import tqdm

from saleor_crm_plugin.exceptions import CRMError
from saleor_crm_plugin.ingestion.backfill import BATCH_SIZE, BackfillResult, backfill

MOST_PER_BATCH = 5_000


class Command(BaseCommand):
    help = "Build profiles and points from the orders that the shop has already. Can be stopped and started again."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--since", help="only orders placed on or after this day or time, for example 2024-01-31")
        parser.add_argument("--channel", help="only orders of the channel with this slug")
        parser.add_argument("--dry-run", action="store_true", help="only count the orders; write nothing")
        parser.add_argument(
            "--batch-size", type=int, default=BATCH_SIZE, help=f"orders per transaction, 1 to {MOST_PER_BATCH}"
        )
        parser.add_argument("--restart", action="store_true", help="start anew, not where an earlier run stopped")

    def handle(self, *args: Any, **options: Any) -> None:
        since, channel, batch_size = parse_since(options["since"]), options["channel"], options["batch_size"]
        if not 1 <= batch_size <= MOST_PER_BATCH:
            raise CommandError(f"--batch-size is {batch_size}; it must be from 1 to {MOST_PER_BATCH}.")
        try:
            plan = backfill(since, channel, dry_run=True)
            self._show(plan)
            if options["dry_run"]:
                return
            with tqdm(total=plan.orders, unit="order", disable=options["verbosity"] == 0) as bar:
                result = backfill(
                    since, channel, batch_size=batch_size, progress=bar.update, restart=options["restart"]
                )
        except CRMError as error:
            raise CommandError(str(error)) from error
        self._report(result)

    def _show(self, plan: BackfillResult) -> None:
        for channel, orders in plan.by_channel.items():
            self.stdout.write(f"{channel}: {orders} orders")
        self.stdout.write(f"In all: {plan.orders} orders")

    def _report(self, result: BackfillResult) -> None:
        resumed = f" (went on after {result.skipped} that were done before)" if result.resumed else ""
        done = f"Synced {result.orders} orders{resumed}"
        said = [f"{done}."]
        if result.failed:
            said = [
                f"{done}, and {result.failed} of them failed; the log says why. Reconciliation tries them again, or "
                "run crm_reconcile."
            ]
        if result.stuck:
            said.append(
                f"Guests who cannot go to the user of their address yet: {result.stuck}; the log says why. Each full "
                "reconciliation tries again."
            )
        if result.failed or result.stuck:
            raise CommandError(" ".join(said))
        self.stdout.write(self.style.SUCCESS(*said))


def parse_since(text: str | None) -> datetime | None:
    """An ISO date or date and time; without a zone, in the shop's."""
    if text is None:
        return None
    try:
        moment = parse_datetime(text) if len(text) > len("2024-01-31") else None
        day = None if moment else parse_date(text)
    except ValueError as error:
        raise CommandError(f"--since {text!r} is not a date: {error}.") from error
    if day is not None:
        moment = datetime.combine(day, time.min)
    if moment is None:
        raise CommandError(f"--since {text!r} is not a date. Write it like 2024-01-31 or 2024-01-31T12:00:00+00:00.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
