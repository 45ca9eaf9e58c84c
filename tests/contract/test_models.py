from __future__ import annotations

import pytest

from saleor_crm_plugin.recommendations.learning.baselines import (
    BASELINES,
    Bestsellers,
    DecayedFrequency,
    ItemCosine,
    LinearModel,
)
from saleor_crm_plugin.recommendations.learning.interface import Basket, Kind
from saleor_crm_plugin.recommendations.learning.recommender import Recommender
from tests.contract.model import MOST_SOLD, ModelContract, ids
from tests.contract.recommender import ANN, BOB, CID, CUP, DAN, HAMMER, NAILS, SUGAR, TEA


class TestRecommender(ModelContract):
    kind = Recommender

    def test_the_trade_of_the_customer_comes_first(self) -> None:
        lists = self.fit().recommend([DAN, CID])

        assert ids(lists[DAN])[:3] == [TEA, SUGAR, CUP]
        assert set(ids(lists[CID])[:2]) == {HAMMER, NAILS}

    def test_what_completes_a_basket(self) -> None:
        carpenter, guest, known = self.fit().complete([Basket((HAMMER,)), Basket((SUGAR,)), Basket((), CID)])

        assert ids(carpenter)[0] == NAILS
        assert ids(guest)[0] == TEA
        assert set(ids(known)[:2]) == {HAMMER, NAILS}, "the customer's own"

    def test_the_product_speaks_for_itself_first(self) -> None:
        assert self.fit().explain(DAN, TEA)[0].product_id == TEA
        assert self.fit().explain(CID, NAILS)[0].product_id in {HAMMER, NAILS}, "bought in the same baskets"
        assert self.fit().explain(CID, TEA) == [], "tools do not speak for tea"


class TestBestsellers(ModelContract):
    kind = Bestsellers

    def test_all_get_the_same(self) -> None:
        lists = self.fit().recommend([ANN, CID])

        assert ids(lists[ANN]) == ids(lists[CID]) == MOST_SOLD

    def test_similar_to_something_unknown_is_nothing_and_never_itself(self) -> None:
        model = self.fit()

        assert all(product not in ids(entries) for product, entries in model.similar([TEA, CUP]).items())


class TestDecayedFrequency(ModelContract):
    kind = DecayedFrequency

    def test_own_products_first_and_by_how_often_and_when(self) -> None:
        lists = self.fit().recommend([BOB], 10, Kind.BUY_AGAIN)

        # Tea and cups: tea 10 and 50 days ago, cups likewise; sugar 10.
        twice, once = 2 ** (-10 / 90) + 2 ** (-50 / 90), 2 ** (-10 / 90)
        assert {entry.product_id: pytest.approx(entry.score, abs=1e-5) for entry in lists[BOB]} == {
            TEA: twice,
            CUP: twice,
            SUGAR: once,
        }
        assert ids(lists[BOB])[-1] == SUGAR

    def test_only_the_product_speaks_for_itself(self) -> None:
        assert self.fit().explain(ANN, TEA) == [(TEA, 1.0)]
        assert self.fit().explain(ANN, CUP) == []


class TestItemCosine(ModelContract):
    kind = ItemCosine

    def test_what_shares_baskets(self) -> None:
        model = self.fit()

        assert ids(model.recommend([DAN])[DAN])[:2] == [SUGAR, CUP]
        assert ids(model.similar([HAMMER])[HAMMER]) == [NAILS]
        assert model.explain(DAN, SUGAR) == [(TEA, 1.0)]


class TestLinearModel(ModelContract):
    kind = LinearModel

    def test_what_the_same_customers_buy(self) -> None:
        model = self.fit()

        assert ids(model.recommend([DAN], 1, Kind.DISCOVER)[DAN]) == [SUGAR]
        assert ids(model.similar([HAMMER])[HAMMER])[0] == NAILS


def test_every_baseline_is_held_to_the_contract() -> None:
    tested = {contract.kind for contract in ModelContract.__subclasses__()}

    assert {*BASELINES, Recommender} <= tested
    assert len({model.name for model in tested}) == len(tested), "files and reports tell models apart by name"
