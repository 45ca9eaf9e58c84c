from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.recommendations.learning.history import NO_CATEGORY, PurchaseHistory
from saleor_crm_plugin.recommendations.learning.popular import WHOLE_CHANNEL, popular_by_channel
from saleor_crm_plugin.recommendations.learning.ranking import best_per_row
from tests.contract.recommender import KIOSK, ONLINE, Basket, history_of
from tests.unit.recommendations.test_affinity import patiently


def test_lines_are_brought_into_one_order() -> None:
    history = PurchaseHistory.from_lines(
        customer_ids=[9, 4, 9, 9],
        product_ids=[70, 70, 30, 70],
        basket_ids=[2, 1, 2, 3],
        channel_ids=[5, 5, 5, 5],
        ages=[1, 2, 1, 8],
        categories={30: 12},
    )

    assert history.customer_ids.tolist() == [4, 9]
    assert history.product_ids.tolist() == [30, 70]
    assert history.customers.tolist() == [0, 1, 1, 1]
    assert history.products.tolist() == [1, 0, 1, 1]
    assert history.ages.tolist() == [2, 1, 8, 1], "a product's purchases from old to new"
    assert history.categories.tolist() == [12, NO_CATEGORY]
    assert history.baskets_count == 3


def test_a_clock_that_runs_fast_makes_no_purchase_younger_than_now() -> None:
    assert history_of([Basket(1, -2, (1,))]).ages.tolist() == [0]


def test_customers_matrix_is_of_ones() -> None:
    history = history_of([Basket(1, 1, (7,)), Basket(1, 2, (7,)), Basket(2, 1, (7, 8))])

    np.testing.assert_array_equal(history.by_customer().toarray(), [[1, 0], [1, 1]])
    np.testing.assert_array_equal(history.by_basket().toarray(), [[1, 0], [1, 0], [1, 1]])


def test_best_of_each_row_with_ties_by_item() -> None:
    rows = np.array([0, 0, 1, 1, 1, 1])
    items = np.array([9, 2, 5, 3, 4, 1])
    scores = np.array([1.0, 1.0, 0.5, 0.5, 0.7, 0.1])

    best = best_per_row(rows, items, scores, limit=2)

    assert list(zip(rows[best].tolist(), items[best].tolist(), strict=True)) == [(0, 2), (0, 9), (1, 4), (1, 3)]


@patiently
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.sampled_from([0.1, 0.2, 0.3]))), st.integers(1, 5))
def test_best_of_each_row_is_what_sorting_gives(entries: list[tuple[int, int, float]], limit: int) -> None:
    entries.sort(key=lambda entry: entry[0])
    rows, items, scores = (np.array(column) for column in zip(*entries, strict=True)) if entries else [np.zeros(0)] * 3

    best = best_per_row(rows, items, scores, limit)

    expected = []
    for row in range(4):
        expected += sorted((entry for entry in entries if entry[0] == row), key=lambda e: (-e[2], e[1]))[:limit]
    assert [(rows[place], items[place], scores[place]) for place in best] == expected


def test_popular_lately_then_ever_then_by_id() -> None:
    history = history_of(
        [
            Basket(1, 1, (50,), ONLINE),
            Basket(2, 100, (40, 60), ONLINE),
            Basket(3, 100, (40, 30), ONLINE),
            Basket(3, 2, (60,), KIOSK),
        ]
    )

    kiosk, online = popular_by_channel(history, window_days=28, limit=10)

    assert history.product_ids[online.products].tolist() == [50, 40, 30, 60]
    assert online.scores.tolist() == [1, 0, 0, 0]
    assert history.product_ids[kiosk.products].tolist() == [60]


def test_popular_in_each_category_of_each_channel() -> None:
    history = history_of(
        [Basket(1, 1, (50, 40), ONLINE), Basket(2, 1, (50, 60), ONLINE), Basket(3, 1, (60, 70), KIOSK)],
        categories={40: 4, 50: 5, 60: 4},
    )

    found = {
        (int(history.channel_ids[entry.channel]), entry.category_id): history.product_ids[entry.products].tolist()
        for entry in popular_by_channel(history, window_days=28, limit=2)
    }

    assert found == {
        (ONLINE, WHOLE_CHANNEL): [50, 40],
        (ONLINE, 4): [40, 60],
        (ONLINE, 5): [50],
        (KIOSK, WHOLE_CHANNEL): [60, 70],
        (KIOSK, 4): [60],
    }, "70 is of no category"
