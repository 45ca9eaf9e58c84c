from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from saleor_crm_plugin.exceptions import ExchangeError
from saleor_crm_plugin.recommendations.exchange import factors as module
from saleor_crm_plugin.recommendations.exchange import tables
from saleor_crm_plugin.recommendations.exchange.factors import CUSTOMER_FACTORS, PRODUCT_FACTORS, Factors, open_factors
from saleor_crm_plugin.recommendations.exchange.known import KnownIds
from tests.unit.recommendations.exchange.deliveries import FACTORS, deliver, table

CUSTOMERS = KnownIds(np.arange(100, 200), "customer profiles")
PRODUCTS = KnownIds(np.arange(10, 60), "products")
Rows = list[tuple[Any, ...]]


def some(ids: range, dimension: int = 2) -> Rows:
    return [(id, [float(id)] + [1.0] * (dimension - 1)) for id in ids]


def opened(directory: Path, customers: Rows | int, products: Rows | int) -> Factors:
    """Rows are written; a number says how many there should be of what has been written already."""
    rows = {}
    for name, given in ((CUSTOMER_FACTORS, customers), (PRODUCT_FACTORS, products)):
        rows[name] = given if isinstance(given, int) else len(given)
        if not isinstance(given, int):
            deliver(directory, {name: given})
    found = open_factors(directory, rows, CUSTOMERS, PRODUCTS)
    assert found is not None
    return found


def refusal(directory: Path, customers: Rows | int, products: Rows | int) -> ExchangeError:
    with pytest.raises(ExchangeError) as caught:
        opened(directory, customers, products)
    return caught.value


def test_what_is_read(tmp_path: Path) -> None:
    found = opened(tmp_path, some(range(100, 110)), some(range(20, 15, -1)))

    assert found.product_ids.tolist() == [16, 17, 18, 19, 20]
    assert found.products.tolist() == [[16, 1], [17, 1], [18, 1], [19, 1], [20, 1]]
    assert found.products.dtype == np.float32
    assert found.customer_count == 10
    ((ids, vectors),) = list(found.by_customer())
    assert (ids.tolist(), vectors[:, 0].tolist()) == (list(range(100, 110)), list(range(100, 110)))


def test_parts_and_types_as_other_engines_write_them(tmp_path: Path) -> None:
    """Spark: a directory with a marker; 32-bit ids; lists of doubles. Others: lists of a fixed size."""
    folder = tmp_path / CUSTOMER_FACTORS
    folder.mkdir()
    (folder / "_SUCCESS").touch()
    (folder / ".part-00000.crc").touch()
    for number, type in enumerate((pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float32(), 2))):
        rows = some(range(100 + number * 5, 105 + number * 5))
        schema = pa.schema([("id", pa.int32()), ("features", type), ("name", pa.string())])
        pq.write_table(table([(*row, "ignored") for row in rows], schema), folder / f"part-0000{number}.parquet")

    found = opened(tmp_path, 15, some(range(10, 20)))

    assert [id for ids, _ in found.by_customer() for id in ids.tolist()] == list(range(100, 115))
    assert {vectors.shape[1] for _, vectors in found.by_customer()} == {2}


def test_what_the_shop_has_lost_since_is_left_out(tmp_path: Path) -> None:
    found = opened(tmp_path, some(range(110, 210)), some(range(15, 65)))

    assert found.customer_count == 90
    assert sum(len(ids) for ids, _ in found.by_customer()) == 90
    assert found.product_ids.tolist() == list(range(15, 60))


def test_ids_of_something_else_are_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, some(range(100, 110)), some(range(5, 20)))

    assert str(error) == (
        f"{tmp_path / PRODUCT_FACTORS}, row group 0, row 0, column id: 5 of 15 ids are none of this shop's products; "
        "the first is 5. Up to 10% may have gone since the export: is this another column, or an old export?"
    )
    error = refusal(tmp_path, some(range(110)), some(range(10, 20)))
    assert "100 of 110 ids are none of this shop's customer profiles; the first is 0." in str(error)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1.1e6, -3e38])
@pytest.mark.parametrize("name", [CUSTOMER_FACTORS, PRODUCT_FACTORS])
def test_numbers_that_are_none(tmp_path: Path, name: str, number: float) -> None:
    tables_ = {CUSTOMER_FACTORS: some(range(100, 110)), PRODUCT_FACTORS: some(range(10, 20))}
    tables_[name][7] = (tables_[name][7][0], [1.0, number])

    error = refusal(tmp_path, *tables_.values())

    assert (error.path, error.row_group, error.row, error.column) == (str(tmp_path / name), 0, 7, "features")
    assert "not a finite number" in str(error) or "beyond ±1,000,000" in str(error)


@pytest.mark.parametrize(
    ("row", "message", "column"),
    [
        ((107, [1.0]), "The list has 1 numbers, and the first one has 2.", "features"),
        ((107, [1.0, 2.0, 3.0]), "The list has 3 numbers, and the first one has 2.", "features"),
        ((107, []), "The list has 0 numbers, and the first one has 2.", "features"),
        ((107, None), "A value is missing (null).", "features"),
        ((107, [1.0, None]), "A number in the list is missing (null).", "features"),
        ((None, [1.0, 2.0]), "A value is missing (null).", "id"),
        ((103, [1.0, 2.0]), "The id 103 stands there for the second time.", "id"),
    ],
)
def test_rows_that_cannot_be(tmp_path: Path, row: tuple[Any, ...], message: str, column: str) -> None:
    rows = some(range(100, 110))
    rows[7] = row

    error = refusal(tmp_path, rows, some(range(10, 20)))

    assert str(error) == f"{tmp_path / CUSTOMER_FACTORS}, row group 0, row 7, column {column}: {message}"


def test_the_place_is_that_of_the_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BATCH_ROWS", 3)
    rows = some(range(100, 130))
    rows[27] = (127, [1.0, np.nan])
    pq.write_table(table(rows, FACTORS), tmp_path / CUSTOMER_FACTORS, row_group_size=10)

    error = refusal(tmp_path, 30, some(range(10, 20)))

    assert (error.row_group, error.row) == (2, 7)


def test_a_repeat_in_another_part(tmp_path: Path) -> None:
    folder = tmp_path / CUSTOMER_FACTORS
    folder.mkdir()
    for number in range(2):
        pq.write_table(table(some(range(100, 105)), FACTORS), folder / f"part-{number}.parquet")

    error = refusal(tmp_path, 10, some(range(10, 20)))

    assert error.path == str(folder / "part-1.parquet")
    assert (error.row, error.column) == (0, "id")


def test_dimensions_that_differ(tmp_path: Path) -> None:
    error = refusal(tmp_path, some(range(100, 110), 3), some(range(10, 20), 2))

    assert "The list has 3 numbers, and those of products have 2." in str(error)


@pytest.mark.parametrize(
    ("schema", "message", "column"),
    [
        (pa.schema([("user", pa.int64()), ("features", pa.list_(pa.float32()))]), "there are user, features", "id"),
        (pa.schema([("id", pa.string()), ("features", pa.list_(pa.float32()))]), "whole numbers, not string", "id"),
        (pa.schema([("id", pa.float64()), ("features", pa.list_(pa.float32()))]), "whole numbers, not double", "id"),
        (pa.schema([("id", pa.int64()), ("features", pa.list_(pa.string()))]), "lists of floating-point", "features"),
        (pa.schema([("id", pa.int64()), ("features", pa.float32())]), "numbers, not float", "features"),
    ],
)
def test_columns_that_are_others(tmp_path: Path, schema: pa.Schema, message: str, column: str) -> None:
    pq.write_table(table([], schema), tmp_path / CUSTOMER_FACTORS)

    error = refusal(tmp_path, 1, some(range(10, 20)))

    assert (error.path, error.column) == (str(tmp_path / CUSTOMER_FACTORS), column)
    assert message in str(error)


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.int64()), ("id", pa.int64()), ("features", pa.list_(pa.float32()))])
    pq.write_table(table([(100, 100, [1.0])], schema), tmp_path / CUSTOMER_FACTORS)

    assert "several columns of this name" in str(refusal(tmp_path, 1, some(range(10, 20))))


def test_ids_of_more_than_64_bits(tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.uint64()), ("features", pa.list_(pa.float32()))])
    pq.write_table(table([(2**64 - 1, [1.0, 1.0])], schema), tmp_path / CUSTOMER_FACTORS)

    assert "larger than 64 bits" in str(refusal(tmp_path, 1, some(range(10, 20))))


def test_files_that_are_none(tmp_path: Path) -> None:
    whole = some(range(100, 110))
    deliver(tmp_path, {CUSTOMER_FACTORS: whole})
    content = (tmp_path / CUSTOMER_FACTORS).read_bytes()
    for broken in (b"", b"PAR1", b"id,features\n", content[:-20], content[: len(content) // 2]):
        (tmp_path / CUSTOMER_FACTORS).write_bytes(broken)
        error = refusal(tmp_path, 10, some(range(10, 20)))
        assert "It is no Parquet file, or was cut off" in str(error)
        assert error.path == str(tmp_path / CUSTOMER_FACTORS)


def test_bytes_that_have_changed(tmp_path: Path) -> None:
    """Pages that do not decode, behind a footer that does."""
    deliver(tmp_path, {CUSTOMER_FACTORS: some(range(100, 110))})
    path = tmp_path / CUSTOMER_FACTORS
    content = bytearray(path.read_bytes())
    content[4:60] = bytes(56)
    path.write_bytes(content)

    error = refusal(tmp_path, 10, some(range(10, 20)))

    assert "It cannot be read" in str(error)
    assert (error.path, error.row_group) == (str(path), 0)


def test_a_part_that_is_missing(tmp_path: Path) -> None:
    error = refusal(deliver(tmp_path, {CUSTOMER_FACTORS: some(range(100, 110))}), 25, some(range(10, 20)))

    assert "It holds 10 rows, and the manifest says 25: is a part missing?" in str(error)


def test_what_is_named_and_not_there(tmp_path: Path) -> None:
    assert "is not there" in str(refusal(tmp_path, 10, some(range(10, 20))))
    (tmp_path / CUSTOMER_FACTORS).mkdir()
    assert "holds no parts" in str(refusal(tmp_path, 10, some(range(10, 20))))
    (tmp_path / CUSTOMER_FACTORS / "id=1").mkdir()
    assert "Beside its parts" in str(refusal(tmp_path, 10, some(range(10, 20))))
    shutil.rmtree(tmp_path / CUSTOMER_FACTORS)


def test_factors_come_in_pairs(tmp_path: Path) -> None:
    deliver(tmp_path, {CUSTOMER_FACTORS: some(range(100, 110))})

    with pytest.raises(ExchangeError, match=r"product_factors.parquet is missing in `rows`"):
        open_factors(tmp_path, {CUSTOMER_FACTORS: 10}, CUSTOMERS, PRODUCTS)
    assert open_factors(tmp_path, {}, CUSTOMERS, PRODUCTS) is None


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    customers, products = some(range(100, 110), 5), some(range(10, 20), 5)
    with monkeypatch.context() as patch:
        patch.setattr(module, "LARGEST_DIMENSION", 4)
        assert "The list has 5 numbers, of at most 4." in str(refusal(tmp_path, customers, products))
    with monkeypatch.context() as patch:
        patch.setattr(module, "LARGEST_PRODUCT_FACTORS", 199)
        assert "10 products of 5 numbers are more than 199 bytes" in str(refusal(tmp_path, customers, products))
    with monkeypatch.context() as patch:
        patch.setattr(module, "MOST_CUSTOMERS", 9)
        assert "more than 9 rows" in str(refusal(tmp_path, customers, products))
    with monkeypatch.context() as patch:
        patch.setattr(tables, "LARGEST_COLUMN", 20)
        error = refusal(tmp_path, customers, products)
        assert "write smaller row groups" in str(error)
        assert error.row_group == 0
    with monkeypatch.context() as patch:
        patch.setattr(tables, "MOST_PARTS", 0)
        (tmp_path / PRODUCT_FACTORS).unlink()
        (tmp_path / PRODUCT_FACTORS).mkdir()
        pq.write_table(table(products, FACTORS), tmp_path / PRODUCT_FACTORS / "part.parquet")
        assert "of at most 0: write fewer" in str(refusal(tmp_path, customers, 10))
