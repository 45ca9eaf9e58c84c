"""Numbers and features of purchases, held against the same reckoned slowly, from the sentences that describe them."""

from __future__ import annotations

import itertools
from math import expm1, log1p, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.recommendations.learning.features import NAMES, features_of
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.statistics import (
    CATEGORY_HALF_LIFE,
    HALF_LIVES,
    LAST_BASKETS,
    WINDOWS,
    Statistics,
)
from tests.contract.recommender import Basket, history_of
from tests.unit.recommendations.test_affinity import patiently

CATEGORIES = {1: 10, 2: 10, 3: 20, 4: 20, 5: 20}
# Whole days, each basket of a customer on its own, so that the order of baskets is plain.
shops = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 200), st.sets(st.integers(1, 7), min_size=1, max_size=4)),
    min_size=1,
    max_size=14,
    unique_by=lambda basket: basket[:2],
).map(lambda rows: [Basket(customer, float(age), tuple(sorted(products))) for customer, age, products in rows])


def close(found: float, expected: float) -> bool:
    return bool(np.isclose(found, expected, rtol=1e-4, atol=1e-5, equal_nan=True))


def gaps_of(ages: list[float]) -> list[float]:
    ordered = sorted(ages, reverse=True)
    return [older - newer for older, newer in itertools.pairwise(ordered)]


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else nan


class Slow:
    """The same from the baskets, one at a time."""

    def __init__(self, baskets: list[Basket]) -> None:
        self.baskets = baskets
        self.products = sorted({product for basket in baskets for product in basket.products})
        self.pairs = sorted({(basket.customer, product) for basket in baskets for product in basket.products})

    def ages(self, customer: int, product: int | None = None) -> list[float]:
        return [
            basket.age
            for basket in self.baskets
            if basket.customer == customer and (product is None or product in basket.products)
        ]

    def of_product(self, product: int) -> dict[str, float]:
        everywhere = [self.ages(*pair) for pair in self.pairs]
        mine = [self.ages(*pair) for pair in self.pairs if pair[1] == product]
        sales = [age for ages in mine for age in ages]
        shop = (sum(len(ages) > 1 for ages in everywhere) + 1) / (len(everywhere) + 2)
        logs = [log1p(gap) for ages in everywhere for gap in gaps_of(ages)]
        usual = mean(logs) if logs else log1p(30)
        own = [log1p(gap) for ages in mine for gap in gaps_of(ages)]
        return {
            "repeat_rate": (sum(len(ages) > 1 for ages in mine) + 5 * shop) / (len(mine) + 5),
            "product_gap": expm1((sum(own) + 5 * usual) / (len(own) + 5)),
            "buyers": len(mine),
            "baskets_per_buyer": len(sales) / len(mine),
            "days_on_sale": max(sales),
            **{f"sold_{days:.0f}": sum(age < days for age in sales) for days in WINDOWS},
        }

    def of_customer(self, customer: int) -> dict[str, float]:
        ages = self.ages(customer)
        lines = sum(len(basket.products) for basket in self.baskets if basket.customer == customer)
        products = [product for owner, product in self.pairs if owner == customer]
        again = sum(len(self.ages(customer, product)) > 1 for product in products)
        return {
            "customer_baskets": len(ages),
            "customer_products": len(products),
            "basket_size": lines / len(ages),
            "customer_gap": mean(gaps_of(ages)),
            "customer_last": min(ages),
            "customer_first": max(ages),
            "repeat_share": again / len(products),
        }

    def of_pair(self, customer: int, product: int) -> dict[str, float]:
        ages, every = self.ages(customer, product), sorted(self.ages(customer))
        if not ages:
            never = ("days_since_first", "days_since_last", "baskets_since_last", "mean_gap", "last_gap")
            return {"baskets": 0, "share_of_baskets": 0, "pieces_per_basket": 0, **dict.fromkeys(never, nan)}
        return {
            "baskets": len(ages),
            "share_of_baskets": len(ages) / len(every),
            "rate_since_first": len(ages) / (every.index(max(ages)) + 1),
            **{f"decayed_{days:.0f}": sum(2 ** (-age / days) for age in ages) for days in HALF_LIVES},
            **{f"in_last_{count}": sum(age in every[:count] for age in ages) for count in LAST_BASKETS},
            "pieces_per_basket": 1,
            "days_since_first": max(ages),
            "days_since_last": min(ages),
            "baskets_since_last": every.index(min(ages)),
            "mean_gap": mean(gaps_of(ages)),
            "last_gap": gaps_of(ages)[-1] if len(ages) > 1 else nan,
        }

    def of_category(self, customer: int, product: int) -> dict[str, float]:
        category = CATEGORIES.get(product)
        ages = [
            basket.age
            for basket in self.baskets
            if basket.customer == customer
            for other in basket.products
            if CATEGORIES.get(other) == category
        ]
        return {
            "category_lines": len(ages),
            "category_last": min(ages, default=nan),
            "category_decayed": sum(2 ** (-age / CATEGORY_HALF_LIFE) for age in ages),
        }


@patiently
@given(shops)
def test_features_are_what_counting_by_hand_gives(baskets: list[Basket]) -> None:
    history = history_of(baskets, CATEGORIES)
    slow = Slow(baskets)
    customers, products = (
        grid.ravel() for grid in np.meshgrid(range(len(history.customer_ids)), range(len(history.product_ids)))
    )
    cosine = (products + 1).astype(np.float32)

    table = features_of(Statistics.of(history), customers, products, cosine * 2, cosine)

    assert table.shape == (len(customers), len(NAMES))
    for row, customer, product in zip(
        table.tolist(), history.customer_ids[customers].tolist(), history.product_ids[products].tolist(), strict=True
    ):
        found = dict(zip(NAMES, row, strict=True))
        expected = (
            slow.of_pair(customer, product)
            | slow.of_product(product)
            | slow.of_customer(customer)
            | slow.of_category(customer, product)
        )
        wrong = {name: (found[name], value) for name, value in expected.items() if not close(found[name], value)}
        assert not wrong, (customer, product)
        assert found["linear"] == 2 * found["cosine"]


@patiently
@given(shops, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_does_not_matter(baskets: list[Basket], order: object) -> None:
    def table(history: PurchaseHistory) -> object:
        nothing = np.zeros(len(history), dtype=np.float32)
        customers, products = history.customers.astype(np.int64), history.products.astype(np.int64)
        return features_of(Statistics.of(history), customers, products, nothing, nothing)

    np.testing.assert_array_equal(
        table(history_of(baskets, CATEGORIES)),
        table(history_of(baskets, CATEGORIES, order)),  # type: ignore[arg-type]
    )


def test_whether_something_is_due() -> None:
    """Bread every 10 days, the last one 15 days ago."""
    history = history_of([Basket(1, age, (7,)) for age in (15.0, 25.0, 35.0)])
    zero, nothing = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.float32)

    found = dict(zip(NAMES, features_of(Statistics.of(history), zero, zero, nothing, nothing)[0].tolist(), strict=True))

    assert found["mean_gap"] == found["last_gap"] == 10
    assert found["product_gap"] == pytest.approx(10, abs=1e-4)
    assert (found["due_by_customer"], found["due_by_product"], found["due_by_both"]) == pytest.approx((1.5, 1.5, 1.5))


def test_prices_and_pieces() -> None:
    history = PurchaseHistory.from_lines([1, 1], [5, 6], [1, 1], [1, 1], [1, 1], quantities=[3, 1], prices=[2.0, 6.0])
    places, nothing = np.asarray([0, 1]), np.zeros(2, dtype=np.float32)

    table = features_of(Statistics.of(history), np.zeros(2, dtype=np.int64), places, nothing, nothing)

    assert table[:, NAMES.index("pieces_per_basket")].tolist() == [3, 1]
    assert table[:, NAMES.index("price")].tolist() == [2, 6]
    assert table[:, NAMES.index("price_against_usual")].tolist() == [0.5, 1.5]


def test_without_purchases() -> None:
    nobody, nothing = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)

    assert features_of(Statistics.of(history_of([])), nobody, nobody, nothing, nothing).shape == (0, len(NAMES))


def test_each_feature_has_its_own_name() -> None:
    assert len(set(NAMES)) == len(NAMES)
