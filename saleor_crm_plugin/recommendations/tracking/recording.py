"""Events into the table: any number in one statement, each once however often it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from saleor_crm_plugin.fields import INTEGER_MAX
from saleor_crm_plugin.recommendations.models import ModelStatus
from saleor_crm_plugin.recommendations.tracking.checking import CheckedEvent
from saleor_crm_plugin.recommendations.tracking.holdout import sql_in_holdout
from saleor_crm_plugin.recommendations.tracking.identity import event_key, session_digest
from saleor_crm_plugin.recommendations.tracking.models import EventType

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS: Final = {
    "product_productchannellisting": ("product_id", "channel_id", "is_published", "published_at"),
}

# A refusal or erasure that is being written holds the person's rows, in the order of their keys, and this waits for it
# and sees what it wrote: nothing is tied to somebody who has just refused, or whose account has just gone. A user
# without a profile has not agreed to anything, which is a refusal where consent is required. The keys of events in
# order, so that two requests with the same ones wait for each other.
RECORD: Final = f"""
WITH person AS MATERIALIZED (
    SELECT id, user_id, merged_into_id,
        profiling_allowed AND recommendations_allowed AND erased_at IS NULL AS is_allowed
    FROM crm_customer_profile
    WHERE id IN (
        SELECT unnest(ARRAY[id, merged_into_id]) FROM crm_customer_profile WHERE user_id = %(user)s::int
    )
    ORDER BY id FOR SHARE
), who AS MATERIALIZED (
    SELECT own.id, head.id AS head_id, head.is_allowed
    FROM person own JOIN person head ON head.id = COALESCE(own.merged_into_id, own.id)
    WHERE own.user_id = %(user)s::int
), may AS MATERIALIZED (
    SELECT CASE
        WHEN EXISTS (SELECT FROM who) THEN (SELECT is_allowed FROM who)
        WHEN %(user)s::int IS NOT NULL AND EXISTS (SELECT FROM crm_consent_policy WHERE consent_required) THEN false
    END AS be_recorded
), sent AS MATERIALIZED (
    SELECT sent.*, EXISTS (
        SELECT FROM product_productchannellisting listing
        WHERE listing.product_id = sent.product_id AND listing.channel_id = %(channel)s AND listing.is_published
            AND (listing.published_at IS NULL OR listing.published_at <= %(now)s)
    ) AS is_sold
    FROM unnest(%(ids)s::uuid[], %(types)s::text[], %(kinds)s::text[], %(products)s::int[], %(positions)s::smallint[],
        %(moments)s::timestamptz[]) AS sent (id, type, kind, product_id, position, occurred_at)
), stored AS (
    INSERT INTO crm_recommendation_event
        (id, type, kind, product_id, channel_id, position, model_id, profile_id, session, held_out, occurred_at)
    SELECT sent.id, sent.type, sent.kind, sent.product_id, %(channel)s, sent.position,
        (SELECT id FROM crm_recommendation_model WHERE status = '{ModelStatus.PUBLISHED.value}'),
        (SELECT id FROM who), %(session)s::uuid,
        COALESCE((SELECT {sql_in_holdout("who.head_id", "%(holdout)s")} FROM who), false), sent.occurred_at
    FROM sent
    WHERE sent.is_sold AND COALESCE((SELECT be_recorded FROM may), %(session)s::uuid IS NOT NULL)
    ORDER BY sent.id
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
SELECT sent.id, sent.is_sold, EXISTS (SELECT FROM stored WHERE stored.id = sent.id), (SELECT be_recorded FROM may)
FROM sent
"""  # nosec B608  # constants only; values are parameters


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose events these are. A user, a session, or a user in a session."""

    user_id: int | None
    session_id: str | None

    @property
    def who(self) -> str:
        """Their name for keys and quotas: the session's, which a visitor keeps while signing in and out."""
        return f"session {self.session_id}" if self.session_id is not None else f"user {self.user_id}"

    def who_sent(self, event: CheckedEvent) -> str:
        """Their name in the key of an event.

        What is shown again after signing in is shown to the customer: of those who are held out, whose lists hold what
        they saw before, nothing would be known otherwise, and the others are compared with them (`outcome`).
        """
        if event.type == EventType.SHOWN and event.event_id is None and None not in (self.session_id, self.user_id):
            return f"{self.who} user {self.user_id}"
        return self.who


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the events.

    Attributes:
        recorded: rows that are new.
        duplicates: events that were known before, or were sent twice.
        unsold: numbers of the events whose product the channel does not show.
        refused: the customer does not allow it, or would have to agree and has no profile yet; nothing was recorded.
        unknown: the user has no profile yet, and there is no session to go by; nothing was recorded.
    """

    recorded: int = 0
    duplicates: int = 0
    unsold: list[int] = field(default_factory=list)
    refused: bool = False
    unknown: bool = False


def record_events(
    events: Sequence[CheckedEvent],
    sender: Sender,
    channel_id: int,
    holdout_share: float,
    now: datetime,
    using: str | None = None,
) -> Recorded:
    """Store the events that are not there yet; one SQL statement, none without events.

    Args:
        holdout_share: 0 to 1, as the lists were served with.
    """
    named: dict[UUID, CheckedEvent] = {}
    numbers: dict[UUID, list[int]] = {}
    impossible: list[int] = []
    for event in events:
        # Saleor's product ids are 32-bit; a larger one, from a forged global id, is nobody's.
        if not 0 < event.product_id <= INTEGER_MAX:
            impossible.append(event.number)
            continue
        who = sender.who_sent(event)
        key = event_key(who, event.event_id, event.type, event.kind, event.product_id, channel_id, event.occurred_at)
        named.setdefault(key, event)
        numbers.setdefault(key, []).append(event.number)
    if not named:
        return Recorded(unsold=impossible)
    values: dict[str, Any] = {
        "user": sender.user_id,
        "session": None if sender.session_id is None else session_digest(sender.session_id),
        "channel": channel_id,
        "holdout": holdout_share,
        "now": now,
        "ids": list(named),
        "types": [event.type.value for event in named.values()],
        "kinds": [event.kind for event in named.values()],
        "products": [event.product_id for event in named.values()],
        "positions": [event.position for event in named.values()],
        "moments": [event.occurred_at for event in named.values()],
    }
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(RECORD, values)
        rows: list[tuple[UUID, bool, bool, bool | None]] = cursor.fetchall()
    allowed = rows[0][3]
    if allowed is False:
        return Recorded(refused=True)
    unsold = [number for key, is_sold, _, _ in rows if not is_sold for number in numbers[key]]
    if allowed is None and sender.session_id is None:
        return Recorded(unsold=sorted(unsold + impossible), unknown=True)
    recorded = sum(is_new for _, _, is_new, _ in rows)
    return Recorded(
        recorded=recorded,
        duplicates=len(events) - len(unsold) - len(impossible) - recorded,
        unsold=sorted(unsold + impossible),
    )
