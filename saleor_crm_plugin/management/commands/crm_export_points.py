"""`manage.py crm_export_points`: statements as CSV."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from saleor_crm_plugin.files import text_written_whole
from saleor_crm_plugin.ingestion.export_points import accounts_of_customer, export_statements
from saleor_crm_plugin.loyalty.import_format import parse_moment

BAD_USAGE = 2


class Command(BaseCommand):
    help = "Write the entries of points accounts as CSV: of all customers or of one, oldest first for each account."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--output", metavar="FILE", help="where to write (default: to the screen)")
        customer = parser.add_mutually_exclusive_group()
        customer.add_argument("--user-id", type=int, help="only the customer who is the user with this number")
        customer.add_argument("--email", help="only the customer with this address")
        parser.add_argument("--since", help="only entries made on or after this day or time, for example 2026-01-31")
        parser.add_argument("--until", help="only entries made before this day or time")
        parser.add_argument("--with-email", action="store_true", help="add a column with the customer's address")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = None
        if options["user_id"] is not None or options["email"] is not None:
            accounts = accounts_of_customer(user_id=options["user_id"], email=options["email"])
            if accounts is None:
                raise CommandError("There is no such customer.", returncode=BAD_USAGE)
        wanted = {
            "account_ids": accounts,
            "since": _moment("--since", options["since"]),
            "until": _moment("--until", options["until"]),
            "with_email": options["with_email"],
        }
        if options["output"] is None:
            export_statements(self.stdout, progress=_ignore, **wanted)
            return
        path = Path(options["output"])
        try:
            with (
                text_written_whole(path) as file,
                tqdm(unit="entry", disable=options["verbosity"] == 0) as bar,
            ):
                written = export_statements(file, progress=bar.update, **wanted)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.", returncode=BAD_USAGE) from error
        self.stdout.write(self.style.SUCCESS(f"Wrote {written} entries to {path}."))


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_moment(text, timezone.get_current_timezone())
    except ValueError as error:
        raise CommandError(
            f"{option} {text!r} is not a date. Write it like 2026-01-31 or 2026-01-31T12:00:00+00:00.",
            returncode=BAD_USAGE,
        ) from error


def _ignore(_: int) -> None:
    pass
