"""What a tier adds to an award."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from fractions import Fraction

from saleor_crm_plugin.loyalty.awards import (
    EarningLine,
    EarningOrder,
    EarningTerms,
    RuleTerms,
    TierTerms,
    terms_from_breakdown,
)
from saleor_crm_plugin.loyalty.earning import award
from saleor_crm_plugin.loyalty.rules.definition import Effect, RuleDefinition, Trigger

GOLD = TierTerms(7, "Gold", D("1.25"))
TERMS = EarningTerms(points_per_unit=D(1), net=False, with_shipping=False, tier=GOLD)


def order(*amounts: str, **line_changes: object) -> EarningOrder:
    lines = [
        replace(EarningLine(str(number), "", D(amount), D(amount)), **line_changes)
        for number, amount in enumerate(amounts)
    ]
    return EarningOrder(lines, D(0), D(0), sum(map(D, amounts), D(0)))


def test_the_tier_multiplies_the_base_points_and_has_a_share_of_its_own():
    found = award(order("60", "42"), TERMS)
    # 102 + 25.5, rounded down once.
    assert found.points == 127
    assert [(share.tier_id, share.name, share.points) for share in found.rules] == [(None, "", 102), (7, "Gold", 25)]
    assert sum(part.points for part in found.parts) == 127


def test_a_rule_that_stands_alone_does_not_keep_it_off():
    alone = RuleDefinition(Trigger.ORDER, Effect.MULTIPLIER, D(2), stackable=False)
    terms = replace(TERMS, rules=(RuleTerms(1, 1, "Double", alone),))
    found = award(order("100"), terms)
    assert [share.points for share in found.rules] == [100, 25, 100]
    assert found.points == 225


def test_what_comes_back_takes_its_part_of_it():
    assert award(order("100", taken_back=Fraction(1, 2)), TERMS).points == 62


def test_a_multiplier_of_one_says_nothing():
    plain = award(order("100"), replace(TERMS, tier=replace(GOLD, multiplier=D(1))))
    assert (plain.points, len(plain.rules)) == (100, 1)


def test_the_breakdown_keeps_the_tier_as_it_was():
    breakdown = award(order("100"), TERMS).as_breakdown()
    assert terms_from_breakdown(breakdown, {}) == TERMS


def test_a_breakdown_of_before_there_were_tiers_is_still_read():
    breakdown = award(order("100"), replace(TERMS, tier=None)).as_breakdown()
    breakdown["version"] = 2
    del breakdown["tier"]
    for share in breakdown["shares"]:
        del share["tier"]
    assert terms_from_breakdown(breakdown, {}) == replace(TERMS, tier=None, version=2)
