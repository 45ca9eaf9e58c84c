from __future__ import annotations

from itertools import combinations, permutations
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saleor_crm_plugin.recommendations.learning import affinity
from saleor_crm_plugin.recommendations.learning.affinity import bought_by_the_same, bought_together
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from tests.contract.recommender import BASKETS, CUP, KIOSK, ONLINE, SUGAR, TEA, Basket, history_of

baskets_of_few_products = st.lists(
    st.builds(
        Basket,
        customer=st.integers(1, 5),
        age=st.floats(0, 400, width=32),
        products=st.sets(st.integers(1, 8), min_size=1, max_size=6).map(tuple),
        channel=st.sampled_from((ONLINE, KIOSK)),
    ),
    max_size=15,
)
# Machines that run several test suites at once are slow by fits and starts.
patiently = settings(max_examples=60)


def by_product(history: PurchaseHistory, found: affinity.Affinities) -> dict[int, list[tuple[int, float, float]]]:
    ids = history.product_ids
    return {
        int(product): [
            (int(ids[found.related[entry]]), float(found.scores[entry]), float(found.confidences[entry]))
            for entry in range(found.starts[position], found.starts[position + 1])
        ]
        for position, product in enumerate(ids)
    }


def test_cosine_and_confidence_of_a_worked_example() -> None:
    history = history_of(BASKETS)

    found = by_product(history, bought_together(history, minimum_support=2, limit=10))

    # Tea is in 5 baskets, sugar in 3, cups in 2; tea and sugar meet in 3, tea and cups in 2.
    assert found[TEA] == [
        (SUGAR, pytest.approx(3 / sqrt(5 * 3)), pytest.approx(3 / 5)),
        (CUP, pytest.approx(2 / sqrt(5 * 2)), pytest.approx(2 / 5)),
    ]


@patiently
@given(baskets_of_few_products, st.integers(1, 3), st.integers(1, 4))
def test_it_is_what_counting_by_hand_gives(baskets: list[Basket], support: int, limit: int) -> None:
    history = history_of(baskets)

    found = by_product(history, bought_together(history, support, limit))

    for product in history.product_ids.tolist():
        holding = {number for number, basket in enumerate(baskets) if product in basket.products}
        expected = []
        for other in history.product_ids.tolist():
            others = {number for number, basket in enumerate(baskets) if other in basket.products}
            both = len(holding & others)
            if other != product and both >= support:
                expected.append((-both / sqrt(len(holding) * len(others)), other, both / len(holding)))
        expected.sort()
        assert [entry[0] for entry in found[product]] == [other for _, other, _ in expected[:limit]]
        assert [entry[1] for entry in found[product]] == pytest.approx([-score for score, _, _ in expected[:limit]])
        assert [entry[2] for entry in found[product]] == pytest.approx([share for _, _, share in expected[:limit]])


@patiently
@given(baskets_of_few_products)
def test_blocks_change_nothing(baskets: list[Basket]) -> None:
    history = history_of(baskets)
    whole = by_product(history, bought_together(history, 1, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(affinity, "BLOCK_ENTRIES", 2)

        assert by_product(history, bought_together(history, 1, 3)) == whole


def test_a_giant_basket_is_thinned_out_always_in_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affinity, "MAX_BASKET_PRODUCTS", 10)
    history = history_of([Basket(1, 1, tuple(range(1, 101))), Basket(2, 1, (1, 2))])

    found = bought_together(history, minimum_support=1, limit=100)

    assert len(found.related) <= 10 * 9 + 2
    np.testing.assert_array_equal(found.related, bought_together(history, 1, 100).related)


def test_similar_counts_customers_not_baskets() -> None:
    # Ann buys both in different orders; Bob buys one of them often.
    history = history_of(
        [Basket(1, 1, (7,)), Basket(1, 2, (8,)), Basket(2, 1, (7,)), Basket(2, 2, (7,)), Basket(3, 1, (7, 8))],
        categories={7: 1, 8: 1},
    )

    found = by_product(history, bought_by_the_same(history, minimum_support=2, limit=5))

    assert found[7] == [(8, pytest.approx(2 / sqrt(3 * 2)), pytest.approx(2 / 3))]


def test_products_without_a_category_are_like_nothing() -> None:
    history = history_of([Basket(1, 1, (7, 8)), Basket(2, 1, (7, 8))])

    assert len(bought_by_the_same(history, 1, 5).related) == 0


@patiently
@given(baskets_of_few_products)
def test_scores_are_symmetric(baskets: list[Basket]) -> None:
    history = history_of(baskets)
    found = by_product(history, bought_together(history, 1, 100))

    scores = {(product, other): score for product, row in found.items() for other, score, _ in row}
    for first, second in combinations(history.product_ids.tolist(), 2):
        assert len({scores.get(pair) for pair in permutations((first, second))}) == 1
