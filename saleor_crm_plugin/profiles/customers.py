"""What happens to a profile when the user behind it shows that an address is theirs, changes it, or is deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower, Trim
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.profiles.identity import Member, UserPerson, normalize_email, resolve_members
from saleor_crm_plugin.profiles.merging.family import HEAD, change_families
from saleor_crm_plugin.profiles.merging.joining import join
from saleor_crm_plugin.profiles.merging.merging import carry_claimed, keep_for_good
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity, ProfileOrder
from saleor_crm_plugin.profiles.privacy.erasing import remove_texts

# An address changes hands to whoever showed last that it is theirs.
_PROVE = """
INSERT INTO crm_profile_identity (profile_id, kind, value, created_at)
SELECT profile_id, %s, email, now() FROM unnest(%s::bigint[], %s::text[]) AS proven (profile_id, email) ORDER BY email
ON CONFLICT (kind, value) DO UPDATE SET profile_id = excluded.profile_id
"""
# Of two who have had an address, it is the last one's.
_NOTE_FORMER = """
INSERT INTO crm_profile_identity (profile_id, kind, value, created_at)
SELECT profile_id, %s, email, now() FROM unnest(%s::bigint[], %s::text[]) AS former (profile_id, email) ORDER BY email
ON CONFLICT (kind, value) DO UPDATE SET profile_id = excluded.profile_id
"""


@dataclass(frozen=True, slots=True)
class Claims:
    """Guests that turned out to be users.

    Attributes:
        moved: guest profile id -> the user's profile, and its head.
        joined: those of the guests who were merged into the user's profile now; staff had merged the others before.
        kept: profiles that staff had merged, as it turns out rightly: they are not separated any more.
    """

    moved: Mapping[int, Member]
    joined: Collection[int] = ()
    kept: Collection[int] = ()

    def __len__(self) -> int:
        return len(self.moved)


def claim_guests(owners: Mapping[str, int], using: str | None = None) -> Claims:
    """Give guests to the users who have shown that the guest's address is theirs.

    The address becomes a verified identity of the user's profile. The guest's profile stays, because its ledger does,
    merged into the user's for good; one that staff have merged into another stays there, and only the address moves. If
    that other is the user, it stays there for good. Orders follow when they are synced again, which the caller sees to.
    Repeating it changes nothing. A constant number of SQL statements, one if there is nothing to claim, and more for
    users who are merged (`carry_claimed`) and guests who were (`keep_for_good`).

    Args:
        owners: normalized e-mail -> id of the user who owns it, verified. Those who are deleted since get nothing.
    """
    alias = using or DEFAULT_DB_ALIAS
    wanted = ProfileIdentity.objects.using(alias).filter(kind=IdentityKind.UNVERIFIED_EMAIL, value__in=owners.keys())
    if not wanted.exists():
        return Claims({})
    now = timezone.now()
    with transaction.atomic(using=alias):
        change_families(alias)
        # Whoever is deleted from here on waits in `_detach` until the guest's things are theirs, and are forgotten too.
        users = get_user_model()._default_manager.using(alias).filter(pk__in=set(owners.values()))
        there = set(users.values_list("pk", flat=True))
        guests = [
            guest
            for guest in wanted.select_for_update(of=("self",))
            .order_by("value")
            .values_list("pk", "profile_id", "value", "profile__merged_into_id")
            if owners[guest[2]] in there
        ]
        if not guests:
            return Claims({})
        members = resolve_members({UserPerson(owners[email]) for _, _, email, _ in guests}, alias)
        member_of = {guest: members[UserPerson(owners[email])] for _, guest, email, _ in guests}
        emails = [email for _, _, email, _ in guests]
        proven = [members[UserPerson(owners[email])].profile_id for email in emails]
        with connections[alias].cursor() as cursor:
            cursor.execute(_PROVE, [IdentityKind.VERIFIED_EMAIL, proven, emails])
        ProfileIdentity.objects.using(alias).filter(pk__in=[pk for pk, _, _, _ in guests]).delete()
        heads = dict.fromkeys(guest for _, guest, _, head in guests if head is None)
        claimed = [(guest, member_of[guest]) for guest in heads]
        join(claimed, SYSTEM, now, alias, carried=carry_claimed(claimed, now, alias))
        of_the_user = [(guest, member_of[guest]) for _, guest, _, head in guests if head == member_of[guest].head_id]
        kept = keep_for_good(of_the_user, alias)
    return Claims(member_of, list(heads), kept)


def leave_addresses(user_ids: Collection[int], using: str | None = None) -> int:
    """Verified addresses that are not the users' any more lead to them no longer; returns how many.

    Their next owner is somebody else. What came to the users by such an address while it was theirs, stays. Repeating
    it changes nothing. Three SQL statements, one if there is nothing to do.
    """
    alias = using or DEFAULT_DB_ALIAS
    names = ProfileIdentity.objects.using(alias).filter(kind=IdentityKind.VERIFIED_EMAIL)
    with transaction.atomic(using=alias):
        rows = (
            names.filter(profile__user_id__in=user_ids, profile__user__isnull=False)
            .select_for_update(of=("self",))
            .order_by("value")
            .values_list("pk", "profile_id", "value", "profile__user__email")
        )
        left = [row for row in rows if normalize_email(row[3]) != row[2]]
        if left:
            with connections[alias].cursor() as cursor:
                cursor.execute(
                    _NOTE_FORMER, [IdentityKind.FORMER_EMAIL, [row[1] for row in left], [row[2] for row in left]]
                )
            names.filter(pk__in=[row[0] for row in left]).delete()
    return len(left)


def users_who_left_an_address(
    batch_size: int, since: datetime | None = None, using: str | None = None
) -> Iterator[list[int]]:
    """Batches of the users whom `leave_addresses` may concern; time linear in the number of verified addresses.

    Args:
        since: only users who changed after it.
    """
    names = (
        ProfileIdentity.objects.using(using or DEFAULT_DB_ALIAS)
        .filter(kind=IdentityKind.VERIFIED_EMAIL)
        .exclude(value=Lower(Trim("profile__user__email")))
        .distinct()
    )
    if since is not None:
        names = names.filter(profile__user__updated_at__gt=since)
    return key_batches(names, batch_size, "profile__user_id")


def customer_deleted(user_id: int, using: str | None = None) -> list[int]:
    """The user is gone: the profile stays, without a user, their addresses and what was written by or about them.

    Repeating it changes nothing.

    Returns:
        The profile of that user, if there was one.
    """
    alias = using or DEFAULT_DB_ALIAS
    return _detach(CustomerProfile.objects.using(alias).filter(user_id=user_id), alias)


def detach_deleted_users(profile_ids: Collection[int], using: str | None = None) -> list[int]:
    """Do the same for those of the profiles whose user no longer exists; for deletions that we were not told of.

    Returns:
        The profiles that lost their user.
    """
    alias = using or DEFAULT_DB_ALIAS
    return _detach(orphaned_profiles(alias).filter(pk__in=profile_ids), alias)


def orphaned_profiles(using: str | None = None) -> QuerySet[CustomerProfile]:
    """The profiles that still name a user who no longer exists, as a queryset."""
    user = get_user_model()._default_manager.filter(pk=OuterRef("user_id"))
    return CustomerProfile.objects.using(using or DEFAULT_DB_ALIAS).filter(~Exists(user), Q(user_id__isnull=False))


def guests_of(profile_ids: Collection[int], using: str) -> list[int]:
    """The guests that these customers were before they had an account, whoever is the head of their family by now.

    Whoever has an account, and the guests behind them, are others.
    """
    merges = ProfileMerge.objects.using(using).filter(undone_at__isnull=True, source__user_id__isnull=True)
    found, newest = set(profile_ids), set(profile_ids)
    while newest:
        newest = set(merges.filter(target_id__in=newest).values_list("source_id", flat=True)) - found
        found |= newest
    return sorted(found.difference(profile_ids))


def _detach(profiles: QuerySet[CustomerProfile], alias: str) -> list[int]:
    with transaction.atomic(using=alias):
        change_families(alias)
        heads = dict(profiles.values_list("pk", HEAD))
        ids = sorted(heads)
        if ids:
            # Who is forgotten, and whose lists may be with them.
            persons = CustomerProfile.objects.using(alias).filter(pk__in={*ids, *heads.values()}).order_by("pk")
            list(persons.select_for_update().values_list("pk"))
            everybody = [*ids, *guests_of(ids, alias)]
            remove_texts(everybody, alias, _orders_of_others(everybody, alias))
            CustomerProfile.objects.using(alias).filter(pk__in=ids).update(user_id=None)
    return ids


def _orders_of_others(profile_ids: Collection[int], alias: str) -> list[UUID]:
    """What others have ordered, who were merged into the profiles."""
    orders = ProfileOrder.objects.using(alias).filter(profile_id__in=profile_ids, placed_by__isnull=False)
    return list(orders.exclude(placed_by_id__in=profile_ids).values_list("order_id", flat=True))
