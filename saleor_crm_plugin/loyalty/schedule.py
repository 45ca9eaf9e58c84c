"""What happens to points because time passes: waiting times end, lots expire.

Both jobs work account by account, each in its own transaction, so that they can be stopped and repeated at any point
and two workers do no harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import models

from saleor_crm_plugin.loyalty.ledger import Ledger, Source
from saleor_crm_plugin.loyalty.models import LotStatus, PointsLot

# Accounts read ahead; each is then a transaction of some five statements.
ACCOUNT_BATCH_SIZE = 500


def activate_due_lots(now: datetime, using: str = "default") -> int:
    """Make pending lots spendable whose waiting time is over; returns how many."""
    due = models.Q(status=LotStatus.PENDING, available_at__lte=now)
    activated = 0
    for account_id in _accounts(due, using):
        with Ledger([account_id], now=now, using=using) as ledger:
            for lot in list(ledger.wallets[account_id].lots.values()):
                if lot.pending and lot.available_at <= now:
                    ledger.activate(account_id, lot.id)
                    activated += 1
    return activated


def expire_due_lots(now: datetime, using: str = "default") -> int:
    """Post an EXPIRE for active lots past their expiry; returns how many were closed.

    Points that a checkout holds are left until the hold ends.
    """
    due = models.Q(status=LotStatus.ACTIVE, remaining__gt=0, expires_at__lte=now)
    expired = 0
    for account_id in _accounts(due, using):
        with Ledger([account_id], now=now, using=using) as ledger:
            lots = sorted(ledger.wallets[account_id].lots.values(), key=lambda lot: lot.spending_order)
            for lot in lots:
                if not lot.pending and lot.expires_at is not None and lot.expires_at <= now:
                    # What is left of a lot may expire in parts: after a held part has come back, and after a
                    # redemption was undone. The amounts used so far tell the parts apart.
                    key = f"expire:{lot.id}:{_uses(lot.id, using)}"
                    expired += ledger.expire(account_id, lot.id, Source(key=key, reason="Expired")) is not None
    return expired


def _uses(lot_id: int, using: str) -> int:
    return PointsLot.objects.using(using).filter(pk=lot_id, consumptions__isnull=False).values("consumptions").count()


def _accounts(due: models.Q, using: str) -> Iterator[int]:
    last = 0
    while True:
        rows = PointsLot.objects.using(using).filter(due, account_id__gt=last).order_by("account_id")
        batch = list(rows.values_list("account_id", flat=True).distinct()[:ACCOUNT_BATCH_SIZE])
        yield from batch
        if len(batch) < ACCOUNT_BATCH_SIZE:
            return
        last = batch[-1]
