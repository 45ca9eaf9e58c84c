"""What the shop owes its customers in points at a moment, and how it came to that.

What stood at a moment is what stands now, less what has happened since. Entries and what they used of lots never
change, so any past moment can be computed again, and gives the same, but for a history that was imported in between:
its entries are of the past. It takes longer the longer ago it is. What stands now is what lots and balances say, and
movements are sums of entries: that the two agree is what `loyalty.audit` proves.
"At T" is after everything that happened before T, so that the state at the end of one month is the state at the
beginning of the next.

When a pending lot becomes active no entry is posted. Its points count as active from its `available_at` on, and what it
pays of a deficit then, which is booked on the entry of its award, counts from that moment as well. What points pay that
a checkout has given up is booked there, too, and says when that was (`settled_at`).

At every moment    sum(entries) = active + pending + closed - deficit    and    opening + given - taken = closing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import floor
from typing import Any

from django.db import connections

from saleor_crm_plugin.loyalty.earning import split_points
from saleor_crm_plugin.loyalty.models import TransactionType

# Lots whose date has passed that a share is worth computing from: with 100, one of 20 % is off by 8 % at most, 19 times
# out of 20.
BREAKAGE_LOTS = 100

# Neither spent nor expired: taken back, or moved.
NEITHER = (
    TransactionType.EARN_REVERSAL,
    TransactionType.WAIVER,
    TransactionType.VOID,
    TransactionType.ADJUST,
    TransactionType.MERGE_OUT,
    TransactionType.MERGE_IN,
)

# The state of today, less all that has happened since the moment.
_POSITION = """
WITH since AS MATERIALIZED (
    SELECT id, account_id, points FROM crm_points_transaction WHERE created_at >= %(moment)s
), unused AS (
    SELECT lot_id, sum(points)::bigint AS points
    FROM (
        SELECT part.lot_id, part.points
        FROM since JOIN crm_lot_consumption AS part ON part.transaction_id = since.id
        UNION ALL
        -- An award that pays a deficit does so when it becomes active.
        SELECT part.lot_id, part.points
        FROM crm_points_lot AS opened
        JOIN crm_lot_consumption AS part ON part.transaction_id = opened.transaction_id AND part.points > 0
            AND part.settled_at IS NULL
        JOIN crm_points_transaction AS entry ON entry.id = opened.transaction_id
        WHERE opened.available_at >= %(moment)s AND entry.created_at < %(moment)s AND entry.points > 0
        UNION ALL
        SELECT part.lot_id, part.points
        FROM crm_lot_consumption AS part JOIN crm_points_transaction AS entry ON entry.id = part.transaction_id
        WHERE part.settled_at >= %(moment)s AND entry.created_at < %(moment)s
    ) AS each
    GROUP BY lot_id
), standing AS MATERIALIZED (
    SELECT lot.account_id, lot.expires_at, lot.available_at >= %(moment)s AS pending,
        lot.remaining + coalesce(unused.points, 0) AS points, gone.id IS NOT NULL AS closed
    FROM crm_points_lot AS lot LEFT JOIN unused ON unused.lot_id = lot.id
    -- Merged accounts are closed, too, and have nothing from then on.
    LEFT JOIN crm_loyalty_account AS gone
        ON gone.id = lot.account_id AND gone.closed_at < %(moment)s AND gone.merged_into_id IS NULL
    WHERE lot.remaining + coalesce(unused.points, 0) <> 0
        AND NOT EXISTS (SELECT FROM since WHERE since.id = lot.transaction_id)
), owed AS (
    SELECT account_id, sum(points) AS points
    FROM (
        SELECT account_id, points FROM standing
        UNION ALL
        SELECT id, deficit - active - pending FROM crm_loyalty_account
        UNION ALL
        SELECT account_id, points FROM since
    ) AS each
    GROUP BY account_id HAVING sum(points) <> 0
)
SELECT CASE WHEN closed THEN 'closed' ELSE 'lots' END AS kind,
    CASE WHEN NOT closed THEN date_trunc('month', expires_at AT TIME ZONE 'UTC')::date END AS month,
    coalesce(sum(points) FILTER (WHERE NOT pending), 0), coalesce(sum(points) FILTER (WHERE pending), 0)
FROM standing GROUP BY kind, month
UNION ALL
SELECT 'owed', NULL, coalesce(sum(points), 0), count(*) FROM owed
ORDER BY 1, 2 NULLS LAST
"""

_MOVEMENTS = """
SELECT type,
    coalesce(sum(points) FILTER (WHERE created_at < %(since)s), 0),
    coalesce(sum(points) FILTER (WHERE created_at >= %(since)s AND points > 0), 0),
    coalesce(-sum(points) FILTER (WHERE created_at >= %(since)s AND points < 0), 0),
    count(*) FILTER (WHERE created_at >= %(since)s)
FROM crm_points_transaction WHERE created_at < %(until)s GROUP BY type
"""

_BREAKAGE = """
SELECT count(*), coalesce(sum(expired), 0), coalesce(sum(spent), 0)
FROM (
    SELECT sum(part.points) FILTER (WHERE entry.type = 'expire') AS expired,
        sum(part.points) FILTER (WHERE entry.type <> 'expire') AS spent
    FROM crm_points_lot AS lot
    JOIN crm_lot_consumption AS part ON part.lot_id = lot.id
    JOIN crm_points_transaction AS entry ON entry.id = part.transaction_id
    WHERE lot.expires_at < %(moment)s AND coalesce(part.settled_at, entry.created_at) < %(moment)s
        AND NOT entry.type = ANY(%(neither)s)
        -- A history does not say what it took points for.
        AND NOT (entry.type = 'import' AND entry.points < 0)
        -- What had expired before it was imported: what was spent of that is not known.
        AND NOT (
            entry.type = 'expire' AND entry.created_at > lot.expires_at + interval '1 day' AND EXISTS (
                SELECT FROM crm_points_transaction AS opening
                WHERE opening.id = lot.transaction_id AND opening.type = 'import'
            )
        )
        AND NOT EXISTS (
            SELECT FROM crm_points_transaction AS again
            WHERE again.reverses_id = entry.id AND again.type = 'reinstate' AND again.created_at < %(moment)s
                AND NOT EXISTS (
                    SELECT FROM crm_points_transaction AS taken
                    WHERE taken.reverses_id = again.id AND taken.type = 'void' AND taken.created_at < %(moment)s
                )
        )
    GROUP BY lot.id
) AS matured
"""


@dataclass(frozen=True, slots=True)
class Outstanding:
    """Points that expire in the same month; `month` is its first day in UTC, None for those that never expire."""

    month: date | None
    active: int
    pending: int


@dataclass(frozen=True, slots=True)
class Position:
    """What stands at a moment.

    Attributes:
        months: soonest first, never-expiring last. A month that has passed holds points that a checkout kept from
            expiring, or that the job has not come to yet.
        deficit: points that customers owe, and `deficit_accounts` how many do.
        closed: points of accounts that an erasure has closed, pending ones included: nobody can spend them. The months
            are without them.
    """

    months: tuple[Outstanding, ...]
    deficit: int
    deficit_accounts: int
    closed: int = 0

    @property
    def active(self) -> int:
        return sum(month.active for month in self.months)

    @property
    def pending(self) -> int:
        return sum(month.pending for month in self.months)

    @property
    def balance(self) -> int:
        """The sum of all entries before the moment."""
        return self.active + self.pending + self.closed - self.deficit


@dataclass(frozen=True, slots=True)
class Movement:
    """What entries of one type gave and took, both as positive numbers."""

    type: TransactionType
    given: int
    taken: int
    entries: int


@dataclass(frozen=True, slots=True)
class Movements:
    """Entries from `since` until before `until`: opening + given - taken = closing."""

    since: datetime
    until: datetime
    opening: int
    movements: tuple[Movement, ...]

    @property
    def closing(self) -> int:
        return self.opening + sum(movement.given - movement.taken for movement in self.movements)


class BreakageStatus(StrEnum):
    MEASURED = "measured"
    INSUFFICIENT_DATA = "insufficient_data"


@dataclass(frozen=True, slots=True)
class Breakage:
    """What became of the points whose date has passed.

    Attributes:
        lots: how many awards these are.
        expired: points that expired unspent, and were not reinstated for good.
        spent: points that were spent, or paid a deficit.
    """

    lots: int
    expired: int
    spent: int

    @property
    def status(self) -> BreakageStatus:
        enough = self.lots >= BREAKAGE_LOTS and self.expired + self.spent > 0
        return BreakageStatus.MEASURED if enough else BreakageStatus.INSUFFICIENT_DATA

    @property
    def rate(self) -> Fraction | None:
        """The share that expired, between 0 and 1; None without enough history."""
        if self.status == BreakageStatus.INSUFFICIENT_DATA:
            return None
        return Fraction(self.expired, self.expired + self.spent)

    def expected(self, position: Position) -> int | None:
        """Points of those outstanding that will expire unspent, rounded down; None without enough history.

        Points that never expire are taken to be spent.
        """
        if self.rate is None:
            return None
        expiring = sum(month.active + month.pending for month in position.months if month.month is not None)
        return floor(expiring * self.rate)


def position_at(moment: datetime, using: str) -> Position:
    """What stands after everything before `moment`. One statement, whose cost follows what has happened since."""
    rows = _rows(_POSITION, {"moment": moment}, using)
    (deficit, accounts) = next((points, count) for kind, _, points, count in rows if kind == "owed")
    months = tuple(
        Outstanding(month, int(active), int(pending)) for kind, month, active, pending in rows if kind == "lots"
    )
    closed = next((active + pending for kind, _, active, pending in rows if kind == "closed"), 0)
    return Position(months, int(deficit), int(accounts), int(closed))


def movements_between(since: datetime, until: datetime, using: str) -> Movements:
    """Entries of the time, by type in the order of `TransactionType`. One statement."""
    rows = {row[0]: row[1:] for row in _rows(_MOVEMENTS, {"since": since, "until": until}, using)}
    return Movements(
        since,
        until,
        opening=int(sum(before for before, *_ in rows.values())),
        movements=tuple(
            Movement(kind, int(given), int(taken), entries)
            for kind in TransactionType
            if kind in rows
            for _, given, taken, entries in [rows[kind]]
            if entries
        ),
    )


def breakage_before(moment: datetime, using: str) -> Breakage:
    """What became of the lots whose date had passed. One statement.

    Lots that are spent before their date has passed are left out until it has: what is left of their month is not
    decided yet, and a young shop would look as if everything were spent.
    """
    ((lots, expired, spent),) = _rows(_BREAKAGE, {"moment": moment, "neither": [str(kind) for kind in NEITHER]}, using)
    return Breakage(lots, int(expired), int(spent))


def worths(points: Sequence[int], value: Decimal, places: int) -> tuple[Decimal, ...]:
    """What parts of a sum of points (>= 0) are worth in a currency with `places` decimals, so that they add up.

    The sum is rounded half up, and split by largest remainder.
    """
    total = floor(sum(points) * Fraction(value) * 10**places + Fraction(1, 2))
    return tuple(Decimal(units).scaleb(-places) for units in split_points(total, [Fraction(part) for part in points]))


def _rows(statement: str, parameters: Mapping[str, Any], using: str) -> list[tuple[Any, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()
