"""What every merge does, whether staff make it or a guest who has become a user: pointers, and the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connections

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.profiles.identity import Member
from saleor_crm_plugin.profiles.merging.carrying import Carried
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.timeline import log
from saleor_crm_plugin.profiles.timeline.models import EventKind, SubjectType

# Of the sources and those that were merged into them before. One statement: a trigger looks at the end of it that
# every pointer leads to a head.
_POINT = """
UPDATE crm_customer_profile AS profile SET merged_into_id = new.head_id
FROM unnest(%s::bigint[], %s::bigint[]) AS new (source_id, head_id)
WHERE profile.id = new.source_id OR profile.merged_into_id = new.source_id
"""


def join(
    pairs: Sequence[tuple[int, Member]],
    actor: Actor,
    now: datetime,
    using: str,
    undo_until: datetime | None = None,
    carried: Mapping[int, Carried] | None = None,
) -> list[ProfileMerge]:
    """Merge profiles that are heads into others, in a transaction that has called `change_families`.

    Three SQL statements, none without pairs. Orders, points and what else follows from who is who is left to the
    caller.

    Args:
        pairs: source, and the profile that it turned out to be, with the head of that one.
        carried: what the targets have been told already, by source.
    """
    if not pairs:
        return []
    with connections[using].cursor() as cursor:
        cursor.execute(_POINT, [[source for source, _ in pairs], [member.head_id for _, member in pairs]])
    merges = ProfileMerge.objects.using(using).bulk_create(
        ProfileMerge(
            source_id=source,
            target_id=member.profile_id,
            actor_type=actor.type,
            actor_id=actor.id,
            merged_at=now,
            undo_until=undo_until,
            carried=carried[source].as_json() if carried else {},
        )
        for source, member in pairs
    )
    log.record(
        [
            log.Event(
                profile_id=merge.target_id,
                kind=EventKind.PROFILE_MERGED,
                happened_at=now,
                key=f"merge:{merge.pk}",
                subject_type=SubjectType.PROFILE,
                subject_id=str(merge.source_id),
                actor=actor,
            )
            for merge in merges
        ],
        using,
    )
    return merges
