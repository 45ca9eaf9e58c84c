"""What points paid, told apart from what money paid, in both forms."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.loyalty.earning import (
    BREAKDOWN_VERSION,
    EarningLine,
    EarningOrder,
    EarningTerms,
    award,
    terms_from_breakdown,
)
from saleor_crm_plugin.loyalty.paid_with_points import PricedLine, before_voucher, used_of_cards

MONEY_ONLY = EarningTerms(points_per_unit=D(1), net=False, with_shipping=True)
POINTS_TOO = replace(MONEY_ONLY, points_earn=True)
NET_TOO = replace(POINTS_TOO, net=True)


def test_prices_with_tax_come_back_as_they_were():
    lines = [PricedLine(D("33.00"), D("26.83"), D("40.00"), D("0.23"))]
    assert before_voucher(lines, D(7), net=False) == [40]
    assert before_voucher(lines, D(7), net=True) == [Fraction(D(40)) / Fraction(D("1.23"))]


def test_prices_without_tax_come_back_as_they_were():
    lines = [PricedLine(D("40.59"), D("33.00"), D("40.00"), D("0.23"))]
    assert before_voucher(lines, D(7), net=False) == [Fraction(D("49.20"))]
    assert before_voucher(lines, D(7), net=True) == [40]


def test_lines_that_points_paid_in_full_come_back():
    lines = [PricedLine(D(0), D(0), D(15)), PricedLine(D(0), D(0), D(25))]
    assert before_voucher(lines, D(40), net=False) == [15, 25]
    # A voucher over more than the lines cost took off no more than they cost.
    assert before_voucher(lines, D(90), net=False) == [15, 25]


def test_without_points_nothing_changes():
    lines = [PricedLine(D(33), D(30), D(40))]
    assert before_voucher(lines, D(0), net=False) == [33]
    assert before_voucher(lines, D(0), net=True) == [30]
    assert before_voucher([], D(5), net=True) == []


def test_cards_are_used_up_one_after_the_other():
    assert used_of_cards([(1, D(30)), (2, D(30)), (3, D(5))], D(50)) == {1: 30, 2: 20, 3: 0}
    assert used_of_cards([], D(50)) == {}


def voucher_order(off: str, *bases: str) -> EarningOrder:
    """Points took `off` the lines, which cost `bases` before, in proportion."""
    total, left = sum(map(D, bases)), D(off)
    lines = [
        EarningLine(str(i), "", D(base) - left * D(base) / total, D(base) - left * D(base) / total, base=D(base))
        for i, base in enumerate(bases)
    ]
    paid = total - left
    return EarningOrder(lines=lines, shipping_gross=D(0), shipping_net=D(0), total_gross=paid, points_off=left)


def card_order(paid: str, *prices: str) -> EarningOrder:
    lines = [EarningLine(str(i), "", D(price), D(price), base=D(price)) for i, price in enumerate(prices)]
    total = sum(map(D, prices)) - D(paid)
    return EarningOrder(lines=lines, shipping_gross=D(0), shipping_net=D(0), total_gross=total, points_paid=D(paid))


@pytest.mark.parametrize("order", [voucher_order("10", "15", "25"), card_order("10", "15", "25")])
def test_both_forms_earn_the_same(order):
    assert award(order, MONEY_ONLY).points == 30
    assert award(order, POINTS_TOO).points == 40
    assert award(order, NET_TOO).points == 40
    half = replace(order, refunded_gross=order.total_gross / 2)
    assert award(half, MONEY_ONLY).points == 15
    assert award(half, POINTS_TOO).points == 20
    assert award(replace(order, refunded_gross=order.total_gross), POINTS_TOO).points == 0


@pytest.mark.parametrize("order", [voucher_order("40", "15", "25"), card_order("40", "15", "25")])
def test_an_order_that_points_paid_in_full(order):
    assert award(order, MONEY_ONLY).points == 0
    assert award(order, POINTS_TOO).points == 40
    back = [replace(order.lines[0], taken_back=Fraction(1)), order.lines[1]]
    assert award(replace(order, lines=back), POINTS_TOO).points == 25


def test_the_customers_own_gift_cards_are_not_points():
    order = replace(card_order("10", "40"), gift_cards_gross=D(10))
    no_cards = replace(MONEY_ONLY, gift_cards_earn=False)
    assert award(order, MONEY_ONLY).points == 30
    assert award(order, POINTS_TOO).points == 40
    assert award(order, no_cards).points == 20
    assert award(order, replace(no_cards, points_earn=True)).points == 30
    of_voucher = replace(voucher_order("10", "40"), gift_cards_gross=D(10))
    assert award(of_voucher, no_cards).points == 20
    assert award(of_voucher, replace(no_cards, points_earn=True)).points == 30


@given(
    prices=st.lists(st.decimals("0.01", "500", places=2), min_size=1, max_size=4),
    share=st.integers(0, 100),
    refunded=st.integers(0, 100),
)
def test_points_that_earn_leave_no_trace_in_the_award_of_either_form(prices, share, refunded):
    total = sum(prices)
    off = total * share / 100
    plain = card_order("0", *map(str, prices))
    for order in (voucher_order(str(off), *map(str, prices)), card_order(str(off), *map(str, prices))):
        assert award(order, POINTS_TOO).points == award(plain, POINTS_TOO).points
        less = award(order, MONEY_ONLY).points
        assert 0 <= less <= award(order, POINTS_TOO).points
        back = replace(order, refunded_gross=order.total_gross * refunded / 100)
        if order.total_gross > 0:
            expected = award(replace(plain, refunded_gross=total * refunded / 100), POINTS_TOO).points
            assert abs(award(back, POINTS_TOO).points - expected) <= 1


def test_the_breakdown_keeps_the_terms_and_older_ones_are_read():
    written = award(card_order("10", "40"), POINTS_TOO).as_breakdown()
    assert written["version"] == BREAKDOWN_VERSION == 3
    assert terms_from_breakdown(written, {}) == POINTS_TOO
    del written["points_earn"]
    assert terms_from_breakdown(written, {}) == MONEY_ONLY
