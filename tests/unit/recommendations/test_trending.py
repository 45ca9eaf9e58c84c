from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.popular import WHOLE_CHANNEL
from saleor_crm_plugin.recommendations.learning.trending import PRIOR_BASKETS, trending_by_channel
from tests.contract.recommender import KIOSK, ONLINE, Basket, history_of
from tests.unit.recommendations.test_affinity import patiently

WINDOW = 28
UP, DOWN, STEADY, FRESH = 11, 22, 33, 44


def trending(history: PurchaseHistory, limit: int = 10) -> dict[tuple[int, int], dict[int, float]]:
    """Growth by product, best first, by channel and category."""
    return {
        (int(history.channel_ids[entry.channel]), entry.category_id): dict(
            zip(history.product_ids[entry.products].tolist(), entry.scores.tolist(), strict=True)
        )
        for entry in trending_by_channel(history, WINDOW, limit)
    }


def sold(product: int, window: int, baskets: int, channel: int = ONLINE) -> list[Basket]:
    """So many baskets in the window before last, or the one before that, and so on."""
    return [Basket(customer, window * WINDOW + 14, (product,), channel) for customer in range(baskets)]


PAST = [
    basket
    for window in (1, 2, 3)
    for product, baskets in ((UP, 10), (DOWN, 20), (STEADY, 10))
    for basket in sold(product, window, baskets)
]
NOW = [*sold(UP, 0, 25), *sold(DOWN, 0, 5), *sold(STEADY, 0, 10), *sold(FRESH, 0, 4), Basket(1, 4 * WINDOW, (STEADY,))]


def test_growth_is_measured_against_the_products_own_past() -> None:
    found = trending(history_of(PAST + NOW, {UP: 7, FRESH: 8}))

    # STEADY: a basket on the very last day of the past makes 31 in three windows.
    assert list(found[ONLINE, WHOLE_CHANNEL]) == [UP, FRESH]
    assert found[ONLINE, WHOLE_CHANNEL] == pytest.approx({UP: (25 + 5) / (10 + 5), FRESH: (4 + 5) / (0 + 5)})
    assert (found[ONLINE, 7], found[ONLINE, 8]) == ({UP: 2.0}, {FRESH: 1.8})
    assert list(trending(history_of(PAST + NOW), limit=1)[ONLINE, WHOLE_CHANNEL]) == [UP]


def test_a_few_more_than_a_few_is_less_than_many_more_than_many() -> None:
    few = [*sold(FRESH, 0, 3), *(one for window in (1, 2, 3) for one in sold(FRESH, window, 1))]
    many = [*sold(UP, 0, 20), *(one for window in (1, 2, 3) for one in sold(UP, window, 10))]

    assert list(trending(history_of([*few, *many, Basket(1, 4 * WINDOW, (99,))]))[ONLINE, WHOLE_CHANNEL]) == [UP, FRESH]


def test_each_channel_against_its_own_past() -> None:
    found = trending(history_of([*PAST, *NOW, *sold(DOWN, 0, 9, KIOSK), *sold(DOWN, 3, 1, KIOSK)]))

    assert DOWN in found[KIOSK, WHOLE_CHANNEL]
    assert DOWN not in found[ONLINE, WHOLE_CHANNEL]


def test_a_shop_without_a_past_has_no_trends() -> None:
    assert trending(history_of(sold(UP, 0, 50))) == {}
    assert trending(history_of([*sold(UP, 0, 50), Basket(1, 2 * WINDOW - 1, (DOWN,))])) == {}
    assert trending(history_of([])) == {}


baskets = st.lists(
    st.builds(
        Basket,
        st.integers(1, 5),
        st.floats(0, 200, width=32),
        st.tuples(st.integers(1, 4)),
        st.sampled_from([ONLINE, KIOSK]),
    ),
    max_size=40,
)


@given(baskets)
@patiently
def test_whatever_was_sold_only_what_grows_is_listed_best_first(some: list[Basket]) -> None:
    for found in trending(history_of(some, {1: 5, 2: 5})).values():
        growth = list(found.values())
        assert growth == sorted(growth, reverse=True)
        assert all(1 < value <= (40 + PRIOR_BASKETS) / PRIOR_BASKETS for value in growth)
