"""The calculator with rules, returns and currencies: what a finance team would check with a pencil."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.loyalty.awards import (
    EarningLine,
    EarningOrder,
    EarningTerms,
    RuleTerms,
    terms_from_breakdown,
    versions_in,
)
from saleor_crm_plugin.loyalty.earning import award, before_refunds, kept_value
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Effect, Limits, RuleDefinition, Trigger

BASE = EarningTerms(points_per_unit=D(1), net=False, with_shipping=False)
TEA, CUP = 1, 2


def order(tea: str = "60", cup: str = "40", shipping: str = "0", **changes) -> EarningOrder:
    lines = [
        EarningLine("tea", "Tea", D(tea), D(tea), product_id=TEA),
        EarningLine("cup", "Cup", D(cup), D(cup), product_id=CUP),
    ]
    facts = {"total_gross": D(tea) + D(cup) + D(shipping), **changes}
    return EarningOrder(lines, D(shipping), D(shipping), **facts)


def rule(
    effect: Effect, value: str, rule_id: int = 1, *, products=(), room=None, dry_run=False, **changes
) -> RuleTerms:
    definition = RuleDefinition(
        Trigger.ORDER, effect, D(value), conditions=Conditions(product_ids=frozenset(products)), **changes
    )
    return RuleTerms(rule_id, 1, f"Rule {rule_id}", definition, room, dry_run)


def with_rules(*rules: RuleTerms) -> EarningTerms:
    return replace(BASE, rules=rules)


DOUBLE_TEA = rule(Effect.MULTIPLIER, "2", 1, products=[TEA])
TRIPLE_ALL = rule(Effect.MULTIPLIER, "3", 2)
HALF_PER_UNIT = rule(Effect.POINTS_PER_AMOUNT, "0.5", 3)
WELCOME = rule(Effect.FIXED_POINTS, "25", 4)


@pytest.mark.parametrize(
    ("rules", "points", "parts"),
    [
        ([], 100, [60, 40]),
        ([DOUBLE_TEA], 160, [120, 40]),
        # Multipliers add up: tea gets 1 + 1 + 2 times the base, the cup 1 + 2 times.
        ([DOUBLE_TEA, TRIPLE_ALL], 360, [240, 120]),
        ([HALF_PER_UNIT], 150, [90, 60]),
        # Once per order, over the lines by their price.
        ([WELCOME], 125, [75, 50]),
        ([rule(Effect.FIXED_POINTS, "25", products=[CUP])], 125, [60, 65]),
        ([rule(Effect.FIXED_POINTS, "25", products=[99])], 100, [60, 40]),
    ],
)
def test_what_rules_add(rules, points, parts):
    result = award(order(), with_rules(*rules))
    assert (result.points, [part.points for part in result.parts]) == (points, parts)


def test_who_gave_how_much():
    result = award(order(), with_rules(DOUBLE_TEA, WELCOME))
    assert [(share.rule_id, share.points) for share in result.rules] == [(None, 100), (1, 60), (4, 25)]


def test_a_rule_that_stands_alone_keeps_others_off_its_lines():
    alone = rule(Effect.MULTIPLIER, "2", 5, products=[TEA], stackable=False)
    # First: tea twice, and the triple only for the cup.
    assert award(order(), with_rules(alone, TRIPLE_ALL)).points == 120 + 120
    # Second: the triple was there before.
    assert award(order(), with_rules(TRIPLE_ALL, alone)).points == 300


def test_a_rule_on_trial_gives_nothing_and_is_in_nobodys_way():
    trial = rule(Effect.MULTIPLIER, "2", 5, dry_run=True, stackable=False)
    result = award(order(), with_rules(trial, DOUBLE_TEA))
    assert result.points == 160
    assert [(share.rule_id, share.points, share.is_dry_run) for share in result.rules] == [
        (None, 100, False),
        (1, 60, False),
        (5, 100, True),
    ]


def test_limits_cap_a_rule_before_refunds():
    capped = replace(TRIPLE_ALL, room=50)
    assert award(order(), with_rules(capped)).points == 150
    # Half refunded: half of the base and half of the capped bonus.
    assert award(order(refunded_gross=D(50)), with_rules(capped)).points == 75
    assert award(order(), with_rules(replace(TRIPLE_ALL, room=0))).points == 100


def test_a_rule_that_is_used_up_keeps_nobody_off():
    alone = rule(Effect.FIXED_POINTS, "50", 5, stackable=False, room=0)
    assert award(order(), with_rules(alone, WELCOME)).points == 125


def test_rules_with_a_minimum_look_at_the_whole_order():
    big = RuleTerms(
        1,
        1,
        "Big",
        RuleDefinition(Trigger.ORDER, Effect.FIXED_POINTS, D(10), conditions=Conditions(minimum_subtotal=D(100))),
    )
    assert award(order(), with_rules(big)).points == 110
    assert award(order(cup="39.99"), with_rules(big)).points == 99


def test_shipping_earns_by_rules_that_name_no_products():
    terms = replace(BASE, with_shipping=True, rules=(TRIPLE_ALL, DOUBLE_TEA))
    assert award(order(shipping="10"), terms).points == 110 + 220 + 60


def taken(given: EarningOrder, **shares: Fraction) -> EarningOrder:
    lines = [replace(line, taken_back=shares.get(line.key, Fraction(0))) for line in given.lines]
    return replace(given, lines=lines)


@pytest.mark.parametrize(
    ("tea", "refunded", "points"),
    [
        # Tea came back, no money yet: the cup keeps its points.
        ("1", "0", 40),
        # The money for the tea follows, and changes nothing.
        ("1", "60", 40),
        ("1", "30", 40),
        # 20 more than the tea cost, off the 40 of the cup.
        ("1", "80", 20),
        ("1", "100", 0),
        # Half of the tea, then money beyond: 70 left of the price, 35 of it refunded.
        ("1/2", "0", 70),
        ("1/2", "65", 35),
        ("0", "50", 50),
    ],
)
def test_what_came_back_is_taken_from_its_own_lines(tea, refunded, points):
    assert award(taken(order(refunded_gross=D(refunded)), tea=Fraction(tea)), BASE).points == points


def test_the_bonus_goes_with_the_goods_that_earned_it():
    # 160 in all, 120 for the tea.
    assert award(taken(order(), tea=Fraction(1)), with_rules(DOUBLE_TEA)).points == 40
    assert award(taken(order(), cup=Fraction(1)), with_rules(DOUBLE_TEA)).points == 120


def test_kept_value():
    assert kept_value(order()) == 1
    assert kept_value(taken(order(), tea=Fraction(1))) == Fraction(2, 5)
    assert kept_value(order(refunded_gross=D(25))) == Fraction(3, 4)
    assert kept_value(order(tea="0", cup="0")) == 1


@pytest.mark.parametrize(
    ("price", "rate", "points"),
    [
        # Yen have no decimals, dinars three.
        ("1980", "0.01", 19),
        ("19.999", "10", 199),
        ("0.01", "1", 0),
    ],
)
def test_currencies(price, rate, points):
    line = EarningLine("1", "", D(price), D(price))
    terms = replace(BASE, points_per_unit=D(rate))
    assert award(EarningOrder([line], D(0), D(0), D(price)), terms).points == points


def test_terms_with_rules_survive_the_ledger():
    terms = with_rules(replace(DOUBLE_TEA, room=7), rule(Effect.FIXED_POINTS, "5", 9, dry_run=True))
    breakdown = award(order(), terms).as_breakdown()
    assert versions_in(breakdown) == {(1, 1), (9, 1)}
    assert [part["rules"] for part in breakdown["parts"]] == [[1, 9], [9]]
    double, trial = terms.rules
    decided = replace(double, lines={"tea": True, "cup": False}), replace(trial, lines={"tea": True, "cup": True})
    assert terms_from_breakdown(breakdown, definitions_of(terms)) == replace(terms, rules=decided)
    assert versions_in({}) == set()


def test_what_an_award_decided_on_a_line_stays_decided():
    terms = with_rules(DOUBLE_TEA)
    first, moved = order(), order()
    moved.lines[:] = [replace(moved.lines[0], product_id=None), replace(moved.lines[1], product_id=TEA)]
    kept = terms_from_breakdown(award(first, terms).as_breakdown(), definitions_of(terms))
    assert award(first, kept).points == award(moved, kept).points == 160
    # A line that was added since: the award that came with it has decided.
    added = replace(moved, lines=[*moved.lines, EarningLine("pot", "Pot", D(20), D(20), product_id=TEA)])
    again = award(added, kept)
    assert again.points == 200
    later = terms_from_breakdown(
        award(first, terms).as_breakdown(), definitions_of(terms), later=[again.as_breakdown()]
    )
    assert [each.lines for each in later.rules] == [{"tea": True, "cup": False, "pot": True}]


def test_awards_of_before_version_4_do_not_say_which_lines_a_rule_was_for():
    terms = with_rules(DOUBLE_TEA)
    breakdown = award(order(), terms).as_breakdown()
    for part in breakdown["parts"]:
        del part["rules"]
    assert terms_from_breakdown(breakdown, definitions_of(terms)) == terms


def definitions_of(terms: EarningTerms) -> dict[tuple[int, int], tuple[str, RuleDefinition]]:
    return {(each.rule_id, each.version): (each.name, each.definition) for each in terms.rules}


cents = st.integers(0, 100_000).map(lambda value: D(value) / 100)
shares = st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(1, 2), Fraction(1)])
some_rules = st.lists(
    st.builds(
        rule,
        st.sampled_from(Effect),
        st.sampled_from(["2", "3", "7"]),
        st.integers(1, 9),
        products=st.sampled_from([(), (TEA,), (CUP,)]),
        room=st.sampled_from([None, None, 0, 13]),
        dry_run=st.booleans(),
        stackable=st.booleans(),
        limits=st.just(Limits()),
    ),
    max_size=4,
)


@given(cents, cents, cents, shares, shares, st.lists(cents, max_size=4), some_rules)
def test_reversal_is_cumulative_and_everything_adds_up(tea, cup, shipping, tea_back, cup_back, refunds, rules):
    terms = replace(with_rules(*rules), with_shipping=True)
    bought = order(str(tea), str(cup), str(shipping))
    full = award(bought, terms)
    left = full.points
    sums = [sum(refunds[: i + 1], D(0)) for i in range(len(refunds))]
    for refunded in sums:
        result = award(replace(taken(bought, tea=tea_back, cup=cup_back), refunded_gross=refunded), terms)
        assert 0 <= result.points <= left
        assert sum(part.points for part in result.parts) == result.points
        assert sum(share.points for share in result.rules if not share.is_dry_run) == result.points
        assert before_refunds(replace(bought, refunded_gross=refunded)) == bought
        left = result.points
    if bought.total_gross > 0:
        assert award(replace(bought, refunded_gross=bought.total_gross), terms).points == 0
    without_trials = replace(terms, rules=tuple(each for each in terms.rules if not each.is_dry_run))
    assert award(bought, without_trials).points == full.points
