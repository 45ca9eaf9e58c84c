"""How much counts towards a tier at each moment. Pure.

An amount is points earned, or money spent, with the moment from which it counts; it is never below 0. In a rolling
window it counts for as long as the window is. In calendar years (UTC) it counts in its own year, and what a year came
to holds for the rest of that year and for the next. For life it counts for good.
"""

from __future__ import annotations

import calendar
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Self

# Stand for "for good" and "never".
FOREVER = datetime.max.replace(tzinfo=UTC)
NEVER = datetime.min.replace(tzinfo=UTC)


class WindowKind(StrEnum):
    ROLLING = "rolling"
    CALENDAR_YEAR = "calendar_year"
    LIFETIME = "lifetime"


class Amount(NamedTuple):
    """Points earned, or money spent, less what was taken back of it."""

    at: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Window:
    """
    Attributes:
        days, months: length of a rolling window, one of them.
    """

    kind: WindowKind
    days: int | None = None
    months: int | None = None

    def end(self, since: datetime) -> datetime:
        """When a window that begins at a moment is over; for calendar years, when that year is."""
        match self.kind:
            case WindowKind.LIFETIME:
                return FOREVER
            case WindowKind.CALENDAR_YEAR:
                return new_year(since.year + 1)
        return later(add_months(since, self.months or 0), self.days or 0)

    def lookback(self, now: datetime, grace_days: int) -> datetime | None:
        """Since when amounts have to be known to say what counts now, and what counted lately; None: all."""
        match self.kind:
            case WindowKind.LIFETIME:
                return None
            case WindowKind.CALENDAR_YEAR:
                return new_year(earlier(now, grace_days).year - 2)
        # Twice the window: a review that is late by as much still finds when a tier was lost.
        days = (self.days or 0) + 31 * (self.months or 0)
        return earlier(now, 2 * days + grace_days)


@dataclass(frozen=True, slots=True)
class Timeline:
    """What counts at each moment, past and to come, if nothing more is earned: `totals[i]` from `moments[i]` on."""

    moments: Sequence[datetime] = ()
    totals: Sequence[Decimal] = ()

    @classmethod
    def of(cls, window: Window, amounts: Iterable[Amount]) -> Self:
        totals: dict[datetime, Decimal] = {}
        if window.kind == WindowKind.CALENDAR_YEAR:
            years: dict[int, Decimal] = {}
            changes = [(each.at.astimezone(UTC), each.amount) for each in amounts]
            changes += [
                (new_year(year), Decimal(0))
                for year in {at.year + later_by for at, _ in changes for later_by in (1, 2)}
            ]
            for moment, amount in sorted(changes):
                year = moment.year
                years[year] = years.get(year, Decimal(0)) + amount
                totals[moment] = max(years[year], years.get(year - 1, Decimal(0)))
        else:
            changes = [(each.at, each.amount) for each in amounts]
            if window.kind == WindowKind.ROLLING:
                changes += [(window.end(at), -amount) for at, amount in changes]
            total = Decimal(0)
            for moment, change in sorted(changes):
                total += change
                totals[moment] = total
        return cls(tuple(totals), tuple(totals.values()))

    def total(self, at: datetime) -> Decimal:
        place = bisect_right(self.moments, at)
        return self.totals[place - 1] if place else Decimal(0)

    def peak(self, after: datetime, until: datetime) -> Decimal:
        """The most that counted at any moment after the one and up to the other."""
        first, last = bisect_right(self.moments, after), bisect_right(self.moments, until)
        return max([self.total(after), *self.totals[first:last]])

    def ceases(self, threshold: Decimal, now: datetime) -> datetime:
        """When less than `threshold` will count, if it counts now; else when it last ceased to.

        FOREVER if it will never cease; NEVER if it never counted.
        """
        place = bisect_right(self.moments, now)
        if self.total(now) >= threshold:
            steps = zip(self.moments[place:], self.totals[place:], strict=True)
            return next((moment for moment, total in steps if total < threshold), FOREVER)
        while place > 0:
            place -= 1
            if (self.totals[place - 1] if place else Decimal(0)) >= threshold > self.totals[place]:
                return self.moments[place]
        return NEVER


def year_total(amounts: Iterable[Amount], year: int) -> Decimal:
    """What a calendar year in UTC came to."""
    return sum((each.amount for each in amounts if each.at.astimezone(UTC).year == year), Decimal(0))


def new_year(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


def later(moment: datetime, days: int) -> datetime:
    """So many days later; FOREVER and NEVER stay what they are."""
    if moment in (FOREVER, NEVER) or moment > FOREVER - timedelta(days=days):
        return moment if moment == NEVER else FOREVER
    return moment + timedelta(days=days)


def earlier(moment: datetime, days: int) -> datetime:
    return NEVER if moment < NEVER + timedelta(days=days) else moment - timedelta(days=days)


def add_months(moment: datetime, months: int) -> datetime:
    """Calendar months later, on the last day of a shorter month."""
    month = moment.month - 1 + months
    year, month = moment.year + month // 12, month % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))
