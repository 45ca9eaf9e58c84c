"""Finds what no hook told us, and syncs it: the reason why a lost hook, a crash or a down broker costs only time.

Each run looks at what changed since the last one, along Saleor's indexes. Once in `FULL_SWEEP_EVERY`, on the first run,
and with `full=True`, it compares every order and every profile with what we stored. A run that fails leaves the
watermark where it was; orders that fail are noted one by one and tried again by each run.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import DEFAULT_DB_ALIAS, reset_queries
from django.utils import timezone
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.ingestion.account_events import record_missed_account_events
from saleor_crm_plugin.ingestion.actions import award_missed_sign_ups
from saleor_crm_plugin.ingestion.channels import follow_moved_orders
from saleor_crm_plugin.ingestion.claims import (
    Followed,
    claim_each,
    claimable_customers,
    detach_all_deleted,
    follow_merged_profiles,
    leave_all_addresses,
)
from saleor_crm_plugin.ingestion.differences import (
    IN_FLIGHT,
    Difference,
    all_differences,
    count_differences,
    differences_since,
)
from saleor_crm_plugin.ingestion.locks import only_one
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.ingestion.positions import position
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_orders

logger = logging.getLogger(__name__)

STATE: Final = "reconcile"
BATCH_SIZE: Final = 500
FULL_SWEEP_EVERY: Final = timedelta(hours=1)
# A count for people; an exact one would only take longer.
MOST_COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class ReconcileResult:
    """What a run found. Orders by the reason why they were synced; each is counted once.

    Attributes:
        unseen: never seen before. changed: changed since we saw them. moved: given to another user without a hook.
        repaired: failed before. gone: deleted by Saleor. failed: of all these, how many failed (again).
        guests: guests who turned out to be users. claimed: their orders. detached: profiles whose user was deleted.
        merged: accounts that were opened for customers while these were merged. left: addresses that users had left.
        signed_up: users who now got what the shop gives for signing up.
        rehomed: orders of a deleted channel that count in another one now. recorded: events of accounts.
        stuck: users who cannot have their guest yet, and accounts that cannot be merged yet.
        full: everything was compared. skipped: another run was under way, nothing was done.
    """

    unseen: int = 0
    changed: int = 0
    moved: int = 0
    repaired: int = 0
    gone: int = 0
    failed: int = 0
    guests: int = 0
    claimed: int = 0
    detached: int = 0
    merged: int = 0
    left: int = 0
    signed_up: int = 0
    rehomed: int = 0
    recorded: int = 0
    stuck: int = 0
    full: bool = False
    skipped: bool = False


@allow_writer()
def reconcile(now: datetime | None = None, batch_size: int = BATCH_SIZE, full: bool | None = None) -> ReconcileResult:
    """Bring our tables in line with Saleor's. Memory is that of one batch.

    Args:
        full: compare everything; None: if the last full sweep is `FULL_SWEEP_EVERY` ago.
    """
    now = now or timezone.now()
    with only_one(STATE) as mine:
        if not mine:
            return ReconcileResult(skipped=True)
        since, swept_at = _position(now)
        if full is None:
            full = since is None or swept_at is None or now - swept_at >= FULL_SWEEP_EVERY
        settings = load_settings()
        # Customers first: what they take along is then found, and counted, as orders that are out of line.
        found: Counter[str] = Counter()
        detached = rehomed = recorded = 0
        followed = Followed()
        if full or since is None:
            detached = detach_all_deleted(batch_size)
            left = leave_all_addresses(batch_size)
            _claim(batch_size, None, found)
            followed = follow_merged_profiles(batch_size)
            _sync(all_differences(batch_size), found)
            rehomed = follow_moved_orders(batch_size)
            signed_up = award_missed_sign_ups(settings, now, batch_size)
        else:
            left = leave_all_addresses(batch_size, since - IN_FLIGHT)
            _claim(batch_size, since - IN_FLIGHT, found)
            _sync(differences_since(since - IN_FLIGHT, batch_size), found)
            signed_up = award_missed_sign_ups(settings, now, batch_size, since - IN_FLIGHT)
        if settings.crm.profiles_enabled:
            recorded = record_missed_account_events(batch_size, None if full or since is None else since - IN_FLIGHT)
        _advance(now, now if full else swept_at)
    result = ReconcileResult(
        unseen=found["unseen"],
        changed=found["changed"],
        moved=found["moved"],
        repaired=found["failed"],
        gone=found["gone"],
        failed=found["failed again"],
        guests=found["guests"],
        claimed=found["claimed"],
        detached=detached,
        merged=followed.merged,
        left=left,
        signed_up=signed_up,
        rehomed=rehomed,
        recorded=recorded,
        stuck=found["stuck"] + followed.failed,
        full=full,
    )
    if result != ReconcileResult(full=full):
        logger.info("Reconciled: %s", result)
    return result


def orders_behind(using: str | None = None) -> int:
    """How many orders are not as we last saw them, at most `MOST_COUNTED`.

    Looks at what changed since the last run, and at everything if there never was one.
    """
    since, _ = _position(timezone.now(), using)
    return count_differences(since and since - IN_FLIGHT, MOST_COUNTED, using)


def _claim(batch_size: int, since: datetime | None, found: Counter[str]) -> None:
    for customers in claimable_customers(batch_size, since):
        claimed = claim_each(customers)
        found.update(guests=claimed.guests, claimed=len(claimed.orders), stuck=claimed.failed)
        for start in range(0, len(claimed.orders), batch_size):
            sync_orders(claimed.orders[start : start + batch_size])


def _sync(batches: Iterable[list[Difference]], found: Counter[str]) -> None:
    for batch in batches:
        found.update(reason for _, reason in batch)
        result = sync_orders([order_id for order_id, _ in batch])
        found["failed again"] += len(result.failed)
        # With DEBUG on, as in the demo, Django keeps the text of every statement.
        reset_queries()


def _position(now: datetime, using: str | None = None) -> tuple[datetime | None, datetime | None]:
    """When the last run, and the last full one, began."""
    states = SyncState.objects.using(using or DEFAULT_DB_ALIAS).filter(name=STATE)
    value = states.values_list("value", flat=True).first() or {}
    return position(value.get("until"), now), position(value.get("swept_at"), now)


def _advance(until: datetime, swept_at: datetime | None) -> None:
    value = {"until": until.isoformat(), "swept_at": swept_at and swept_at.isoformat()}
    SyncState.objects.update_or_create(name=STATE, defaults={"value": value})
