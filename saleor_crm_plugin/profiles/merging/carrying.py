"""What of a profile the one that it is merged into has to know: tags, refusals, what staff have said it is, and where
the person stands.

The source keeps its own. The target gets copies, which are remembered and taken away again when the two are separated;
what has been said about the target meanwhile stays with it.

Segments that the source is in become the target's, and its stage, if it has bought and the target has not: a person
neither enters nor becomes anything by being known under one name, so the timeline tells it once, as of when it
happened. What is not so any more, the next refresh of the target finds.

Of consents only refusals are carried: who has refused something under one address must not be asked for it under
another, while an agreement was given for the address that it was given with. Silence is neither. A refusal during the
time as one person may have been either's, so both keep it; an agreement goes with the user who gave it. Who may be
profiled follows by the trigger on the records.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connections

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentRecord, ConsentState
from saleor_crm_plugin.profiles.merging import stages
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerTag
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership

# `ConsentRecord.source` of what merging and separating write.
MERGE: Final = "merge"
UNMERGE: Final = "unmerge"

_COLUMNS: Final = ("customer_type", "customer_type_by_hand", *stages.COLUMNS)
# Of two sources that have the same tag, the first gives it.
_COPY_TAGS = """
WITH given AS (
    SELECT DISTINCT ON (merged.target_id, tag.name)
        merged.source_id, merged.target_id, tag.name, tag.actor_type, tag.actor_id, tag.assigned_at
    FROM unnest(%s::bigint[], %s::bigint[]) AS merged (source_id, target_id)
    JOIN crm_customer_tag AS tag ON tag.profile_id = merged.source_id
    WHERE %s::text[] IS NULL OR tag.name = ANY (%s::text[])
    ORDER BY merged.target_id, tag.name, tag.id
), brought AS (
    INSERT INTO crm_customer_tag (profile_id, name, actor_type, actor_id, assigned_at)
    SELECT target_id, name, actor_type, actor_id, assigned_at FROM given ORDER BY target_id, name
    ON CONFLICT (profile_id, name) DO NOTHING
    RETURNING id, profile_id, name
)
SELECT given.source_id, brought.id
FROM brought JOIN given ON given.target_id = brought.profile_id AND given.name = brought.name
"""
_MOVE_SEGMENTS = """
WITH merged AS (
    SELECT source_id, target_id FROM unnest(%s::bigint[], %s::bigint[]) AS pairs (source_id, target_id)
), gone AS (
    DELETE FROM crm_segment_membership AS own USING merged WHERE own.profile_id = merged.source_id
    RETURNING own.segment_id, own.entered_at, merged.source_id, merged.target_id
), brought AS (
    INSERT INTO crm_segment_membership (segment_id, profile_id, entered_at)
    SELECT segment_id, target_id, min(entered_at) FROM gone
    GROUP BY segment_id, target_id ORDER BY segment_id, target_id
    ON CONFLICT (segment_id, profile_id) DO NOTHING
    RETURNING id, segment_id, profile_id
)
SELECT gone.source_id, gone.segment_id, gone.entered_at, brought.id
FROM gone LEFT JOIN brought ON brought.segment_id = gone.segment_id AND brought.profile_id = gone.target_id
"""


class _Newest(NamedTuple):
    record_id: int
    state: str


class Taken(NamedTuple):
    """What a target has lost with somebody who left it, and may have to learn again from others.

    Attributes:
        purposes: whose refusal was in force until then.
        customer_type, stage: whether they were the source's.
    """

    tags: Collection[str]
    purposes: Collection[ConsentPurpose]
    customer_type: bool
    stage: bool


_EVERYTHING: Final = Taken((), tuple(ConsentPurpose), customer_type=True, stage=True)


@dataclass(frozen=True, slots=True)
class Carried:
    """What a merge has changed beside the pointers, as `ProfileMerge.carried` keeps it.

    Attributes:
        tags, consents, memberships: rows that the target got.
        segments: (segment id, since when) of the source, which is in none while it is merged.
        source_stage: where the source stood; target_stage: where the target did, if it stands there instead now.
        customer_type: the target's, where the source's, said by staff, took its place; else "".
        last_consent: the target's newest record at the merge.
        users: of the source and of those that were merged into it, at the merge. Some may be deleted since.
    """

    tags: list[int] = field(default_factory=list)
    consents: list[int] = field(default_factory=list)
    segments: list[tuple[int, str]] = field(default_factory=list)
    customer_type: str = ""
    last_consent: int = 0
    memberships: list[int] = field(default_factory=list)
    source_stage: dict[str, str | None] = field(default_factory=dict)
    target_stage: dict[str, str | None] = field(default_factory=dict)
    users: list[int] = field(default_factory=list)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Carried:
        """Without what other versions have noted."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: noted for name, noted in value.items() if name in known})

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def with_more(self, later: Carried) -> Carried:
        """Of the same merge: what was carried at first, and later: again when another one went, or with a guest whom
        the source has claimed.
        """
        return Carried(
            self.tags + later.tags,
            self.consents + later.consents,
            self.segments + later.segments,
            self.customer_type or later.customer_type,
            # What was said since is newer, also where others went in between; what was carried again is in `consents`.
            self.last_consent,
            self.memberships + later.memberships,
            self.source_stage,
            self.target_stage or later.target_stage,
            self.users,
        )


def refusals_to_carry(pairs: Sequence[tuple[int, int]], using: str) -> list[tuple[int, ConsentPurpose]]:
    """What sources have refused and their targets have not, by target. One statement."""
    return list(_to_carry(pairs, _newest({pk for pair in pairs for pk in pair}, using)))


def carry(
    pairs: Sequence[tuple[int, int]], actor: Actor, now: datetime, using: str, *, again: Taken | None = None
) -> dict[int, Carried]:
    """Let targets know of their sources. The caller has locked the profiles. A constant number of statements.

    Args:
        pairs: source and target.
        again: only what the targets have lost just now. Else what was taken from them on purpose would come back.

    Returns:
        What was changed, by source. What two sources have given to one target, the first one has: whoever wants to undo
        a merge carries it alone.
    """
    newest = _newest({pk for pair in pairs for pk in pair}, using)
    what = _EVERYTHING if again is None else again
    refusals = {key: source for key, source in _to_carry(pairs, newest).items() if key[1] in what.purposes}
    records = _refuse(list(refusals), MERGE, actor, now, using)
    last: dict[int, int] = {}
    said = [(profile_id, seen.record_id) for (profile_id, _), seen in newest.items()]
    for profile_id, record_id in [*said, *((target, pk) for (target, _), pk in zip(refusals, records, strict=True))]:
        last[profile_id] = max(record_id, last.get(profile_id, 0))
    columns = _carry_columns(pairs, what, using)
    carried = {source: replace(columns[source], last_consent=last.get(target, 0)) for source, target in pairs}
    for source, record_id in zip(refusals.values(), records, strict=True):
        carried[source].consents.append(record_id)
    with connections[using].cursor() as cursor:
        merged = [[source for source, _ in pairs], [target for _, target in pairs]]
        names = None if again is None else list(again.tags)
        cursor.execute(_COPY_TAGS, [*merged, names, names])
        for source, tag_id in cursor.fetchall():
            carried[source].tags.append(tag_id)
        cursor.execute(_MOVE_SEGMENTS, merged)
        for source, segment_id, entered_at, membership_id in cursor.fetchall():
            carried[source].segments.append((segment_id, entered_at.isoformat()))
            if membership_id is not None:
                carried[source].memberships.append(membership_id)
    return carried


def give_back(
    carried: Carried,
    source_id: int,
    target_id: int,
    others: Collection[Carried],
    leaving_users: Collection[int],
    actor: Actor,
    now: datetime,
    using: str,
) -> Taken:
    """Undo `carry` of one pair, as the module says. The caller has locked both profiles.

    Args:
        leaving_users: of the source and of those that were merged into it, as far as they are not deleted.
        others: what the target has been told of others that are merged into it. It is not the source's.

    Returns:
        What the target has lost by it.
    """
    of_others = {record_id for other in others for record_id in other.consents}
    tags = CustomerTag.objects.using(using).filter(pk__in=carried.tags, profile_id=target_id)
    names = list(tags.values_list("name", flat=True))
    tags.delete()
    in_force = _newest([target_id], using)
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
    said_last = [record.record_id for (profile_id, _), record in newest.items() if profile_id == target_id]
    gone_users = set(carried.users).difference(leaving_users)
    _give_back_agreements(said_last, carried.last_consent, source_id, target_id, leaving_users, gone_users, using)
    rows = {row.pk: row for row in CustomerProfile.objects.using(using).filter(pk__in=[source_id, target_id])}
    source, target = rows[source_id], rows[target_id]
    # Unless staff have said something else since.
    has_its_type = target.customer_type_by_hand and target.customer_type == source.customer_type
    takes_type = bool(carried.customer_type) and has_its_type
    if takes_type:
        target.customer_type, target.customer_type_by_hand = carried.customer_type, False
    stages.put(source, carried.source_stage)
    stages.put(target, carried.target_stage)
    CustomerProfile.objects.using(using).bulk_update([source, target], _COLUMNS)
    brought = SegmentMembership.objects.using(using).filter(pk__in=carried.memberships, profile_id=target_id)
    brought.exclude(segment_id__in={segment_id for other in others for segment_id, _ in other.segments}).delete()
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
    no_more = [ConsentPurpose(purpose) for (_, purpose), seen in in_force.items() if seen.record_id in carried.consents]
    return Taken(names, no_more, customer_type=takes_type, stage=bool(carried.target_stage))


def _give_back_agreements(
    said_last: Collection[int],
    after: int,
    source_id: int,
    target_id: int,
    leaving_users: Collection[int],
    gone_users: Collection[int],
    using: str,
) -> None:
    """What users who leave have agreed to for the target, and nobody has said otherwise since, is theirs.

    Args:
        said_last: the target's newest records.
        after: the target's newest record when the two became one.
        gone_users: leave as well, deleted: nothing that they wrote is kept.
    """
    records = ConsentRecord.objects.using(using)
    said = records.filter(
        profile_id=target_id,
        pk__gt=after,
        state=ConsentState.GRANTED,
        actor_type=ActorType.CUSTOMER,
        actor_id__in={*leaving_users, *gone_users},
    )
    agreed = said.filter(purpose__in=said.filter(pk__in=said_last).values("purpose"))
    moved = list(agreed.order_by("pk"))
    records.filter(pk__in=[record.pk for record in moved]).delete()
    for record in moved:
        record.pk, record.profile_id = None, source_id
        if record.actor_id in gone_users:
            record.source = record.text_version = ""
    # Records are never changed, so these are new ones, in the same words and of the same moment.
    records.bulk_create(moved)


def _carry_columns(pairs: Sequence[tuple[int, int]], what: Taken, using: str) -> dict[int, Carried]:
    """Returns what became of columns of the profiles, by source, and nothing of other tables."""
    locked = CustomerProfile.objects.using(using).select_for_update(of=("self",), no_key=True).order_by("pk")
    rows = {row.pk: row for row in locked.filter(pk__in={pk for pair in pairs for pk in pair})}
    changed: dict[int, CustomerProfile] = {}
    carried = {}
    for source, target in ((rows[source_id], rows[target_id]) for source_id, target_id in pairs):
        customer_type = ""
        target_stage: dict[str, str | None] = {}
        if what.customer_type and source.customer_type_by_hand and not target.customer_type_by_hand:
            customer_type = target.customer_type
            target.customer_type, target.customer_type_by_hand = source.customer_type, True
            changed[target.pk] = target
        source_stage = stages.stage_of(source)
        if what.stage and stages.takes_stage_of(target, source):
            target_stage = stages.stage_of(target)
            stages.put(target, source_stage)
            changed[target.pk] = target
        carried[source.pk] = Carried(customer_type=customer_type, source_stage=source_stage, target_stage=target_stage)
    if changed:
        CustomerProfile.objects.using(using).bulk_update(changed.values(), _COLUMNS)
    return carried


def _to_carry(
    pairs: Sequence[tuple[int, int]], newest: Mapping[tuple[int, str], _Newest]
) -> dict[tuple[int, ConsentPurpose], int]:
    """By target and purpose, the first source that has refused it."""
    wanted: dict[tuple[int, ConsentPurpose], int] = {}
    for source, target in pairs:
        for purpose in ConsentPurpose:
            if _is_refused(newest, source, purpose) and not _is_refused(newest, target, purpose):
                wanted.setdefault((target, purpose), source)
    return wanted


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
