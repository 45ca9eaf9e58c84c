"""Finds what no hook told us, and syncs it: the reason why a lost hook, a crash or a down broker costs only time.

Each run looks at what changed since the last one, along Saleor's indexes. Once in `FULL_SWEEP_EVERY`, on the first run,
and with `full=True`, it then compares every order and every profile with what we stored. Each of the two leaves its
watermark where it was if it fails, so that a sweep that never gets through holds up nothing that is recent; orders
that fail are noted one by one and tried again by each run.

Until a sweep has gone through, what it finds is the shop's history and no news: customers are judged once it has all.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, reset_queries
from django.utils import timezone
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.ingestion.account_events import record_missed_account_events
from saleor_crm_plugin.ingestion.actions import award_missed_sign_ups
from saleor_crm_plugin.ingestion.channels import follow_moved_orders
from saleor_crm_plugin.ingestion.claims import (
    claim_each,
    claimable_customers,
    detach_all_deleted,
    follow_merged_profiles,
    leave_all_addresses,
)
from saleor_crm_plugin.ingestion.consents import apply_policy_if_changed
from saleor_crm_plugin.ingestion.differences import (
    IN_FLIGHT,
    Difference,
    all_differences,
    count_differences,
    differences_since,
)
from saleor_crm_plugin.ingestion.history import judge_customers
from saleor_crm_plugin.ingestion.locks import only_one
from saleor_crm_plugin.ingestion.models import OrderSync, SyncState
from saleor_crm_plugin.ingestion.positions import position
from saleor_crm_plugin.ingestion.settings import ShopSettings, load_settings
from saleor_crm_plugin.ingestion.sync import introduce_missed, sync_orders

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
        joined: users who have registered. signed_up: users who now got what the shop gives for signing up.
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
    joined: int = 0
    signed_up: int = 0
    rehomed: int = 0
    recorded: int = 0
    stuck: int = 0
    full: bool = False
    skipped: bool = False


@allow_writer()
def reconcile(now: datetime | None = None, batch_size: int = BATCH_SIZE, full: bool | None = None) -> ReconcileResult:
    """Bring our tables in line with Saleor's. Memory is that of one batch, and of the ids of orders that fail.

    Args:
        full: compare everything; None: if the last full sweep is `FULL_SWEEP_EVERY` ago.
    """
    now = now or timezone.now()
    with only_one(STATE) as mine:
        if not mine:
            return ReconcileResult(skipped=True)
        since, swept_at = _position(now)
        if full is None:
            full = swept_at is None or now - swept_at >= FULL_SWEEP_EVERY
        full = full or since is None
        run = _Run(load_settings(), now, batch_size)
        if since is not None:
            run.look_at_recent(since - IN_FLIGHT)
        _advance(now, swept_at)
        # Not before: it can take minutes.
        apply_policy_if_changed()
        if full:
            run.sweep(is_history=swept_at is None)
            if swept_at is None and (since is not None or run.found.total()):
                # Not where a backfill has done it all.
                run.judge()
            _advance(now, now)
    result = run.result(full)
    if result != ReconcileResult(full=full):
        logger.info("Reconciled: %s", result)
    return result


def orders_behind(using: str | None = None) -> int:
    """How many orders are not as we last saw them, at most `MOST_COUNTED`.

    Looks at what changed since the last run, and at everything if not everything ever was looked at.
    """
    since, swept_at = _position(timezone.now(), using)
    return count_differences(since - IN_FLIGHT if since and swept_at else None, MOST_COUNTED, using)


def failed_orders(using: str | None = None) -> int:
    """How many orders could not be brought in line at the last attempt."""
    return OrderSync.objects.using(using or DEFAULT_DB_ALIAS).filter(is_forgotten=False).exclude(error="").count()


class _Run:
    """What one run does, and has found so far."""

    def __init__(self, settings: ShopSettings, now: datetime, batch_size: int) -> None:
        self.settings, self.now, self.batch_size = settings, now, batch_size
        self.found: Counter[str] = Counter()
        self.failed: set[UUID] = set()
        self.stuck = 0

    def look_at_recent(self, since: datetime) -> None:
        self._look(since, differences_since(since, self.batch_size))

    def sweep(self, *, is_history: bool) -> None:
        self.found["detached"] += detach_all_deleted(self.batch_size)
        self._look(None, all_differences(self.batch_size), is_history=is_history)
        self.found["rehomed"] += follow_moved_orders(self.batch_size)

    def judge(self) -> None:
        if self.settings.crm.profiles_enabled:
            judge_customers(self.settings.crm)

    def _look(
        self, since: datetime | None, differences: Iterable[list[Difference]], *, is_history: bool = False
    ) -> None:
        # Customers first: what they take along is then found, and counted, as orders that are out of line.
        self.found["left"] += leave_all_addresses(self.batch_size, since)
        self._claim(since, is_history=is_history)
        if since is None:
            followed = follow_merged_profiles(self.batch_size)
            self.found["merged"] += followed.merged
            self.stuck += followed.failed
        self._sync(differences, is_history=is_history)
        if since is not None and self.settings.crm.profiles_enabled:
            self.found["joined"] += introduce_missed(self.settings, self.now, self.batch_size, since)
        self.found["signed_up"] += award_missed_sign_ups(self.settings, self.now, self.batch_size, since)
        if self.settings.crm.profiles_enabled:
            self.found["recorded"] += record_missed_account_events(self.batch_size, since)

    def _claim(self, since: datetime | None, *, is_history: bool) -> None:
        # A sweep looks again at those whom the recent part has found stuck.
        self.stuck = 0
        for customers in claimable_customers(self.batch_size, since):
            claimed = claim_each(customers)
            self.found.update(guests=claimed.guests, claimed=len(claimed.orders))
            self.stuck += claimed.failed
            for start in range(0, len(claimed.orders), self.batch_size):
                sync_orders(claimed.orders[start : start + self.batch_size], is_history=is_history)

    def _sync(self, batches: Iterable[list[Difference]], *, is_history: bool) -> None:
        for batch in batches:
            reason_of = {order_id: reason for order_id, reason in batch if order_id not in self.failed}
            self.found.update(reason_of.values())
            self.failed |= sync_orders(reason_of, is_history=is_history).failed
            # With DEBUG on, as in the demo, Django keeps the text of every statement.
            reset_queries()

    def result(self, full: bool) -> ReconcileResult:
        found = self.found
        return ReconcileResult(
            unseen=found["unseen"],
            changed=found["changed"],
            moved=found["moved"],
            repaired=found["failed"],
            gone=found["gone"],
            failed=len(self.failed),
            guests=found["guests"],
            claimed=found["claimed"],
            detached=found["detached"],
            merged=found["merged"],
            left=found["left"],
            joined=found["joined"],
            signed_up=found["signed_up"],
            rehomed=found["rehomed"],
            recorded=found["recorded"],
            stuck=self.stuck,
            full=full,
        )


def _position(now: datetime, using: str | None = None) -> tuple[datetime | None, datetime | None]:
    """When the last run, and the last full one, began."""
    states = SyncState.objects.using(using or DEFAULT_DB_ALIAS).filter(name=STATE)
    value = states.values_list("value", flat=True).first() or {}
    return position(value.get("until"), now), position(value.get("swept_at"), now)


def _advance(until: datetime, swept_at: datetime | None) -> None:
    value = {"until": until.isoformat(), "swept_at": swept_at and swept_at.isoformat()}
    SyncState.objects.update_or_create(name=STATE, defaults={"value": value})
