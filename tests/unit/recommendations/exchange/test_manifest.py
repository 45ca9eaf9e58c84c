from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from saleor_crm_plugin.exceptions import ExchangeError
from saleor_crm_plugin.recommendations.exchange.manifest import Results, read_results
from tests.unit.recommendations.exchange.deliveries import manifest

NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
KNOWN = ("personal.parquet",)
ROWS = {"personal.parquet": 3}


def read(directory: Path) -> Results:
    return read_results(directory, KNOWN, NOW)


def test_what_it_says(tmp_path: Path) -> None:
    manifest(tmp_path, ROWS, learnt_until="2026-02-28T12:00:00+01:00", export="abc")

    assert read(tmp_path) == Results(
        engine="a test",
        learnt_until=datetime.datetime(2026, 2, 28, 11, tzinfo=datetime.UTC),
        rows=ROWS,
        export="abc",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "saleor-crm-plugin/purchases"}, "`format` must be 'saleor-crm-plugin/recommendations', not 'sal"),
        ({"format": None}, "`format` must be 'saleor-crm-plugin/recommendations', not None"),
        ({"version": 2}, "`version` must be 1, not 2"),
        ({"version": "1"}, "`version` must be 1"),
        ({"engine": None}, "`engine` must be a text"),
        ({"engine": ""}, "`engine` must be a text"),
        ({"engine": "x" * 201}, "`engine` must be a text"),
        ({"engine": 5}, "`engine` must be a text"),
        ({"export": 5}, "`export` must be the `id`"),
        ({"rows": {}}, "`rows` must give the number of rows of each file, of personal.parquet"),
        ({"rows": 5}, "`rows` must give"),
        ({"rows": {"../../etc/passwd": 1}}, "`rows` names '../../etc/passwd', which is none of personal.parquet"),
        ({"rows": {"personal.parquet": 0}}, "`rows` of personal.parquet must be a whole number from 1, not 0"),
        ({"rows": {"personal.parquet": True}}, "must be a whole number from 1, not True"),
        ({"rows": {"personal.parquet": 1.5}}, "must be a whole number from 1, not 1.5"),
        ({"rows": {"personal.parquet": "9" * 99}}, "…"),
        ({"learnt_until": None}, "`learnt_until` must be a moment with its offset"),
        ({"learnt_until": "yesterday"}, "`learnt_until` must be a moment with its offset"),
        ({"learnt_until": "2026-02-28T12:00:00"}, "`learnt_until` must be a moment with its offset"),
        ({"learnt_until": 1767225600}, "`learnt_until` must be a moment with its offset"),
        ({"learnt_until": "2026-03-02T00:00:00+00:00"}, "`learnt_until` lies in the future"),
    ],
)
def test_what_cannot_be(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    manifest(tmp_path, ROWS, **{"learnt_until": "2026-02-28T12:00:00+00:00", **changes})

    with pytest.raises(ExchangeError) as caught:
        read(tmp_path)
    assert message in str(caught.value)
    assert caught.value.path == str(tmp_path / "manifest.json")


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 200_000, b"1" * 5_000])
def test_what_is_no_json(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(text)

    with pytest.raises(ExchangeError, match="is not JSON"):
        read(tmp_path)


def test_other_json(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("[]")

    with pytest.raises(ExchangeError, match="must be a JSON object"):
        read(tmp_path)


def test_without_one_nothing_is_whole(tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match=r"There is no manifest.json: it is written last"):
        read(tmp_path)


def test_one_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "manifest.json").open("wb") as file:
        file.truncate(10 * 1024**3)

    with pytest.raises(ExchangeError, match="this is no manifest"):
        read(tmp_path)
