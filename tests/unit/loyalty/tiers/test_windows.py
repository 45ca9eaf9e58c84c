"""What counts when, in each kind of window."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from saleor_crm_plugin.loyalty.tiers.windows import FOREVER, NEVER, Amount, Timeline, Window, WindowKind, later

MONTHS = Window(WindowKind.ROLLING, months=1)
DAYS = Window(WindowKind.ROLLING, days=10)
YEARS = Window(WindowKind.CALENDAR_YEAR)
LIFE = Window(WindowKind.LIFETIME)


def at(day: int, month: int = 1, year: int = 2026) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def amounts(*pairs: tuple[datetime, int]) -> list[Amount]:
    return [Amount(moment, D(number)) for moment, number in pairs]


def test_in_a_rolling_window_an_amount_counts_for_as_long_as_the_window_is():
    timeline = Timeline.of(DAYS, amounts((at(1), 5), (at(5), 7)))
    assert [timeline.total(at(day)) for day in (1, 4, 5, 10, 11, 14, 15)] == [5, 5, 12, 12, 7, 7, 0]
    assert timeline.total(at(31, 12, 2025)) == 0
    assert timeline.ceases(D(5), at(6)) == at(15)
    assert timeline.ceases(D(12), at(6)) == at(11)
    # Once it does not count any more: when it ceased.
    assert timeline.ceases(D(12), at(20)) == at(11)
    assert timeline.ceases(D(13), at(20)) == NEVER
    assert timeline.ceases(D(0), at(20)) == FOREVER


def test_months_end_on_the_last_day_of_a_shorter_one():
    assert Timeline.of(MONTHS, amounts((at(31), 5))).ceases(D(5), at(31)) == at(28, 2)


def test_a_calendar_year_counts_until_the_end_of_the_next():
    timeline = Timeline.of(YEARS, amounts((at(20, 12), 5), (at(3, 2, 2027), 4)))
    moments = [at(1, 12), at(20, 12), at(31, 12, 2027), at(1, 1, 2028), at(1, 1, 2029)]
    assert [timeline.total(moment) for moment in moments] == [0, 5, 5, 4, 0]
    # Years do not add up.
    assert timeline.peak(at(1), at(1, 1, 2030)) == 5
    assert timeline.ceases(D(5), at(20, 12)) == at(1, 1, 2028)


def test_a_year_is_one_of_utc():
    late = datetime.fromisoformat("2026-12-31T23:30:00-05:00")
    assert Timeline.of(YEARS, amounts((late, 5))).ceases(D(5), late) == at(1, 1, 2029)


def test_for_life_nothing_leaves():
    timeline = Timeline.of(LIFE, amounts((at(1), 5), (at(5), 7)))
    assert timeline.total(at(1, 1, 2099)) == 12
    assert timeline.ceases(D(12), at(5)) == FOREVER


def test_the_peak_leaves_out_what_had_ceased_by_then():
    timeline = Timeline.of(DAYS, amounts((at(1), 5)))
    assert timeline.peak(at(10), at(20)) == 5
    assert timeline.peak(at(11), at(20)) == 0


@pytest.mark.parametrize("moment", [FOREVER, NEVER])
def test_no_end_of_time_is_passed(moment):
    assert later(moment, 30) == moment


def test_how_far_back_one_has_to_look():
    assert DAYS.lookback(at(31), 5) == at(6)
    assert YEARS.lookback(at(3, 1, 2026), 5) == at(1, 1, 2023)
    assert LIFE.lookback(at(31), 5) is None
