"""The one way in: bring our tables in line with Saleor's orders as they are now.

A hook, the reconciliation, the backfill and a repair all call `sync_orders`; they differ in the number of orders. Any
number of times, in any order, after any crash: the same result. The number of statements does not depend on the number
of orders in a batch.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings as django_settings
from django.db import DatabaseError, connections, transaction
from django.db.models import Exists, Max, OuterRef
from django.utils import timezone
from saleor.account.models import User
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.ingestion import lifecycle
from saleor_crm_plugin.ingestion.account_events import record_account_events
from saleor_crm_plugin.ingestion.actions import award_sign_ups
from saleor_crm_plugin.ingestion.claims import claim_each, forget_user
from saleor_crm_plugin.ingestion.customer_types import refresh_types
from saleor_crm_plugin.ingestion.loyalty_facts import bring_points_in_line
from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.order_events import record_order_events
from saleor_crm_plugin.ingestion.readers import read_customer, read_orders
from saleor_crm_plugin.ingestion.reward_uses import note_used
from saleor_crm_plugin.ingestion.segments import refresh_for
from saleor_crm_plugin.ingestion.settings import ShopSettings, load_settings
from saleor_crm_plugin.ingestion.snapshots import OrderSnapshot
from saleor_crm_plugin.ingestion.tier_facts import review_customers
from saleor_crm_plugin.isolating import FAULTS_OF_ONE
from saleor_crm_plugin.loyalty.models import PointsTransaction
from saleor_crm_plugin.profiles.customers import leave_addresses
from saleor_crm_plugin.profiles.identity import (
    GuestPerson,
    Member,
    Person,
    UserPerson,
    find_profiles,
    person_of,
    resolve_owning_members,
    resolve_profiles,
)
from saleor_crm_plugin.profiles.lifecycle.refreshing import Occasion
from saleor_crm_plugin.profiles.merging.family import keep_families
from saleor_crm_plugin.profiles.metrics import refresh_metrics
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.orders import OrderFact, forget_orders, store_order_facts
from saleor_crm_plugin.waiting import waited_too_long

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
    the shop gives for signing up. An address that they have left leads to them no longer.
    """
    using = django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    settings = settings or load_settings()
    customer = read_customer(user_id, using)
    if customer is None:
        forget_user(user_id, using)
        return
    now = timezone.now()
    with transaction.atomic(using=using):
        # First, because it waits for others before it locks anything.
        claimed = claim_each([customer], using)
        leave_addresses([user_id], using)
    sync_orders(claimed.orders, settings=settings)
    if settings.crm.profiles_enabled:
        _introduce([user_id], settings, now, using)
    award_sign_ups([user_id], settings, now, using)


def introduce_missed(settings: ShopSettings, now: datetime, batch_size: int, since: datetime) -> int:
    """Give a profile to those who registered after `since` and of whom no hook told, along Saleor's index; returns how
    many they are.

    Whoever joined earlier waits for their first order or hook: each signing in changes a user, and makes nobody a
    customer. Hooks tell of no staff.
    """
    using = django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    known = CustomerProfile.objects.filter(user_id=OuterRef("pk"))
    users = User.objects.using(using).filter(
        ~Exists(known), updated_at__gt=since, date_joined__gt=since, is_staff=False
    )
    met = 0
    for batch in key_batches(users, batch_size):
        _introduce(batch, settings, now, using)
        met += len(batch)
    return met


def _introduce(user_ids: Collection[int], settings: ShopSettings, now: datetime, using: str) -> None:
    with transaction.atomic(using=using):
        profile_ids = set(resolve_profiles([UserPerson(user_id) for user_id in user_ids], using).values())
        record_account_events(user_ids, using)
    lifecycle.welcome(profile_ids, settings.crm, now, using)
    refresh_types(profile_ids, settings.crm, now, using)
    # Segments ask about addresses and language, too.
    refresh_for(profile_ids, now, using)


@allow_writer()
def sync_orders(
    order_ids: Iterable[UUID],
    *,
    settings: ShopSettings | None = None,
    now: datetime | None = None,
    is_history: bool = False,
) -> SyncResult:
    """Read the orders as they are now and write what differs: facts, metrics, stages, events, points; then types,
    tiers and segments.

    One transaction, and one each for types, tiers and segments. If the first fails on the data of some order,
    or waits too long for some customer, each order is tried by itself, so that one does not hold up the others.

    Args:
        is_history: more of the same customers' orders follow, so their numbers, lifecycle stages, types and segments
            wait until the caller has them all: none is told that a customer lapsed between two batches.
    """
    ids = sorted(set(order_ids))
    if not ids:
        return SyncResult()
    settings = settings or load_settings()
    now = now or timezone.now()
    using = django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    with_points = _has_points(settings, using)
    try:
        with transaction.atomic(using=using):
            result, customers = _sync(ids, settings, now, using, is_history=is_history, with_points=with_points)
    except DatabaseError as error:
        # A missing table, a lost connection or a deadlock is not the fault of an order; the caller retries.
        if not _is_about_data(error) and not waited_too_long(error):
            raise
        return _one_by_one(ids, settings, now, using, error, is_history)
    except FAULTS_OF_ONE as error:
        return _one_by_one(ids, settings, now, using, error, is_history)
    # Each by itself: they lock other profiles than those whose purchases changed.
    if settings.crm.profiles_enabled and not is_history:
        refresh_types(customers, settings.crm, now, using)
    if with_points:
        review_customers(customers, now, using)
    # Last, because segments ask about all of the above.
    if settings.crm.profiles_enabled and not is_history:
        refresh_for(customers, now, using)
    return result


def _one_by_one(
    ids: Sequence[UUID], settings: ShopSettings, now: datetime, using: str, error: Exception, is_history: bool
) -> SyncResult:
    if len(ids) == 1:
        _record_failure(ids[0], error, using)
        return SyncResult(failed=set(ids))
    result = SyncResult()
    for order_id in ids:
        result.add(sync_orders([order_id], settings=settings, now=now, is_history=is_history))
    return result


def _is_about_data(error: DatabaseError) -> bool:
    """SQLSTATE classes 22 (data exception) and 23 (integrity constraint violation)."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    return state[:2] in {"22", "23"}


def _record_failure(order_id: UUID, error: Exception, using: str) -> None:
    if waited_too_long(error):
        logger.warning(
            "Order %s waits: somebody is busy with its customer, such as an import of points. It is tried again at "
            "every reconciliation.",
            order_id,
        )
    else:
        logger.error(
            "Order %s cannot be brought into the CRM tables (%s). It is tried again at every reconciliation; "
            "run `manage.py crm_reconcile` after mending it.",
            order_id,
            type(error).__name__,
            exc_info=told(error),
        )
    OrderSync.objects.using(using).update_or_create(
        order_id=order_id, defaults={"error": type(error).__name__[:ERROR_MAX_LENGTH]}
    )


def _sync(
    ids: Sequence[UUID], settings: ShopSettings, now: datetime, using: str, *, is_history: bool, with_points: bool
) -> tuple[SyncResult, set[int]]:
    """What became of the orders, and the profiles whose points or purchases may have changed."""
    orders, members = _lock_and_read(ids, settings, using)
    owner = _heads(members)
    # Whose an order is must be known without profiles, too: who may claim it, who gets its points, what to erase.
    touched = _store_facts(orders, ids, members, using)
    customers = touched | set(owner.values())
    if settings.crm.profiles_enabled:
        record_order_events(orders, owner, using)
        if not is_history:
            refresh_metrics(touched, using)
            lifecycle.refresh_stages(touched, settings.crm, now, using, Occasion.ORDERS)
    # Rewards are there for points that staff gave, too. Their rows are locked before accounts.
    note_used(orders, now, using)
    if with_points:
        bring_points_in_line(orders, owner, settings, now, using)
    _mark_synced(orders, ids, owner, now, using)
    synced = {order.order_id for order in orders}
    return SyncResult(synced=synced, skipped=set(ids) - synced), customers


def _has_points(settings: ShopSettings, using: str) -> bool:
    """Whether there are, or may be, points of orders. A channel's settings go with it when it is deleted, while its
    orders, with the points that they have earned and spent, come to another one.
    """
    return bool(settings.loyalty) or PointsTransaction.objects.using(using).exists()


def missing_entries(order_ids: Sequence[UUID], settings: ShopSettings, using: str) -> list[PointsTransaction]:
    """The entries that the ledger lacks for these orders. They are posted: the caller takes everything back.

    The caller has a transaction.
    """
    orders, members = _lock_and_read(order_ids, settings, using)
    # Once the orders are locked: what a sync that was waited for has posted is not missing.
    entries = PointsTransaction.objects.using(using)
    newest = entries.aggregate(newest=Max("pk"))["newest"] or 0
    bring_points_in_line(orders, _heads(members), settings, timezone.now(), using)
    # Of other orders, others may have posted something meanwhile.
    return list(entries.filter(pk__gt=newest, order_id__in=order_ids).order_by("pk"))


def _lock_and_read(
    ids: Sequence[UUID], settings: ShopSettings, using: str
) -> tuple[list[OrderSnapshot], dict[UUID, Member]]:
    """The orders as they are now, without drafts and forgotten ones, and whose each is."""
    keep_families(using)
    forgotten = _lock(ids, using)
    wanted = [order_id for order_id in ids if order_id not in forgotten]
    orders = [snapshot for snapshot in read_orders(wanted, using).values() if not snapshot.is_draft]
    return orders, resolve_owning_members(_persons(orders, settings, using), using)


def _heads(members: Mapping[UUID, Member]) -> dict[UUID, int]:
    return {order_id: member.head_id for order_id, member in members.items()}


def _store_facts(
    orders: Sequence[OrderSnapshot], ids: Sequence[UUID], owner: Mapping[UUID, Member], using: str
) -> set[int]:
    """Returns the profiles that were touched."""
    touched = store_order_facts(
        [
            OrderFact(
                order_id=order.order_id,
                profile_id=owner[order.order_id].head_id,
                placed_by=_placed_by(owner[order.order_id]),
                channel_id=order.channel_id,
                currency=order.currency,
                placed_at=order.placed_at,
                counts=order.counts,
                gross_amount=order.total_gross,
                refunded_amount=order.given_back,
                items=order.items,
                returned_items=order.returned_items,
            )
            for order in orders
            if order.order_id in owner
        ],
        using,
    )
    # Orders that have become nobody's, and orders that Saleor has deleted.
    return touched | forget_orders([order_id for order_id in ids if order_id not in owner], using)


def _placed_by(member: Member) -> int | None:
    return None if member.profile_id == member.head_id else member.profile_id


def _lock(ids: Iterable[UUID], using: str) -> set[UUID]:
    """Make concurrent syncs of the same orders wait for each other, also on their first sight.

    Returns:
        Those whose customer was deleted on request.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO crm_order_sync (order_id, error)
            SELECT id, '' FROM unnest(%s::uuid[]) WITH ORDINALITY AS ids (id, position) ORDER BY position
            ON CONFLICT (order_id) DO UPDATE SET order_id = excluded.order_id
            RETURNING order_id, is_forgotten
            """,
            [list(ids)],
        )
        return {order_id for order_id, is_forgotten in cursor.fetchall() if is_forgotten}


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


def _mark_synced(
    orders: Sequence[OrderSnapshot], ids: Sequence[UUID], owner: Mapping[UUID, int], now: datetime, using: str
) -> None:
    """Orders that a customer has placed since their data was deleted are as forgotten as the earlier ones."""
    seen: Mapping[UUID, OrderSnapshot] = {order.order_id: order for order in orders}
    with connections[using].cursor() as cursor:
        cursor.execute(
            """
            UPDATE crm_order_sync AS sync
            SET synced_at = %s, seen_updated_at = new.updated_at, seen_user_id = new.user_id, error = '',
                -- Once Saleor has deleted the user, the order would be that of a guest.
                is_forgotten = EXISTS (
                    SELECT FROM crm_customer_profile AS owner
                    WHERE owner.id = new.profile_id AND owner.erasure_level = 'delete'
                )
            FROM unnest(%s::uuid[], %s::timestamptz[], %s::int[], %s::bigint[])
                AS new (id, updated_at, user_id, profile_id)
            WHERE sync.order_id = new.id
            """,
            [
                now,
                list(seen),
                [order.updated_at for order in seen.values()],
                [order.user_id for order in seen.values()],
                [owner.get(order_id) for order_id in seen],
            ],
        )
    # Drafts and vanished orders leave no trace: reconciliation would take them for orders that changed.
    if gone := [order_id for order_id in ids if order_id not in seen]:
        OrderSync.objects.using(using).filter(order_id__in=gone, is_forgotten=False).delete()
