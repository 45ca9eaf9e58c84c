from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.recommendations.exchange import scoring
from saleor_crm_plugin.recommendations.exchange.factors import Factors
from saleor_crm_plugin.recommendations.exchange.known import KnownIds
from saleor_crm_plugin.recommendations.exchange.scoring import Bought, Scorer, shares_of_best, similar_products
from saleor_crm_plugin.recommendations.learning.history import NO_CATEGORY
from saleor_crm_plugin.recommendations.learning.stored import PersonalList

BEFORE, TOGETHER = 1, 2


def factors(vectors: Any, ids: Any = None) -> Factors:
    products = np.asarray(vectors, dtype=np.float32)
    known = np.arange(len(products)) * 10 if ids is None else np.asarray(ids)
    return Factors(known, products, cast(Any, None), 0, KnownIds(known, "products"))


def bought(*entries: tuple[int, int, int]) -> Bought:
    customers, products, baskets = (np.array(column, dtype=np.int64) for column in zip(*entries, strict=True))
    return Bought(customers, products, baskets)


NOTHING = Bought(*(np.zeros(0, dtype=np.int64) for _ in range(3)))


def lists(of: Factors, customers: dict[int, list[float]], purchases: Bought, again: int = 9, new: int = 9) -> Any:
    ids = np.array(list(customers), dtype=np.int64)
    vectors = np.array(list(customers.values()), dtype=np.float32)
    return list(Scorer(of, again, new).lists(ids, vectors, purchases))


def test_a_list_by_hand() -> None:
    #                 0         10        20        30
    products = factors([[1, 0], [0.9, 0.1], [0, 1], [-1, 0]])

    (ann,) = lists(products, {7: [2, 1]}, bought((7, 10, 3), (7, 20, 1), (8, 0, 5)))

    assert ann == PersonalList(
        7,
        [0, 10, 20, 30],
        pytest.approx([1.0, 0.95, 0.5, 0.001 / 4]),
        [TOGETHER, BEFORE, BEFORE, TOGETHER],
        [10, 10, 20, 20],  # Nearest to 0 is 10; to 30, of two that point elsewhere, the less distant 20.
        [0.0, 3.0, 1.0, 0.0],
        amounts=[],
        due_days=[],
        rhythm_days=[],
    )


def test_limits_of_either_sort() -> None:
    products = factors([[5], [4], [3], [2], [1]])

    (ann,) = lists(products, {7: [1]}, bought((7, 10, 1), (7, 20, 1), (7, 40, 1)), again=2, new=1)

    assert ann.product_ids == [0, 10, 20]


def test_without_purchases_there_is_no_product_behind_it() -> None:
    (ann,) = lists(factors([[5], [4]]), {7: [1]}, NOTHING)

    assert (ann.product_ids, ann.reason_kinds, ann.reason_product_ids) == ([0, 10], [TOGETHER] * 2, [0, 0])


def test_who_has_bought_everything() -> None:
    (ann,) = lists(factors([[5], [4]]), {7: [1]}, bought((7, 0, 1), (7, 10, 1), (7, 999, 4)))

    assert ann.product_ids == [0, 10]
    assert ann.reason_kinds == [BEFORE] * 2


def test_similar_are_those_of_the_category() -> None:
    products = factors([[1, 0], [2, 0.1], [0, 3], [1, 1], [5, 0], [0, 0]])
    categories = np.array([1, 1, 1, 2, NO_CATEGORY, 1])

    found = {entry.product_id: entry for entry in similar_products(products, categories, 2)}

    assert {product: entry.related_ids for product, entry in found.items()} == {0: [10], 10: [0, 20], 20: [10]}
    assert found[10].scores == pytest.approx([2 / np.sqrt(4.01), 0.1 / np.sqrt(4.01)])
    assert found[10].confidences == [0.0, 0.0]


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 12),
    st.integers(1, 40),
    st.integers(1, 4),
    st.integers(1, 60),
    st.integers(1, 8),
    st.integers(1, 8),
)
def test_as_somebody_would_who_looks_at_everything(
    seed: int, customers: int, products: int, dimension: int, block: int, again: int, new: int
) -> None:
    random = np.random.default_rng(seed)
    # Small whole numbers: sums are exact, and there are ties.
    of = factors(random.integers(-2, 3, (products, dimension)))
    vectors = random.integers(-2, 3, (customers, dimension)).astype(np.float32)
    baskets = Counter(
        (int(random.integers(customers)), int(random.integers(products + 3)) * 10) for _ in range(customers * 3)
    )
    purchases = bought(*((customer, product, count) for (customer, product), count in sorted(baskets.items())))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "BLOCK_SCORES", block)
        found = list(Scorer(of, again, new).lists(np.arange(customers), vectors, purchases))

    assert [entry.customer_id for entry in found] == list(range(customers))
    for entry, vector in zip(found, vectors, strict=True):
        worth = {int(id): float(v @ vector) for id, v in zip(of.product_ids, of.products, strict=True)}
        best = sorted(worth, key=lambda one: (-worth[one], one))
        known = [id for id in best if (entry.customer_id, id) in baskets][:again]
        fresh = [id for id in best if (entry.customer_id, id) not in baskets][:new]
        assert entry.product_ids == sorted(known + fresh, key=lambda one: (-worth[one], one))
        assert entry.scores == pytest.approx(shares([worth[id] for id in entry.product_ids]))
        for id, kind, reason, value in zip(*entry[1:2], *entry[3:6], strict=True):
            if id in known:
                assert (kind, reason, value) == (BEFORE, id, baskets[entry.customer_id, id])
            else:
                assert (kind, value) == (TOGETHER, 0)
                assert reason == 0 or (entry.customer_id, reason) in baskets


def shares(scores: list[float]) -> list[float]:
    best = max(scores, default=0)
    return [max(one / best, 0.001 / place) if best > 0 else 1 / place for place, one in enumerate(scores, 1)]


@pytest.mark.parametrize(
    ("scores", "found"),
    [
        ([900, 450, 600], [1, 0.5, 2 / 3]),
        ([0.4, 0.5], [0.8, 1]),
        ([2, 0, -1], [1, 0.0005, 0.001 / 3]),
        ([-1, -2, -2], [1, 0.5, 1 / 3]),
        ([0, 0], [1, 0.5]),
        ([], []),
    ],
    ids=["large", "not in the order of the list", "some below 0", "logarithms", "zeros", "none"],
)
def test_scores_of_any_size_are_shares_of_the_best(scores: list[float], found: list[float]) -> None:
    assert shares_of_best(np.array(scores, dtype=np.float64)).tolist() == pytest.approx(found)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 50), st.integers(1, 6))
def test_similar_in_blocks_of_any_size(seed: int, products: int, block: int, limit: int) -> None:
    random = np.random.default_rng(seed)
    of = factors(random.integers(-2, 3, (products, 3)))
    categories = random.integers(-1, 3, products)

    def of_blocks(size: int) -> Iterator[tuple[int, list[float]]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scoring, "BLOCK_SCORES", size)
            for entry in similar_products(of, categories, limit):
                assert entry.product_id not in entry.related_ids
                assert len(entry.related_ids) <= limit
                assert entry.scores == sorted(entry.scores, reverse=True)
                yield entry.product_id, [round(score, 4) for score in entry.scores]

    assert list(of_blocks(block)) == list(of_blocks(10**6))
