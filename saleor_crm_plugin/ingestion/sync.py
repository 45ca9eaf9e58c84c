"""The one way in: bring our tables in line with Saleor's orders as they are now.

A hook, the reconciliation, the backfill and a repair all call `sync_orders`; they differ in the number of orders. Any
number of times, in any order, after any crash: the same result. The number of statements does not depend on the number
of orders in a batch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings as django_settings
from django.db import DatabaseError, connections, transaction
from django.utils import timezone
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.ingestion.actions import award_sign_ups
from saleor_crm_plugin.ingestion.claims import claim_for
from saleor_crm_plugin.ingestion.loyalty_facts import bring_points_in_line
from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.readers import read_customer, read_orders
from saleor_crm_plugin.ingestion.reward_uses import note_used
from saleor_crm_plugin.ingestion.segments import refresh_for
from saleor_crm_plugin.ingestion.settings import ShopSettings, load_settings
from saleor_crm_plugin.ingestion.snapshots import OrderSnapshot
from saleor_crm_plugin.ingestion.tier_facts import review_customers
from saleor_crm_plugin.profiles.customers import customer_deleted
from saleor_crm_plugin.profiles.identity import (
    GuestPerson,
    Person,
    UserPerson,
    find_profiles,
    person_of,
    resolve_owners,
    resolve_profiles,
)
from saleor_crm_plugin.profiles.metrics import refresh_metrics
from saleor_crm_plugin.profiles.orders import OrderFact, forget_orders, store_order_facts

logger = logging.getLogger(__name__)

ERROR_MAX_LENGTH = 255


@dataclass(slots=True)
class SyncResult:
    """Order ids by what became of them.

    Attributes:
        synced: our tables are in line with these.
        skipped: drafts, and ids that Saleor does not know (any more).
        failed: these could not be brought in line; the reason stands in `OrderSync.error`, and reconciliation
            tries again.
    """

    synced: set[UUID] = field(default_factory=set)
    skipped: set[UUID] = field(default_factory=set)
    failed: set[UUID] = field(default_factory=set)

    def add(self, other: SyncResult) -> None:
        self.synced |= other.synced
        self.skipped |= other.skipped
        self.failed |= other.failed


def sync_order(order_id: UUID) -> SyncResult:
    """`sync_orders` for one order."""
    return sync_orders([order_id])


@allow_writer()
def sync_customer(user_id: int, *, settings: ShopSettings | None = None) -> None:
    """Bring a customer's profile in line with the user as they are now, or with the user being gone.

    A user whose e-mail is verified takes over the guest of that address, and the guest's orders with it, and gets what
    the shop gives for signing up.
    """
    using = django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    settings = settings or load_settings()
    customer = read_customer(user_id, using)
    if customer is None:
        customer_deleted(user_id, using)
        return
    if settings.crm.profiles_enabled:
        with transaction.atomic(using=using):
            profiles = resolve_profiles([UserPerson(user_id)], using)
            claimed = claim_for([customer], using)
        sync_orders(claimed, settings=settings)
        # Segments ask about addresses and language, too.
        refresh_for(profiles.values(), using=using)
    award_sign_ups([user_id], settings, timezone.now(), using)


@allow_writer()
def sync_orders(
    order_ids: Iterable[UUID], *, settings: ShopSettings | None = None, now: datetime | None = None
) -> SyncResult:
    """Read the orders as they are now and write what differs: facts, metrics, points; then their customers' tiers and
    segments.

    One transaction, one for the tiers, and one for the segments. If it fails on the data of some order, each order is
    tried by itself, so that one bad order does not hold up the others.
    """
    ids = sorted(set(order_ids))
    if not ids:
        return SyncResult()
    settings = settings or load_settings()
    now = now or timezone.now()
    using = django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    try:
        with transaction.atomic(using=using):
            result, customers = _sync(ids, settings, now, using)
    except DatabaseError as error:
        # A missing table, a lost connection or a deadlock is not the fault of an order; the caller retries.
        if not _is_about_data(error):
            raise
        return _one_by_one(ids, settings, now, using, error)
    except (ArithmeticError, ValueError, TypeError, KeyError, LookupError) as error:
        return _one_by_one(ids, settings, now, using, error)
    if settings.loyalty:
        review_customers(customers, now, using)
    # Last, because segments ask about all of the above.
    if settings.crm.profiles_enabled:
        refresh_for(customers, now, using)
    return result


def _one_by_one(ids: Sequence[UUID], settings: ShopSettings, now: datetime, using: str, error: Exception) -> SyncResult:
    if len(ids) == 1:
        _record_failure(ids[0], error, using)
        return SyncResult(failed=set(ids))
    result = SyncResult()
    for order_id in ids:
        result.add(sync_orders([order_id], settings=settings, now=now))
    return result


def _is_about_data(error: DatabaseError) -> bool:
    """SQLSTATE classes 22 (data exception) and 23 (integrity constraint violation)."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    return state[:2] in {"22", "23"}


def _record_failure(order_id: UUID, error: Exception, using: str) -> None:
    logger.error(
        "Order %s cannot be brought into the CRM tables (%s). It is tried again at every reconciliation; "
        "run `manage.py crm_reconcile` after mending it.",
        order_id,
        type(error).__name__,
        exc_info=error,
    )
    OrderSync.objects.using(using).update_or_create(
        order_id=order_id, defaults={"error": type(error).__name__[:ERROR_MAX_LENGTH]}
    )


def _sync(ids: Sequence[UUID], settings: ShopSettings, now: datetime, using: str) -> tuple[SyncResult, set[int]]:
    """What became of the orders, and the profiles whose points or purchases may have changed."""
    orders, owner = _lock_and_read(ids, settings, using)
    customers = set(owner.values())
    if settings.crm.profiles_enabled:
        customers |= _store_facts(orders, ids, owner, using)
    # Rewards are there for points that staff gave, too. Their rows are locked before accounts.
    note_used(orders, now, using)
    if settings.loyalty:
        bring_points_in_line(orders, owner, settings, now, using)
    _mark_synced(orders, ids, now, using)
    synced = {order.order_id for order in orders}
    return SyncResult(synced=synced, skipped=set(ids) - synced), customers


def missing_entries(order_ids: Sequence[UUID], settings: ShopSettings, using: str) -> int:
    """How many entries the ledger lacks for these orders. They are posted: the caller takes everything back.

    The caller has a transaction.
    """
    orders, owner = _lock_and_read(order_ids, settings, using)
    return bring_points_in_line(orders, owner, settings, timezone.now(), using)


def _lock_and_read(
    ids: Sequence[UUID], settings: ShopSettings, using: str
) -> tuple[list[OrderSnapshot], dict[UUID, int]]:
    """The orders as they are now, without drafts, and the profile that each belongs to."""
    _lock(ids, using)
    orders = [snapshot for snapshot in read_orders(ids, using).values() if not snapshot.is_draft]
    return orders, resolve_owners(_persons(orders, settings, using), using)


def _store_facts(
    orders: Sequence[OrderSnapshot], ids: Sequence[UUID], owner: Mapping[UUID, int], using: str
) -> set[int]:
    """Returns the profiles that were touched."""
    touched = store_order_facts(
        [
            OrderFact(
                order_id=order.order_id,
                profile_id=owner[order.order_id],
                channel_id=order.channel_id,
                currency=order.currency,
                placed_at=order.placed_at,
                counts=order.counts,
                gross_amount=order.total_gross,
                refunded_amount=order.refunded,
            )
            for order in orders
            if order.order_id in owner
        ],
        using,
    )
    # Orders that have become nobody's, and orders that Saleor has deleted.
    touched |= forget_orders([order_id for order_id in ids if order_id not in owner], using)
    refresh_metrics(touched, using)
    return touched


def _lock(ids: Iterable[UUID], using: str) -> None:
    """Make concurrent syncs of the same orders wait for each other, also on their first sight."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO crm_order_sync (order_id, error)
            SELECT id, '' FROM unnest(%s::uuid[]) WITH ORDINALITY AS ids (id, position) ORDER BY position
            ON CONFLICT (order_id) DO UPDATE SET order_id = excluded.order_id
            """,
            [list(ids)],
        )


def _persons(orders: Iterable[OrderSnapshot], settings: ShopSettings, using: str) -> dict[UUID, Person | None]:
    """Whose orders these are. With guest profiles switched off, guests that are known already stay known."""
    persons = {order.order_id: person_of(order.user_id, order.email) for order in orders}
    if settings.crm.guest_profiles_enabled:
        return persons
    guests = {person for person in persons.values() if isinstance(person, GuestPerson)}
    known = find_profiles(guests, using) if guests else {}
    return {
        order_id: None if isinstance(person, GuestPerson) and person not in known else person
        for order_id, person in persons.items()
    }


def _mark_synced(orders: Sequence[OrderSnapshot], ids: Sequence[UUID], now: datetime, using: str) -> None:
    seen: Mapping[UUID, OrderSnapshot] = {order.order_id: order for order in orders}
    with connections[using].cursor() as cursor:
        cursor.execute(
            """
            UPDATE crm_order_sync AS sync
            SET synced_at = %s, seen_updated_at = new.updated_at, seen_user_id = new.user_id, error = ''
            FROM unnest(%s::uuid[], %s::timestamptz[], %s::int[]) AS new (id, updated_at, user_id)
            WHERE sync.order_id = new.id
            """,
            [
                now,
                list(seen),
                [order.updated_at for order in seen.values()],
                [order.user_id for order in seen.values()],
            ],
        )
    # Drafts and vanished orders leave no trace: reconciliation would take them for orders that changed.
    if gone := [order_id for order_id in ids if order_id not in seen]:
        OrderSync.objects.using(using).filter(order_id__in=gone).delete()
