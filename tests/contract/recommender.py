"""What every recommender must do, on purchases whose answer is known.

Subclass `RecommenderContract` in a test module and say how to fit; see `test_recommenders.py`. A shop so small that the
answers can be found by looking: tea drinkers and carpenters, who have nothing in common.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from typing import NamedTuple

from saleor_crm_plugin.recommendations.learning.candidates import Why
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.recommender import Recommender
from saleor_crm_plugin.recommendations.learning.stored import PersonalList, PopularList, RelatedList

# Neither small nor in a row, so that a position can never be taken for an id.
TEA, SUGAR, CUP, HAMMER, NAILS = 1_000_101, 205, 70_309, 90_001, 90_002
ANN, BOB, CID, DAN = 5_000_000_007, 11, 401, 93
ONLINE, KIOSK = 17, 3


class Basket(NamedTuple):
    customer: int
    age: float
    products: tuple[int, ...]
    channel: int = ONLINE


BASKETS = (
    Basket(ANN, 10, (TEA, SUGAR)),
    Basket(ANN, 100, (TEA, SUGAR)),
    Basket(BOB, 10, (TEA, SUGAR, CUP)),
    Basket(BOB, 50, (TEA, CUP)),
    Basket(CID, 10, (HAMMER, NAILS), KIOSK),
    Basket(CID, 20, (HAMMER, NAILS), KIOSK),
    Basket(DAN, 5, (TEA,)),
)


def history_of(
    baskets: tuple[Basket, ...] | list[Basket],
    categories: dict[int, int] | None = None,
    order: random.Random | None = None,
) -> PurchaseHistory:
    """The lines of these baskets, in the order given or in another."""
    lines = [
        (basket.customer, product, number, basket.channel, basket.age)
        for number, basket in enumerate(baskets)
        for product in basket.products
    ]
    if order is not None:
        order.shuffle(lines)
    customers, products, numbers, channels, ages = zip(*lines, strict=True) if lines else ((),) * 5
    return PurchaseHistory.from_lines(customers, products, numbers, channels, ages, categories)


class Learnt(NamedTuple):
    """All that a recommender says, by id."""

    together: dict[int, RelatedList]
    similar: dict[int, RelatedList]
    personal: dict[int, PersonalList]
    popular: dict[int, PopularList]


def learnt_by(recommender: Recommender) -> Learnt:
    return Learnt(
        {entry.product_id: entry for entry in recommender.completing_lists()},
        {entry.product_id: entry for entry in recommender.similar_lists()},
        {entry.customer_id: entry for entry in recommender.personal_lists()},
        {
            entry.channel_id: entry
            for entry in recommender.popular_lists()
            if (entry.kind, entry.category_id) == ("bestsellers", 0)
        },
    )


class RecommenderContract(ABC):
    """Inherit, say how to fit, and pass."""

    @abstractmethod
    def fit(self, history: PurchaseHistory, parameters: Parameters) -> Recommender: ...

    def learn(self, history: PurchaseHistory | None = None, **parameters: float) -> Learnt:
        chosen = Parameters(**{"minimum_support": 2, **parameters})  # type: ignore[arg-type]
        return learnt_by(self.fit(history_of(BASKETS) if history is None else history, chosen))

    def test_what_goes_together_is_found_best_first(self) -> None:
        together = self.learn().together

        assert together[TEA].related_ids == [SUGAR, CUP]
        assert together[HAMMER].related_ids == [NAILS]

    def test_what_never_met_is_not_related(self) -> None:
        for entry in self.learn().together.values():
            trades = [{TEA, SUGAR, CUP}, {HAMMER, NAILS}]
            assert any({entry.product_id, *entry.related_ids} <= trade for trade in trades)

    def test_confidence_is_the_share_of_the_products_baskets(self) -> None:
        together = self.learn().together

        assert [round(value, 6) for value in together[TEA].confidences] == [0.6, 0.4]
        assert together[SUGAR].confidences == [1.0]

    def test_support_below_the_minimum_is_no_evidence(self) -> None:
        assert CUP not in self.learn().together[SUGAR].related_ids
        assert self.learn(minimum_support=4).together == {}

    def test_a_new_product_goes_with_what_the_customer_bought(self) -> None:
        personal = self.learn().personal[DAN]

        assert personal.product_ids == [TEA, SUGAR, CUP]
        assert personal.reason_kinds == [Why.BOUGHT_BEFORE, Why.BOUGHT_TOGETHER, Why.BOUGHT_TOGETHER]
        assert personal.reason_product_ids == [TEA, TEA, TEA]
        assert [round(value, 6) for value in personal.reason_values] == [1, 0.6, 0.4]

    def test_purchases_are_counted_by_baskets(self) -> None:
        personal = self.learn().personal[ANN]

        counts = dict(zip(personal.product_ids, personal.reason_values, strict=True))
        assert counts[TEA] == counts[SUGAR] == 2

    def test_only_what_was_bought_is_said_to_have_been(self) -> None:
        bought = {ANN: {TEA, SUGAR}, BOB: {TEA, SUGAR, CUP}, CID: {HAMMER, NAILS}, DAN: {TEA}}
        for customer, entry in self.learn().personal.items():
            listed = zip(entry.product_ids, entry.reason_kinds, strict=True)
            assert {product for product, kind in listed if kind == Why.BOUGHT_BEFORE} == bought[customer]
            assert set(entry.reason_product_ids) <= bought[customer]

    def test_every_customer_has_a_list_without_repeats(self) -> None:
        personal = self.learn().personal

        assert set(personal) == {ANN, BOB, CID, DAN}
        for entry in personal.values():
            assert len(set(entry.product_ids)) == len(entry.product_ids)
            assert len({len(column) for column in entry[1:6]}) == 1
            assert {len(entry.amounts), len(entry.due_days), len(entry.rhythm_days)} <= {0, len(entry.product_ids)}

    def test_each_channel_has_its_own_bestsellers(self) -> None:
        popular = self.learn().popular

        assert popular[ONLINE].product_ids == [TEA, SUGAR, CUP]
        assert popular[ONLINE].scores == [3, 2, 1]
        assert popular[KIOSK].product_ids == [HAMMER, NAILS], "equal sales: by id"

    def test_products_of_a_category_with_the_same_buyers_are_similar(self) -> None:
        learnt = self.learn(history_of(BASKETS, {TEA: 1, SUGAR: 1, CUP: 2, HAMMER: 1, NAILS: 1}))

        assert learnt.similar[TEA].related_ids == [SUGAR], "CUP is of another category"
        assert CUP not in learnt.similar

    def test_lists_are_as_long_as_asked_for(self) -> None:
        learnt = self.learn(related_limit=1, completing_limit=1, bought_limit=1, discovery_limit=1, popular_limit=1)

        assert learnt.together[TEA].related_ids == [SUGAR]
        assert learnt.personal[DAN].product_ids == [TEA, SUGAR]
        assert learnt.popular[ONLINE].product_ids == [TEA]

    def test_the_order_of_the_lines_does_not_matter(self) -> None:
        expected = self.learn()
        for seed in range(5):
            assert self.learn(history_of(BASKETS, order=random.Random(seed))) == expected

    def test_a_line_given_twice_counts_once(self) -> None:
        twice = [basket._replace(products=basket.products * 2) for basket in BASKETS]

        assert self.learn(history_of(twice)) == self.learn()

    def test_a_thousand_identical_orders(self) -> None:
        learnt = self.learn(history_of([Basket(customer, 1, (TEA, SUGAR)) for customer in range(1, 1001)]))

        assert learnt.together[TEA].related_ids == [SUGAR]
        assert learnt.together[TEA].confidences == [1.0]
        assert len(learnt.personal) == 1000

    def test_one_customer_with_one_product(self) -> None:
        learnt = self.learn(history_of([Basket(ANN, 3, (TEA,))]))

        assert learnt.together == {}
        assert learnt.personal[ANN].product_ids == [TEA]
        assert learnt.popular[ONLINE].product_ids == [TEA]

    def test_nothing(self) -> None:
        assert self.learn(history_of([])) == Learnt({}, {}, {}, {})
