"""Writes events: any number in one statement, each once however often it is recorded.

An event stays with the profile that it was recorded for, with two exceptions: those of an order go where the order
goes, and a guest who turns out to be a user brings all of theirs along.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, connections

from saleor_crm_plugin.actors import SYSTEM, Actor
from saleor_crm_plugin.profiles.timeline.models import EventKind, SubjectType

# In the order of the key: two writers of the same happenings wait for each other instead of deadlocking. Whoever is
# erased is not written about any more, but for the erasure.
_RECORD = """
INSERT INTO crm_profile_event
    (profile_id, kind, happened_at, recorded_at, key, subject_type, subject_id, actor_type, actor_id, details)
SELECT profile_id, kind, happened_at, now(), key, subject_type, subject_id, actor_type, actor_id, details
-- One parameter instead of an array for each column: a backfill writes four events for each order.
FROM json_to_recordset(%s) AS happened (
    profile_id bigint, kind text, happened_at timestamptz, key text, subject_type text, subject_id text,
    actor_type text, actor_id int, details jsonb
)
JOIN crm_customer_profile profile
    ON profile.id = profile_id AND (profile.erased_at IS NULL OR kind = 'data_erased')
ORDER BY key
ON CONFLICT (key) DO NOTHING
"""
# Along the index that Django keeps on a unique text for LIKE, which compares bytes; ";" follows ":".
_FOLLOW_ORDERS = """
UPDATE crm_profile_event AS event SET profile_id = owned.profile_id
FROM unnest(%s::text[], %s::bigint[]) AS owned (prefix, profile_id)
WHERE event.key ~>=~ (owned.prefix || ':') AND event.key ~<~ (owned.prefix || ';')
    AND event.profile_id <> owned.profile_id
"""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a customer.

    Attributes:
        key: names the happening among all there are, for example `order:<id>:1:paid`; up to 128 characters. Of events
            of one moment, those with lower keys come first: where the order matters, the key says the stage. Keys of
            what happens to an order begin with `order_prefix` and a colon.
        details: what JSON can hold; dates and decimals too. No personal data but free text that must be there.
    """

    profile_id: int
    kind: EventKind
    happened_at: datetime
    key: str
    subject_type: SubjectType = SubjectType.NONE
    subject_id: str = ""
    actor: Actor = SYSTEM
    details: Mapping[str, Any] = field(default_factory=dict)


def record(events: Collection[Event], using: str | None = None) -> int:
    """Store the events that are not there yet; one SQL statement, none without events.

    The caller has locked the customers, or kept their families: an erasure that is being written would not see the
    events, nor they it.

    Returns:
        How many were new.
    """
    if not events:
        return 0
    # One statement cannot meet the same key twice.
    rows = list({event.key: event for event in events}.values())
    cells = [
        {
            "profile_id": event.profile_id,
            "kind": event.kind.value,
            # The encoder would cut it to milliseconds.
            "happened_at": event.happened_at.isoformat(),
            "key": event.key,
            "subject_type": event.subject_type.value,
            "subject_id": event.subject_id,
            "actor_type": event.actor.type.value,
            "actor_id": event.actor.id,
            "details": dict(event.details),
        }
        for event in rows
    ]
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_RECORD, [json.dumps(cells, cls=DjangoJSONEncoder)])
        return int(cursor.rowcount)


def order_prefix(order_id: UUID) -> str:
    """What the keys of an order's events begin with."""
    return f"order:{order_id}"


def follow_orders(owners: Mapping[UUID, int], using: str | None = None) -> int:
    """Let the orders' events follow the orders to their owners; one SQL statement.

    Args:
        owners: profile id by order id.

    Returns:
        How many events moved.
    """
    if not owners:
        return 0
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_FOLLOW_ORDERS, [[order_prefix(order_id) for order_id in owners], list(owners.values())])
        return int(cursor.rowcount)
