"""The disk is full while a file is written: the file is whole, or it is not there; and the command says why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from saleor_crm_plugin.ingestion.segments import VOCABULARY, refresh_segments
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.profiles.segments.editing import create_segment
from tests.devshop.factories import make_customer, make_order
from tests.faults.harness.books import assert_nothing_lost_and_nothing_twice
from tests.faults.harness.processes import Process

# A file may have this much, and not a byte more.
FULL: str = "600"
BAD_USAGE = 2


@pytest.fixture
def history(tea: Any) -> Any:
    orders = [
        make_order(
            make_customer(f"number{number}@example.com"),
            lines=[(tea, 1)],
            created_at=timezone.now() - timedelta(days=number),
        )
        for number in range(20)
    ]
    sync_orders([order.pk for order in orders])
    segment = create_segment(VOCABULARY, timezone.now(), name="Buyers", query="orders_count >= 1")
    refresh_segments()
    return segment.slug


@pytest.mark.parametrize("export", ["points", "customers"])
def test_a_list_that_does_not_fit_is_not_there(
    history: str, tmp_path: Path, run_command: Callable[..., Process], export: str
) -> None:
    path = tmp_path / "list.csv"
    arguments = [f"crm_export_{export}", *([history] if export == "customers" else []), "--output", str(path)]

    failed = run_command(*arguments, CRM_FAULTS_FILE_BYTES=FULL)
    assert failed.result() == BAD_USAGE
    assert f"CommandError: {path} cannot be written: File too large." in failed.said()
    assert "Traceback" not in failed.said()
    assert list(tmp_path.iterdir()) == []

    written = run_command(*arguments)
    assert written.result() == 0, written.said()
    whole = path.read_bytes()
    assert len(whole) > int(FULL)

    again = run_command(*arguments, CRM_FAULTS_FILE_BYTES=FULL)
    assert again.result() == BAD_USAGE
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]
    assert_nothing_lost_and_nothing_twice()


def test_an_export_of_purchases_that_does_not_fit_leaves_the_one_before(
    history: str, tmp_path: Path, run_command: Callable[..., Process]
) -> None:
    written = run_command("crm_train", "--export", str(tmp_path))
    assert written.result() == 0, written.said()

    def contents() -> dict[str, bytes]:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        return {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in files}

    whole = contents()
    failed = run_command("crm_train", "--export", str(tmp_path), CRM_FAULTS_FILE_BYTES=FULL)
    assert failed.result() != 0
    assert "It cannot be written" in failed.said()
    assert "Traceback" not in failed.said()
    assert contents() == whole
