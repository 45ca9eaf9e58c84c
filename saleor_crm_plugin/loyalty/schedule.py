"""What happens to points because time passes: waiting times end, lots expire.

Both jobs work account by account, each in its own transaction, so that they can be stopped and repeated at any point
and two workers do no harm: the second waits for the account and finds nothing left to do. An account whose rows
contradict each other is logged, and does not hold up the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import DataError, IntegrityError, models

from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.exceptions import LedgerError
from saleor_crm_plugin.loyalty import storage
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LotStatus, PointsLot
from saleor_crm_plugin.loyalty.posting import Source

logger = logging.getLogger(__name__)

# Accounts read ahead; each is then a transaction of some ten statements, however many of its lots are due.
ACCOUNT_BATCH_SIZE = 500


def activate_due_lots(now: datetime, using: str = "default") -> int:
    """Make pending lots spendable whose waiting time is over; returns how many."""
    due = models.Q(status=LotStatus.PENDING, available_at__lte=now)
    return sum(_each_account(due, _activate, now, using))


def expire_due_lots(now: datetime, using: str = "default") -> int:
    """Post an EXPIRE for active lots past their expiry; returns how many were closed.

    Points that a checkout holds are left until the hold ends.
    """
    due = models.Q(status=LotStatus.ACTIVE, remaining__gt=0, expires_at__lte=now)
    return sum(_each_account(due, _expire, now, using))


def _activate(account_id: int, now: datetime, using: str) -> int:
    with Ledger([account_id], now=now, using=using) as ledger:
        due = [lot for lot in ledger.wallets[account_id].lots.values() if lot.pending and lot.available_at <= now]
        for lot in due:
            ledger.activate(account_id, lot.id)
    return len(due)


def _expire(account_id: int, now: datetime, using: str) -> int:
    with Ledger([account_id], now=now, using=using) as ledger:
        due = [
            lot
            for lot in ledger.wallets[account_id].lots.values()
            if not lot.pending and lot.expires_at is not None and lot.expires_at <= now
        ]
        # What is left of a lot may expire in parts: after a held part has come back, and after a redemption was
        # undone. How often the lot was used so far tells the parts apart.
        uses = storage.count_uses([lot.id for lot in due], using)
        return sum(
            ledger.expire(account_id, lot.id, Source(key=f"expire:{lot.id}:{uses.get(lot.id, 0)}", reason="Expired"))
            is not None
            for lot in sorted(due, key=lambda lot: lot.spending_order)
        )


def _each_account(due: models.Q, job: Callable[[int, datetime, str], int], now: datetime, using: str) -> Iterator[int]:
    """What the job says of each account with a lot that is due."""
    for account_id in _accounts(due, using):
        try:
            yield job(account_id, now, using)
        except (LedgerError, IntegrityError, DataError) as error:
            logger.error(
                "The lots of loyalty account %s cannot be brought up to date. It is tried again at the next run; "
                "`manage.py crm_ledger_audit` says what is wrong.",
                account_id,
                exc_info=told(error),
            )


def _accounts(due: models.Q, using: str) -> Iterator[int]:
    last = 0
    while True:
        rows = PointsLot.objects.using(using).filter(due, account_id__gt=last).order_by("account_id")
        batch = list(rows.values_list("account_id", flat=True).distinct()[:ACCOUNT_BATCH_SIZE])
        yield from batch
        if len(batch) < ACCOUNT_BATCH_SIZE:
            return
        last = batch[-1]
