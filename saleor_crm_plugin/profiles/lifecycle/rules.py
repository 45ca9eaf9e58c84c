"""Where a customer stands, from their purchases in all currencies. Pure; `refreshing` gives the same in SQL.

Silence is the time since the last purchase; a customer's usual gap is the time between theirs. One purchase says
nothing about a rhythm and two say little, so the shop's usual gap counts as one more gap of each customer's. Times are
in whole seconds and shares in tenths, so that SQL and Python agree exactly.

A customer is quiet (AT_RISK, LAPSED) where the forecast thinks that they may be gone, or without a forecast, where the
silence is so many times their usual gap; and never before their usual gap is over, so that an order that the forecast
has not seen yet ends it. What is not quiet is PROSPECT, FIRST_TIME, REPEAT or LOYAL by the number of purchases, and
WON_BACK for some time after a purchase that ended a silence.

A stage is a function of purchases, forecast and time but for two memories. A customer who is found quiet and then buys
is won back, even if the silence by itself does not show it. And whoever is quiet without having bought since needs to
be clearly out of it again: the forecast and the shop's usual gap move a little every night, customers do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class Stage(StrEnum):
    """The values of `models.LifecycleStage`, for a module that knows no database."""

    PROSPECT = "prospect"
    FIRST_TIME = "first_time"
    REPEAT = "repeat"
    LOYAL = "loyal"
    AT_RISK = "at_risk"
    LAPSED = "lapsed"
    WON_BACK = "won_back"


QUIET: Final = frozenset({Stage.AT_RISK, Stage.LAPSED})

# How many of the shop's usual gaps count among a customer's own.
SHOP_GAPS: Final = 1
# Nobody's usual gap is taken for shorter: two orders on one day are a second thought, not a rhythm.
LEAST_GAP: Final = timedelta(days=7)

# Silence in tenths of the usual gap from which a customer is quiet, and above which a quiet one stays so.
AT_RISK_TENTHS: Final = 20
AT_RISK_STAYS_TENTHS: Final = 16
LAPSED_TENTHS: Final = 40
LAPSED_STAYS_TENTHS: Final = 32

# The probability that a customer still buys below which they are quiet, and below which a quiet one stays so.
AT_RISK_ALIVE: Final = 0.5
AT_RISK_STAYS_ALIVE: Final = 0.6
LAPSED_ALIVE: Final = 0.2
LAPSED_STAYS_ALIVE: Final = 0.3


@dataclass(frozen=True, slots=True)
class Terms:
    """What the shop says: purchases that make a customer loyal, how long WON_BACK lasts, and its own usual gap."""

    loyal_orders: int
    won_back_for: timedelta
    shop_gap: timedelta


@dataclass(frozen=True, slots=True)
class Before:
    """What was stored. `found_quiet_at` is that of the profile."""

    stage: Stage | None = None
    since: datetime | None = None
    found_quiet_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A stage, when it began, and what to remember."""

    stage: Stage
    since: datetime
    found_quiet_at: datetime | None


def usual_gap(first_at: datetime, last_at: datetime, orders: int, shop_gap: timedelta) -> int:
    """The customer's usual gap in whole seconds, after so many purchases."""
    own = (last_at - first_at) // timedelta(seconds=1)
    shop = SHOP_GAPS * (shop_gap // timedelta(seconds=1))
    return max((own + shop) // (orders - 1 + SHOP_GAPS), LEAST_GAP // timedelta(seconds=1))


def standing_of(
    purchases: Sequence[datetime],
    created_at: datetime,
    alive: float | None,
    before: Before,
    terms: Terms,
    now: datetime,
    *,
    afresh: bool,
) -> Standing:
    """Where the customer stands now.

    Args:
        purchases: when each was placed, in order.
        created_at: when the profile was made.
        alive: the probability that the customer still buys; None without a forecast.
        afresh: the purchases may be others than before, so nothing is to be said for the stage that was stored.
    """
    if not purchases:
        return Standing(Stage.PROSPECT, created_at, None)
    first_at, last_at, orders = purchases[0], purchases[-1], len(purchases)
    usual = usual_gap(first_at, last_at, orders, terms.shop_gap)
    after_quiet = [at for at in purchases if before.found_quiet_at is not None and at > before.found_quiet_at]
    kept = before.stage if not afresh and not after_quiet else None

    stage = _quiet_stage((now - last_at) // timedelta(seconds=1), usual, alive, kept)
    if stage is not None:
        since = _quiet_since(stage, last_at, usual, alive, before, now)
        found_at = now if before.found_quiet_at is None or after_quiet else before.found_quiet_at
        return Standing(stage, _kept_since(stage, since, before, afresh), found_at)

    remembered = before.found_quiet_at if after_quiet else None
    returns = [at for number, at in enumerate(purchases) if number and _ends_silence(purchases, number, terms)]
    returned_at = max([*returns, *after_quiet[:1]], default=None)
    if returned_at is not None and now < returned_at + terms.won_back_for:
        stage, since = Stage.WON_BACK, returned_at
    else:
        if orders >= terms.loyal_orders:
            stage, since = Stage.LOYAL, purchases[terms.loyal_orders - 1]
        elif orders > 1:
            stage, since = Stage.REPEAT, purchases[1]
        else:
            stage, since = Stage.FIRST_TIME, first_at
        if returned_at is not None:
            since = max(since, returned_at + terms.won_back_for)
    return Standing(stage, _kept_since(stage, since, before, afresh), remembered)


def _quiet_stage(silence: int, usual: int, alive: float | None, kept: Stage | None) -> Stage | None:
    if silence <= usual:
        return None
    stays_lapsed, stays_at_risk = kept == Stage.LAPSED, kept in QUIET
    if alive is None:
        tenths = silence * 10
        if tenths > usual * (LAPSED_STAYS_TENTHS if stays_lapsed else LAPSED_TENTHS):
            return Stage.LAPSED
        return Stage.AT_RISK if tenths > usual * (AT_RISK_STAYS_TENTHS if stays_at_risk else AT_RISK_TENTHS) else None
    if alive < (LAPSED_STAYS_ALIVE if stays_lapsed else LAPSED_ALIVE):
        return Stage.LAPSED
    return Stage.AT_RISK if alive < (AT_RISK_STAYS_ALIVE if stays_at_risk else AT_RISK_ALIVE) else None


def _quiet_since(
    stage: Stage, last_at: datetime, usual: int, alive: float | None, before: Before, now: datetime
) -> datetime:
    if alive is None:
        # Not in the future, where a quiet customer only stays so.
        tenths = LAPSED_TENTHS if stage == Stage.LAPSED else AT_RISK_TENTHS
        return min(last_at + timedelta(seconds=usual * tenths // 10), now)
    # A forecast does not say when. It was then, unless something was bought since.
    return before.since if stage == before.stage and before.since is not None and before.since > last_at else now


def _kept_since(stage: Stage, since: datetime, before: Before, afresh: bool) -> datetime:
    """A stage that goes on began when it began, though the shop's usual gap has moved meanwhile."""
    return before.since if not afresh and stage == before.stage and before.since is not None else since


def _ends_silence(purchases: Sequence[datetime], number: int, terms: Terms) -> bool:
    """Whether the customer was at risk by the silence before this purchase, as their rhythm was then."""
    previous = purchases[number - 1]
    usual = usual_gap(purchases[0], previous, number, terms.shop_gap)
    return (purchases[number] - previous) // timedelta(seconds=1) * 10 > usual * AT_RISK_TENTHS
