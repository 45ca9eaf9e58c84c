"""Whose birthday it is. Pure.

A birthday is kept once in each calendar year, and not within a year of the last one that was: who changes the date
gains nothing.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta

LEAP_DAY = "02-29"
SHORTEST_YEAR = timedelta(days=365)


def days_to_keep(today: date, catch_up: int) -> list[date]:
    """Today and the days before it whose run may have been missed, oldest first."""
    return [today - timedelta(days=back) for back in range(catch_up, -1, -1)]


def born_on(day: date) -> list[str]:
    """Month and day ("05-13") of those who have their birthday on `day`: in a common year 29 February is the 28th."""
    keys = [day.strftime("%m-%d")]
    if keys == ["02-28"] and not calendar.isleap(day.year):
        keys.append(LEAP_DAY)
    return keys


def has_birthday(born: str, day: date) -> bool:
    """Whether somebody born on the ISO date `born` has a birthday on `day`. No date, or one to come: no."""
    try:
        birth = date.fromisoformat(born)
    except ValueError:
        return False
    return birth < day and birth.year < day.year and birth.strftime("%m-%d") in born_on(day)


def is_too_soon(day: date, last: date | None) -> bool:
    """Whether a birthday on `day` comes less than a year after the last one that was kept."""
    return last is not None and day - last < SHORTEST_YEAR
