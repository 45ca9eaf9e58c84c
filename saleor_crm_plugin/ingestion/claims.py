"""Guests who turn out to be users, and users who are gone: the customer side of synchronization."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from saleor.account.models import User

from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.readers import read_customers
from saleor_crm_plugin.ingestion.snapshots import CustomerSnapshot
from saleor_crm_plugin.loyalty.merging import merge_profiles
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
from saleor_crm_plugin.profiles.models import IdentityKind, ProfileIdentity, ProfileOrder
from saleor_crm_plugin.recommendations.privacy import forget_customers
from saleor_crm_plugin.recommendations.storage import forget_personal
from saleor_crm_plugin.recommendations.tracking.forgetting import forget_events

_KEPT = """
SELECT DISTINCT owned.email
FROM unnest(%s::text[], %s::int[]) AS owned (email, user_id)
JOIN crm_profile_identity identity ON identity.kind = 'unverified_email' AND identity.value = owned.email
JOIN crm_profile_order fact ON identity.profile_id IN (fact.profile_id, fact.placed_by_id)
JOIN order_order placed ON placed.id = fact.order_id AND placed.user_id IS DISTINCT FROM owned.user_id
"""


def claim_for(customers: Iterable[CustomerSnapshot], using: str | None = None) -> list[UUID]:
    """Let these customers have the guests whose addresses they own: their points, their events, then their orders.

    Returns:
        The guests' orders, to be synced now. They are marked as not in line in the same transaction, so that
        reconciliation finds them if the caller does not get that far.
    """
    alias = using or DEFAULT_DB_ALIAS
    owners = {customer.email: customer.user_id for customer in customers if customer.owns_email and customer.email}
    with transaction.atomic(using=alias):
        claims = claim_guests(_given_by_saleor(owners, alias), alias)
        if not claims:
            return []
        merge_profiles(claims.moved, timezone.now(), alias)
        # What the guest has refused, the user has refused.
        refusals = enforce_consents(set(claims.moved.values()), alias)
        forget_customers(refusals.recommendations, alias)
        # Also of those that were merged into the guests, and of guests that staff have merged into somebody else.
        of_guests = Q(profile_id__in=claims.moved) | Q(placed_by_id__in=claims.moved)
        orders = list(ProfileOrder.objects.using(alias).filter(of_guests).values_list("order_id", flat=True))
        OrderSync.objects.using(alias).filter(order_id__in=orders).update(seen_updated_at=None)
        return orders


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
    """Batches of the users who own the address of some guest; time linear in the number of guests.

    Args:
        since: only users who changed after it, along Saleor's index.
    """
    alias = using or DEFAULT_DB_ALIAS
    guests = ProfileIdentity.objects.filter(kind=IdentityKind.UNVERIFIED_EMAIL, value=OuterRef("email"))
    users = User.objects.using(alias).filter(Exists(guests), is_confirmed=True, is_active=True)
    if since is not None:
        users = users.filter(updated_at__gt=since)
    for batch in key_batches(users, batch_size):
        yield list(read_customers(batch, alias).values())


def leave_all_addresses(batch_size: int, since: datetime | None = None, using: str | None = None) -> int:
    """`leave_addresses` for every user whom it concerns; returns how many addresses were left.

    Args:
        since: only users who changed after it.
    """
    return sum(leave_addresses(batch, using) for batch in users_who_left_an_address(batch_size, since, using))


def detach_all_deleted(batch_size: int, using: str | None = None) -> int:
    """Do so for every profile whose user no longer exists; returns how many."""
    alias = using or DEFAULT_DB_ALIAS
    detached = 0
    for batch in key_batches(orphaned_profiles(alias), batch_size):
        with transaction.atomic(using=alias):
            ids = detach_deleted_users(batch, alias)
            _forget(ids, alias)
        detached += len(ids)
    return detached


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
    forget_events(everybody, alias)
    # What is recommended to the head of a family is for all who are in it.
    forget_personal(of_nobody(profile_ids, alias), alias)
