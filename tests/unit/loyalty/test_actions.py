"""Rules for actions: which have a say, and what each gives. Properties over any set of rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from saleor_crm_plugin.loyalty.awards import RuleTerms, terms_from_breakdown, versions_in
from saleor_crm_plugin.loyalty.birthdays import born_on, days_to_keep, has_birthday, is_too_soon
from saleor_crm_plugin.loyalty.referrals.sameness import home_of, mailbox_of
from saleor_crm_plugin.loyalty.rules.actions import Action, action_terms, given_by, share_of
from saleor_crm_plugin.loyalty.rules.definition import Effect, ReferralSide, RuleContext, RuleDefinition, Trigger

AT = datetime(2026, 5, 13, 12, tzinfo=UTC)
ACTIONS = [Trigger.SIGN_UP, Trigger.BIRTHDAY, Trigger.REFERRAL]


def fixed(trigger: Trigger = Trigger.SIGN_UP, points: int = 10, **changes) -> RuleDefinition:
    return RuleDefinition(trigger, Effect.FIXED_POINTS, D(points), **changes)


rules = st.builds(
    lambda number, points, room, stackable, is_dry_run: RuleTerms(
        number, 1, "Rule", fixed(points=points, stackable=stackable), room, is_dry_run
    ),
    st.integers(1, 9),
    st.integers(1, 1000),
    st.none() | st.integers(0, 1000),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(rules, max_size=6, unique_by=lambda rule: rule.rule_id))
def test_what_rules_give(found):
    points = list(given_by(action_terms(found)))
    assert [rule for rule, _ in points] == found
    gave = [(rule, number) for rule, number in points if number]
    for rule, number in gave:
        assert number <= rule.definition.value
        assert rule.room is None or number <= rule.room
    real = [rule for rule, _ in gave if not rule.is_dry_run]
    # One that does not stack is alone.
    assert len(real) <= 1 or all(rule.definition.stackable for rule in real)
    # The first that has anything left always gives it.
    first = next((rule for rule in found if rule.room != 0 and not rule.is_dry_run), None)
    assert real[:1] == ([first] if first else [])


@given(rules)
def test_an_entrys_breakdown_can_be_read_again(rule):
    breakdown = share_of(rule, 7).as_breakdown()
    assert versions_in(breakdown) == {(rule.rule_id, 1)}
    assert terms_from_breakdown(breakdown, {(rule.rule_id, 1): (rule.name, rule.definition)}) == action_terms([rule])


@pytest.mark.parametrize("trigger", ACTIONS)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_rule_is_for_its_own_action(trigger, action):
    assert Action(action, "", AT).calls_for(fixed(trigger), AT) is (trigger == action)


@pytest.mark.parametrize("trigger", ACTIONS)
def test_an_order_is_no_action_and_the_other_way_round(trigger):
    order = RuleContext(channel_id=1, at=AT, is_first_order=True)
    assert not fixed(trigger).applies(order)
    assert not Action(trigger, "", AT).calls_for(fixed(Trigger.ORDER), AT)
    assert not Action(trigger, "", AT).calls_for(fixed(Trigger.FIRST_ORDER), AT)


def test_a_rule_gives_for_what_happens_while_it_is_in_force():
    action = Action(Trigger.SIGN_UP, "", AT)
    assert action.calls_for(fixed(), AT)
    assert not action.calls_for(fixed(), AT + timedelta(seconds=1))
    assert not action.calls_for(fixed(), None)


@pytest.mark.parametrize(
    ("side", "of_rule", "expected"),
    [
        (ReferralSide.FRIEND, None, True),
        (ReferralSide.FRIEND, ReferralSide.FRIEND, True),
        (ReferralSide.FRIEND, ReferralSide.REFERRER, False),
        (ReferralSide.REFERRER, ReferralSide.FRIEND, False),
    ],
)
def test_a_referral_has_two_sides(side, of_rule, expected):
    definition = fixed(Trigger.REFERRAL, referral_side=of_rule)
    assert Action(Trigger.REFERRAL, "", AT, referral_side=side).calls_for(definition, AT) is expected


@example(date(2020, 1, 1), 2021)
@given(st.dates(date(1900, 1, 1), date(2020, 12, 31)), st.integers(2021, 2100))
def test_everybody_has_one_birthday_a_year(birth, year):
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(366)]
    kept = [day for day in days if day.year == year and has_birthday(birth.isoformat(), day)]
    assert len(kept) == 1
    assert birth.strftime("%m-%d") in born_on(kept[0])
    # And none comes too soon after that of the year before.
    before = [
        day for day in (kept[0] - timedelta(days=n) for n in range(360, 372)) if has_birthday(birth.isoformat(), day)
    ]
    # There is none before the first.
    assert len(before) == (0 if year == birth.year + 1 else 1)
    assert not any(is_too_soon(kept[0], day) for day in before)


def test_days_that_were_missed_come_first():
    assert days_to_keep(date(2027, 1, 1), 2) == [date(2026, 12, 30), date(2026, 12, 31), date(2027, 1, 1)]


def test_a_second_birthday_within_a_year_is_too_soon():
    assert is_too_soon(date(2027, 1, 5), date(2026, 12, 20))
    assert is_too_soon(date(2026, 5, 1), date(2026, 5, 2))
    assert not is_too_soon(date(2026, 5, 1), None)


@pytest.mark.parametrize("other", ["ANN.Lee+shop@Example.com", "a.n.n.l.e.e@example.com", " annlee@example.com "])
def test_a_mailbox_has_many_spellings(other):
    assert mailbox_of("annlee@example.com") == mailbox_of(other)


@pytest.mark.parametrize("other", ["annlee@example.org", "annle@example.com", "nolee@example.com"])
def test_other_mailboxes_are_others(other):
    assert mailbox_of("annlee@example.com") != mailbox_of(other)


def test_a_home_has_many_spellings_and_needs_a_name_and_a_street():
    home = home_of("Müller", "Hauptstr. 5", "", "10115", "Berlin", "DE")
    assert home == home_of("MÜLLER ", "hauptstr 5", "", "101 15", "berlin", "DE")
    assert home != home_of("Müller", "Hauptstr. 5", "2. Stock", "10115", "Berlin", "DE")
    assert home_of("", "Hauptstr. 5", "", "10115", "Berlin", "DE") is None
    assert home_of("Müller", " ", "", "10115", "Berlin", "DE") is None
