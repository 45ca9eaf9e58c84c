from __future__ import annotations

from math import log, log1p, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.recommendations.learning import candidates
from saleor_crm_plugin.recommendations.learning.candidates import Why
from saleor_crm_plugin.recommendations.learning.parameters import Discovery, Parameters
from saleor_crm_plugin.recommendations.learning.recommender import Recommender
from saleor_crm_plugin.recommendations.learning.stored import PersonalList
from saleor_crm_plugin.recommendations.models import ReasonKind
from tests.contract.recommender import BASKETS, CUP, DAN, SUGAR, TEA, Basket, history_of, learnt_by
from tests.unit.recommendations.test_affinity import baskets_of_few_products, patiently

BREAD, MILK, FRIDGE, LAMP = 1, 2, 3, 4


def lists_of(baskets: list[Basket] | tuple[Basket, ...], **parameters: float) -> dict[int, PersonalList]:
    chosen = Parameters(**{"minimum_support": 1, **parameters})  # type: ignore[arg-type]
    return learnt_by(Recommender.fit(history_of(baskets), chosen)).personal


def kinds(entry: PersonalList, kind: Why) -> list[int]:
    return [product for product, why in zip(entry.product_ids, entry.reason_kinds, strict=True) if why == kind]


def test_the_numbers_are_those_that_are_stored() -> None:
    assert {why.name: why.value for why in Why} == {
        kind.name: kind.value for kind in (ReasonKind.BOUGHT_BEFORE, ReasonKind.BOUGHT_TOGETHER, ReasonKind.POPULAR)
    }


def test_a_purchase_counts_half_after_the_half_life() -> None:
    # Everything is bought by one customer once or twice, so the repeat rates of the two products are alike.
    lists = lists_of(
        [Basket(1, 0, (BREAD,)), Basket(1, 90, (BREAD,)), Basket(1, 45, (MILK,)), Basket(1, 45.5, (MILK,))],
        half_life_days=90,
    )

    bread, milk = 1 + 0.5, 2 ** (-45 / 90) + 2 ** (-45.5 / 90)
    assert lists[1].product_ids == [BREAD, MILK]
    assert lists[1].scores == pytest.approx([1, milk / bread])


def test_often_and_long_ago_or_once_and_lately() -> None:
    baskets = [Basket(1, 360 + number, (BREAD,)) for number in range(3)] + [Basket(1, 1, (MILK,))]

    assert lists_of(baskets, half_life_days=90, minimum_repeat_rate=0)[1].product_ids == [MILK, BREAD]
    assert lists_of(baskets, half_life_days=9000, minimum_repeat_rate=0)[1].product_ids == [BREAD, MILK]


def test_what_others_buy_again_comes_first_and_what_nobody_does_last() -> None:
    others = [Basket(customer, age, (BREAD, LAMP)) for customer in range(10, 100) for age in (10, 20)]
    others += [Basket(customer, 10, (FRIDGE,)) for customer in range(10, 100)]

    personal_list = lists_of([*others, Basket(1, 5, (FRIDGE,)), Basket(1, 30, (BREAD,))])[1]

    assert personal_list.product_ids == [BREAD, LAMP, FRIDGE], "who bought a fridge does not want another"


def test_every_so_manieth_place_is_for_something_new() -> None:
    mine = tuple(range(1, 9))
    others = [Basket(customer, 10, (*mine, *range(101, 105))) for customer in range(10, 14)]
    again = [Basket(customer, 20, mine) for customer in (1, *range(10, 14))]

    personal_list = lists_of([*others, *again, Basket(1, 1, mine)], discovery_every=4)[1]

    new = [product > 100 for product in personal_list.product_ids]
    assert new == [False, False, False, True] * 2 + [False, False] + [True, True]


def test_discoveries_of_a_worked_example() -> None:
    dan = lists_of(BASKETS, minimum_support=2, discovery=Discovery.COSINE)[DAN]

    # Dan bought tea only. Sugar: cosine 3/sqrt(15), 2 baskets in the last 28 days; cups: 2/sqrt(10), 1 basket.
    sugar, cup = 3 / sqrt(15) * (1 + log1p(2)), 2 / sqrt(10) * (1 + log(2))
    assert kinds(dan, Why.BOUGHT_TOGETHER) == [SUGAR, CUP]
    assert dan.scores == pytest.approx([1, 1, cup / sugar])
    assert dan.reason_product_ids == [TEA, TEA, TEA]


@pytest.mark.parametrize(("strong", "weak"), [(BREAD, MILK), (MILK, BREAD)])
def test_the_reason_is_the_strongest_of_the_products_bought(strong: int, weak: int) -> None:
    together = [Basket(customer, 1, (strong, LAMP)) for customer in range(10, 19)]
    together += [Basket(customer, 1, (weak, LAMP)) for customer in range(20, 22)]
    together += [Basket(customer, 1, (weak,)) for customer in range(30, 39)]

    entry = lists_of([*together, Basket(1, 1, (strong,)), Basket(1, 1, (weak,))])[1]

    place = entry.product_ids.index(LAMP)
    assert entry.reason_product_ids[place] == strong
    assert entry.reason_values[place] == pytest.approx(9 / 10)


@patiently
@given(baskets_of_few_products, st.integers(1, 3))
def test_nothing_new_was_ever_bought(baskets: list[Basket], support: int) -> None:
    bought: dict[int, set[int]] = {}
    for basket in baskets:
        bought.setdefault(basket.customer, set()).update(basket.products)

    lists = lists_of(baskets, minimum_support=support)

    assert set(lists) == set(bought)
    for customer, entry in lists.items():
        assert set(kinds(entry, Why.BOUGHT_BEFORE)) == bought[customer]
        assert not set(kinds(entry, Why.BOUGHT_TOGETHER)) & bought[customer]
        assert set(entry.reason_product_ids) <= bought[customer]
        assert all(0 < score <= 1 for score in entry.scores)


@patiently
@given(baskets_of_few_products)
def test_blocks_change_nothing(baskets: list[Basket]) -> None:
    whole = lists_of(baskets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "BLOCK_CONTRIBUTIONS", 1)

        assert lists_of(baskets) == whole


@patiently
@given(baskets_of_few_products, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_does_not_matter(baskets: list[Basket], order: object) -> None:
    expected = learnt_by(Recommender.fit(history_of(baskets), Parameters(minimum_support=1)))

    shuffled = history_of(baskets, order=order)  # type: ignore[arg-type]
    assert learnt_by(Recommender.fit(shuffled, Parameters(minimum_support=1))) == expected


@patiently
@given(baskets_of_few_products, st.sets(st.integers(0, 6)))
def test_the_unlisted_have_no_list_and_change_nobody_elses(baskets: list[Basket], unlisted: set[int]) -> None:
    """Their baskets count for what goes with what, and for what is bought again."""
    recommender = Recommender.fit(history_of(baskets), Parameters(minimum_support=1))
    everybody = {entry.customer_id: entry for entry in recommender.personal_lists()}
    listed = {entry.customer_id: entry for entry in recommender.personal_lists(unlisted)}
    assert listed == {customer: entry for customer, entry in everybody.items() if customer not in unlisted}
