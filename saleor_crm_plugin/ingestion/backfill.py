"""Takes the shop's history in, oldest orders first, by the same call that a hook ends in.

Interrupted, it goes on where it stopped. Run again, it changes nothing: an order that is in line is only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import reset_queries
from django.db.models import Count, Q, QuerySet
from django.utils.dateparse import parse_datetime
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer
from saleor.order import OrderStatus
from saleor.order.models import Order

from saleor_crm_plugin.exceptions import CRMError
from saleor_crm_plugin.ingestion.account_events import record_missed_account_events
from saleor_crm_plugin.ingestion.claims import claim_each, claimable_customers
from saleor_crm_plugin.ingestion.history import judge_customers
from saleor_crm_plugin.ingestion.locks import only_one
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.ingestion.placing import begun_before
from saleor_crm_plugin.ingestion.reconcile import STATE as RECONCILIATION
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.profiles.metrics import refresh_metrics

# Orders a second over 20 thousand orders on 2 busy cores: 695 with 50, 980 with 200, 1028 with 500, 815 with 1000.
BATCH_SIZE: Final = 500
JOB: Final = "backfill"

Progress = Callable[[int], object]


class BackfillError(CRMError):
    """The backfill cannot start; nothing has been written."""


@dataclass(frozen=True, slots=True)
class BackfillResult:
    """What a backfill did, or, as a dry run, would do.

    Attributes:
        orders: orders that this run covered. by_channel: channel slug -> how many orders there are to cover in all.
        failed: orders that could not be taken in; reconciliation tries them again.
        resumed: it went on where an earlier run had stopped, `skipped` orders in.
        stuck: users who cannot have their guest yet.
    """

    orders: int = 0
    failed: int = 0
    skipped: int = 0
    resumed: bool = False
    dry_run: bool = False
    by_channel: Mapping[str, int] = field(default_factory=dict)
    stuck: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """The last order that was taken in, how many there were up to it, and by which settings."""

    created_at: datetime
    order_id: UUID
    done: int
    settings: str

    def as_json(self) -> dict[str, Any]:
        return {
            "created_at": self.created_at.isoformat(),
            "order_id": str(self.order_id),
            "done": self.done,
            "settings": self.settings,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Position | None:
        created_at = parse_datetime(value.get("created_at", ""))
        if created_at is None:
            return None
        return cls(created_at, UUID(value["order_id"]), value["done"], value.get("settings", ""))


@allow_writer()
def backfill(
    since: datetime | None = None,
    channel: str | None = None,
    *,
    dry_run: bool = False,
    batch_size: int = BATCH_SIZE,
    progress: Progress | None = None,
    restart: bool = False,
) -> BackfillResult:
    """Sync all orders placed at or after `since`, in the channel with that slug, oldest first.

    One that was interrupted is gone on with where it stopped, unless the settings have changed since.

    Args:
        dry_run: only count; writes nothing.
        progress: called after each batch with the number of orders in it; first with those that are skipped.
        restart: forget where an earlier run with the same `since` and `channel` stopped.

    Raises:
        BackfillError: no such channel, or a backfill is under way.
    """
    channel_id = _channel_id(channel)
    orders = _orders(since, channel_id)
    by_channel = _count_by_channel(orders)
    if dry_run:
        return BackfillResult(orders=sum(by_channel.values()), dry_run=True, by_channel=by_channel)
    with only_one(JOB) as mine:
        if not mine:
            raise BackfillError("A backfill is under way already. Wait until it ends, or stop it, then start again.")
        state = SyncState.objects.filter(name=_state_name(since, channel_id))
        if restart:
            state.delete()
        reached, _ = state.get_or_create(name=_state_name(since, channel_id), defaults={"value": {}})
        start = Position.from_json(reached.value)
        settings = load_settings().fingerprint()
        if start and start.settings != settings:
            # What came before was taken in by other settings: it may lack points.
            start = None
        skipped = start.done if start else 0
        if progress and skipped:
            progress(skipped)
        done = failed = 0
        for batch in _batches(orders, start, batch_size):
            failed += len(sync_orders([order_id for _, order_id in batch], is_history=True).failed)
            done += len(batch)
            created_at, order_id = batch[-1]
            reached.value = Position(created_at, order_id, skipped + done, settings).as_json()
            reached.save()
            # With DEBUG on, as in the demo, Django keeps the text of every statement.
            reset_queries()
            if progress:
                progress(len(batch))
        stuck = _finish(batch_size)
        state.delete()
    return BackfillResult(done, failed, skipped, start is not None, by_channel=by_channel, stuck=stuck)


def refresh_metrics_of_an_unfinished_one() -> None:
    """Make the numbers that a backfill makes at its end, for one that was interrupted and that nobody starts again; and
    those that the first sweep makes, for one that never gets so far.

    Their orders are in line, so that reconciliation finds nothing to do.
    """
    unfinished = Q(name__startswith=f"{JOB}:") | Q(name=RECONCILIATION, value__swept_at=None)
    if SyncState.objects.filter(unfinished).exists():
        refresh_metrics()


def _orders(since: datetime | None, channel_id: int | None) -> QuerySet[Order]:
    orders: QuerySet[Order] = Order.objects.exclude(status=OrderStatus.DRAFT).order_by()
    if since is not None:
        # By their keys, of which there are few: a condition on the events would be asked of each order of the shop.
        orders = orders.filter(Q(created_at__gte=since) | Q(pk__in=begun_before(since)))
    return orders if channel_id is None else orders.filter(channel_id=channel_id)


def _batches(orders: QuerySet[Order], start: Position | None, batch_size: int) -> Iterator[list[tuple[datetime, UUID]]]:
    keys = orders.order_by("created_at", "pk").values_list("created_at", "pk")
    last = (start.created_at, start.order_id) if start else None
    while True:
        rest = keys
        if last:
            # The first condition is for the index on created_at; the second for orders placed in the same moment.
            rest = keys.filter(created_at__gte=last[0]).exclude(created_at=last[0], pk__lte=last[1])
        batch = list(rest[:batch_size])
        if not batch:
            return
        yield batch
        last = batch[-1]


def _count_by_channel(orders: QuerySet[Order]) -> dict[str, int]:
    return dict(orders.values_list("channel__slug").annotate(Count("pk")).order_by("channel__slug"))


def _channel_id(slug: str | None) -> int | None:
    if slug is None:
        return None
    channels: dict[str, int] = dict(Channel.objects.order_by("slug").values_list("slug", "pk"))
    if slug not in channels:
        raise BackfillError(f"There is no channel {slug!r}. There are: {', '.join(channels) or 'none yet'}.")
    return channels[slug]


def _state_name(since: datetime | None, channel_id: int | None) -> str:
    return f"{JOB}:{since.isoformat() if since else ''}:{channel_id or ''}"


def _finish(batch_size: int) -> int:
    """Returns how many users cannot have their guest yet."""
    stuck = 0
    for customers in claimable_customers(batch_size):
        claimed = claim_each(customers)
        stuck += claimed.failed
        if claimed.orders:
            sync_orders(claimed.orders, is_history=True)
    settings = load_settings().crm
    if not settings.profiles_enabled:
        return stuck
    record_missed_account_events(batch_size)
    judge_customers(settings)
    return stuck
