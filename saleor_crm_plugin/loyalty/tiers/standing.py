"""Which tier a customer is in, until when, and what is missing. Pure.

A tier is held by what was earned, or because staff assigned it; the higher one counts. What was spent is nowhere in
here, so spending lowers nothing.

A tier is earned while its threshold counts (`tiers.windows`), and kept for the days of grace after that. Then the
customer goes down to the tier that is still earned, or one level, which is theirs for one more window. The result does
not depend on how often it is computed: what happened since the last time is made up for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from saleor_crm_plugin.loyalty.tiers.windows import (
    FOREVER,
    NEVER,
    Amount,
    Timeline,
    Window,
    WindowKind,
    earlier,
    later,
    year_total,
)


class Basis(StrEnum):
    POINTS_EARNED = "points_earned"
    NET_SPEND = "net_spend"


class Downgrade(StrEnum):
    ONE_LEVEL = "one_level"
    TO_QUALIFIED = "to_qualified"


@dataclass(frozen=True, slots=True)
class Rung:
    """A tier of the ladder; `threshold` is in points, or in the policy's currency."""

    level: int
    threshold: Decimal


@dataclass(frozen=True, slots=True)
class Rules:
    """How tiers are won and lost.

    Attributes:
        ladder: lowest level first; thresholds rise with it.
    """

    window: Window
    ladder: Sequence[Rung]
    grace_days: int = 0
    downgrade: Downgrade = Downgrade.TO_QUALIFIED

    def rung(self, level: int) -> Rung | None:
        return next((rung for rung in self.ladder if rung.level == level), None)

    def below(self, level: int) -> int | None:
        return max((rung.level for rung in self.ladder if rung.level < level), default=None)

    def above(self, level: int) -> Rung | None:
        return next((rung for rung in self.ladder if rung.level > level), None)

    def reached(self, total: Decimal) -> int | None:
        return max((rung.level for rung in self.ladder if rung.threshold <= total), default=None)


@dataclass(frozen=True, slots=True)
class Earned:
    """A level that was earned.

    Attributes:
        lost_at: when its threshold ceases or ceased to count; grace begins then.
        protected_until: it is kept until then in any case, since it is what a higher one went down to.
    """

    level: int
    lost_at: datetime = FOREVER
    protected_until: datetime = NEVER


@dataclass(frozen=True, slots=True)
class Assigned:
    """A level that staff gave, up to a moment."""

    level: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What a customer holds; neither: no tier. The next computation starts from it."""

    earned: Earned | None = None
    assigned: Assigned | None = None

    @property
    def level(self) -> int | None:
        return max((each.level for each in (self.earned, self.assigned) if each is not None), default=None)


@dataclass(frozen=True, slots=True)
class Progress:
    """What is missing, in points or money.

    Attributes:
        next_level, to_next: the next tier, and how much more has to be earned for it; None at the top.
        keep_until: how long the present tier is kept if nothing more is earned; None: for good.
        to_keep: how much has to be earned for it by then, to keep it further; None where nothing has to be.
    """

    next_level: int | None = None
    to_next: Decimal | None = None
    keep_until: datetime | None = None
    to_keep: Decimal | None = None


def standing_of(rules: Rules, amounts: Sequence[Amount], before: Standing, now: datetime) -> Standing:
    """The standing at a moment, from what was found the last time and everything that counts."""
    assigned = before.assigned
    if assigned is not None and (now >= assigned.until or rules.rung(assigned.level) is None):
        assigned = None
    return Standing(_earned(rules, Timeline.of(rules.window, amounts), before.earned, now), assigned)


def together(rules: Rules, one: Standing, other: Standing, now: datetime) -> Standing:
    """What a customer holds who was two: of each kind the higher level, and of the same level what lasts longer."""
    tracks = [track for each in (one, other) if (track := _on_ladder(rules, each.earned)) is not None]
    highest = [track for track in tracks if track.level == max(each.level for each in tracks)]
    earned = None
    if highest:
        earned = Earned(
            highest[0].level,
            lost_at=max(track.lost_at for track in highest),
            protected_until=max(track.protected_until for track in highest),
        )
    assigned = [
        each.assigned
        for each in (one, other)
        if each.assigned is not None and now < each.assigned.until and rules.rung(each.assigned.level) is not None
    ]
    return Standing(earned, max(assigned, key=lambda each: (each.level, each.until), default=None))


def keep_until(rules: Rules, standing: Standing) -> datetime:
    """When the present tier ends if nothing more is earned; FOREVER if it does not, or there is none."""
    ends = [FOREVER] if standing.level is None else []
    if standing.earned is not None and standing.earned.level == standing.level:
        ends.append(later(standing.earned.lost_at, rules.grace_days))
    if standing.assigned is not None and standing.assigned.level == standing.level:
        ends.append(standing.assigned.until)
    return max(ends)


def progress_of(rules: Rules, amounts: Sequence[Amount], standing: Standing, now: datetime) -> Progress:
    """What is missing to the next tier and to keep the present one.

    Args:
        standing: as `standing_of` gives it for this moment.
    """
    timeline = Timeline.of(rules.window, amounts)
    in_years = rules.window.kind == WindowKind.CALENDAR_YEAR
    year = now.astimezone(UTC).year
    counts_now = year_total(amounts, year) if in_years else timeline.total(now)
    level = standing.level
    following = rules.above(level or 0)
    until = keep_until(rules, standing)
    to_keep = None
    rung = rules.rung(level) if level is not None else None
    if rung is not None and until != FOREVER:
        if not in_years:
            counts_then = timeline.total(until)
        else:
            # It is the year that ends with the loss that has to be enough; once lost, only the present one can be.
            earned = standing.earned
            decides = earned is not None and later(earned.lost_at, rules.grace_days) == until
            loss = earned.lost_at if earned is not None and decides else until
            last = loss.astimezone(UTC) - timedelta.resolution
            counts_then = year_total(amounts, last.year if now < loss else year)
        to_keep = max(rung.threshold - counts_then, Decimal(0))
    return Progress(
        next_level=following.level if following else None,
        to_next=following.threshold - counts_now if following else None,
        keep_until=None if until == FOREVER else until,
        to_keep=to_keep,
    )


def _earned(rules: Rules, timeline: Timeline, before: Earned | None, now: datetime) -> Earned | None:
    held = rules.reached(timeline.peak(earlier(now, rules.grace_days), now))
    track = _on_ladder(rules, before)
    while track is not None and track.level > (held or 0):
        lost_at = _lost_at(rules, timeline, track, now)
        until = later(lost_at, rules.grace_days)
        if now < until:
            return replace(track, lost_at=lost_at)
        lower = rules.below(track.level)
        # A window for life never ends, so there is no "one more" of it.
        one_level = rules.downgrade == Downgrade.ONE_LEVEL and rules.window.kind != WindowKind.LIFETIME
        if lower is None or not one_level:
            track = None
        else:
            protected = rules.window.end(until)
            track = Earned(lower, protected, protected)
    if held is None:
        return None
    if track is None or track.level < held:
        track = Earned(held, NEVER)
    return replace(track, lost_at=_lost_at(rules, timeline, track, now))


def _on_ladder(rules: Rules, before: Earned | None) -> Earned | None:
    """A level that was taken off the ladder is the next lower one."""
    if before is None or rules.rung(before.level) is not None:
        return before
    lower = rules.below(before.level)
    return None if lower is None else replace(before, level=lower)


def _lost_at(rules: Rules, timeline: Timeline, track: Earned, now: datetime) -> datetime:
    rung = rules.rung(track.level)
    assert rung is not None
    ceases = timeline.ceases(rung.threshold, now)
    if ceases <= now:
        # What should count until later and does not any more was refunded, or the rules have changed: lost now.
        ceases = now if track.lost_at > max(now, track.protected_until) else max(ceases, _past(track.lost_at, now))
    return max(ceases, track.protected_until)


def _past(moment: datetime, now: datetime) -> datetime:
    return moment if moment <= now else NEVER
