"""How good lists are, and how sure that is: held against plain reckoning and against simulated shops."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.recommendations.evaluation import intervals
from saleor_crm_plugin.recommendations.evaluation.cases import Cases, first_purchases, next_baskets
from saleor_crm_plugin.recommendations.evaluation.intervals import estimate
from saleor_crm_plugin.recommendations.evaluation.metrics import quality
from saleor_crm_plugin.recommendations.learning.completion import HiddenItems, hits
from tests.contract.recommender import BASKETS, Basket, history_of
from tests.unit.recommendations.test_affinity import patiently

PRODUCTS = 12
lists = st.dictionaries(st.integers(0, 5), st.lists(st.integers(0, PRODUCTS - 1), unique=True, max_size=12), max_size=6)
targets = st.dictionaries(st.integers(0, 5), st.sets(st.integers(0, PRODUCTS - 1), min_size=1), max_size=6)


@patiently
@given(lists, targets, st.integers(1, 12))
def test_it_is_what_the_definitions_say(found: dict[int, list[int]], right: dict[int, set[int]], top: int) -> None:
    customers = np.asarray([who for who in sorted(found) for _ in found[who]], dtype=np.int64)
    products = np.asarray([product for who in sorted(found) for product in found[who]], dtype=np.int64)
    keys = [who * PRODUCTS + product for who, wanted in right.items() for product in wanted]

    measured = quality(customers, products, Cases.of_keys(np.asarray(keys, dtype=np.int64), PRODUCTS), top)

    for place, who in enumerate(sorted(right)):
        shown, wanted = found.get(who, [])[:top], right[who]
        gain = sum(1 / log2(rank + 2) for rank, product in enumerate(shown) if product in wanted)
        ideal = sum(1 / log2(rank + 2) for rank in range(min(len(wanted), top)))
        assert measured.recall[place] == pytest.approx(len(wanted & set(shown)) / len(wanted))
        assert measured.ndcg[place] == pytest.approx(gain / ideal)
        assert measured.hits[place] == bool(wanted & set(shown))


def test_a_worked_example() -> None:
    # Of two right products the second place of the list holds one.
    measured = quality(np.zeros(3, dtype=np.int64), np.asarray([5, 7, 6]), Cases.of_keys(np.asarray([7, 9]), 10))

    assert measured.recall.tolist() == [0.5]
    assert measured.ndcg[0] == pytest.approx((1 / log2(3)) / (1 + 1 / log2(3)))


def test_what_came_next_and_what_was_new() -> None:
    baskets = [
        Basket(1, 50, (1, 2)),
        Basket(1, 20, (2, 3)),
        Basket(1, 10, (4,)),
        Basket(2, 5, (1,)),
        Basket(3, 40, (1,)),
    ]
    history = history_of(baskets)

    upcoming, new = next_baskets(history, 28, 28), first_purchases(history, 28, 28)

    # Positions: customers 1, 2, 3 and products 1 to 4 from 0.
    assert upcoming.keys.tolist() == [1, 2, 4], "the first basket of each, also of somebody new"
    assert upcoming.sizes.tolist() == [2, 1]
    assert new.keys.tolist() == [2, 3], "nothing is new for whoever has no past"
    assert next_baskets(history, 60, 15).keys.tolist() == [0, 1], "of the horizon only"


def test_no_values_no_estimate() -> None:
    assert estimate(np.zeros(0)) is None


def test_all_alike_is_certain() -> None:
    assert estimate(np.full(50, 0.25)) == (0.25, 0.25, 0.25, 50)


def test_the_same_values_give_the_same_interval() -> None:
    values = np.random.default_rng(1).random(300)

    assert estimate(values) == estimate(values)


def test_of_a_hundred_shops_the_interval_holds_the_truth_in_about_ninety_five() -> None:
    dice = np.random.default_rng(20)
    found = [estimate(dice.random(120) < 0.3) for _ in range(100)]

    covered = sum(one is not None and one.low <= 0.3 <= one.high for one in found)
    assert 88 <= covered <= 100


def test_cases_of_one_customer_count_as_one_draw() -> None:
    """Forty customers with twenty alike cases each are no surer than forty cases."""
    dice = np.random.default_rng(3)
    of_customer = (dice.random(40) < 0.5).astype(float)
    repeated, owners = np.repeat(of_customer, 20), np.repeat(np.arange(40) * 7 - 100, 20)

    once, clustered, naive = estimate(of_customer), estimate(repeated, owners), estimate(repeated)

    assert once is not None
    assert clustered is not None
    assert naive is not None
    assert clustered[:3] == pytest.approx(once[:3])
    assert clustered.cases == 800
    assert naive.high - naive.low < (clustered.high - clustered.low) / 3


def test_blocks_of_draws_change_nothing_but_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(4).random(50)
    whole = estimate(values)
    monkeypatch.setattr(intervals, "_BLOCK_DRAWS", 500)

    assert estimate(values) == whole


def test_one_product_of_each_basket_of_several_is_hidden() -> None:
    history = history_of(BASKETS)
    known = np.ones(len(history.product_ids), dtype=bool)

    items = HiddenItems.of(history, known)

    contents = [set(basket.products) for basket in BASKETS if len(basket.products) > 1]
    given = [set(history.product_ids[np.flatnonzero(row)].tolist()) for row in items.given.toarray()]
    hidden = history.product_ids[items.hidden].tolist()
    assert [rest | {one} for rest, one in zip(given, hidden, strict=True)] == contents
    assert all(one not in rest for rest, one in zip(given, hidden, strict=True))
    assert history.customer_ids[items.customers].tolist() == [b.customer for b in BASKETS if len(b.products) > 1]
    assert HiddenItems.of(history, known).hidden.tolist() == items.hidden.tolist(), "the same ones each time"


def test_what_nobody_could_know_is_not_hidden() -> None:
    history = history_of([Basket(1, 1, (1, 2, 3)), Basket(1, 2, (1, 3)), Basket(2, 1, (2, 3))])

    items = HiddenItems.of(history, np.asarray([True, True, False]))

    assert len(items) == 1, "only one basket holds two known products"
    assert {int(items.hidden[0]), *items.given.toarray()[0].nonzero()[0].tolist()} == {0, 1}
    assert len(HiddenItems.of(history, np.ones(3, dtype=bool), limit=2)) == 2


def test_a_hit_is_among_the_best_and_ties_share_their_places() -> None:
    items = HiddenItems.of(history_of([Basket(1, 1, (1, 2)), Basket(2, 1, (3, 4))]), np.ones(4, dtype=bool))
    scores = np.zeros((2, 4), dtype=np.float32)
    scores[0, items.hidden[0]] = 1

    assert hits(scores.copy(), items.hidden, items.given, top=1).tolist() == [True, False], "0 is no recommendation"
    scores[0] = 1
    # The given one is out; three share places 1 to 3, which is place 2 for each.
    assert hits(scores.copy(), items.hidden, items.given, top=2).tolist() == [True, False]
    assert hits(scores.copy(), items.hidden, items.given, top=1).tolist() == [False, False]
