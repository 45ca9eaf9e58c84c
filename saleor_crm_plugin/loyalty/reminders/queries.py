"""Who is to be reminded of what, and the claim that makes it once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connections

from saleor_crm_plugin.loyalty.reminders.models import ReminderKind

# Accounts with everything that is due of them, read ahead with one statement.
ACCOUNT_BATCH_SIZE = 500

# The user of the profile; if that one is gone, the first of those who were merged into it, who spend its points.
_OWNER = """
    JOIN crm_customer_profile AS profile ON profile.id = account.profile_id AND profile.erased_at IS NULL
    JOIN LATERAL (
        SELECT member.user_id FROM crm_customer_profile AS member
        WHERE (member.id = profile.id OR member.merged_into_id = profile.id) AND member.user_id IS NOT NULL
        ORDER BY member.id <> profile.id, member.id LIMIT 1
    ) AS owner ON TRUE
"""
# Accounts first, so that a batch costs the same however many are to come. A day that the customer was reminded of stays
# reminded, whatever has been added to it since; `claim` leaves those of the chosen accounts out.
_EXPIRING = f"""
WITH due AS (
    SELECT DISTINCT lot.account_id, owner.user_id
    FROM crm_points_lot AS lot
    JOIN crm_loyalty_account AS account ON account.id = lot.account_id AND account.closed_at IS NULL
    {_OWNER}
    WHERE lot.account_id > %(after)s AND lot.status = 'active' AND lot.remaining > 0
        AND lot.expires_at > %(now)s AND lot.expires_at <= %(until)s
        AND NOT EXISTS (
            SELECT FROM crm_loyalty_reminder AS reminder
            WHERE reminder.account_id = lot.account_id AND reminder.kind = 'expiry'
                AND reminder.subject = ((lot.expires_at AT TIME ZONE 'UTC')::date)::text
        )
    ORDER BY lot.account_id LIMIT %(most)s
)
SELECT due.account_id, due.user_id, (lot.expires_at AT TIME ZONE 'UTC')::date AS day, sum(lot.remaining),
    min(lot.expires_at)
FROM due
JOIN crm_points_lot AS lot ON lot.account_id = due.account_id AND lot.status = 'active' AND lot.remaining > 0
    AND lot.expires_at > %(now)s AND lot.expires_at <= %(until)s
GROUP BY 1, 2, 3 ORDER BY 1, 3
"""  # nosec B608  # constants only; values are parameters

_CLAIM = """
INSERT INTO crm_loyalty_reminder (account_id, kind, subject, sent_at)
SELECT %s, %s, subject, %s FROM unnest(%s::text[]) AS wanted (subject) ORDER BY subject
ON CONFLICT (account_id, kind, subject) DO NOTHING RETURNING subject
"""

_USERS = f"""
SELECT account.id, owner.user_id
FROM crm_loyalty_account AS account {_OWNER}
WHERE account.id = ANY(%s) AND account.closed_at IS NULL
"""  # nosec B608  # constants only; values are parameters


@dataclass(frozen=True, slots=True)
class Expiring:
    """Points of an account that expire on the same day (UTC), the first of them at `expires_at`."""

    day: date
    points: int
    expires_at: datetime

    @property
    def subject(self) -> str:
        return self.day.isoformat()


@dataclass(frozen=True, slots=True)
class ExpiryDue:
    """What of a user's expires, soonest first: at least one day of it without a reminder so far."""

    account_id: int
    user_id: int
    expiring: tuple[Expiring, ...]


def expiry_due(now: datetime, until: datetime, using: str) -> Iterator[list[ExpiryDue]]:
    """Batches of accounts with points that expire after `now` and not after `until`, by account id.

    Accounts of users only: a guest cannot spend points, and is reminded once they are a user. Nothing is sent to
    whoever was forgotten, however far.
    """
    after = 0
    while True:
        with connections[using].cursor() as cursor:
            cursor.execute(_EXPIRING, {"after": after, "now": now, "until": until, "most": ACCOUNT_BATCH_SIZE})
            rows = cursor.fetchall()
        by_account: dict[tuple[int, int], list[Expiring]] = {}
        for account_id, user_id, day, points, expires_at in rows:
            by_account.setdefault((account_id, user_id), []).append(Expiring(day, int(points), expires_at))
        if not by_account:
            return
        yield [ExpiryDue(*whose, tuple(expiring)) for whose, expiring in by_account.items()]
        after = max(account_id for account_id, _ in by_account)


def claim(account_id: int, kind: ReminderKind, subjects: Sequence[str], now: datetime, using: str) -> set[str]:
    """Those of the subjects that nobody has been reminded of before, and that nobody else will be sent from now on."""
    with connections[using].cursor() as cursor:
        cursor.execute(_CLAIM, [account_id, str(kind), now, list(subjects)])
        return {subject for (subject,) in cursor.fetchall()}


def users_of(account_ids: Collection[int], using: str) -> dict[int, int]:
    """User id by account id; closed accounts and those of guests and of who was forgotten are missing."""
    with connections[using].cursor() as cursor:
        cursor.execute(_USERS, [list(account_ids)])
        return dict(cursor.fetchall())
