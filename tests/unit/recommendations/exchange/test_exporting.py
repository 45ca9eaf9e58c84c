from __future__ import annotations

import datetime
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from saleor_crm_plugin.exceptions import ExchangeError
from saleor_crm_plugin.recommendations.exchange import arrow, manifest, writing
from saleor_crm_plugin.recommendations.exchange.exporting import Exported, write_export

UNTIL = datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC)
SINCE = datetime.datetime(2025, 2, 1, tzinfo=datetime.UTC)


def micros(text: str) -> int:
    return int(np.datetime64(text, "us").astype(np.int64))


def purchases(*rows: tuple[Any, ...]) -> np.ndarray:
    return np.array(list(rows), dtype=writing.PURCHASE_TYPE)


TEA = (7, 1, micros("2025-12-31T23:59:59.999999"), 11, 2, 1_230, b"USD", 3)
CUP = (7, 2, micros("2026-01-01T00:00:00"), 12, 1, 999_999_999_999_999, b"EUR", 3)
NOBODYS = (0, 3, micros("2026-01-31"), 11, 1, 0, b"JPY", 4)


def export(directory: Path, *chunks: np.ndarray, products: Any = ()) -> Exported:
    return write_export(directory, chunks, products, since=SINCE, until=UNTIL, made_by="test")


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def test_the_layout(tmp_path: Path) -> None:
    done = export(tmp_path, purchases(TEA, CUP), purchases(NOBODYS), products=[(11, "Tea", 1, None, [], [4, 5])])

    assert sorted(contents(tmp_path)) == [
        ".crm-export",
        "manifest.json",
        "products.parquet",
        "purchases/month=2025-12/part-0000.parquet",
        "purchases/month=2026-01/part-0000.parquet",
    ]
    assert done == Exported(
        lines=3,
        orders=3,
        customers=1,
        products=2,
        unnamed_lines=1,
        currencies=("EUR", "JPY", "USD"),
        files=3,
        size_bytes=sum(path.stat().st_size for path in tmp_path.rglob("*.parquet")),
    )


def test_every_value_is_exact(tmp_path: Path) -> None:
    catalogue = [(11, "Tea", 1, None, [], [4, 5]), (12, "Cup", 1, 9, [8], [])]
    export(tmp_path, purchases(TEA, CUP, NOBODYS), products=catalogue)

    rows = pq.read_table(tmp_path / "purchases").to_pylist()
    assert rows == [
        {
            "customer": customer,
            "basket": basket,
            "time": datetime.datetime.fromisoformat(time).replace(tzinfo=datetime.UTC),
            "product": product,
            "quantity": quantity,
            "price": Decimal(price),
            "currency": currency,
            "channel": channel,
            "month": month,
        }
        for customer, basket, time, product, quantity, price, currency, channel, month in [
            (7, 1, "2025-12-31T23:59:59.999999", 11, 2, "1.230", "USD", 3, "2025-12"),
            (7, 2, "2026-01-01T00:00:00", 12, 1, "999999999999.999", "EUR", 3, "2026-01"),
            (None, 3, "2026-01-31T00:00:00", 11, 1, "0.000", "JPY", 4, "2026-01"),
        ]
    ]
    names = ("product", "name", "product_type", "category", "collections", "attribute_values")
    read = pq.read_table(tmp_path / "products.parquet").to_pylist()
    assert read == [dict(zip(names, row, strict=True)) for row in catalogue]


def test_the_manifest(tmp_path: Path) -> None:
    export(tmp_path, purchases(TEA, CUP, NOBODYS))

    content = json.loads((tmp_path / "manifest.json").read_text())
    assert content["format"] == "saleor-crm-plugin/purchases"
    assert content["version"] == 1
    assert (content["since"], content["until"]) == (SINCE.isoformat(), UNTIL.isoformat())
    assert content["counts"] == {
        "lines": 3,
        "orders": 3,
        "customers": 1,
        "products": 2,
        "lines_without_customer": 1,
        "products_in_catalogue": 0,
    }
    assert content["currencies"] == ["EUR", "JPY", "USD"]
    assert "only within one currency" in content["notes"]["price"]
    assert {file["path"]: file["rows"] for file in content["files"]} == {
        "products.parquet": 0,
        "purchases/month=2025-12/part-0000.parquet": 1,
        "purchases/month=2026-01/part-0000.parquet": 2,
    }
    for file in content["files"]:
        path = tmp_path / file["path"]
        assert (file["bytes"], file["sha256"]) == (path.stat().st_size, manifest.checksum(path))


def test_row_groups_and_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "ROW_GROUP_ROWS", 4)
    monkeypatch.setattr(writing, "PART_ROWS", 8)
    january = [(1, number, micros("2026-01-05") + number, 1, 1, 10, b"USD", 1) for number in range(21)]

    export(tmp_path, *(purchases(*january[first : first + 3]) for first in range(0, 21, 3)))

    folder = tmp_path / "purchases" / "month=2026-01"
    assert [path.name for path in sorted(folder.iterdir())] == [f"part-000{number}.parquet" for number in range(3)]
    read = [row["basket"] for path in sorted(folder.iterdir()) for row in pq.read_table(path).to_pylist()]
    assert read == list(range(21)), "each of them once"


def test_what_is_held_back_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "BUFFER_ROWS", 10)
    (tmp_path / "out").mkdir()
    writer = writing.PurchaseWriter(tmp_path / "out")
    written = 0
    for number in range(40):
        month = micros(f"2026-{number % 12 + 1:02}-01")
        writer.write(purchases(*((1, number, month, 1, 1, 10, b"USD", 1) for _ in range(3))))
        written += 3
        assert sum(len(part) for month_ in writer._months.values() for part in month_.held) <= 10
    writer.close()
    assert pq.read_table(tmp_path / "out" / "purchases").num_rows == written


def test_an_older_export_is_replaced_as_a_whole(tmp_path: Path) -> None:
    export(tmp_path, purchases(TEA, CUP))
    (tmp_path / "customer_factors.parquet").write_bytes(b"somebody else's")

    export(tmp_path, purchases(NOBODYS))

    assert sorted(contents(tmp_path)) == [
        ".crm-export",
        "customer_factors.parquet",
        "manifest.json",
        "products.parquet",
        "purchases/month=2026-01/part-0000.parquet",
    ], "the old month is gone, and what is not ours stays"


def test_a_directory_of_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    (tmp_path / "purchases").mkdir()

    with pytest.raises(ExchangeError, match="not empty"):
        export(tmp_path, purchases(TEA))
    assert contents(tmp_path) == {"thesis.tex": b"years of work"}


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ExchangeError, match="cannot be written"):
        export(tmp_path / "file", purchases(TEA))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_must_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ExchangeError, match="Permission denied"):
            export(tmp_path, purchases(TEA))
    finally:
        tmp_path.chmod(0o700)


def test_nothing_to_export_leaves_the_older_export(tmp_path: Path) -> None:
    export(tmp_path, purchases(TEA))
    before = contents(tmp_path)

    with pytest.raises(ExchangeError, match="no purchases since 2025-02-01"):
        export(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt(), ConnectionError("no database")])
def test_a_failure_half_way_leaves_the_older_export(tmp_path: Path, error: BaseException) -> None:
    export(tmp_path, purchases(TEA))
    before = contents(tmp_path)

    def broken() -> Iterator[np.ndarray]:
        yield purchases(CUP)
        raise error

    with pytest.raises(type(error)):
        write_export(tmp_path, broken(), (), since=SINCE, until=UNTIL, made_by="test")
    assert contents(tmp_path) == before


def test_two_at_once_are_impossible(tmp_path: Path) -> None:
    export(tmp_path, purchases(TEA))
    before = contents(tmp_path)
    with (tmp_path / ".crm-export").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ExchangeError, match="Another export"):
            export(tmp_path, purchases(CUP))
    assert contents(tmp_path) == before


WRITE_MUCH = """
import datetime, resource, sys
from pathlib import Path
import numpy as np
from saleor_crm_plugin.exceptions import ExchangeError
from saleor_crm_plugin.recommendations.exchange import writing
from saleor_crm_plugin.recommendations.exchange.exporting import write_export

def chunks():
    random = np.random.default_rng(1)
    for number in range(40):
        rows = np.zeros(20_000, dtype=writing.PURCHASE_TYPE)
        for name in ("customer", "basket", "product", "price"):
            rows[name] = random.integers(1, 1_000_000, len(rows))
        rows["currency"] = b"USD"
        yield rows
        print("written", flush=True)

writing.ROW_GROUP_ROWS = 20_000
if sys.argv[2] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
now = datetime.datetime.now(datetime.UTC)
try:
    write_export(Path(sys.argv[1]), chunks(), (), since=now, until=now, made_by="test")
except ExchangeError as error:
    sys.exit(str(error))
"""


def started(directory: Path, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITE_MUCH, str(directory), how],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_a_disk_that_is_full_leaves_the_older_export(tmp_path: Path) -> None:
    export(tmp_path, purchases(TEA))
    before = contents(tmp_path)

    process = started(tmp_path, "full")
    _, said = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "It cannot be written: " in said
    assert "Nothing has changed there." in said
    assert contents(tmp_path) == before


def test_a_killed_export_leaves_the_older_one_and_is_cleared_away(tmp_path: Path) -> None:
    export(tmp_path, purchases(TEA))
    before = contents(tmp_path)

    process = started(tmp_path, "killed")
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline() == "written\n"
    process.kill()
    process.communicate()

    left = contents(tmp_path)
    assert {name: left[name] for name in before} == before
    assert any(name.startswith(".writing/") for name in left)
    export(tmp_path, purchases(CUP))
    assert not [name for name in contents(tmp_path) if name.startswith(".writing")]


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(arrow, "import_module", missing)

    with pytest.raises(ExchangeError, match=r"pip install 'saleor-crm-plugin\[parquet\]'"):
        export(tmp_path / "new", purchases(TEA))
    assert not (tmp_path / "new").exists()
