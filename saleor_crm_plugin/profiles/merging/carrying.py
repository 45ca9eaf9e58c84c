"""What of a profile the one that it is merged into has to know: tags, refusals, what staff have said it is.

The source keeps its own. The target gets copies, which are remembered and taken away again when the two are separated;
what has been said about the target meanwhile stays with it.

Of consents only refusals are carried: who has refused something under one address must not be asked for it under
another, while an agreement was given for the address that it was given with. A refusal during the time as one person
may have been either's, so both keep it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from django.db import connections

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentRecord, ConsentState
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerTag
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership

# `ConsentRecord.source` of what merging and separating write.
MERGE: Final = "merge"
UNMERGE: Final = "unmerge"

# The columns of a profile that a consent decides.
_FLAGS: Final = {
    ConsentPurpose.PROFILING: "profiling_allowed",
    ConsentPurpose.RECOMMENDATIONS: "recommendations_allowed",
}
_COLUMNS: Final = (*_FLAGS.values(), "customer_type", "customer_type_by_hand")
# Of two sources that have the same tag, the first gives it.
_COPY_TAGS = """
INSERT INTO crm_customer_tag (profile_id, name, actor_type, actor_id, assigned_at)
SELECT DISTINCT ON (merged.target_id, tag.name)
    merged.target_id, tag.name, tag.actor_type, tag.actor_id, tag.assigned_at
FROM unnest(%s::bigint[], %s::bigint[]) AS merged (source_id, target_id)
JOIN crm_customer_tag AS tag ON tag.profile_id = merged.source_id
ORDER BY merged.target_id, tag.name, tag.id
ON CONFLICT (profile_id, name) DO NOTHING RETURNING id
"""
_LEAVE_SEGMENTS = """
DELETE FROM crm_segment_membership WHERE profile_id = ANY(%s::bigint[]) RETURNING segment_id, entered_at
"""


class _Newest(NamedTuple):
    record_id: int
    state: str


@dataclass(frozen=True, slots=True)
class Carried:
    """What a merge has changed beside the pointers, as `ProfileMerge.carried` keeps it.

    Attributes:
        tags, consents: rows that the target got. flags: columns of the target that became False.
        segments: (segment id, since when) of the source, which is in none while it is merged.
        customer_type: the target's, where the source's, said by staff, took its place; else "".
        last_consent: the target's newest record then.
    """

    tags: list[int] = field(default_factory=list)
    consents: list[int] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    segments: list[tuple[int, str]] = field(default_factory=list)
    customer_type: str = ""
    last_consent: int = 0

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def with_more(self, later: Carried) -> Carried:
        """Of the same merge: what was carried at first, and again when another one went."""
        return Carried(
            self.tags + later.tags,
            self.consents + later.consents,
            sorted({*self.flags, *later.flags}),
            self.segments + later.segments,
            self.customer_type or later.customer_type,
            max(self.last_consent, *later.consents, 0),
        )


def refusals_to_carry(pairs: Sequence[tuple[int, int]], using: str) -> list[tuple[int, ConsentPurpose]]:
    """What sources have refused and their targets have not, by target. One statement."""
    return _to_carry(pairs, _newest({pk for pair in pairs for pk in pair}, using))


def carry(pairs: Sequence[tuple[int, int]], actor: Actor, now: datetime, using: str) -> Carried:
    """Let targets know of their sources. The caller has locked the profiles. A constant number of statements.

    Args:
        pairs: source and target, which is a head.

    Returns:
        What was changed, of all pairs together: whoever wants to undo a merge carries it alone.
    """
    targets = {target for _, target in pairs}
    newest = _newest({pk for pair in pairs for pk in pair}, using)
    records = _refuse(_to_carry(pairs, newest), MERGE, actor, now, using)
    last = max(
        [seen.record_id for (profile_id, _), seen in newest.items() if profile_id in targets] + records, default=0
    )
    flags, customer_type = _carry_columns(pairs, using)
    with connections[using].cursor() as cursor:
        cursor.execute(_COPY_TAGS, [[source for source, _ in pairs], [target for _, target in pairs]])
        tags = [tag_id for (tag_id,) in cursor.fetchall()]
        cursor.execute(_LEAVE_SEGMENTS, [[source for source, _ in pairs]])
        segments = [(segment_id, entered_at.isoformat()) for segment_id, entered_at in cursor.fetchall()]
    return Carried(tags, records, flags, segments, customer_type, last)


def give_back(
    carried: Carried,
    source_id: int,
    target_id: int,
    others: Collection[Carried],
    actor: Actor,
    now: datetime,
    using: str,
) -> None:
    """Undo `carry` of one pair, as the module says. The caller has locked both profiles.

    Args:
        others: what the target has been told of others that are merged into it. It is not the source's.
    """
    of_others = {record_id for other in others for record_id in other.consents}
    CustomerTag.objects.using(using).filter(pk__in=carried.tags, profile_id=target_id).delete()
    ConsentRecord.objects.using(using).filter(pk__in=carried.consents, profile_id=target_id).delete()
    newest = _newest([source_id, target_id], using)

    def refused(profile_id: int, purpose: ConsentPurpose) -> bool:
        return _is_refused(newest, profile_id, purpose)

    of_both = [
        purpose
        for purpose in ConsentPurpose
        if refused(target_id, purpose)
        and newest[target_id, purpose].record_id > carried.last_consent
        and newest[target_id, purpose].record_id not in of_others
        and not refused(source_id, purpose)
    ]
    _refuse([(source_id, purpose) for purpose in of_both], UNMERGE, actor, now, using)
    rows = {row.pk: row for row in CustomerProfile.objects.using(using).filter(pk__in=[source_id, target_id])}
    source, target = rows[source_id], rows[target_id]
    for purpose, flag in _FLAGS.items():
        if purpose in of_both:
            setattr(source, flag, False)
        if flag in carried.flags and not refused(target_id, purpose):
            setattr(target, flag, True)
    # Unless staff have said something else since.
    if carried.customer_type and target.customer_type_by_hand and target.customer_type == source.customer_type:
        target.customer_type, target.customer_type_by_hand = carried.customer_type, False
    CustomerProfile.objects.using(using).bulk_update([source, target], _COLUMNS)
    entered = dict(carried.segments)
    still_there = CustomerSegment.objects.using(using).filter(pk__in=entered.keys()).order_by("pk")
    SegmentMembership.objects.using(using).bulk_create(
        [
            SegmentMembership(
                segment_id=segment_id, profile_id=source_id, entered_at=datetime.fromisoformat(entered[segment_id])
            )
            for segment_id in still_there.values_list("pk", flat=True)
        ],
        ignore_conflicts=True,
    )


def _carry_columns(pairs: Sequence[tuple[int, int]], using: str) -> tuple[list[str], str]:
    """Returns the flags that became False, and the customer type that another took the place of."""
    rows = CustomerProfile.objects.using(using).in_bulk([pk for pair in pairs for pk in pair])
    changed: dict[int, CustomerProfile] = {}
    flags, customer_type = [], ""
    for source, target in ((rows[source_id], rows[target_id]) for source_id, target_id in pairs):
        for flag in _FLAGS.values():
            if getattr(target, flag) and not getattr(source, flag):
                setattr(target, flag, False)
                flags.append(flag)
                changed[target.pk] = target
        if source.customer_type_by_hand and not target.customer_type_by_hand:
            customer_type = target.customer_type
            target.customer_type, target.customer_type_by_hand = source.customer_type, True
            changed[target.pk] = target
    if changed:
        CustomerProfile.objects.using(using).bulk_update(changed.values(), _COLUMNS)
    return flags, customer_type


def _to_carry(
    pairs: Sequence[tuple[int, int]], newest: Mapping[tuple[int, str], _Newest]
) -> list[tuple[int, ConsentPurpose]]:
    wanted = [
        (target, purpose)
        for source, target in pairs
        for purpose in ConsentPurpose
        if _is_refused(newest, source, purpose) and not _is_refused(newest, target, purpose)
    ]
    return list(dict.fromkeys(wanted))


def _is_refused(newest: Mapping[tuple[int, str], _Newest], profile_id: int, purpose: ConsentPurpose) -> bool:
    seen = newest.get((profile_id, purpose))
    return seen is not None and seen.state == ConsentState.REFUSED


def _newest(profile_ids: Collection[int], using: str) -> dict[tuple[int, str], _Newest]:
    """By profile and purpose."""
    rows = (
        ConsentRecord.objects.using(using)
        .filter(profile_id__in=profile_ids)
        .order_by("profile_id", "purpose", "-pk")
        .distinct("profile_id", "purpose")
        .values_list("profile_id", "purpose", "pk", "state")
    )
    return {(profile_id, purpose): _Newest(record_id, state) for profile_id, purpose, record_id, state in rows}


def _refuse(
    refusals: Sequence[tuple[int, ConsentPurpose]], source: str, actor: Actor, now: datetime, using: str
) -> list[int]:
    records = ConsentRecord.objects.using(using).bulk_create(
        ConsentRecord(
            profile_id=profile_id,
            purpose=purpose,
            state=ConsentState.REFUSED,
            source=source,
            actor_type=actor.type,
            actor_id=actor.id,
            recorded_at=now,
        )
        for profile_id, purpose in refusals
    )
    return [record.pk for record in records]
