"""Where a timeline is read from: the rows of one table, each something that happened to a customer.

A timeline is put together when it is read. Points, tiers, consents and notes have rows of their own, append-only like
the events; a copy of each as an event would be a second truth, to be written in the same transaction, moved by merges
and blanked by erasures like the first. What reading costs is one index walk for each table, cut off after a page.

A source is SQL that this package wrote: nothing that a user typed is ever part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from saleor_crm_plugin.profiles.timeline.models import EventKind

# Profiles of a person: their own, and those that were joined to it.
FAMILY: Final = "family"


class RecordKind(StrEnum):
    """What happens to customers and has rows of its own in this domain."""

    CONSENT_GRANTED = "consent_granted"
    CONSENT_REFUSED = "consent_refused"
    NOTE_ADDED = "note_added"
    FEEDBACK_GIVEN = "feedback_given"


@dataclass(frozen=True, slots=True)
class Source:
    """A table whose rows are part of timelines. The columns and expressions may use `entry`, the table's alias.

    Attributes:
        name: part of ids and cursors; of what happened in one moment, later names come later.
        table: it needs an index on (owner, happened_at, id), or few rows for each owner.
        owner: the column that says whose it is: a key of the rows that `owners` gives.
        happened_at, kind, subject_type, subject_id, actor_type, actor_id: SQL.
        label: SQL of a short text in the shop's words, or NULL.
        details: SQL of a JSON object.
        kinds: all that `kind` can give. internal: those of them that only staff see.
        owners: name of the query whose columns `person` (a profile) and `member` (an owner) say whose rows are a
            person's; `with_owners` gives it where it is not `FAMILY`, and may use `family`.
    """

    name: str
    table: str
    owner: str
    happened_at: str
    kind: str
    kinds: frozenset[str]
    internal: frozenset[str] = frozenset()
    subject_type: str = "''"
    subject_id: str = "''"
    actor_type: str = "'system'"
    actor_id: str = "NULL::int"
    label: str = "NULL"
    details: str = "'{}'::jsonb"
    owners: str = FAMILY
    with_owners: Mapping[str, str] = field(default_factory=dict)


EVENTS: Final = Source(
    name="event",
    table="crm_profile_event",
    owner="profile_id",
    happened_at="happened_at",
    kind="entry.kind",
    kinds=frozenset(EventKind.values),
    # How the shop sorts its customers is its own business.
    internal=frozenset(
        {
            EventKind.SEGMENT_ENTERED.value,
            EventKind.SEGMENT_LEFT.value,
            EventKind.LIFECYCLE_CHANGED.value,
            EventKind.CUSTOMER_TYPE_CHANGED.value,
            EventKind.TAG_ASSIGNED.value,
            EventKind.TAG_UNASSIGNED.value,
            EventKind.PROFILE_MERGED.value,
            EventKind.PROFILE_SEPARATED.value,
        }
    ),
    subject_type="entry.subject_type",
    subject_id="entry.subject_id",
    actor_type="entry.actor_type",
    actor_id="entry.actor_id",
    details="entry.details",
)
CONSENTS: Final = Source(
    name="consent",
    table="crm_consent_record",
    owner="profile_id",
    happened_at="recorded_at",
    kind="'consent_' || entry.state",
    kinds=frozenset({RecordKind.CONSENT_GRANTED.value, RecordKind.CONSENT_REFUSED.value}),
    actor_type="entry.actor_type",
    actor_id="entry.actor_id",
    label="entry.purpose",
    details="jsonb_build_object('source', entry.source, 'text_version', entry.text_version)",
)
NOTES: Final = Source(
    name="note",
    table="crm_customer_note",
    owner="profile_id",
    happened_at="created_at",
    kind="'note_added'",
    kinds=frozenset({RecordKind.NOTE_ADDED.value}),
    internal=frozenset({RecordKind.NOTE_ADDED.value}),
    actor_type="entry.actor_type",
    actor_id="entry.actor_id",
    label="entry.text",
)
FEEDBACK: Final = Source(
    name="feedback",
    table="crm_order_feedback",
    owner="profile_id",
    happened_at="created_at",
    kind="'feedback_given'",
    kinds=frozenset({RecordKind.FEEDBACK_GIVEN.value}),
    subject_type="'order'",
    subject_id="entry.order_id::text",
    actor_type="'customer'",
    label="nullif(entry.comment, '')",
    details="jsonb_build_object('score', entry.score)",
)
# Of this domain; those of others are added by whoever reads.
SOURCES: Final = (EVENTS, CONSENTS, NOTES, FEEDBACK)
