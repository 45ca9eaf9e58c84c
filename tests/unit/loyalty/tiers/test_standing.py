"""Tiers won, kept and lost: each case with dates that a shopkeeper would expect, then the laws that hold for all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.loyalty.tiers.standing import (
    Assigned,
    Downgrade,
    Earned,
    Progress,
    Rules,
    Rung,
    Standing,
    keep_until,
    progress_of,
    standing_of,
    together,
)
from saleor_crm_plugin.loyalty.tiers.windows import FOREVER, Amount, Window, WindowKind, later

LADDER = (Rung(1, D(100)), Rung(2, D(500)), Rung(3, D(1000)))
ROLLING = Window(WindowKind.ROLLING, days=100)
YEARS = Window(WindowKind.CALENDAR_YEAR)
LIFE = Window(WindowKind.LIFETIME)
BEGINNING = datetime(2026, 3, 1, tzinfo=UTC)
NOBODY = Standing()


def day(number: int) -> datetime:
    return BEGINNING + timedelta(days=number)


def earn(*pairs: tuple[int, int]) -> list[Amount]:
    return [Amount(day(number), D(points)) for number, points in pairs]


def rules(window=ROLLING, grace=0, downgrade=Downgrade.TO_QUALIFIED, ladder=LADDER) -> Rules:
    return Rules(window, ladder, grace, downgrade)


def levels(rules: Rules, amounts: list[Amount], *days: int) -> list[int | None]:
    """The level on each of the days, reviewed on each."""
    standing, found = NOBODY, []
    for number in days:
        seen = [each for each in amounts if each.at <= day(number)]
        standing = standing_of(rules, seen, standing, day(number))
        found.append(standing.level)
    return found


def test_up_at_once_and_down_when_what_was_earned_leaves_the_window():
    assert levels(rules(), earn((0, 99), (1, 1), (50, 900)), 0, 1, 50, 99, 100, 101, 149, 150) == [
        None, 1, 3, 3, 2, 2, 2, None,
    ]  # fmt: skip


def test_days_of_grace_count_from_the_loss():
    assert levels(rules(grace=10), earn((0, 1000)), 0, 99, 100, 109, 110) == [3, 3, 3, 3, None]
    # Whether somebody looked in between or not.
    assert levels(rules(grace=10), earn((0, 1000)), 0, 109, 110) == [3, 3, None]
    # What is earned meanwhile keeps it.
    assert levels(rules(grace=10), earn((0, 1000), (105, 1000)), 0, 104, 110, 204, 205, 214, 215) == [
        3, 3, 3, 3, 3, 3, None,
    ]  # fmt: skip


def test_down_to_the_tier_that_is_still_earned():
    assert levels(rules(), earn((0, 1000), (50, 100)), 50, 100, 150) == [3, 1, None]


def test_the_lower_tier_has_its_own_days_of_grace():
    """Gold ceases to count on day 100, Bronze on day 105."""
    amounts = earn((0, 900), (5, 100))
    assert levels(rules(grace=10), amounts, 5, 109, 110, 114, 115) == [3, 3, 1, 1, None]


def test_down_one_level_for_one_more_window():
    one_level = rules(downgrade=Downgrade.ONE_LEVEL)
    days = (0, 99, 100, 199, 200, 299, 300)
    assert levels(one_level, earn((0, 1000)), *days) == [3, 3, 2, 2, 1, 1, None]
    # A worker that slept all the time finds the same.
    assert levels(one_level, earn((0, 1000)), 0, 250) == [3, 1]
    assert levels(one_level, earn((0, 1000)), 0, 300) == [3, None]


def test_grace_and_one_level_together():
    both = rules(grace=10, downgrade=Downgrade.ONE_LEVEL)
    days = (0, 109, 110, 219, 220, 329, 330)
    assert levels(both, earn((0, 1000)), *days) == [3, 3, 2, 2, 1, 1, None]


def test_a_calendar_year_holds_to_the_end_of_the_next():
    december, end = datetime(2026, 12, 20, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    amounts = [Amount(december, D(500))]
    standing = standing_of(rules(YEARS), amounts, NOBODY, december)
    assert standing == Standing(Earned(2, end))
    assert progress_of(rules(YEARS), amounts, standing, december) == Progress(3, D(500), end, D(500))
    # 2027 has to bring as much again; 2026 says nothing about the next tier any more.
    january = datetime(2027, 1, 5, tzinfo=UTC)
    amounts.append(Amount(january, D(120)))
    standing = standing_of(rules(YEARS), amounts, standing, january)
    assert progress_of(rules(YEARS), amounts, standing, january) == Progress(3, D(880), end, D(380))
    assert standing_of(rules(YEARS), amounts, standing, end).level == 1


def test_one_level_down_in_calendar_years_is_for_one_year():
    one_level = rules(YEARS, downgrade=Downgrade.ONE_LEVEL)
    march = datetime(2026, 3, 1, tzinfo=UTC)
    standing = standing_of(one_level, [Amount(march, D(1000))], NOBODY, march)
    at = {year: standing_of(one_level, [Amount(march, D(1000))], standing, datetime(year, 1, 1, tzinfo=UTC)).level
          for year in (2027, 2028, 2029, 2030)}  # fmt: skip
    assert at == {2027: 3, 2028: 2, 2029: 1, 2030: None}


def test_for_life_only_a_refund_takes_it():
    life = rules(LIFE, grace=10, downgrade=Downgrade.ONE_LEVEL)
    standing = standing_of(life, earn((0, 1000)), NOBODY, day(0))
    assert standing == Standing(Earned(3, FOREVER))
    assert progress_of(life, earn((0, 1000)), standing, day(9999)) == Progress()
    refunded = standing_of(life, earn((0, 150)), standing, day(500))
    assert refunded == Standing(Earned(3, day(500)))
    assert standing_of(life, earn((0, 150)), refunded, day(509)).level == 3
    assert standing_of(life, earn((0, 150)), refunded, day(510)).level == 1


def test_a_refund_begins_the_grace_at_the_moment_that_it_is_known():
    standing = standing_of(rules(grace=10), earn((0, 1000)), NOBODY, day(0))
    refunded = standing_of(rules(grace=10), earn((0, 400)), standing, day(20))
    assert (refunded.level, keep_until(rules(grace=10), refunded)) == (3, day(30))
    # A second one does not begin it anew.
    again = standing_of(rules(grace=10), earn((0, 300)), refunded, day(25))
    assert standing_of(rules(grace=10), earn((0, 300)), again, day(29)).level == 3
    assert standing_of(rules(grace=10), earn((0, 300)), again, day(30)).level == 1


def test_an_assigned_level_is_a_floor_with_an_end():
    given_two = Standing(assigned=Assigned(2, day(50)))
    standing = standing_of(rules(), [], given_two, day(0))
    assert (standing.level, keep_until(rules(), standing)) == (2, day(50))
    assert progress_of(rules(), [], standing, day(0)) == Progress(3, D(1000), day(50), D(500))
    higher = standing_of(rules(), earn((10, 1000)), standing, day(10))
    assert (higher.level, keep_until(rules(), higher)) == (3, day(110))
    assert standing_of(rules(), earn((0, 100)), given_two, day(49)).level == 2
    assert standing_of(rules(), earn((0, 100)), given_two, day(50)) == Standing(Earned(1, day(100)))


@pytest.mark.parametrize(
    ("guest", "user", "both"),
    [
        (Standing(assigned=Assigned(2, day(50))), NOBODY, Standing(assigned=Assigned(2, day(50)))),
        (
            Standing(assigned=Assigned(2, day(50))),
            Standing(assigned=Assigned(2, day(40))),
            Standing(assigned=Assigned(2, day(50))),
        ),
        (
            Standing(assigned=Assigned(2, day(50))),
            Standing(assigned=Assigned(1, day(90))),
            Standing(assigned=Assigned(2, day(50))),
        ),
        # What is over is not brought along, nor in the way.
        (Standing(assigned=Assigned(2, day(10))), NOBODY, NOBODY),
        (Standing(assigned=Assigned(3, day(10))), Standing(Earned(1, day(20))), Standing(Earned(1, day(20)))),
        (
            Standing(Earned(1, day(60), day(60))),
            Standing(Earned(1, day(80)), Assigned(3, day(30))),
            Standing(Earned(1, day(80), day(60)), Assigned(3, day(30))),
        ),
        (Standing(Earned(2, day(60), day(60))), Standing(Earned(3, day(20))), Standing(Earned(3, day(20)))),
    ],
)
def test_who_was_two_customers_holds_the_better_of_both(guest, user, both):
    assert together(rules(), guest, user, day(10)) == both
    assert together(rules(), user, guest, day(10)) == both


def test_a_tier_that_is_no_more():
    standing = standing_of(rules(), earn((0, 500)), NOBODY, day(0))
    without = rules(ladder=(LADDER[0], LADDER[2]))
    assert standing_of(without, earn((0, 500)), standing, day(1)) == Standing(Earned(1, day(100)))
    assert standing_of(rules(ladder=()), earn((0, 500)), standing, day(1)) == NOBODY
    assigned = Standing(assigned=Assigned(2, day(50)))
    assert standing_of(without, [], assigned, day(1)) == NOBODY


def test_a_tier_for_everybody():
    everybody = rules(ladder=(Rung(1, D(0)), *LADDER[1:]))
    standing = standing_of(everybody, [], NOBODY, day(0))
    assert standing == Standing(Earned(1))
    assert progress_of(everybody, [], standing, day(0)) == Progress(2, D(500), None, None)


def test_the_projection_knows_what_falls_out_of_the_window_before():
    amounts = earn((0, 300), (60, 250))
    standing = standing_of(rules(), amounts, NOBODY, day(70))
    # On day 100 the first 300 are gone: 250 of the 500 will be missing.
    assert progress_of(rules(), amounts, standing, day(70)) == Progress(3, D(450), day(100), D(250))


WINDOWS = st.sampled_from([ROLLING, Window(WindowKind.ROLLING, months=3), YEARS, LIFE])
RULES = st.builds(rules, WINDOWS, st.sampled_from([0, 10, 120]), st.sampled_from(list(Downgrade)))
AMOUNTS = st.lists(
    st.builds(lambda at, points: Amount(day(at), D(points)), st.integers(0, 800), st.integers(1, 1200)), max_size=8
)
DAYS = st.integers(0, 1500)
LEVELS = st.sampled_from([1, 2, 3])
BEFORE = st.builds(
    Standing,
    st.none()
    | st.builds(Earned, LEVELS, st.builds(day, DAYS), st.builds(day, DAYS))
    | st.builds(Earned, LEVELS, st.builds(day, DAYS)),
    st.none() | st.builds(Assigned, LEVELS, st.builds(day, DAYS)),
)


def level(standing: Standing) -> int:
    return standing.level or 0


@given(RULES, AMOUNTS, AMOUNTS, BEFORE, DAYS)
def test_earning_more_never_lowers_a_tier(rules, amounts, more, before, today):
    now = day(today)
    with_more = standing_of(rules, amounts + more, before, now)
    assert level(standing_of(rules, amounts, before, now)) <= level(with_more)


@given(RULES, AMOUNTS, BEFORE, DAYS, DAYS)
def test_time_alone_never_raises_one(rules, amounts, before, today, later):
    today, later = sorted((today, later))
    known = [each for each in amounts if each.at <= day(today)]
    now = standing_of(rules, known, before, day(today))
    assert level(standing_of(rules, known, now, day(later))) <= level(now)


@given(RULES, AMOUNTS, BEFORE, DAYS, st.lists(DAYS, max_size=4), DAYS)
def test_it_does_not_matter_how_often_somebody_looks(rules, amounts, before, first, between, last):
    """Without new facts, one review finds what many find."""
    known = [each for each in amounts if each.at <= day(first)]
    start = standing_of(rules, known, before, day(first))
    often = start
    for number in sorted(between):
        if first <= number <= last:
            often = standing_of(rules, known, often, day(number))
    if first <= last:
        once, often = (standing_of(rules, known, each, day(last)) for each in (start, often))
        assert once.level == often.level
        assert keep_until(rules, once) == keep_until(rules, often)


@given(RULES, AMOUNTS, BEFORE, DAYS)
def test_a_tier_is_kept_until_the_moment_that_was_promised(rules, amounts, before, today):
    now = day(today)
    known = [each for each in amounts if each.at <= now]
    standing = standing_of(rules, known, before, now)
    end = keep_until(rules, standing)
    assert end > now
    if end < FOREVER:
        moment = end - timedelta(microseconds=1)
        assert standing_of(rules, known, standing, moment).level == standing.level
        assert level(standing_of(rules, known, standing, end)) < level(standing)


@given(RULES, AMOUNTS, BEFORE, DAYS)
def test_what_is_missing_is_enough_and_no_less_is(rules, amounts, before, today):
    now = day(today)
    known = [each for each in amounts if each.at <= now]
    standing = standing_of(rules, known, before, now)
    missing = progress_of(rules, known, standing, now)
    if missing.to_next is not None:
        assert missing.to_next > 0
        assert standing_of(rules, [*known, Amount(now, missing.to_next)], standing, now).level == missing.next_level
        less = [*known, Amount(now, missing.to_next - 1)]
        assert level(standing_of(rules, less, standing, now)) < missing.next_level


@given(RULES, AMOUNTS, BEFORE, DAYS)
def test_what_keeps_the_tier_does(rules, amounts, before, today):
    now = day(today)
    known = [each for each in amounts if each.at <= now]
    standing = standing_of(rules, known, before, now)
    missing = progress_of(rules, known, standing, now)
    if missing.keep_until is None:
        return
    earned = standing.earned
    # In calendar years it is the year that ends with the loss that counts, so it has to be earned before that.
    until = missing.keep_until
    if rules.window.kind == WindowKind.CALENDAR_YEAR and earned and later(earned.lost_at, rules.grace_days) == until:
        until = max(now, earned.lost_at)
    at = max(now, until - timedelta(microseconds=1))
    assert missing.to_keep is not None
    kept = [*known, Amount(at, missing.to_keep)]
    after = standing_of(rules, kept, standing_of(rules, kept, standing, at), missing.keep_until)
    assert level(after) >= level(standing)
    if missing.to_keep >= 1:
        less = [*known, Amount(at, missing.to_keep - 1)]
        assert level(standing_of(rules, less, standing, missing.keep_until)) < level(standing)


@pytest.mark.parametrize("window", [ROLLING, YEARS, LIFE])
def test_the_rules_of_a_shop_without_tiers(window):
    assert standing_of(rules(window, ladder=()), earn((0, 1000)), NOBODY, day(0)) == NOBODY
