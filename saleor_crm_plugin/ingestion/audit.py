"""Does the ledger say what Saleor's orders say? Each is computed anew, and what would be posted is thrown away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final
from uuid import UUID

from django.conf import settings as django_settings
from django.db import transaction
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.settings import ShopSettings, load_settings
from saleor_crm_plugin.ingestion.sync import missing_entries
from saleor_crm_plugin.loyalty.audit import Finding, findings
from saleor_crm_plugin.profiles.merging.family import unless_busy

BATCH_SIZE: Final = 500
FIRST_ID: Final = UUID(int=0)


@allow_writer()
def ledger_findings(check: str) -> list[Finding]:
    """What one of `loyalty.audit.CHECKS` finds wrong in the ledger itself."""
    return list(findings(check, django_settings.DATABASE_CONNECTION_DEFAULT_NAME))


@allow_writer()
def count_orders() -> int:
    """Orders that `order_findings` looks at."""
    return OrderSync.objects.filter(error="", synced_at__isnull=False).count()


def order_findings(progress: Callable[[int], object]) -> Iterator[Finding]:
    """Orders for which the next sync would post something, with the account it would post to.

    An order that changed a moment ago and is not synced yet shows up as well: run `crm_reconcile` first.

    Raises:
        CustomersBusyError: something is being written about some customers that takes a while.
    """
    settings = load_settings()
    after = FIRST_ID
    while True:
        with allow_writer(), unless_busy():
            ids, missing = _next_batch(after, settings)
        yield from missing
        progress(len(ids))
        if len(ids) < BATCH_SIZE:
            return
        after = ids[-1]


def _next_batch(after: UUID, settings: ShopSettings) -> tuple[list[UUID], list[Finding]]:
    using = django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    synced = OrderSync.objects.using(using).filter(order_id__gt=after, error="", synced_at__isnull=False)
    ids = list(synced.order_by("order_id").values_list("order_id", flat=True)[:BATCH_SIZE])
    with transaction.atomic(using=using):
        missing = missing_entries(ids, settings, using)
        transaction.set_rollback(True, using=using)
    return ids, [
        Finding(entry.account_id, f"order {entry.order_id} asks for an entry {entry.type} over {entry.points} points")
        for entry in missing
    ]
