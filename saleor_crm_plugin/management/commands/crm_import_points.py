"""`manage.py crm_import_points`: bring balances, or a history, along from another loyalty system."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from saleor_crm_plugin.exceptions import CRMError, ImportFileError
from saleor_crm_plugin.ingestion.import_points import BATCH_NAME_MAX_LENGTH, ImportCheck, PointsImport
from saleor_crm_plugin.loyalty.import_format import ImportType

BAD_ROWS = 1
BAD_USAGE = 2


class Command(BaseCommand):
    help = (
        "Import points from a CSV file: all of its rows, or none. Exit code 1: a row is wrong; 2: the file cannot be "
        "read, or an argument is wrong. The columns stand in docs/how-to/import-points.md."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", help="a CSV file in UTF-8, separated by commas, whose first line names the columns")
        parser.add_argument(
            "--type",
            choices=list(ImportType),
            default=ImportType.BALANCES,
            help="what the rows are: points that customers have now, or the entries that led to them",
        )
        parser.add_argument(
            "--batch",
            metavar="NAME",
            help="name of the batch, which is imported once (default: the name of the file); "
            f"up to {BATCH_NAME_MAX_LENGTH} characters",
        )
        parser.add_argument(
            "--create-guests",
            action="store_true",
            help="addresses of nobody become guests, whose points wait until they register with that address",
        )
        parser.add_argument(
            "--again", action="store_true", help="import the file though it was imported before, as another batch"
        )
        parser.add_argument("--dry-run", action="store_true", help="only check the file; write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        try:
            with path.open("rb") as file:
                self._import(file, options["batch"] or path.name, options)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=BAD_USAGE) from error
        except ImportFileError as error:
            raise CommandError(str(error), returncode=BAD_USAGE) from error
        except CRMError as error:
            raise CommandError(f"Nothing was imported: {error}", returncode=BAD_ROWS) from error

    def _import(self, file: BinaryIO, batch: str, options: dict[str, Any]) -> None:
        work = PointsImport(
            file,
            ImportType(options["type"]),
            batch,
            create_guests=options["create_guests"],
            again=options["again"],
        )
        quiet = options["verbosity"] == 0
        with tqdm(total=work.lines, unit="row", desc="check", disable=quiet, leave=False) as bar:
            check = work.check(bar.update)
        if check.imported_before:
            self.stdout.write(f"The batch {batch!r} was imported before. Nothing was done.")
            return
        for error in check.errors:
            self.stderr.write(f"line {error.line}: {error.what}")
        if check.wrong > len(check.errors):
            self.stderr.write(f"… and {check.wrong - len(check.errors)} more")
        if check.wrong:
            raise CommandError(
                f"Nothing was imported: {check.wrong} of {check.wrong + check.rows} rows are wrong.",
                returncode=BAD_ROWS,
            )
        if options["dry_run"]:
            self.stdout.write(f"Would import {_summary(check)} Nothing was written.")
            return
        with tqdm(total=check.rows, unit="row", desc="import", disable=quiet) as bar:
            done = work.run(bar.update)
        if not done:
            self.stdout.write(f"The batch {batch!r} was imported meanwhile by somebody else.")
            return
        self.stdout.write(self.style.SUCCESS(f"Imported {_summary(check)}"))


def _summary(check: ImportCheck) -> str:
    guests = f", {check.new_guests} of them new guests" if check.new_guests else ""
    return f"{check.rows} rows: {check.points} points of {check.customers} customers{guests}."
