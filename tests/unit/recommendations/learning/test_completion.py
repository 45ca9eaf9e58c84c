"""Shops in which it is known what completes a basket."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from saleor_crm_plugin.recommendations.learning.affinity import Mixture, bought_together
from saleor_crm_plugin.recommendations.learning.completion import HiddenItems, tuned_completion
from saleor_crm_plugin.recommendations.learning.ease import Ease, fit_ease
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.lists import own_amounts
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.statistics import Statistics
from tests.contract.recommender import Basket, history_of

PRODUCTS, CUSTOMERS = 60, 40


def tuned(history: PurchaseHistory, items: HiddenItems) -> Parameters:
    statistics = Statistics.of(history)

    def own(half_life_days: float, power: float) -> sparse.csr_array:
        known = statistics.bought
        amounts = own_amounts(known.customers, known.products, statistics, half_life_days, power)
        return sparse.csr_array(
            (amounts.astype(np.float32), (known.customers, known.products)),
            shape=(len(history.customer_ids), statistics.size),
        )

    def linear(regularization: float) -> Ease:
        return fit_ease(history.by_basket(), regularization)

    return tuned_completion(items, bought_together(history, 1, 50), linear, own, Parameters())


def items_of(history: PurchaseHistory) -> HiddenItems:
    return HiddenItems.of(history, np.ones(len(history.product_ids), dtype=bool))


def test_where_each_buys_their_own_things_the_owner_is_what_counts() -> None:
    dice = np.random.default_rng(1)
    favourites = [dice.choice(PRODUCTS, 12, replace=False).tolist() for _ in range(CUSTOMERS)]
    history = history_of(
        [
            Basket(customer, days, tuple(dice.choice(favourites[customer], 3, replace=False) + 1))
            for customer in range(CUSTOMERS)
            for days in range(1, 60, 5)
        ]
    )

    chosen = tuned(history, items_of(history))

    assert chosen.basket_own >= 0.5 * (chosen.basket_cosine + chosen.basket_linear) * 0.05


def test_where_things_are_bought_in_pairs_by_anybody_the_owner_counts_nothing() -> None:
    dice = np.random.default_rng(2)
    baskets = []
    for number in range(900):
        pairs = dice.choice(PRODUCTS // 2, 2, replace=False)
        products = tuple(int(product) for pair in pairs for product in (2 * pair + 1, 2 * pair + 2))
        baskets.append(Basket(number % CUSTOMERS, 1 + number % 50, products))
    history = history_of(baskets)

    chosen = tuned(history, items_of(history))

    assert chosen.basket_own == 0
    assert (chosen.own_half_life_days, chosen.own_power) == (60, 0.7), "what counts nothing is left alone"


def test_where_old_habits_return_the_half_life_is_long_and_stays_so_when_the_power_is_chosen() -> None:
    dice = np.random.default_rng(3)
    baskets = []
    for customer in range(CUSTOMERS):
        liked = (dice.choice(PRODUCTS, 15, replace=False) + 1).tolist()
        habits, fashions = liked[:10], liked[10:]
        baskets += [Basket(customer, days, tuple(habits)) for days in range(150, 300, 7)]
        baskets += [Basket(customer, days, tuple(fashions)) for days in range(25, 55, 5)]
        baskets += [Basket(customer, days, tuple(dice.choice(habits, 2, replace=False))) for days in (2, 5)]
    history = history_of(baskets)

    chosen = tuned(history.before(10), HiddenItems.of(history.since(10), np.ones(PRODUCTS, dtype=bool)))

    assert chosen.own_half_life_days == 180


def test_without_baskets_everything_stays() -> None:
    history = history_of([Basket(1, 5, (1,)), Basket(2, 3, (2,))])

    assert tuned(history, items_of(history)) == Parameters()


def test_how_much_somebody_bought() -> None:
    history = history_of([Basket(1, 60, (1, 2)), Basket(1, 0, (1,)), Basket(2, 120, (2,))])
    statistics = Statistics.of(history)

    amounts = own_amounts(
        np.asarray([0, 0, 1, 1]), np.asarray([0, 1, 0, 1]), statistics, half_life_days=60.0, power=0.5
    )

    assert amounts.tolist() == [pytest.approx(1.5**0.5), pytest.approx(0.5**0.5), 0, pytest.approx(0.5)]


def test_what_is_bought_instead_stands_last_with_a_score_below_0() -> None:
    # Of two brands (1, 2) everybody takes one with bread (3); once both.
    history = history_of(
        [Basket(customer, 1, (1 + customer % 2, 3)) for customer in range(20)] + [Basket(30, 1, (1, 2, 3))]
    )
    ease = fit_ease(history.by_basket(), 1.0)

    found = bought_together(history, 1, 10, Mixture(ease, cosine=0.0, linear=1.0))

    first = slice(found.starts[0], found.starts[1])
    assert history.product_ids[found.related[first]].tolist() == [3, 2]
    assert found.scores[first][0] > 0 > found.scores[first][1]
    one = bought_together(history, 1, 1, Mixture(ease, cosine=0.0, linear=1.0))
    strongest = max(range(2), key=lambda entry: abs(found.scores[entry]))
    assert one.related[0] == found.related[strongest], "the strongest one is kept, whatever its sign"
