from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from saleor_crm_plugin.exceptions import ExchangeError
from saleor_crm_plugin.recommendations.exchange import lists, tables
from saleor_crm_plugin.recommendations.exchange.known import KnownIds
from saleor_crm_plugin.recommendations.exchange.lists import (
    NEIGHBOURS,
    PERSONAL,
    RankedList,
    open_neighbours,
    open_personal,
)
from saleor_crm_plugin.recommendations.learning.stored import RelatedList
from tests.unit.recommendations.exchange.deliveries import NEIGHBOURS as NEIGHBOUR_SCHEMA
from tests.unit.recommendations.exchange.deliveries import deliver, table

CUSTOMERS = KnownIds(np.arange(100, 200), "customer profiles")
PRODUCTS = KnownIds(np.arange(10, 60), "products")
Rows = list[tuple[Any, ...]]

RELATED: Rows = [(10, 11, 0.2, 0.5), (10, 12, 0.9, 0.25), (12, 10, 0.9, 1.0), (12, 11, 0.9, 0.0)]
RANKED: Rows = [(100, 11, 0.1, 2), (100, 10, 0.3, 1), (104, 10, -2.0, 7)]


def neighbours(directory: Path, rows: Rows) -> dict[str, list[RelatedList]]:
    deliver(directory, {NEIGHBOURS: rows})
    found = open_neighbours(directory, {NEIGHBOURS: len(rows)}, PRODUCTS)
    assert found is not None
    return {kind: list(found.of_kind(kind)) for kind in sorted(found.kinds)}


def personal(directory: Path, rows: Rows) -> list[RankedList]:
    deliver(directory, {PERSONAL: rows})
    found = open_personal(directory, {PERSONAL: len(rows)}, CUSTOMERS, PRODUCTS)
    assert found is not None
    return list(found.lists())


def test_neighbours_best_first(tmp_path: Path) -> None:
    assert neighbours(tmp_path, RELATED) == {
        "bought_together": [
            RelatedList(10, [12, 11], [0.9, 0.2], [0.25, 0.5]),
            RelatedList(12, [10, 11], [0.9, 0.9], [1.0, 0.0]),
        ]
    }


def test_neighbours_of_two_kinds(tmp_path: Path) -> None:
    schema = NEIGHBOUR_SCHEMA.append(pa.field("kind", pa.string()))
    rows = [(10, 11, 0.5, 0.5, "similar"), (10, 11, 0.5, 0.5, "bought_together"), (11, 10, 0.5, 0.0, "similar")]
    pq.write_table(table(rows, schema), tmp_path / NEIGHBOURS)

    found = open_neighbours(tmp_path, {NEIGHBOURS: 3}, PRODUCTS)

    assert found is not None
    assert found.kinds == {"similar", "bought_together"}
    assert [entry.product_id for entry in found.of_kind("similar")] == [10, 11]
    assert [entry.product_id for entry in found.of_kind("bought_together")] == [10]
    pq.write_table(table([(10, 11, 0.5, 0.5, "SIMILAR")], schema), tmp_path / NEIGHBOURS)
    with pytest.raises(ExchangeError, match="row 0, column kind: 'SIMILAR' is none of bought_together, similar"):
        open_neighbours(tmp_path, {NEIGHBOURS: 1}, PRODUCTS)


def test_lists_by_rank(tmp_path: Path) -> None:
    assert personal(tmp_path, RANKED) == [RankedList(100, [10, 11], [0.3, 0.1]), RankedList(104, [10], [-2.0])]


def test_lists_over_several_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BATCH_ROWS", 3)
    rows = [(customer, 10 + rank, 1 / rank, rank) for customer in range(100, 110) for rank in range(1, 6)]

    found = personal(tmp_path, rows)

    assert found == [
        RankedList(customer, list(range(11, 16)), [1 / rank for rank in range(1, 6)]) for customer in range(100, 110)
    ]


def test_what_the_shop_has_lost_since_is_left_out(tmp_path: Path) -> None:
    rows = [(10, related, 0.5, 0.5) for related in range(11, 32)] + [(11, 999, 0.5, 0.5), (999, 10, 0.5, 0.5)]
    assert [entry.product_id for entry in neighbours(tmp_path, rows)["bought_together"]] == [10]
    ranked = [(100, 10 + rank, 0.5, rank) for rank in range(1, 20)] + [(101, 999, 0.5, 1), (999, 10, 0.5, 1)]
    assert [entry.customer_id for entry in personal(tmp_path, ranked)] == [100]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((12, 12, 0.5, 0.5), "row 3, column related: Product 12 stands in its own list."),
        ((12, 10, 0.5, 0.5), "row 3, column related: Product 10 stands twice in the list of 12."),
        ((10, 11, 0.5, 0.5), "row 3, column product: The rows must be sorted by product: 10 comes after 12."),
        ((12, 11, 0.5, 1.01), "row 3, column confidence: 1.01 is no share: 0 to 1."),
        ((12, 11, 0.5, -0.1), "row 3, column confidence: -0.1 is no share: 0 to 1."),
        ((12, 11, float("nan"), 0.1), "row 3, column score: nan is not a finite number."),
        ((12, 11, 0.5, float("inf")), "row 3, column confidence: inf is not a finite number."),
        ((12, 11, None, 0.5), "row 3, column score: A value is missing (null)."),
        ((12, None, 0.5, 0.5), "row 3, column related: A value is missing (null)."),
        ((777, 10, 0.5, 0.5), "row 3, column product: 1 of 4 ids are none of this shop's products; the first is 777."),
        ((12, -1, 0.5, 0.5), "row 3, column related: 1 of 4 ids are none of this shop's products; the first is -1."),
    ],
)
def test_neighbours_that_cannot_be(tmp_path: Path, row: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ExchangeError) as caught:
        neighbours(tmp_path, [*RELATED[:3], row])
    assert f"{tmp_path / NEIGHBOURS}, row group 0, {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((100, 10, 0.5, 1), "row 3, column customer: The rows must be sorted by customer: 100 comes after 104."),
        ((104, 10, 0.5, 8), "row 3, column product: Product 10 stands twice in the list of customer 104."),
        ((104, 11, 0.5, 7), "row 3, column rank: Two products of customer 104 have rank 7."),
        ((104, 11, 0.5, 0), "row 3, column rank: 0 is no rank: the best product has 1."),
        ((104, 11, float("-inf"), 8), "row 3, column score: -inf is not a finite number."),
        ((104, 11, 0.5, None), "row 3, column rank: A value is missing (null)."),
        ((5, 11, 0.5, 1), "row 3, column customer: 1 of 4 ids are none of this shop's customer profiles; the first"),
    ],
)
def test_lists_that_cannot_be(tmp_path: Path, row: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ExchangeError) as caught:
        personal(tmp_path, [*RANKED, row])
    assert f"{tmp_path / PERSONAL}, row group 0, {message}" in str(caught.value)


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "LONGEST_RELATED", 2)
    monkeypatch.setattr(lists, "LONGEST_PERSONAL", 2)
    with pytest.raises(ExchangeError, match=r"row 2, column product: The list of 10 has more than 2 products"):
        neighbours(tmp_path, [(10, related, 0.5, 0.5) for related in (11, 12, 13)])
    with pytest.raises(ExchangeError, match=r"row 2, column customer: The list of 100 has more than 2 rows"):
        personal(tmp_path, [(100, 10 + rank, 0.5, rank) for rank in (1, 2, 3)])


def test_where_there_are_none(tmp_path: Path) -> None:
    assert open_neighbours(tmp_path, {}, PRODUCTS) is None
    assert open_personal(tmp_path, {}, CUSTOMERS, PRODUCTS) is None
