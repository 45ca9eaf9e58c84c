from __future__ import annotations

from collections.abc import Sequence
from math import log2

import numpy as np
import pytest

from saleor_crm_plugin.exceptions import EvaluationError
from saleor_crm_plugin.recommendations.evaluation.purchases import Purchases
from saleor_crm_plugin.recommendations.evaluation.questions import Questions
from saleor_crm_plugin.recommendations.evaluation.report import evaluated, table
from saleor_crm_plugin.recommendations.learning.baselines import Bestsellers
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.progress import no_progress

TEA, SUGAR, CUP, HAMMER, LATER_NEW = 1, 2, 3, 4, 99
ANN, BOB, NEW = 11, 12, 13
Line = tuple[int, int, float, int]  # customer, basket, day, product
PAST: list[Line] = [(ANN, 1, 1, TEA), (ANN, 1, 1, SUGAR), (ANN, 2, 5, TEA), (BOB, 3, 6, HAMMER), (BOB, 4, 7, CUP)]
LATER: list[Line] = [
    (ANN, 5, 20, TEA),
    (ANN, 5, 20, CUP),
    (ANN, 5, 20, LATER_NEW),
    (ANN, 6, 21, HAMMER),
    (BOB, 7, 22, LATER_NEW),
    (NEW, 8, 23, TEA),
    (NEW, 8, 23, CUP),
]


def purchases_of(lines: Sequence[Line], categories: dict[int, int] | None = None) -> Purchases:
    customers, baskets, days, products = (np.asarray(column) for column in zip(*lines, strict=True))
    ones = np.ones(len(lines))
    return Purchases(
        customers, baskets, products, ones.astype(np.int64), days.astype(float), ones, ones, categories or {}
    )


def questions() -> Questions:
    return Questions(purchases_of(PAST + LATER).split(10, 30, 1))


def test_what_is_asked() -> None:
    asked = questions()

    assert asked.next_basket == {ANN: {TEA, CUP, LATER_NEW}, BOB: {LATER_NEW}, NEW: {TEA, CUP}}
    assert asked.repeat == {ANN: {TEA}}
    assert asked.explore == {ANN: {CUP, HAMMER}}, "of what could be known, by whoever is known, in any basket"
    assert [(item.customer_id, {item.hidden, *item.given}) for item in asked.cart] == [
        (ANN, {TEA, CUP}),
        (NEW, {TEA, CUP}),
    ]
    assert questions().cart == asked.cart, "every model is asked the same"


def test_what_bestsellers_answer() -> None:
    split = purchases_of(PAST + LATER).split(10, 30, 1)
    answers = Questions(split).answered_by(Bestsellers.fit(split.past))

    # All four products are listed for everybody: tea first, then sugar, cups and hammer by id.
    recall = answers["next_basket"]["recall"]
    assert recall.values.tolist() == [pytest.approx(2 / 3), 0, 1]
    ndcg = answers["next_basket"]["ndcg"].values.mean()
    gain = 1 + 1 / log2(4)
    assert ndcg == pytest.approx((gain / (1 + 1 / log2(3) + 1 / log2(4)) + 0 + gain / (1 + 1 / log2(3))) / 3)
    assert answers["next_basket"]["coverage"] == 1
    assert answers["next_basket"]["novelty"] == 1, "each product was bought by one of two customers"
    assert answers["cart"]["hit_rate"].estimate() == (1, 1, 1, 2)
    assert answers["cart"]["hit_rate"].owners.tolist() == [ANN, NEW]


def test_products_seldom_sold_are_not_learnt_but_asked_for() -> None:
    split = purchases_of(PAST + LATER).split(10, 30, fewest_lines=2)

    assert split.past.product_ids.tolist() == [TEA]
    assert Questions(split).next_basket[ANN] == {TEA, CUP, LATER_NEW}


@pytest.mark.parametrize(("at", "until", "name"), [(0, 30, "before"), (10, 15, "after"), (30, 40, "after")])
def test_nothing_on_one_side_of_the_split(at: float, until: float, name: str) -> None:
    with pytest.raises(EvaluationError, match=f"no purchases {name} the split"):
        purchases_of(PAST + LATER).split(at, until, 1)


def test_categories_stand_for_their_products() -> None:
    by_category = purchases_of(PAST, {TEA: 70, SUGAR: 70, HAMMER: 80}).by_category()

    assert by_category.products.tolist() == [70, 70, 70, 80], "lines without a category are left out"
    assert by_category.history(10).product_ids.tolist() == [70, 80]


def test_too_few_categories_leave_the_other_questions() -> None:
    purchases = purchases_of(PAST + LATER, {SUGAR: 70})

    report = evaluated(purchases, 10, 30, Parameters(), 1, no_progress).report()

    assert set(report["models"]) == {"recommender", "bestsellers", "decayed_frequency", "cosine", "ease"}
    assert all("cart_by_category" not in answers for answers in report["models"].values())
    assert report["data"] == {"lines": 5, "baskets": 4, "customers": 2, "products": 4, "later_lines": 7}
    lines = list(table(report))
    assert [line.strip().split("  ")[0] for line in lines[2:6]] == [
        "recommender",
        "95 % interval",
        "above the best",
        "of the others",
    ]
    assert len(lines) == 2 + 5 + 3, "two titles, five models, three lines about ours"
