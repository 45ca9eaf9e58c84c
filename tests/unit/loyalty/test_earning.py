"""The calculator: what a finance team would check with a pencil."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.loyalty.awards import EarningLine, EarningOrder, EarningTerms, terms_from_breakdown
from saleor_crm_plugin.loyalty.earning import award, split_points

ONE_PER_UNIT = EarningTerms(points_per_unit=D(1), net=False, with_shipping=False)


def order(*amounts: str, shipping: str = "0", refunded: str = "0", gift_card: bool = False) -> EarningOrder:
    lines = [
        EarningLine(key=str(i), name=f"Line {i}", gross=D(amount), net=D(amount) / 2, is_gift_card=gift_card)
        for i, amount in enumerate(amounts)
    ]
    return EarningOrder(
        lines=lines,
        shipping_gross=D(shipping),
        shipping_net=D(shipping) / 2,
        total_gross=sum((D(a) for a in amounts), D(shipping)),
        refunded_gross=D(refunded),
    )


def test_points_are_rounded_down_once_per_order_not_per_line():
    # Three lines of 0.70: 2.10 in all. Rounded per line it would be nothing.
    result = award(order("0.70", "0.70", "0.70"), ONE_PER_UNIT)
    assert result.points == 2
    assert [part.points for part in result.parts] == [1, 1, 0]


@pytest.mark.parametrize(
    ("terms", "points"),
    [
        (ONE_PER_UNIT, 100),
        (replace(ONE_PER_UNIT, with_shipping=True), 110),
        (replace(ONE_PER_UNIT, net=True), 50),
        (replace(ONE_PER_UNIT, net=True, with_shipping=True), 55),
        (replace(ONE_PER_UNIT, points_per_unit=D("2.5")), 250),
        (replace(ONE_PER_UNIT, points_per_unit=D("0.001")), 0),
    ],
)
def test_terms_decide_the_basis(terms: EarningTerms, points: int):
    assert award(order("60", "40", shipping="10"), terms).points == points


def test_no_order_earns_more_than_an_entry_of_the_ledger_holds():
    of_rupiahs = award(order("3000000000"), ONE_PER_UNIT)
    assert of_rupiahs.points == sum(part.points for part in of_rupiahs.parts) == 2**31 - 1
    assert award(order("3000000000", refunded="2000000000"), ONE_PER_UNIT).points == 1_000_000_000


def test_gift_cards_and_negative_lines_earn_nothing():
    assert award(order("50", gift_card=True), ONE_PER_UNIT).points == 0
    assert award(order("50", "-20"), ONE_PER_UNIT).points == 50
    assert award(order("-20"), ONE_PER_UNIT).points == 0
    assert award(order(), ONE_PER_UNIT).points == 0


def test_a_refund_lowers_the_basis_by_its_share_of_the_total():
    # 90 of goods and 10 of shipping; 25 of 100 given back leaves three quarters of the 90 points.
    assert award(order("90", shipping="10", refunded="25"), ONE_PER_UNIT).points == 67
    assert award(order("90", shipping="10", refunded="100"), ONE_PER_UNIT).points == 0
    # More given back than was paid takes no more than everything.
    assert award(order("90", shipping="10", refunded="250"), ONE_PER_UNIT).points == 0


def test_terms_survive_the_ledger():
    terms = EarningTerms(points_per_unit=D("1.25"), net=True, with_shipping=True)
    assert terms_from_breakdown(award(order("10"), terms).as_breakdown(), {}) == terms


cents = st.integers(min_value=0, max_value=1_000_000).map(lambda c: D(c) / 100)


@given(st.lists(cents, min_size=1, max_size=8), st.lists(cents, max_size=5), st.integers(1, 500))
def test_reversal_is_cumulative(amounts: list[D], refunds: list[D], rate: int):
    """Points after each refund only fall, and depend on the sum refunded, not on the steps."""
    terms = replace(ONE_PER_UNIT, points_per_unit=D(rate) / 100)
    base = order(*[str(a) for a in amounts])
    full = award(base, terms).points
    points = [
        award(replace(base, refunded_gross=sum(refunds[:n], D(0))), terms).points for n in range(len(refunds) + 1)
    ]
    assert points[0] == full
    assert points == sorted(points, reverse=True)
    assert all(0 <= p <= full for p in points)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_lines_add_up_to_the_order(points: int, weights: list[int]):
    shares = split_points(points, [Fraction(w) for w in weights])
    if sum(weights) == 0:
        assert shares == [0] * len(weights)
        return
    assert sum(shares) == points
    assert all(abs(share - Fraction(points * w, sum(weights))) < 1 for share, w in zip(shares, weights, strict=True))


thirds_and_sevenths = st.builds(Fraction, st.integers(0, 10**4), st.sampled_from([1, 3, 7, 800]))


@given(st.integers(0, 10**6), st.lists(thirds_and_sevenths, min_size=1, max_size=8).filter(any))
def test_the_rest_goes_to_the_largest_remainders_and_of_equal_ones_to_the_first(points: int, weights: list[Fraction]):
    exact = [points * weight / sum(weights) for weight in weights]
    rest = points - sum(map(floor, exact))
    favoured = sorted(range(len(weights)), key=lambda i: (floor(exact[i]) - exact[i], i))[:rest]
    assert split_points(points, weights) == [floor(part) + (i in favoured) for i, part in enumerate(exact)]


def test_gift_cards_take_their_share_of_every_line_and_sale_items_take_themselves():
    paid_with_card = replace(order("60", "30", shipping="10"), gift_cards_gross=D(25))
    assert award(paid_with_card, ONE_PER_UNIT).points == 90
    no_cards = award(paid_with_card, replace(ONE_PER_UNIT, gift_cards_earn=False))
    assert [part.points for part in no_cards.parts] == [45, 22]
    assert no_cards.points == 67
    assert award(replace(paid_with_card, gift_cards_gross=D(200)), no_cards.terms).points == 0

    first, second = order("60", "30").lines
    on_sale = replace(order("60", "30"), lines=[replace(first, is_on_sale=True), second])
    assert award(on_sale, ONE_PER_UNIT).points == 90
    assert award(on_sale, replace(ONE_PER_UNIT, sale_items_earn=False)).points == 30
    assert terms_from_breakdown(no_cards.as_breakdown(), {}) == no_cards.terms
