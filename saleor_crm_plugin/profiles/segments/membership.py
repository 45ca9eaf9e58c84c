"""Who is in which segment. The only writer of memberships.

A member is a head (`merged_into` empty) who does not refuse profiling, is not erased, and is as the query says. Rows
are brought in line with that, in full for a segment or for some profiles in all segments, and each row that comes or
goes is an event of its profile, written by the same statement under the key of the row: it happens once or not at
all.

A full refresh holds a segment's lock alone; refreshes of some profiles share it, and lock the profiles: nobody writes
what somebody else has seen otherwise since.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, connections, transaction

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.profiles.segments.fragments import Fragment, joined
from saleor_crm_plugin.profiles.segments.models import ERROR_MAX_LENGTH, CustomerSegment
from saleor_crm_plugin.profiles.segments.problems import SegmentQueryError
from saleor_crm_plugin.profiles.segments.understanding import Query, Vocabulary, understand, understand_all
from saleor_crm_plugin.profiles.timeline.models import EventKind, SubjectType

logger = logging.getLogger(__name__)

# Who can be a member at all.
CUSTOMERS = "p.merged_into_id IS NULL AND p.profiling_allowed AND p.erased_at IS NULL"
# The first of the two numbers of an advisory lock; the second is a segment. Any number that nobody else uses.
_LOCK_CLASS = 1_129_467_219
# So that what all customers of a big shop have bought is hashed in memory; PostgreSQL's usual 4 MB hold 50,000 of them.
WORK_MEMORY = "64MB"

_LOCK_ALONE = "SELECT pg_advisory_xact_lock(%s, %s)"
# Compiling a statement of many segments to machine code takes longer than running it for a batch of customers.
_LOCK_SHARED = f"""
SELECT id, pg_advisory_xact_lock_shared({_LOCK_CLASS}, id::int), set_config('jit', 'off', true)
FROM crm_customer_segment ORDER BY id
"""  # nosec B608  # our text; what staff wrote is a parameter
# With the queries of the segments, which a statement that has waited for their locks would read as they were before.
# Who changes one afterwards refreshes the segment, and waits for us.
_LOCK_PROFILES = """
WITH locked AS MATERIALIZED (
    SELECT id FROM crm_customer_profile WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE
)
SELECT id, query, (SELECT count(*) FROM locked) FROM crm_customer_segment WHERE id = ANY(%s::bigint[]) ORDER BY id
"""
# In the order of the keys, so that writers cannot deadlock.
_MOVE = f"""
, entered AS (
    INSERT INTO crm_segment_membership (segment_id, profile_id, entered_at)
    SELECT segment_id, profile_id, %s::timestamptz FROM wanted
    WHERE NOT EXISTS (
        SELECT 1 FROM crm_segment_membership kept
        WHERE kept.segment_id = wanted.segment_id AND kept.profile_id = wanted.profile_id
    )
    ORDER BY segment_id, profile_id
    ON CONFLICT (segment_id, profile_id) DO NOTHING
    RETURNING id, segment_id, profile_id
), gone AS (
    DELETE FROM crm_segment_membership kept
    WHERE kept.segment_id = ANY(%s::bigint[]) AND (%s::bigint[] IS NULL OR kept.profile_id = ANY(%s::bigint[]))
        AND NOT EXISTS (
            SELECT 1 FROM wanted
            WHERE wanted.segment_id = kept.segment_id AND wanted.profile_id = kept.profile_id
        )
    RETURNING id, segment_id, profile_id
), moved AS (
    SELECT '{EventKind.SEGMENT_ENTERED.value}' AS kind, entered.* FROM entered
    UNION ALL
    SELECT '{EventKind.SEGMENT_LEFT.value}', gone.* FROM gone
), told AS (
    INSERT INTO crm_profile_event
        (profile_id, kind, happened_at, recorded_at, key, subject_type, subject_id, actor_type, actor_id, details)
    SELECT moved.profile_id, moved.kind, %s::timestamptz, now(), moved.kind || ':' || moved.id,
        '{SubjectType.SEGMENT.value}', moved.segment_id::text, '{SYSTEM.type.value}', NULL,
        jsonb_build_object('name', segment.name)
    FROM moved
    JOIN crm_customer_segment segment ON segment.id = moved.segment_id
    -- Of whoever is no customer any more, nothing is kept that profiling has found.
    JOIN crm_customer_profile p ON p.id = moved.profile_id AND {CUSTOMERS}
    ORDER BY moved.kind, moved.id
    ON CONFLICT (key) DO NOTHING
)
SELECT (SELECT count(*) FROM entered), (SELECT count(*) FROM gone)
"""  # nosec B608  # our text; what staff wrote is a parameter


@dataclass(frozen=True, slots=True)
class Moves:
    """How many memberships came, and how many went."""

    entered: int = 0
    left: int = 0


def refresh_segment(segment_id: int, vocabulary: Vocabulary, now: datetime, using: str) -> Moves:
    """Bring the members of one segment in line, in full.

    A query that does not mean anything any more, for example because its category was deleted, leaves the members as
    they are and its error with the segment.
    """
    with transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute(_LOCK_ALONE, [_LOCK_CLASS, segment_id])
        segment = CustomerSegment.objects.using(using).filter(pk=segment_id)
        text = segment.values_list("query", flat=True).first()
        if text is None:
            return Moves()
        try:
            query = understand(text, vocabulary, now, using, suggest=False)
        except SegmentQueryError as error:
            segment.update(error=str(error)[:ERROR_MAX_LENGTH])
            return Moves()
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT set_config('work_mem', %s, true)", [WORK_MEMORY])
        moves = _move({segment_id: query}, None, now, using)
        segment.update(refreshed_at=now, error="")
    return moves


def refresh_all(vocabulary: Vocabulary, now: datetime, using: str) -> Moves:
    """The same for every segment, each in a transaction of its own. One that fails leaves the others alone."""
    entered = left = 0
    for segment_id in CustomerSegment.objects.using(using).order_by("pk").values_list("pk", flat=True):
        try:
            moves = refresh_segment(segment_id, vocabulary, now, using)
        except DatabaseError as error:
            logger.error(
                "Segment %s could not be refreshed; the next night tries again.", segment_id, exc_info=told(error)
            )
            message = f"The members could not be computed ({type(error).__name__}); the log says why."
            CustomerSegment.objects.using(using).filter(pk=segment_id).update(error=message)
        else:
            entered, left = entered + moves.entered, left + moves.left
    return Moves(entered, left)


def refresh_profiles(profile_ids: Collection[int], vocabulary: Vocabulary, now: datetime, using: str) -> Moves:
    """Bring the memberships of some profiles in line, in all segments.

    Four SQL statements for any number of segments and profiles; one if there is no segment.
    """
    ids = sorted(set(profile_ids))
    if not ids:
        return Moves()
    with transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute(_LOCK_SHARED)
            segment_ids = [row[0] for row in cursor.fetchall()]
            if not segment_ids:
                return Moves()
            cursor.execute(_LOCK_PROFILES, [ids, segment_ids])
            texts = {row[0]: row[1] for row in cursor.fetchall()}
            if not texts:
                return Moves()
        understood = understand_all(texts, vocabulary, now, using, suggest=False)
        queries = {key: query for key, query in understood.items() if isinstance(query, Query)}
        for segment_id, error in understood.items():
            if isinstance(error, SegmentQueryError):
                message = str(error)[:ERROR_MAX_LENGTH]
                CustomerSegment.objects.using(using).filter(pk=segment_id).exclude(error=message).update(error=message)
        return _move(queries, ids, now, using) if queries else Moves()


def _move(queries: Mapping[int, Query], profile_ids: Sequence[int] | None, now: datetime, using: str) -> Moves:
    wanted = joined(" UNION ALL ", (_members(key, query, profile_ids) for key, query in queries.items()))
    move = Fragment(_MOVE, (now, list(queries), profile_ids, profile_ids, now))
    statement = "WITH wanted AS MATERIALIZED (" + wanted + ")" + move
    with connections[using].cursor() as cursor:
        cursor.execute(statement.sql, statement.parameters)
        entered, left = cursor.fetchone()
    return Moves(entered, left)


def _members(segment_id: int, query: Query, profile_ids: Sequence[int] | None) -> Fragment:
    only = Fragment(" AND p.id = ANY(%s::bigint[])", (profile_ids,)) if profile_ids is not None else ""
    return (
        Fragment("SELECT %s::bigint AS segment_id, p.id AS profile_id", (segment_id,))
        + f" FROM crm_customer_profile p WHERE {CUSTOMERS}"
        + only
        + " AND ("
        + query.where(profile_ids)
        + ")"
    )
