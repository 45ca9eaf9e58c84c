"""`manage.py crm_ledger_audit`: do entries, lots, holds, balances and orders say the same?"""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from saleor_crm_plugin.exceptions import CustomersBusyError
from saleor_crm_plugin.ingestion.audit import count_orders, ledger_findings, order_findings
from saleor_crm_plugin.loyalty.audit import CHECKS, Finding

# Findings printed; the rest is counted.
SHOWN_LIMIT = 50


class Command(BaseCommand):
    help = "Prove that the points ledger adds up and says what the orders say. Exit code 1 if not; nothing is changed."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--no-orders",
            action="store_true",
            help="leave out the comparison with Saleor's orders, the longest part",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found: list[Finding] = []
        for check in CHECKS:
            wrong = ledger_findings(check)
            self.stdout.write(f"{check}: {'in order' if not wrong else f'{len(wrong)} wrong'}")
            found += wrong
        if not options["no_orders"]:
            try:
                with tqdm(total=count_orders(), unit="order", desc="orders in Saleor", leave=False) as bar:
                    wrong = list(order_findings(bar.update))
            except CustomersBusyError as error:
                raise CommandError(f"The orders could not be compared. {error}") from error
            self.stdout.write(f"orders in Saleor: {'in order' if not wrong else f'{len(wrong)} wrong'}")
            found += wrong
        for finding in found[:SHOWN_LIMIT]:
            self.stderr.write(f"account {finding.account_id}: {finding.what}")
        if len(found) > SHOWN_LIMIT:
            self.stderr.write(f"… and {len(found) - SHOWN_LIMIT} more")
        if found:
            raise CommandError(f"The ledger does not add up: {len(found)} findings.")
        self.stdout.write(self.style.SUCCESS("The ledger adds up."))
