"""`manage.py crm_reconcile`: find what no hook told us, and sync it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from saleor_crm_plugin.ingestion.reconcile import reconcile

NAMES = {
    # As a result of `reconcile` it is one; here it is why an order was looked at.
    "repaired": "failed before",
    "left": "addresses left",
    "rehomed": "in another channel",
    "joined": "new users",
    "recorded": "account events",
}


class Command(BaseCommand):
    help = "Compare every order and customer with what we stored, and repair what differs."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--recent", action="store_true", help="only what changed since the last run, as the periodic task does"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        result = reconcile(full=not options["recent"])
        if result.skipped:
            self.stdout.write(self.style.WARNING("Another reconciliation is under way; nothing was done."))
            return
        counts = {name: count for name, count in asdict(result).items() if count and not isinstance(count, bool)}
        failed, stuck = counts.pop("failed", 0), counts.pop("stuck", 0)
        found = ", ".join(f"{NAMES.get(name, name)} {count}" for name, count in counts.items())
        said = [f"{'Out of line' if failed else 'Repaired'}: {found}."] if found else []
        if failed:
            said.append(
                f"Of these orders {failed} failed and are not repaired; the log says why. "
                "Each reconciliation tries them again."
            )
        if stuck:
            said.append(
                f"Customers and accounts whose points cannot be moved to where they belong: {stuck}; the log says why. "
                "Each full reconciliation tries again."
            )
        if failed or stuck:
            raise CommandError(" ".join(said))
        self.stdout.write(self.style.SUCCESS(*said or ["Everything is in line."]))
