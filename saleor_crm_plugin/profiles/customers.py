"""What happens to a profile when the user behind it changes: shows that an address is theirs, or is deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity

# An address changes hands to whoever showed last that it is theirs.
_PROVE = """
INSERT INTO crm_profile_identity (profile_id, kind, value, created_at)
SELECT profile_id, %s, email, now() FROM unnest(%s::bigint[], %s::text[]) AS proven (profile_id, email) ORDER BY email
ON CONFLICT (kind, value) DO UPDATE SET profile_id = excluded.profile_id
"""


@dataclass(frozen=True, slots=True)
class Claims:
    """Guests that turned out to be users: guest profile id -> profile id of the user."""

    moved: Mapping[int, int]

    def __len__(self) -> int:
        return len(self.moved)


def claim_guests(owners: Mapping[str, int], using: str | None = None) -> Claims:
    """Give guests to the users who have shown that the guest's address is theirs.

    The address becomes a verified identity of the user's profile. The guest's profile stays, without a name, because
    its ledger does; its orders follow when they are synced again, which the caller sees to. Repeating it changes
    nothing. Five SQL statements at most once there is something to claim, one otherwise.

    Args:
        owners: normalized e-mail -> id of the user who owns it, verified.
    """
    alias = using or DEFAULT_DB_ALIAS
    with transaction.atomic(using=alias):
        guests = list(
            ProfileIdentity.objects.using(alias)
            .select_for_update()
            .filter(kind=IdentityKind.UNVERIFIED_EMAIL, value__in=owners.keys())
            .order_by("value")
            .values_list("pk", "profile_id", "value")
        )
        if not guests:
            return Claims({})
        profiles = resolve_profiles({UserPerson(owners[email]) for _, _, email in guests}, alias)
        moved = {guest: profiles[UserPerson(owners[email])] for _, guest, email in guests}
        emails = [email for _, _, email in guests]
        with connections[alias].cursor() as cursor:
            cursor.execute(_PROVE, [IdentityKind.VERIFIED_EMAIL, list(moved.values()), emails])
        ProfileIdentity.objects.using(alias).filter(pk__in=[pk for pk, _, _ in guests]).delete()
    return Claims(moved)


def customer_deleted(user_id: int, using: str | None = None) -> bool:
    """The user is gone: the profile stays, without a user and without their addresses. Repeating it changes nothing.

    Returns:
        Whether there was a profile with that user.
    """
    alias = using or DEFAULT_DB_ALIAS
    return bool(_detach(CustomerProfile.objects.using(alias).filter(user_id=user_id), alias))


def detach_deleted_users(profile_ids: Collection[int], using: str | None = None) -> int:
    """Do the same for those of the profiles whose user no longer exists; for deletions that we were not told of.

    Returns:
        The number of profiles that lost their user.
    """
    alias = using or DEFAULT_DB_ALIAS
    return _detach(orphaned_profiles(alias).filter(pk__in=profile_ids), alias)


def orphaned_profiles(using: str | None = None) -> QuerySet[CustomerProfile]:
    """The profiles that still name a user who no longer exists, as a queryset."""
    user = get_user_model()._default_manager.filter(pk=OuterRef("user_id"))
    return CustomerProfile.objects.using(using or DEFAULT_DB_ALIAS).filter(~Exists(user), Q(user_id__isnull=False))


def _detach(profiles: QuerySet[CustomerProfile], alias: str) -> int:
    with transaction.atomic(using=alias):
        ids = list(profiles.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
        if ids:
            ProfileIdentity.objects.using(alias).filter(profile_id__in=ids).delete()
            CustomerProfile.objects.using(alias).filter(pk__in=ids).update(user_id=None)
    return len(ids)
