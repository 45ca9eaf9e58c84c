"""Guests who turn out to be users, and users who are gone: the customer side of synchronization."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from saleor.account.models import User

from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.readers import read_customers
from saleor_crm_plugin.ingestion.snapshots import CustomerSnapshot
from saleor_crm_plugin.loyalty.merging import merge_profiles
from saleor_crm_plugin.profiles.customers import claim_guests, detach_deleted_users, orphaned_profiles
from saleor_crm_plugin.profiles.models import IdentityKind, ProfileIdentity, ProfileOrder
from saleor_crm_plugin.profiles.timeline.log import move as move_events


def claim_for(customers: Iterable[CustomerSnapshot], using: str | None = None) -> list[UUID]:
    """Let these customers have the guests whose addresses they own: their points, their events, then their orders.

    Returns:
        The guests' orders, to be synced now. They are marked as not in line in the same transaction, so that
        reconciliation finds them if the caller does not get that far.
    """
    alias = using or DEFAULT_DB_ALIAS
    owners = {customer.email: customer.user_id for customer in customers if customer.owns_email and customer.email}
    with transaction.atomic(using=alias):
        claims = claim_guests(owners, alias)
        if not claims:
            return []
        merge_profiles(claims.moved, timezone.now(), alias)
        move_events(claims.moved, alias)
        orders = list(
            ProfileOrder.objects.using(alias).filter(profile_id__in=claims.moved).values_list("order_id", flat=True)
        )
        OrderSync.objects.using(alias).filter(order_id__in=orders).update(seen_updated_at=None)
        return orders


def claimable_customers(
    batch_size: int, since: datetime | None = None, using: str | None = None
) -> Iterator[list[CustomerSnapshot]]:
    """Batches of the users who own the address of some guest; time linear in the number of guests.

    Args:
        since: only users who changed after it, along Saleor's index.
    """
    alias = using or DEFAULT_DB_ALIAS
    guests = ProfileIdentity.objects.filter(kind=IdentityKind.UNVERIFIED_EMAIL, value=OuterRef("email"))
    users = (
        User.objects.using(alias)
        .filter(Exists(guests), is_confirmed=True, is_active=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if since is not None:
        users = users.filter(updated_at__gt=since)
    for batch in _keyset(users, batch_size):
        yield list(read_customers(batch, alias).values())


def detach_all_deleted(batch_size: int, using: str | None = None) -> int:
    """Detach every profile whose user no longer exists; returns how many."""
    profiles = orphaned_profiles(using).order_by("pk").values_list("pk", flat=True)
    return sum(detach_deleted_users(batch, using) for batch in _keyset(profiles, batch_size))


def _keyset(keys: QuerySet[Any, int], batch_size: int) -> Iterator[list[int]]:
    last = 0
    while batch := list(keys.filter(pk__gt=last)[:batch_size]):
        last = batch[-1]
        yield batch
