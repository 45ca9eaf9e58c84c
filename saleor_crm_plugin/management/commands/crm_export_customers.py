"""`manage.py crm_export_customers`: the customers of a segment as CSV."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.files import text_written_whole
from saleor_crm_plugin.ingestion.customer_csv import find_segment, write_segment

BAD_USAGE = 2


class Command(BaseCommand):
    help = "Write the customers of a segment as CSV, with their names and addresses. The export is put on record."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("segment", help="slug of the segment, as `customerSegments` tells it")
        parser.add_argument("--output", metavar="FILE", required=True, help="where to write")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["output"])
        try:
            segment_id, members = find_segment(options["segment"])
        except CustomerInputError as error:
            raise CommandError(str(error), returncode=BAD_USAGE) from error
        try:
            with (
                text_written_whole(path) as file,
                tqdm(total=members, unit="customer", disable=options["verbosity"] == 0) as bar,
            ):
                written = write_segment(segment_id, file, bar.update)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.", returncode=BAD_USAGE) from error
        self.stdout.write(self.style.SUCCESS(f"Wrote {written} customers to {path}."))
