from __future__ import annotations

from pathlib import Path

import pytest

from saleor_crm_plugin.exceptions import EvaluationError
from saleor_crm_plugin.recommendations.evaluation import csv_source
from saleor_crm_plugin.recommendations.evaluation.csv_source import Read, read_csv

HEADER = "customer,basket,time,product,quantity,price,category\n"
JANUARY_2026 = 20_454.0  # days since 1970


def read(tmp_path: Path, content: str | bytes) -> Read:
    path = tmp_path / "purchases.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_csv(path, lambda stage, done, total: None)


def test_a_line_is_a_purchase(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + "ann,b1,2026-01-01,tea,2,3.50,drinks\nann,b1,2026-01-01,sugar,,,\n")

    purchases = found.purchases
    assert (found.returned, found.anonymous) == (0, 0)
    assert purchases.customers.tolist() == [1, 1]
    assert purchases.baskets.tolist() == [1, 1]
    assert purchases.products.tolist() == [1, 2]
    assert purchases.days.tolist() == [JANUARY_2026] * 2
    assert purchases.quantities.tolist() == [2, 1]
    assert purchases.prices.tolist() == [3.5, 0]
    assert purchases.categories == {1: 1}


def test_columns_in_any_order_and_more_of_them_and_a_mark_at_the_start(tmp_path: Path) -> None:
    content = "\ufeffProduct,colour, TIME ,basket,customer\ntea,red,2026-01-01,b1,ann\n\nsugar,,2026-01-02,b2,ann\n"

    purchases = read(tmp_path, content).purchases

    assert purchases.products.tolist() == [1, 2]
    assert purchases.days.tolist() == [JANUARY_2026, JANUARY_2026 + 1]


@pytest.mark.parametrize(
    ("time", "days"),
    [
        ("2026-01-01", 0),
        ("2026-01-01T12:00:00", 0.5),
        ("2026-01-01 06:00", 0.25),
        ("2026-01-01T12:00:00Z", 0.5),
        ("2026-01-01T01:00:00+07:00", -0.25),
        ("2025-12-31T18:00:00-06:00", 0),
    ],
)
def test_times_with_and_without_an_offset(tmp_path: Path, time: str, days: float) -> None:
    assert read(tmp_path, f"{HEADER}ann,b1,{time},tea,1,1,\n").purchases.days.tolist() == [JANUARY_2026 + days]


def test_returned_goods_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = "ann,b1,2026-01-01,tea,-1,3,\nann,b1,2026-01-01,cup,0,3,\nann,b1,2026-01-01,sugar,0.5,3,\n"

    found = read(tmp_path, HEADER + lines)

    assert found.returned == 2
    assert found.purchases.quantities.tolist() == [0.5]


def test_a_basket_without_a_customer_is_a_customer_of_its_own(tmp_path: Path) -> None:
    lines = "".join(f",{basket},2026-01-01,{product},1,1,\n" for basket in ("b1", "b2") for product in ("tea", "cup"))

    found = read(tmp_path, HEADER + lines + "ann,b3,2026-01-01,tea,1,1,\n")

    assert found.anonymous == 2
    owners = found.purchases.customers.tolist()
    assert owners[0] == owners[1] != owners[2] == owners[3]
    assert owners[4] not in owners[:4]


GOOD = "ann,b1,2026-01-01,tea,1,1.5,drinks\n"
WRONG = {
    "no time": ("ann,b1,soon,tea,1,1,\n", "line 3: 'soon' is not a time like 2026-01-31"),
    "no day of the year": ("ann,b1,2026-02-30,tea,1,1,\n", "line 3: '2026-02-30' is not a time"),
    "an empty time": ("ann,b1,,tea,1,1,\n", "line 3: '' is not a time"),
    "no price": ("ann,b1,2026-01-01,tea,1,nan,\n", "line 3: quantity and price must be numbers"),
    "an endless quantity": ("ann,b1,2026-01-01,tea,inf,1,\n", "line 3: quantity and price must be numbers"),
    "more than a float32 holds": ("ann,b1,2026-01-01,tea,1,1e39,\n", "line 3: quantity and price must be numbers"),
    "a price with a currency": (
        "ann,b1,2026-01-01,tea,1,1 EUR,\n",
        "line 3: could not convert string to float: '1 EUR'",
    ),
    "no product": ("ann,b1,2026-01-01, ,1,1,\n", "line 3: basket and product must not be empty"),
    "no basket": ("ann,,2026-01-01,tea,1,1,\n", "line 3: basket and product must not be empty"),
    "too few fields": ("ann,b1,2026-01-01\n", "line 3: 3 fields instead of 7"),
    "after an empty line": ("\nann,b1,soon,tea,1,1,\n", "line 4: 'soon'"),
    "after a name over two lines": ('ann,b1,2026-01-01,"black\ntea",1,1,\nann,b1,soon,tea,1,1,\n', "line 5: 'soon'"),
}


@pytest.mark.parametrize(("lines", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(EvaluationError) as raised:
        read(tmp_path, HEADER + GOOD + lines)
    assert f"purchases.csv, {message}" in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the header line lacks customer, basket, time, product; it has nothing"),
        ("customer,basket,product\nann,b1,tea\n", "lacks time; it has customer, basket, product"),
        (
            "customer;basket;time;product\n",
            "lacks customer, basket, time, product; it has customer;basket;time;product",
        ),
        (HEADER, "holds no purchases"),
        (HEADER + "ann,b1,2026-01-01,tea,-1,1,\n", "holds no purchases"),
        (HEADER.encode() + b"ann,b1,2026-01-01,th\xe9,1,1,\n", "cannot be read as CSV: 'utf-8' codec"),
        (
            HEADER + f'ann,b1,2026-01-01,"{"x" * 200_000}",1,1,\n',
            "cannot be read as CSV: field larger than field limit",
        ),
    ],
    ids=["empty", "a column missing", "semicolons", "header only", "only returns", "not UTF-8", "a field too long"],
)
def test_what_is_no_such_file(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(EvaluationError) as raised:
        read(tmp_path, content)
    assert message in str(raised.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="No such file"):
        read_csv(tmp_path / "none.csv", lambda *_: None)
    with pytest.raises(EvaluationError, match="Is a directory"):
        read_csv(tmp_path, lambda *_: None)


def test_more_lines_than_fit_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_source, "LINES_LIMIT", 2)
    assert len(read(tmp_path, HEADER + GOOD * 2).purchases) == 2
    with pytest.raises(EvaluationError, match="more than 2 lines"):
        read(tmp_path, HEADER + GOOD * 3)
