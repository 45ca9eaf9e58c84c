"""Writes events: any number in one statement, each once however often it is recorded."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, connections

from saleor_crm_plugin.actors import SYSTEM, Actor
from saleor_crm_plugin.profiles.timeline.models import EventKind, SubjectType

# In the order of the key: two writers of the same happenings wait for each other instead of deadlocking.
_RECORD = """
INSERT INTO crm_profile_event
    (profile_id, kind, happened_at, recorded_at, key, subject_type, subject_id, actor_type, actor_id, details)
SELECT profile_id, kind, happened_at, now(), key, subject_type, subject_id, actor_type, actor_id, details
FROM unnest(
    %s::bigint[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::jsonb[]
) AS happened (profile_id, kind, happened_at, key, subject_type, subject_id, actor_type, actor_id, details)
ORDER BY key
ON CONFLICT (key) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a customer.

    Attributes:
        key: names the happening among all there are, for example `order:<id>:paid`; up to 128 characters.
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

    Returns:
        How many were new.
    """
    if not events:
        return 0
    # One statement cannot meet the same key twice.
    rows = list({event.key: event for event in events}.values())
    columns: list[Any] = [
        [event.profile_id for event in rows],
        [event.kind.value for event in rows],
        [event.happened_at for event in rows],
        [event.key for event in rows],
        [event.subject_type.value for event in rows],
        [event.subject_id for event in rows],
        [event.actor.type.value for event in rows],
        [event.actor.id for event in rows],
        [json.dumps(dict(event.details), cls=DjangoJSONEncoder) for event in rows],
    ]
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_RECORD, columns)
        return int(cursor.rowcount)
