from __future__ import annotations

from saleor_crm_plugin.recommendations.learning.interface import Basket as Given
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.positions import UNKNOWN, Positions
from saleor_crm_plugin.recommendations.learning.recommender import Recommender
from tests.contract.recommender import Basket, history_of

TEA, SUGAR = 10, 20


def test_ids_become_positions_whatever_their_order() -> None:
    positions = Positions(history_of([Basket(7, 1, (SUGAR, TEA)), Basket(3, 1, (TEA,))]))

    assert positions.customers([7, 99, 3, None]).tolist() == [1, UNKNOWN, 0, UNKNOWN]
    assert [positions.product(product) for product in (TEA, SUGAR, 15, 0)] == [0, 1, None, None]
    assert positions.of_baskets([(SUGAR, 99), (), (TEA, TEA)]).toarray().tolist() == [[0, 1], [0, 0], [1, 0]]


def test_nobody_known_is_not_the_customer_with_the_id_minus_one() -> None:
    history = history_of([Basket(-1, 1, (TEA,)), Basket(-1, 2, (TEA,)), Basket(5, 1, (SUGAR,))])

    assert Positions(history).customers([None, -1]).tolist() == [UNKNOWN, 0]
    model = Recommender.fit(history, Parameters(minimum_support=1))
    nobody, first = model.complete([Given(()), Given((), -1)])
    assert first[0].score > 0.01, "the customer's own"
    assert nobody[0].score < 0.01, "only what sells"


def test_nothing_known() -> None:
    positions = Positions(history_of([]))

    assert positions.customers([1, None]).tolist() == [UNKNOWN, UNKNOWN]
    assert positions.customers([]).tolist() == []
    assert positions.product(1) is None
    assert positions.of_baskets([(1,)]).shape == (1, 0)
