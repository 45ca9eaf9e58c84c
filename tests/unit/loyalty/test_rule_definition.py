"""What a rule says: when it applies, to what, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.loyalty.awards import EarningLine, EarningOrder
from saleor_crm_plugin.loyalty.rules.definition import (
    Conditions,
    CustomerType,
    Effect,
    Limits,
    Period,
    ReferralSide,
    RuleContext,
    RuleDefinition,
    RuleUsage,
    Trigger,
)
from saleor_crm_plugin.loyalty.rules.validation import CONDITION_LIMIT, validate

# A Wednesday.
NOON = datetime(2026, 5, 13, 12, tzinfo=UTC)
RULE = RuleDefinition(Trigger.ORDER, Effect.FIXED_POINTS, D(50))
CONTEXT = RuleContext(channel_id=1, at=NOON, segments=frozenset({"CHAMPIONS"}), tier_id=3)


@pytest.mark.parametrize(
    ("changes", "applies"),
    [
        ({}, True),
        ({"channel_ids": frozenset({1, 2})}, True),
        ({"channel_ids": frozenset({2})}, False),
        ({"starts_at": NOON}, True),
        ({"starts_at": NOON + timedelta(seconds=1)}, False),
        ({"ends_at": NOON}, False),
        ({"ends_at": NOON + timedelta(seconds=1)}, True),
        ({"weekdays": frozenset({2})}, True),
        ({"weekdays": frozenset({0, 6})}, False),
        ({"trigger": Trigger.FIRST_ORDER}, False),
        ({"conditions": Conditions(segments=frozenset({"LOYAL", "CHAMPIONS"}))}, True),
        ({"conditions": Conditions(segments=frozenset({"LOYAL"}))}, False),
        ({"conditions": Conditions(tier_ids=frozenset({3, 4}))}, True),
        ({"conditions": Conditions(tier_ids=frozenset({4}))}, False),
    ],
)
def test_when_it_applies(changes, applies):
    assert replace(RULE, **changes).applies(CONTEXT) is applies


def test_a_first_order_is_an_order_too():
    first = replace(CONTEXT, is_first_order=True)
    assert RULE.applies(first)
    assert replace(RULE, trigger=Trigger.FIRST_ORDER).applies(first)


def line(**facts) -> EarningLine:
    return EarningLine(key="1", name="Tea", gross=D(20), net=D(20), **facts)


@pytest.mark.parametrize(
    ("conditions", "matches"),
    [
        (Conditions(), True),
        (Conditions(product_ids=frozenset({7})), True),
        (Conditions(product_ids=frozenset({8})), False),
        # The category stands above that of the product.
        (Conditions(category_ids=frozenset({3})), True),
        (Conditions(collection_ids=frozenset({9})), False),
        (Conditions(product_type_ids=frozenset({5})), True),
        # In any of them.
        (Conditions(product_ids=frozenset({8}), category_ids=frozenset({4})), True),
    ],
)
def test_which_lines_it_is_for(conditions, matches):
    tea = line(product_id=7, product_type_id=5, category_ids=frozenset({3, 4}), collection_ids=frozenset({1}))
    assert replace(RULE, conditions=conditions).matches_line(tea) is matches


def test_a_line_without_product_matches_only_a_rule_for_all():
    assert RULE.matches_line(line())
    assert not replace(RULE, conditions=Conditions(product_ids=frozenset({7}))).matches_line(line())


@pytest.mark.parametrize(
    ("conditions", "matches"),
    [
        (Conditions(minimum_subtotal=D("20.00")), True),
        (Conditions(minimum_subtotal=D("20.01")), False),
        (Conditions(customer_type=CustomerType.BUSINESS), True),
        (Conditions(customer_type=CustomerType.CONSUMER), False),
    ],
)
def test_which_orders_it_is_for(conditions, matches):
    order = EarningOrder([line()], D(5), D(5), D(25), is_business=True)
    assert replace(RULE, conditions=conditions).matches_order(order) is matches


@pytest.mark.parametrize(
    ("limits", "used", "room"),
    [
        (Limits(), RuleUsage(500, 5, 5000), None),
        (Limits(points_per_order=40), RuleUsage(), 40),
        (Limits(points_per_customer=100), RuleUsage(customer_points=70), 30),
        (Limits(points_per_customer=100), RuleUsage(customer_points=170), 0),
        (Limits(uses_per_customer=2), RuleUsage(customer_uses=1), None),
        (Limits(uses_per_customer=2), RuleUsage(customer_uses=2), 0),
        (Limits(points_per_order=40, points_in_total=1000), RuleUsage(total_points=990), 10),
    ],
)
def test_what_limits_leave(limits, used, room):
    assert replace(RULE, limits=limits).room(used) == room


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (None, None, None),
        (Period.DAY, datetime(2026, 5, 13, tzinfo=UTC), datetime(2026, 5, 14, tzinfo=UTC)),
        (Period.WEEK, datetime(2026, 5, 11, tzinfo=UTC), datetime(2026, 5, 18, tzinfo=UTC)),
        (Period.MONTH, datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)),
        (Period.YEAR, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_which_uses_count(period, start, end):
    assert replace(RULE, limits=Limits(uses_per_customer=1, period=period)).period_of(NOON) == (start, end)


def test_a_year_after_a_leap_day():
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    yearly = replace(RULE, limits=Limits(uses_per_customer=1, period=Period.YEAR))
    assert yearly.period_of(leap) == (datetime(2028, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC))


def test_a_rule_survives_the_database():
    full = RuleDefinition(
        Trigger.FIRST_ORDER,
        Effect.MULTIPLIER,
        D("2.5"),
        frozenset({1}),
        NOON,
        NOON + timedelta(days=1),
        frozenset({0, 6}),
        Conditions(
            frozenset({1}), frozenset({2}), frozenset({3}), frozenset({4}), D("9.99"), frozenset({"NEW"}),
            CustomerType.CONSUMER, frozenset({5}),
        ),
        Limits(1, 2, 3, 4, Period.WEEK),
        5,
        False,
    )  # fmt: skip
    assert RuleDefinition.from_json(full.as_json()) == full
    assert RuleDefinition.from_json(RULE.as_json()) == RULE


def test_a_version_of_before_there_were_tiers_is_still_read():
    stored = RULE.as_json()
    del stored["conditions"]["tier_ids"]
    assert RuleDefinition.from_json(stored) == RULE


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"value": D(0)}, "value"),
        ({"value": D("1.5")}, "value"),
        ({"value": D(1_000_001)}, "value"),
        ({"effect": Effect.MULTIPLIER, "value": D(1)}, "value"),
        ({"effect": Effect.MULTIPLIER, "value": D(101)}, "value"),
        ({"effect": Effect.POINTS_PER_AMOUNT, "value": D(-1)}, "value"),
        ({"effect": Effect.POINTS_PER_AMOUNT, "value": D("0.1234567")}, "value"),
        ({"effect": Effect.POINTS_PER_AMOUNT, "value": D("NaN")}, "value"),
        ({"starts_at": NOON, "ends_at": NOON}, "endsAt"),
        ({"weekdays": frozenset({7})}, "weekdays"),
        ({"priority": 1001}, "priority"),
        ({"conditions": Conditions(minimum_subtotal=D(0))}, "minimumSubtotal"),
        ({"conditions": Conditions(minimum_subtotal=D("NaN"))}, "minimumSubtotal"),
        ({"conditions": Conditions(product_ids=frozenset(range(CONDITION_LIMIT + 1)))}, "productIds"),
        ({"limits": Limits(points_per_order=0)}, "pointsPerOrder"),
        ({"limits": Limits(points_in_total=2**31)}, "pointsInTotal"),
        ({"limits": Limits(points_per_order=5, period=Period.DAY)}, "period"),
    ],
)
def test_what_is_refused_and_where(changes, field):
    with pytest.raises(LoyaltyInputError) as error:
        validate(replace(RULE, **changes))
    assert (error.value.field, error.value.code) == (field, "INVALID")


SIGN_UP = replace(RULE, trigger=Trigger.SIGN_UP)
REFERRAL = replace(RULE, trigger=Trigger.REFERRAL)


@pytest.mark.parametrize(
    ("rule", "changes", "field"),
    [
        (SIGN_UP, {"effect": Effect.MULTIPLIER, "value": D(2)}, "effect"),
        (SIGN_UP, {"effect": Effect.POINTS_PER_AMOUNT}, "effect"),
        (SIGN_UP, {"conditions": Conditions(product_ids=frozenset({1}))}, "productIds"),
        (SIGN_UP, {"conditions": Conditions(category_ids=frozenset({1}))}, "categoryIds"),
        (SIGN_UP, {"conditions": Conditions(collection_ids=frozenset({1}))}, "collectionIds"),
        (SIGN_UP, {"conditions": Conditions(product_type_ids=frozenset({1}))}, "productTypeIds"),
        (SIGN_UP, {"conditions": Conditions(minimum_subtotal=D(1))}, "minimumSubtotal"),
        (SIGN_UP, {"conditions": Conditions(customer_type=CustomerType.BUSINESS)}, "buyerType"),
        (SIGN_UP, {"conditions": Conditions(segments=frozenset({"LOYAL"}))}, "segments"),
        (SIGN_UP, {"limits": Limits(points_per_order=5)}, "pointsPerOrder"),
        (SIGN_UP, {"channel_ids": frozenset({1})}, "channelIds"),
        (SIGN_UP, {"referral_side": ReferralSide.FRIEND}, "referralSide"),
        (SIGN_UP, {"expires_after_months": 0}, "expiresAfterMonths"),
        (SIGN_UP, {"expires_after_months": 121}, "expiresAfterMonths"),
        (REFERRAL, {"conditions": Conditions(minimum_subtotal=D(1))}, "minimumSubtotal"),
        (RULE, {"referral_side": ReferralSide.FRIEND}, "referralSide"),
        (RULE, {"expires_after_months": 3}, "expiresAfterMonths"),
    ],
)
def test_what_makes_no_sense_for_an_action_is_refused(rule, changes, field):
    validate(rule)
    with pytest.raises(LoyaltyInputError) as error:
        validate(replace(rule, **changes))
    assert (error.value.code, error.value.field) == ("INVALID", field)


@pytest.mark.parametrize(
    "rule",
    [
        replace(SIGN_UP, weekdays=frozenset({1}), limits=Limits(uses_per_customer=1, period=Period.YEAR)),
        replace(REFERRAL, channel_ids=frozenset({1}), referral_side=ReferralSide.REFERRER, expires_after_months=120),
        replace(RULE, trigger=Trigger.BIRTHDAY, conditions=Conditions(segments=frozenset({"LOYAL"}))),
    ],
)
def test_a_rule_for_an_action_survives_the_database(rule):
    validate(rule)
    assert RuleDefinition.from_json(json.loads(json.dumps(rule.as_json()))) == rule


def test_a_version_from_before_there_were_actions_can_be_read():
    stored = RULE.as_json()
    del stored["referral_side"], stored["expires_after_months"]
    assert RuleDefinition.from_json(stored) == RULE


def test_limits_themselves_are_fine():
    validate(RULE)
    validate(replace(RULE, effect=Effect.MULTIPLIER, value=D(100)))
    validate(replace(RULE, effect=Effect.POINTS_PER_AMOUNT, value=D("0.000001")))
