"""Guests who turn out to be users, and users who are gone: the customer side of synchronization."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower, Trim
from django.utils import timezone
from saleor.account.models import User

from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.exceptions import CustomersBusyError
from saleor_crm_plugin.ingestion.erasure import forget_family
from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.readers import read_customers
from saleor_crm_plugin.ingestion.snapshots import CustomerSnapshot
from saleor_crm_plugin.ingestion.tier_facts import review_customers
from saleor_crm_plugin.isolating import FAULTS_OF_ONE
from saleor_crm_plugin.loyalty.merging import keep_merged, merge_profiles
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.privacy import blank_texts
from saleor_crm_plugin.profiles.consents.enforcement import enforce_consents
from saleor_crm_plugin.profiles.consents.queries import of_nobody
from saleor_crm_plugin.profiles.customers import (
    claim_guests,
    customer_deleted,
    detach_deleted_users,
    guests_of,
    leave_addresses,
    orphaned_profiles,
    users_who_left_an_address,
)
from saleor_crm_plugin.profiles.merging.family import change_families, families, heads_of, unless_busy
from saleor_crm_plugin.profiles.merging.merging import merges_above
from saleor_crm_plugin.profiles.models import (
    CustomerProfile,
    ErasureLevel,
    IdentityKind,
    ProfileIdentity,
    ProfileOrder,
)
from saleor_crm_plugin.profiles.privacy.erasing import reaches
from saleor_crm_plugin.recommendations.privacy import forget_customers
from saleor_crm_plugin.recommendations.storage import forget_personal
from saleor_crm_plugin.recommendations.tracking.forgetting import forget_events

logger = logging.getLogger(__name__)

_KEPT = """
SELECT DISTINCT owned.email
FROM unnest(%s::text[], %s::int[]) AS owned (email, user_id)
JOIN crm_profile_identity identity ON identity.kind = 'unverified_email' AND identity.value = owned.email
-- The guest's own: not those of somebody whom staff have merged into them.
JOIN crm_profile_order fact ON fact.placed_by_id = identity.profile_id
    OR (fact.profile_id = identity.profile_id AND fact.placed_by_id IS NULL)
JOIN order_order placed ON placed.id = fact.order_id AND placed.user_id IS DISTINCT FROM owned.user_id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Guests that users took over.

    Attributes:
        orders: the guests' orders, to be synced now. They are marked as not in line in the same transaction, so that
            reconciliation finds them if the caller does not get that far.
        guests: how many guests. failed: how many users cannot have their guest yet.
    """

    orders: tuple[UUID, ...] = ()
    guests: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Followed:
    """Accounts that were merged as their customers are, and those that cannot be yet."""

    merged: int = 0
    failed: int = 0


def claim_for(customers: Iterable[CustomerSnapshot], using: str | None = None) -> Claimed:
    """Let these customers have the guests whose addresses they own: their points, their events, then their orders.

    The guest of somebody who is erased is forgotten as far as they are.

    Raises:
        InputError, LedgerError, IntegrityError: points of one of them cannot be moved, or contradict each other;
            nothing has been written. See `claim_each`.
    """
    alias = using or DEFAULT_DB_ALIAS
    owners = {customer.email: customer.user_id for customer in customers if customer.owns_email and customer.email}
    with transaction.atomic(using=alias):
        claims = claim_guests(_given_by_saleor(owners, alias), alias)
        if not claims:
            return Claimed()
        now = timezone.now()
        heads = {user.head_id for user in claims.moved.values()}
        erased = _erased(heads, alias)
        # Before the accounts, as every erasure.
        forgotten = _locked_families(erased, alias)
        # An account that an erasure has closed takes no points.
        deleted = {head for head, level in erased.items() if reaches(level, ErasureLevel.DELETE)}
        joined = {guest: claims.moved[guest] for guest in claims.joined if claims.moved[guest].head_id not in deleted}
        merge_profiles({guest: user.profile_id for guest, user in joined.items()}, now, alias)
        # The guest's points go where the user goes, also where the user had none before.
        _follow([user.profile_id for user in joined.values() if user.profile_id != user.head_id], now, alias)
        keep_merged(claims.kept, alias)
        # What the guest has refused, the user has refused.
        refusals = enforce_consents(heads, alias)
        forget_customers(refusals.recommendations, alias)
        # Erased persons have got guests: these, and what the claim has copied, are forgotten as far as they are.
        for level in sorted(set(erased.values())):
            everybody = [pk for head, family in forgotten.items() if erased[head] == level for pk in family]
            forget_family(everybody, level, now, alias)
        # Also of those that were merged into the guests, and of guests that staff have merged into somebody else.
        of_guests = Q(profile_id__in=claims.moved) | Q(placed_by_id__in=claims.moved)
        orders = tuple(ProfileOrder.objects.using(alias).filter(of_guests).values_list("order_id", flat=True))
        OrderSync.objects.using(alias).filter(order_id__in=orders).update(seen_updated_at=None)
        return Claimed(orders, guests=len(claims.moved))


def claim_each(customers: Iterable[CustomerSnapshot], using: str | None = None) -> Claimed:
    """`claim_for`, but whoever cannot have their guest yet keeps nobody else from it. They are in the log, and tried
    again by each sweep. So are those about whom something else is being written that takes a while.
    """
    batch = list(customers)
    try:
        with unless_busy():
            return claim_for(batch, using)
    except FAULTS_OF_ONE as error:
        if len(batch) == 1:
            logger.error(
                "User %s cannot take over the guest of their address. Every full reconciliation tries again.",
                batch[0].user_id,
                exc_info=told(error),
            )
            return Claimed(failed=1)
    one_by_one = [claim_each([customer], using) for customer in batch]
    return Claimed(
        orders=tuple(order_id for claimed in one_by_one for order_id in claimed.orders),
        guests=sum(claimed.guests for claimed in one_by_one),
        failed=sum(claimed.failed for claimed in one_by_one),
    )


def follow_merged_profiles(batch_size: int, using: str | None = None) -> Followed:
    """Merge accounts that were opened for customers while these were merged.

    Who looks a customer up, opens an account and commits after the merge has left it behind, where nobody finds its
    points. An import takes minutes for it. Whose account cannot be merged yet is in the log.
    """
    alias = using or DEFAULT_DB_ALIAS
    left = LoyaltyAccount.objects.using(alias).filter(closed_at__isnull=True, profile__merged_into__isnull=False)
    left = left.exclude(profile__erasure_level=ErasureLevel.DELETE)
    merged = failed = 0
    now = timezone.now()
    for batch in key_batches(left.distinct(), batch_size, "profile_id"):
        for profile_id in batch:
            try:
                with unless_busy(), transaction.atomic(using=alias):
                    change_families(alias)
                    merged += _follow([profile_id], now, alias)
            except FAULTS_OF_ONE as error:
                failed += 1
                logger.error(
                    "The account of profile %s cannot be merged as the profile was. Every full reconciliation tries "
                    "again.",
                    profile_id,
                    exc_info=told(error),
                )
        heads = CustomerProfile.objects.using(alias).filter(pk__in=batch, merged_into__isnull=False)
        review_customers(set(heads.values_list("merged_into_id", flat=True)), now, alias)
    return Followed(merged, failed)


def _follow(profile_ids: Iterable[int], now: datetime, alias: str) -> int:
    """Merge the open accounts of merged profiles as the profiles were, from each to its head: they can be separated as
    long. The caller has called `change_families`. Returns how many were merged.
    """
    merged = 0
    for merge in [merge for profile_id in profile_ids for merge in merges_above(profile_id, alias)]:
        moved = {merge.source_id: merge.target_id}
        merged += merge_profiles(moved, now, alias, actor=merge.actor, undo_until=merge.undo_until)
    return merged


def _erased(heads: Collection[int], alias: str) -> dict[int, ErasureLevel]:
    """How far those are erased of whom nothing in words may be kept."""
    rows = CustomerProfile.objects.using(alias).filter(pk__in=heads, erased_at__isnull=False)
    levels = {pk: ErasureLevel(level) for pk, level in rows.values_list("pk", "erasure_level")}
    return {head: level for head, level in levels.items() if reaches(level, ErasureLevel.ANONYMISE)}


def _locked_families(heads: Collection[int], alias: str) -> dict[int, list[int]]:
    """The profiles of each head, locked. Two statements, none for nobody."""
    if not heads:
        return {}
    by_head = families(heads, alias)
    everybody = CustomerProfile.objects.using(alias).filter(pk__in=[pk for family in by_head.values() for pk in family])
    list(everybody.order_by("pk").select_for_update().values_list("pk"))
    return by_head


def _given_by_saleor(owners: Mapping[str, int], alias: str) -> dict[str, int]:
    """Those of the addresses whose guest has no order that Saleor keeps from the user.

    A confirmed address is not enough: Saleor gives a guest's orders to the new account, does so only with the
    password, or does not, as the shop has set, since whoever registered need not be who confirmed.
    """
    if not owners:
        return {}
    with connections[alias].cursor() as cursor:
        cursor.execute(_KEPT, [list(owners), list(owners.values())])
        kept = {email for (email,) in cursor.fetchall()}
    return {email: user_id for email, user_id in owners.items() if email not in kept}


def claimable_customers(
    batch_size: int, since: datetime | None = None, using: str | None = None
) -> Iterator[list[CustomerSnapshot]]:
    """Batches of the users who own the address of some guest; time linear in the number of guests, and a look at the
    spelling of each user's address.

    Args:
        since: only users who changed after it, along Saleor's index.
    """
    alias = using or DEFAULT_DB_ALIAS
    guests = ProfileIdentity.objects.filter(kind=IdentityKind.UNVERIFIED_EMAIL)
    users = User.objects.using(alias).filter(is_confirmed=True, is_active=True)
    if since is not None:
        users = users.filter(updated_at__gt=since)
    # By themselves: for the others there is an index of Saleor's.
    address = Lower(Trim("email"))
    spelled_otherwise = users.exclude(email=address).alias(address=address)
    for owners in (
        users.filter(Exists(guests.filter(value=OuterRef("email")))),
        spelled_otherwise.filter(Exists(guests.filter(value=OuterRef("address")))),
    ):
        for batch in key_batches(owners, batch_size):
            yield list(read_customers(batch, alias).values())


def leave_all_addresses(batch_size: int, since: datetime | None = None, using: str | None = None) -> int:
    """`leave_addresses` for every user whom it concerns; returns how many addresses were left.

    Args:
        since: only users who changed after it.
    """
    return sum(leave_addresses(batch, using) for batch in users_who_left_an_address(batch_size, since, using))


def detach_all_deleted(batch_size: int, using: str | None = None) -> int:
    """Do as `forget_user` for every profile whose user no longer exists; returns how many.

    Those whose data contradict each other, or about whom something else is being written that takes a while, are in
    the log, and wait for the next sweep.
    """
    alias = using or DEFAULT_DB_ALIAS
    return sum(_detach_each(batch, alias) for batch in key_batches(orphaned_profiles(alias), batch_size))


def _detach_each(profile_ids: Collection[int], alias: str) -> int:
    try:
        with unless_busy(), transaction.atomic(using=alias):
            ids = detach_deleted_users(profile_ids, alias)
            _forget(ids, alias)
    except FAULTS_OF_ONE as error:
        if len(profile_ids) > 1:
            return sum(_detach_each([profile_id], alias) for profile_id in profile_ids)
        is_busy = isinstance(error, CustomersBusyError)
        logger.log(
            logging.WARNING if is_busy else logging.ERROR,
            "Profile %s is still to forget its user, who is gone. The next full sweep tries again.",
            *profile_ids,
            exc_info=None if is_busy else told(error),
        )
        return 0
    return len(ids)


def forget_user(user_id: int, using: str | None = None) -> None:
    """A user is gone: take away what was written by or about them, in all domains, what they looked at, and what
    would be recommended to them. Numbers stay.
    """
    alias = using or DEFAULT_DB_ALIAS
    with transaction.atomic(using=alias):
        _forget(customer_deleted(user_id, alias), alias)


def _forget(profile_ids: list[int], alias: str) -> None:
    everybody = [*profile_ids, *guests_of(profile_ids, alias)]
    blank_texts(everybody, alias)
    # Who was merged into them, and has an account, is still there.
    forget_events(everybody, alias, with_merged=False)
    # What is recommended to the head of a family is for all who are in it, until the last of them is gone.
    heads = heads_of(profile_ids, alias)
    forget_personal(of_nobody({*heads, *heads.values()}, alias), alias)
