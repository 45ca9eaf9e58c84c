"""Staff say that two profiles are one person; and, for a while, that they are not.

The source's things stay with it and are read as the family's (`family`); its orders count for the target, and the
numbers of both are computed anew. Points are the business of `loyalty.merging`.

Separated, each has the orders that are their own, those placed meanwhile included. Merged and separated with nothing
in between, every row is as it was, but the record of it: the merge, and the events.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Q

from saleor_crm_plugin.actors import SYSTEM, Actor, ActorType
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.profiles.identity import Member
from saleor_crm_plugin.profiles.merging.carrying import Carried, Taken, carry, give_back
from saleor_crm_plugin.profiles.merging.family import branch, change_families
from saleor_crm_plugin.profiles.merging.joining import join
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.metrics import refresh_metrics
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.timeline import log
from saleor_crm_plugin.profiles.timeline.models import EventKind, SubjectType

SOURCE: Final = "sourceId"
TARGET: Final = "targetId"

_ONE_ALREADY: Final = "These two are one already."
_MERGED_ELSEWHERE: Final = "This customer was merged into another one before: name that one, or undo that first."

# In the order of the key, as `orders` writes them.
_BRING_ORDERS = """
WITH own AS (SELECT order_id FROM crm_profile_order WHERE profile_id = %(source)s ORDER BY order_id FOR NO KEY UPDATE)
UPDATE crm_profile_order AS kept SET profile_id = %(target)s, placed_by_id = coalesce(placed_by_id, %(source)s)
FROM own WHERE own.order_id = kept.order_id
"""
_TAKE_ORDERS = """
WITH own AS (
    SELECT order_id FROM crm_profile_order WHERE placed_by_id = ANY(%(branch)s::bigint[])
    ORDER BY order_id FOR NO KEY UPDATE
)
UPDATE crm_profile_order AS kept SET profile_id = %(source)s, placed_by_id = nullif(placed_by_id, %(source)s)
FROM own WHERE own.order_id = kept.order_id RETURNING kept.order_id
"""


@dataclass(frozen=True, slots=True)
class Separated:
    """
    Attributes:
        orders: those that went back to the source. Their points follow when they are synced again.
    """

    merge: ProfileMerge
    orders: list[UUID]


def merge(
    source_id: int,
    target_id: int,
    actor: Actor,
    now: datetime,
    *,
    undo_until: datetime | None = None,
    using: str = "default",
) -> ProfileMerge:
    """Merge a profile, with those that were merged into it, into another; a merged target stands for its head.

    Args:
        undo_until: until when `unmerge` is possible; None: never.

    Raises:
        CustomerInputError: the first of `refusals`.
    """
    with transaction.atomic(using=using):
        change_families(using)
        found = _lock([source_id, target_id], using)
        source, target = found.get(source_id), found.get(target_id)
        if target is not None and target.merged_into_id not in (None, source_id):
            target = _lock([target.merged_into_id], using)[target.merged_into_id]
        for refusal in refusals(source, target, actor, using):
            raise refusal
        assert source is not None
        assert target is not None
        (done,) = join([(source.pk, Member(target.pk, target.pk))], actor, now, using, undo_until)
        with connections[using].cursor() as cursor:
            cursor.execute(_BRING_ORDERS, {"source": source.pk, "target": target.pk})
        carried = carry([(source.pk, target.pk)], actor, now, using)[source.pk]
        of_source = [profile for profile in found.values() if source.pk in (profile.pk, profile.merged_into_id)]
        users = [profile.user_id for profile in of_source if profile.user_id is not None]
        done.carried = replace(carried, users=users).as_json()
        done.save(using=using, update_fields=["carried"])
        refresh_metrics([source.pk, target.pk], using)
    return done


def unmerge(merge_id: int, actor: Actor, now: datetime, *, using: str = "default") -> Separated:
    """Take a merge apart, as the module says.

    Raises:
        CustomerInputError: `NOT_FOUND`; or `NOT_APPLICABLE`: undone before, too late, the target was merged itself
            (undo that first) or erased.
    """
    with transaction.atomic(using=using):
        change_families(using)
        done = ProfileMerge.objects.using(using).filter(pk=merge_id).first()
        if done is None:
            raise CustomerInputError("There is no such merge.", "NOT_FOUND", "mergeId")
        found = _lock([done.source_id, done.target_id], using)
        source, target = found[done.source_id], found[done.target_id]
        _check_undoable(done, source, target, now)
        leaving = branch(source.pk, using)
        profiles = CustomerProfile.objects.using(using)
        profiles.filter(pk=source.pk).update(merged_into=None)
        profiles.filter(pk__in=leaving - {source.pk}).update(merged_into=source)
        with connections[using].cursor() as cursor:
            cursor.execute(_TAKE_ORDERS, {"branch": sorted(leaving), "source": source.pk})
            orders = [order_id for (order_id,) in cursor.fetchall()]
        done.undone_at = now
        done.save(using=using, update_fields=["undone_at"])
        others = list(ProfileMerge.objects.using(using).filter(target=target, undone_at__isnull=True).order_by("pk"))
        told = [_carried(other) for other in others]
        users = profiles.filter(pk__in=leaving, user_id__isnull=False).values_list("user_id", flat=True)
        taken = give_back(_carried(done), source.pk, target.pk, told, [pk for pk in users if pk], actor, now, using)
        for other in others:
            _carry_more(other, other.source_id, now, using, again=taken)
        log.record(
            [_separated(done, each, other, actor) for each, other in ((source, target), (target, source))], using
        )
        refresh_metrics([source.pk, target.pk], using)
    return Separated(done, orders)


def carry_claimed(claimed: Sequence[tuple[int, Member]], now: datetime, using: str) -> dict[int, Carried]:
    """Let users know of the guests whom they are about to claim: their own profile, and all that they are merged into.

    The latter forget it when the user is separated from them. In a transaction that has called `change_families`. A
    constant number of statements, and as many again for each guest of a user who is merged and each merge above them.

    Args:
        claimed: guest, and who they turned out to be.

    Returns:
        What the users' own profiles have been told, by guest. It stays with them when somebody else leaves them.
    """
    of_heads = [(guest, own.profile_id) for guest, own in claimed if own.profile_id == own.head_id]
    told = carry(of_heads, SYSTEM, now, using)
    for guest, own in claimed:
        if own.profile_id == own.head_id:
            continue
        above = merges_above(own.profile_id, using)
        _lock([guest, *(merge.source_id for merge in above), own.head_id], using)
        # From the head down: it is the one that is in segments.
        for merge in reversed(above):
            _carry_more(merge, guest, now, using)
        told |= carry([(guest, own.profile_id)], SYSTEM, now, using)
        if told[guest].target_stage:
            # Where the guest stood is where the user does who had not bought; so they will when they are separated.
            merge = above[0]
            merge.carried = replace(_carried(merge), source_stage=told[guest].source_stage).as_json()
            merge.save(using=using, update_fields=["carried"])
    return told


def keep_for_good(claimed: Sequence[tuple[int, Member]], using: str) -> list[int]:
    """Staff had merged guests into users who have now shown that it is them: these merges are not undone any more.

    With those that the user is merged by, it is those between the guest and the first profile that both were merged
    into. None of them, if another user is between: nobody has shown that the two users are one. A few statements for
    each guest, none without guests.

    Args:
        claimed: guest, and who they turned out to be: one of the same family.

    Returns:
        The sources of these merges, whose accounts stay merged as well.
    """
    kept: list[ProfileMerge] = []
    for guest, own in claimed:
        of_user = {own.profile_id, *(merge.target_id for merge in merges_above(own.profile_id, using))}
        between: list[ProfileMerge] = []
        for merge in merges_above(guest, using):
            between.append(merge)
            if merge.target_id in of_user:
                break
        passed = CustomerProfile.objects.using(using).filter(pk__in=[merge.source_id for merge in between[1:]])
        if not passed.filter(user__isnull=False).exists():
            kept += between
    if kept:
        merges = ProfileMerge.objects.using(using).filter(pk__in=[merge.pk for merge in kept])
        merges.update(undo_until=None)
    return [merge.source_id for merge in kept]


def merges_above(profile_id: int, using: str) -> list[ProfileMerge]:
    """By which a profile came to its head, from the profile up. One statement for each, and one more."""
    merges = ProfileMerge.objects.using(using).filter(undone_at__isnull=True)
    above: list[ProfileMerge] = []
    while found := merges.filter(source_id=above[-1].target_id if above else profile_id).first():
        above.append(found)
    return above


def _carry_more(merge: ProfileMerge, source_id: int, now: datetime, using: str, *, again: Taken | None = None) -> None:
    """Let the target of a merge know of its source, or of a guest of the source's, in the name of who merged them."""
    more = carry([(source_id, merge.target_id)], merge.actor, now, using, again=again)[source_id]
    merge.carried = _carried(merge).with_more(more).as_json()
    merge.save(using=using, update_fields=["carried"])


def refusals(
    source: CustomerProfile | None, target: CustomerProfile | None, actor: Actor, using: str
) -> list[CustomerInputError]:
    """Why these two cannot be merged; empty if they can. One statement at most.

    Args:
        target: a head, or one that was merged into the source. Both are None where there is no such profile.
    """
    found = []
    for profile, field in ((source, SOURCE), (target, TARGET)):
        if profile is None:
            found.append(CustomerInputError("There is no such customer.", "NOT_FOUND", field))
        elif profile.erased_at is not None:
            found.append(CustomerInputError("This customer's data was erased.", "NOT_APPLICABLE", field))
    if source is None or target is None:
        return found
    if source == target:
        return [*found, CustomerInputError("A customer cannot be merged with itself.", "INVALID", TARGET)]
    if target.merged_into_id == source.pk:
        return [*found, CustomerInputError(_ONE_ALREADY, "NOT_APPLICABLE", TARGET)]
    if source.merged_into_id is not None:
        message = _ONE_ALREADY if source.merged_into_id == target.pk else _MERGED_ELSEWHERE
        found.append(CustomerInputError(message, "NOT_APPLICABLE", SOURCE))
    if source.user_id is not None and target.user_id is None:
        message = "The target has no account, and the source has one: merge them the other way round."
        found.append(CustomerInputError(message, "INVALID", TARGET))
    users = {field: user_id for field, user_id in ((SOURCE, source.user_id), (TARGET, target.user_id)) if user_id}
    if actor.type == ActorType.STAFF and actor.id in users.values():
        found.append(CustomerInputError("You cannot merge yourself: ask a colleague.", "NOT_APPLICABLE"))
    if len(users) == 2:
        # Each of two accounts sees what belongs to both: that is not for who has rights in the shop.
        both = CustomerProfile.objects.using(using).filter(pk__in=[source.pk, target.pk])
        of_staff = set(both.filter(user__is_staff=True).values_list("user_id", flat=True))
        message = "This is an account of staff, which is merged with guests only."
        found += [
            CustomerInputError(message, "NOT_APPLICABLE", field)
            for field, user_id in users.items()
            if user_id in of_staff
        ]
    return found


def _check_undoable(done: ProfileMerge, source: CustomerProfile, target: CustomerProfile, now: datetime) -> None:
    why = None
    if done.undone_at is not None:
        why = "The customers have been separated before."
    elif done.undo_until is None:
        why = "A guest who has become a user stays one."
    elif now > done.undo_until:
        why = "It is too late to separate the customers."
    elif target.merged_into_id is not None:
        why = "The customer was merged into another one since. Undo that first."
    elif source.erased_at is not None or target.erased_at is not None:
        why = "The customer's data was erased since."
    if why:
        raise CustomerInputError(why, "NOT_APPLICABLE", "mergeId")


def _lock(profile_ids: Collection[int], using: str) -> dict[int, CustomerProfile]:
    """The profiles with all that were merged into them, locked in the order of their ids."""
    rows = CustomerProfile.objects.using(using).select_for_update(of=("self",), no_key=True)
    return {
        profile.pk: profile
        for profile in rows.filter(Q(pk__in=profile_ids) | Q(merged_into_id__in=profile_ids)).order_by("pk")
    }


def _carried(done: ProfileMerge) -> Carried:
    return Carried.from_json(done.carried)


def _separated(done: ProfileMerge, each: CustomerProfile, other: CustomerProfile, actor: Actor) -> log.Event:
    assert done.undone_at is not None
    return log.Event(
        profile_id=each.pk,
        kind=EventKind.PROFILE_SEPARATED,
        happened_at=done.undone_at,
        key=f"merge:{done.pk}:undone:{each.pk}",
        subject_type=SubjectType.PROFILE,
        subject_id=str(other.pk),
        actor=actor,
    )
