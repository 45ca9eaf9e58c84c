"""What points paid, told apart from what money paid, in both forms."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.loyalty.awards import (
    BREAKDOWN_VERSION,
    EarningLine,
    EarningOrder,
    EarningTerms,
    RuleTerms,
    terms_from_breakdown,
)
from saleor_crm_plugin.loyalty.earning import award, kept_value, share_of_points_back
from saleor_crm_plugin.loyalty.paid_with_points import (
    PaidShare,
    PricedLine,
    before_voucher,
    paid_by_card,
    used_of_cards,
)
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Effect, RuleDefinition, Trigger

MONEY_ONLY = EarningTerms(points_per_unit=D(1), net=False, with_shipping=True)
POINTS_TOO = replace(MONEY_ONLY, points_earn=True)
NET_TOO = replace(POINTS_TOO, net=True)
WELCOME = RuleTerms(1, 1, "Welcome", RuleDefinition(Trigger.FIRST_ORDER, Effect.FIXED_POINTS, D(100)))


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


@pytest.mark.parametrize(
    ("paid", "share"),
    [
        (20, PaidShare(goods=Fraction(1, 2))),
        (40, PaidShare(goods=Fraction(1))),
        # More than the goods cost: only where the checkout has shrunk and was completed at once.
        (42, PaidShare(goods=Fraction(1), gift_cards=Fraction(1, 4))),
        (53, PaidShare(goods=Fraction(1), gift_cards=Fraction(1), shipping=Fraction(1, 2))),
        (70, PaidShare(goods=Fraction(1), gift_cards=Fraction(1), shipping=Fraction(1))),
        (0, PaidShare()),
        (-1, PaidShare()),
    ],
)
def test_a_card_of_points_pays_goods_first(paid, share):
    assert paid_by_card(D(paid), D(40), D(8), D(10)) == share


def test_a_card_of_points_without_goods_or_shipping():
    assert paid_by_card(D(5), D(0), D(0), D(0)) == PaidShare()
    assert paid_by_card(D(5), D(0), D(0), D(10)) == PaidShare(shipping=Fraction(1, 2))


def voucher_order(off: str, *bases: str, shipping: str = "0") -> EarningOrder:
    """Points took `off` the lines, which cost `bases` before, in proportion."""
    total, left = sum(map(D, bases)), D(off)
    lines = [
        EarningLine(str(i), "", D(base) - left * D(base) / total, D(base) - left * D(base) / total, base=D(base))
        for i, base in enumerate(bases)
    ]
    return EarningOrder(
        lines=lines,
        shipping_gross=D(shipping),
        shipping_net=D(shipping),
        total_gross=total - left + D(shipping),
        points_off=left,
    )


def card_order(paid: str, *prices: str, shipping: str = "0") -> EarningOrder:
    lines = [EarningLine(str(i), "", D(price), D(price), base=D(price)) for i, price in enumerate(prices)]
    return EarningOrder(
        lines=lines,
        shipping_gross=D(shipping),
        shipping_net=D(shipping),
        total_gross=sum(map(D, prices)) - D(paid) + D(shipping),
        points_paid=D(paid),
    )


@pytest.mark.parametrize("order", [voucher_order("10", "15", "25"), card_order("10", "15", "25")])
def test_both_forms_earn_the_same(order):
    assert award(order, MONEY_ONLY).points == 30
    assert award(order, POINTS_TOO).points == 40
    assert award(order, NET_TOO).points == 40
    half = replace(order, refunded_gross=order.total_gross / 2)
    assert award(half, MONEY_ONLY).points == 15
    assert award(half, POINTS_TOO).points == 20
    assert award(replace(order, refunded_gross=order.total_gross), POINTS_TOO).points == 0


@pytest.mark.parametrize("form", [voucher_order, card_order])
@pytest.mark.parametrize(("minimum", "matches"), [("40", True), ("40.01", False)])
@pytest.mark.parametrize("terms", [MONEY_ONLY, POINTS_TOO])
def test_the_minimum_of_a_rule_is_one_of_the_price_before_points(form, minimum, matches, terms):
    least = Conditions(minimum_subtotal=D(minimum))
    rule = replace(WELCOME, definition=replace(WELCOME.definition, conditions=least))
    order = form("10", "15", "25", shipping="20")
    assert award(order, replace(terms, rules=(rule,))).points - award(order, terms).points == (100 if matches else 0)


def test_a_minimum_that_was_judged_after_points_stays_judged_so():
    least = Conditions(minimum_subtotal=D(40))
    rule = replace(WELCOME, definition=replace(WELCOME.definition, conditions=least))
    before = award(voucher_order("10", "15", "25"), replace(MONEY_ONLY, rules=(rule,), version=4))
    assert before.points == 30


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


GOODS_ONLY = replace(MONEY_ONLY, with_shipping=False)


@pytest.mark.parametrize("form", [voucher_order, card_order])
def test_shipping_is_not_paid_with_points(form):
    """2,000 points on goods for 54 with shipping for 66.19."""
    order = form("20", "27", "27", shipping="66.19")
    assert order.total_gross == D("100.19")
    assert award(order, GOODS_ONLY).points == 34
    assert award(order, MONEY_ONLY).points == 100
    assert award(order, replace(GOODS_ONLY, points_earn=True)).points == 54
    assert award(order, POINTS_TOO).points == 120
    # One of the two comes back, first without money, then with what was paid in money for it, then with more.
    back = replace(order, lines=[replace(order.lines[0], taken_back=Fraction(1)), order.lines[1]])
    assert award(back, GOODS_ONLY).points == 17
    assert award(replace(back, refunded_gross=D(17)), GOODS_ONLY).points == 17
    assert award(replace(back, refunded_gross=D(27)), GOODS_ONLY).points == 14
    assert award(replace(order, refunded_gross=D("50.095")), GOODS_ONLY).points == 17


@pytest.mark.parametrize("form", [voucher_order, card_order])
def test_the_customers_own_gift_card_pays_for_shipping_as_well(form):
    order = replace(form("20", "54", shipping="66"), total_gross=D(75), gift_cards_gross=D(25))
    no_cards = replace(GOODS_ONLY, gift_cards_earn=False)
    assert award(order, GOODS_ONLY).points == 34
    # A quarter of the 100 that points did not pay.
    assert award(order, no_cards).points == 25
    assert award(order, replace(no_cards, points_earn=True)).points == 45
    assert award(order, replace(no_cards, with_shipping=True)).points == 75


def beside_a_gift_card(order: EarningOrder) -> EarningOrder:
    """The last line is a gift card that is bought."""
    *goods, card = order.lines
    return replace(order, lines=[*goods, replace(card, is_gift_card=True)])


@pytest.mark.parametrize(
    ("paid", "shipping", "earned", "points_too"),
    [
        ("10", "0", 30, 40),
        ("40", "0", 0, 40),
        # The checkout has shrunk and was completed at once: gift cards earn nothing whoever pays for them.
        ("70", "0", 0, 40),
        ("70", "20", 20, 60),
        ("110", "20", 10, 60),
    ],
)
def test_goods_that_points_paid_earn_nothing_beside_a_gift_card_that_money_pays(paid, shipping, earned, points_too):
    """Goods for 40 and a gift card for 60."""
    order = beside_a_gift_card(card_order(paid, "40", "60", shipping=shipping))
    assert award(order, MONEY_ONLY).points == earned
    assert award(order, POINTS_TOO).points == points_too
    welcome = 100 if earned else 0
    assert award(order, replace(MONEY_ONLY, rules=(WELCOME,))).points == earned + welcome


def test_a_gift_card_that_comes_back_takes_no_points_of_goods_beside_it():
    """Goods for 40, of which points pay 10, and a gift card for 60."""
    order = beside_a_gift_card(card_order("10", "40", "60"))
    assert award(taken_back(order, 0, 1, refunded="60"), MONEY_ONLY).points == 30
    # Half of the money for the goods goes back with it.
    assert award(taken_back(order, 0, 1, refunded="75"), MONEY_ONLY).points == 15
    assert award(taken_back(order, 1, 0, refunded="30"), MONEY_ONLY).points == 0


def test_an_order_that_was_awarded_by_another_reckoning_keeps_its_points():
    """Before version 5 the 40 came off the gift card for 60 as well."""
    order = beside_a_gift_card(card_order("40", "40", "60"))
    before = award(order, replace(MONEY_ONLY, version=4))
    assert before.points == 24
    terms = terms_from_breakdown(before.as_breakdown(), {})
    assert award(order, terms).points == 24
    assert award(taken_back(order, 0, 1, refunded="60"), terms).points == 0
    assert terms_from_breakdown(award(order, terms).as_breakdown(), {}) == terms


def test_points_past_the_goods_come_off_the_shipping():
    order = card_order("60", "54", shipping="66")
    assert award(order, GOODS_ONLY).points == 0
    assert award(order, MONEY_ONLY).points == 60
    assert award(order, POINTS_TOO).points == 120


@given(
    prices=st.lists(st.decimals("0.01", "500", places=2), min_size=1, max_size=3),
    shipping=st.decimals("0", "200", places=2),
    share=st.integers(0, 100),
    own=st.integers(0, 100),
    taken_back=st.fractions(0, 1),
    refunded=st.integers(0, 100),
    with_shipping=st.booleans(),
    cards_earn=st.booleans(),
    points_earn=st.booleans(),
)
def test_both_forms_earn_the_same_to_the_point(
    prices, shipping, share, own, taken_back, refunded, with_shipping, cards_earn, points_earn
):
    off = sum(prices) * share / 100
    terms = EarningTerms(
        D("3.3"), net=False, with_shipping=with_shipping, gift_cards_earn=cards_earn, points_earn=points_earn
    )
    earned = []
    for form in (voucher_order, card_order):
        order = form(str(off), *map(str, prices), shipping=str(shipping))
        by_own_card = order.total_gross * own / 100
        order = replace(
            order,
            lines=[replace(order.lines[0], taken_back=taken_back), *order.lines[1:]],
            gift_cards_gross=by_own_card,
            total_gross=order.total_gross - by_own_card,
        )
        earned.append(award(replace(order, refunded_gross=order.total_gross * refunded / 100), terms).points)
    # The stand-in for Saleor's voucher divides in decimals.
    assert abs(earned[0] - earned[1]) <= (1 if share % 100 else 0)


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
    assert written["version"] == BREAKDOWN_VERSION == 5
    assert terms_from_breakdown(written, {}) == POINTS_TOO
    del written["points_earn"]
    assert terms_from_breakdown(written, {}) == MONEY_ONLY


def taken_back(order: EarningOrder, *shares: int, refunded: str = "0") -> EarningOrder:
    """The share of each line that came back, and the money that went back."""
    lines = [replace(line, taken_back=Fraction(share)) for line, share in zip(order.lines, shares, strict=True)]
    return replace(order, lines=lines, refunded_gross=D(refunded))


@pytest.mark.parametrize("form", [voucher_order, card_order])
@pytest.mark.parametrize(
    ("jacket", "socks", "refunded", "kept"),
    [
        (0, 0, "0", "1"),
        # The socks came back: without money, with what was paid for them, or with all money.
        (0, 1, "0", "95/100"),
        (0, 1, "0.25", "95/100"),
        (0, 1, "5", "95/100"),
        (1, 0, "5", "5/100"),
        (1, 1, "0", "0"),
        (1, 1, "5", "0"),
        # Money alone went back.
        (0, 0, "2", "3/5"),
        (0, 0, "5", "0"),
    ],
)
def test_a_jacket_that_points_paid_is_kept_when_the_socks_come_back(form, jacket, socks, refunded, kept):
    """A jacket for 95 and socks for 5; points pay 95, money 5."""
    order = form("95", "95", "5")
    assert order.total_gross == 5
    assert kept_value(taken_back(order, jacket, socks, refunded=refunded)) == Fraction(kept)


@pytest.mark.parametrize("form", [voucher_order, card_order])
@pytest.mark.parametrize(
    ("socks", "refunded", "back"),
    [
        (1, "0", "60/100"),
        # With 24 in points, the customer has the 60 that the socks cost.
        (1, "36", "60/100"),
        (1, "48", "30/100"),
        # What Saleor proposes for goods that points as a gift card paid for: their whole price.
        (1, "60", "0"),
        (0, "30", "1/2"),
        (0, "60", "1"),
    ],
)
def test_money_and_points_together_give_back_no_more_than_what_came_back_cost(form, socks, refunded, back):
    """A jacket for 40 and socks for 60; points pay 40, money 60."""
    order = form("40", "40", "60")
    assert order.total_gross == 60
    returned = share_of_points_back(taken_back(order, 0, socks, refunded=refunded))
    assert returned == Fraction(back)


@pytest.mark.parametrize("form", [voucher_order, card_order])
def test_so_it_is_where_a_gift_card_of_the_customers_own_paid_the_most(form):
    """A jacket for 95 and socks for 5; points pay 10, the card 86, money 4."""
    order = replace(form("10", "95", "5"), total_gross=D(4), gift_cards_gross=D(86))
    assert kept_value(taken_back(order, 0, 1, refunded="4")) == Fraction(95, 100)
    assert kept_value(taken_back(order, 1, 1, refunded="4")) == 0
    assert kept_value(taken_back(order, 0, 0, refunded="4")) == 0


@pytest.mark.parametrize("form", [voucher_order, card_order])
def test_shipping_that_is_refunded_with_goods_gives_no_points_for_others_back(form):
    """A jacket for 95 and socks for 5, with shipping for 5; points pay 95, money 10."""
    order = form("95", "95", "5", shipping="5")
    assert kept_value(taken_back(order, 0, 1, refunded="5")) == Fraction(100, 105)
    assert kept_value(taken_back(order, 0, 1, refunded="7")) == Fraction(98, 105)
    assert kept_value(taken_back(order, 0, 1, refunded="10")) == Fraction(95, 105)
    granted = replace(taken_back(order, 0, 1, refunded="10"), shipping_taken_back=Fraction(1))
    assert kept_value(granted) == Fraction(95, 105)


@pytest.mark.parametrize("form", [voucher_order, card_order])
def test_money_beyond_what_came_back_undoes_the_rest(form):
    """Two for 30 and 70, with shipping for 10; points pay 60, money 50."""
    order = form("60", "30", "70", shipping="10")
    assert kept_value(taken_back(order, 1, 0, refunded="30")) == Fraction(80, 110)
    # Of the 45, 30 are for what came back and 10 for the shipping: half of the 10 that are left.
    assert kept_value(taken_back(order, 1, 0, refunded="45")) == Fraction(70, 110) / 2
    assert kept_value(taken_back(order, 1, 0, refunded="50")) == 0
    # All goods are back: with all money nothing is kept, else the shipping is.
    assert kept_value(taken_back(order, 1, 1, refunded="50")) == 0
    assert kept_value(taken_back(order, 1, 1, refunded="49")) == Fraction(10, 110)


@given(
    prices=st.lists(st.integers(1, 50_000), min_size=1, max_size=3),
    shipping=st.integers(0, 2_000),
    share=st.integers(0, 100),
    own=st.integers(0, 100),
    back=st.lists(st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(1)]), min_size=3, max_size=3),
    refunds=st.lists(st.one_of(st.just(100), st.integers(0, 100)), min_size=2, max_size=2).map(sorted),
)
def test_nothing_is_kept_only_if_goods_or_money_say_so(prices, shipping, share, own, back, refunds):
    kept = []
    price = Fraction(sum(prices) + shipping) / 100
    for form in (voucher_order, card_order):
        off, *amounts = (str(D(cents) / 100) for cents in (D(sum(prices) * share) / 100, *prices))
        order = form(off, *amounts, shipping=str(D(shipping) / 100))
        by_own_card = order.total_gross * own / 100
        order = replace(order, total_gross=order.total_gross - by_own_card, gift_cards_gross=by_own_card)
        for percent in refunds:
            seen = taken_back(order, *back[: len(prices)], refunded=str(order.total_gross * percent / 100))
            kept.append(kept_value(seen))
            points = share_of_points_back(seen) * Fraction(off)
            assert 0 <= points <= Fraction(off)
            if kept[-1] and any(back[: len(prices)]):
                assert points == 0 or Fraction(seen.refunded_gross) + points <= (1 - kept[-1]) * price
    assert kept[:2] == kept[2:]
    # The more money goes back, the less is kept.
    assert 1 >= kept[0] >= kept[1] >= 0
    came_back = sum(price * part for price, part in zip(prices, back, strict=False))
    if order.total_gross == 0:
        assert kept[0] == 1 - came_back / Fraction(sum(prices) + shipping)
    elif kept[1] == 0:
        all_goods, all_money = came_back == sum(prices), refunds[1] == 100
        assert (all_goods and shipping == 0) or all_money
        # Of goods that are kept, money says so only where it is more than what came back and the shipping cost.
        assert all_goods or came_back == 0 or Fraction(order.total_gross) * 100 > came_back + shipping


@pytest.mark.parametrize("form", [voucher_order, card_order])
@pytest.mark.parametrize(("own", "without_cards"), [("50", 30), ("80", 0)])
def test_goods_that_come_back_take_no_more_than_their_points_whatever_a_gift_card_paid(form, own, without_cards):
    """Five for 20, points pay none; a card of the customer's own pays `own`. One comes back, and 20 with it."""
    order = form("0", *["20"] * 5)
    order = replace(order, total_gross=100 - D(own), gift_cards_gross=D(own))
    back = taken_back(order, 1, 0, 0, 0, 0, refunded="20")
    assert award(replace(back, refunded_gross=D(0)), GOODS_ONLY).points == 80
    assert award(back, GOODS_ONLY).points == 80
    # Without the card, the 20 are more than what came back had cost in money.
    assert award(back, replace(GOODS_ONLY, gift_cards_earn=False)).points == without_cards


def test_money_alone_takes_only_the_points_of_money():
    """Goods for 100, of which the customer's own gift card pays 40: the shop keeps these until the goods come back."""
    order = replace(card_order("0", "20", "80"), total_gross=D(60), gift_cards_gross=D(40))
    no_cards = replace(GOODS_ONLY, gift_cards_earn=False)
    half, whole = (replace(order, refunded_gross=D(money)) for money in (30, 60))
    assert [award(each, GOODS_ONLY).points for each in (order, half, whole)] == [100, 70, 40]
    assert [award(each, no_cards).points for each in (order, half, whole)] == [60, 30, 0]
    assert award(taken_back(order, 1, 1, refunded="60"), GOODS_ONLY).points == 0
    # Of the 60, 40 are beyond what came back: half of the 80 that are left.
    assert award(taken_back(order, 1, 0, refunded="60"), GOODS_ONLY).points == 40


def test_a_gift_card_that_pays_through_a_transaction_is_part_of_the_total():
    """From Saleor 3.23: it lowers no total, and what goes back to it is a refund."""
    order = replace(card_order("0", "20", "80"), gift_cards_gross=D(40))
    assert order.total_gross == 100
    assert award(replace(order, refunded_gross=D(50)), GOODS_ONLY).points == 50
    assert award(replace(order, refunded_gross=D(100)), GOODS_ONLY).points == 0
    assert award(taken_back(order, 1, 0, refunded="20"), GOODS_ONLY).points == 80
