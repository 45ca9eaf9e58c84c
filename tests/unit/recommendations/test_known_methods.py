"""The methods that ours is measured against, computed once more from their papers' formulas, customer by customer."""

from __future__ import annotations

import numpy as np
import pytest

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from tests.benchmarks.known_methods.items import item_cosine, together
from tests.benchmarks.known_methods.neighbours import tifu_knn, up_cf

CUSTOMERS, PRODUCTS = 6, 8


@pytest.fixture(scope="module")
def baskets() -> list[list[set[int]]]:
    """Of each customer, from old to new."""
    dice = np.random.default_rng(5)
    return [
        [set(dice.choice(PRODUCTS, size=int(dice.integers(1, 4)), replace=False).tolist()) for _ in range(3 + customer)]
        for customer in range(CUSTOMERS)
    ]


@pytest.fixture(scope="module")
def history(baskets: list[list[set[int]]]) -> PurchaseHistory:
    # Basket ids go against time, so that nothing can lean on them.
    lines = [
        (customer, product, 1_000 * customer - place, len(contents) - place)
        for customer, contents in enumerate(baskets)
        for place, basket in enumerate(contents)
        for product in basket
    ]
    customers, products, ids, ages = map(list, zip(*lines, strict=True))
    found = PurchaseHistory.from_lines(customers, products, ids, [1] * len(lines), ages)
    assert len(found.product_ids) == PRODUCTS
    return found


def _ones(basket: set[int]) -> np.ndarray:
    return np.isin(np.arange(PRODUCTS), list(basket)).astype(float)


def test_tifu_knn_is_that_of_the_paper(baskets: list[list[set[int]]], history: PurchaseHistory) -> None:
    group, within, across, neighbours, own_share = 3, 0.9, 0.6, 2, 0.3
    vectors = []
    for contents in baskets:
        newest_first = contents[::-1]
        groups = [newest_first[start : start + group] for start in range(0, len(newest_first), group)]
        means = [
            sum(within**place * _ones(basket) for place, basket in enumerate(members)) / len(members)
            for members in groups
        ]
        vectors.append(sum(across**place * mean for place, mean in enumerate(means)) / len(groups))
    expected = []
    for customer, vector in enumerate(vectors):
        others = sorted(set(range(CUSTOMERS)) - {customer}, key=lambda o: np.linalg.norm(vectors[o] - vector))
        expected.append(
            own_share * vector + (1 - own_share) * np.mean([vectors[o] for o in others[:neighbours]], axis=0)
        )
    scores = tifu_knn(history, group, within, across, neighbours, own_share)(np.arange(CUSTOMERS))
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-7)


def test_up_cf_is_that_of_the_paper(baskets: list[list[set[int]]], history: PurchaseHistory) -> None:
    recent, locality, asymmetry = 4, 3, 0.25
    bought = [set().union(*contents) for contents in baskets]
    popularity = [np.mean([_ones(basket) for basket in contents[-recent:]], axis=0) for contents in baskets]
    expected = [
        sum(
            (len(mine & theirs) / (len(mine) ** asymmetry * len(theirs) ** (1 - asymmetry))) ** locality
            * popularity[other]
            for other, theirs in enumerate(bought)
        )
        for mine in bought
    ]
    scores = up_cf(history, recent, locality, asymmetry)(np.arange(CUSTOMERS))
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_item_cosine_without_a_matrix_of_products(history: PurchaseHistory) -> None:
    ones = history.by_customer().toarray()
    norms = np.linalg.norm(ones, axis=0)
    cosine = ones.T @ ones / np.outer(norms, norms)
    np.fill_diagonal(cosine, 0)
    np.testing.assert_allclose(item_cosine(history)(np.arange(CUSTOMERS)), ones @ cosine, rtol=1e-5, atol=1e-6)


def test_lift_and_jaccard_over_baskets(baskets: list[list[set[int]]], history: PurchaseHistory) -> None:
    everything = [basket for contents in baskets for basket in contents]
    lift, jaccard = (together(history, measure, 1).toarray() for measure in ("lift", "jaccard"))
    for one in range(PRODUCTS):
        for other in set(range(PRODUCTS)) - {one}:
            both = sum({one, other} <= basket for basket in everything)
            first, second = (sum(product in basket for basket in everything) for product in (one, other))
            assert lift[one, other] == pytest.approx(both * len(everything) / (first * second))
            assert jaccard[one, other] == pytest.approx(both / (first + second - both))
