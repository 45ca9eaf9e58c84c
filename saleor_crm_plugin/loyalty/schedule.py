"""What happens to points because time passes: waiting times end, lots expire.

Both jobs take some accounts at a time, each time in a transaction of its own, so that they can be stopped and repeated
at any point and two workers do no harm: the second waits for the accounts and finds nothing left to do. An account
whose rows contradict each other is logged, and does not hold up the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from django.db import models

from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.isolating import FAULTS_OF_ONE
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LotStatus, PointsLot

logger = logging.getLogger(__name__)

# Accounts in one transaction of some ten statements, however many lots are due. Their owners cannot spend meanwhile,
# which is a tenth of a second.
ACCOUNT_BATCH_SIZE = 100


def activate_due_lots(now: datetime, using: str = "default") -> int:
    """Make pending lots spendable whose waiting time is over; returns how many."""
    due = models.Q(status=LotStatus.PENDING, available_at__lte=now)
    return _on_accounts(due, _activate, now, using)


def expire_due_lots(now: datetime, using: str = "default") -> int:
    """Post an EXPIRE for active lots past their expiry; returns how many were closed.

    Points that a checkout holds are left until the hold ends.
    """
    due = models.Q(status=LotStatus.ACTIVE, remaining__gt=0, expires_at__lte=now)
    return _on_accounts(due, _expire, now, using)


def _activate(account_ids: Sequence[int], now: datetime, using: str) -> int:
    with Ledger(account_ids, now=now, using=using) as ledger:
        due = [
            (account_id, lot.id)
            for account_id in account_ids
            for lot in ledger.wallets[account_id].lots.values()
            if lot.pending and lot.available_at <= now
        ]
        for account_id, lot_id in due:
            ledger.activate(account_id, lot_id)
    return len(due)


def _expire(account_ids: Sequence[int], now: datetime, using: str) -> int:
    with Ledger(account_ids, now=now, using=using) as ledger:
        return ledger.expire_due(account_ids)


def _on_accounts(due: models.Q, job: Callable[[Sequence[int], datetime, str], int], now: datetime, using: str) -> int:
    """What the job says of the accounts with a lot that is due, in all."""
    return sum(_try(job, account_ids, now, using) for account_ids in _batches(due, using))


def _try(
    job: Callable[[Sequence[int], datetime, str], int], account_ids: Sequence[int], now: datetime, using: str
) -> int:
    try:
        return job(account_ids, now, using)
    except FAULTS_OF_ONE as error:
        if len(account_ids) > 1:
            return sum(_try(job, [account_id], now, using) for account_id in account_ids)
        logger.error(
            "The lots of loyalty account %s cannot be brought up to date. It is tried again at the next run; "
            "`manage.py crm_ledger_audit` says what is wrong.",
            account_ids[0],
            exc_info=told(error),
        )
        return 0


def _batches(due: models.Q, using: str) -> Iterator[list[int]]:
    last = 0
    while True:
        rows = PointsLot.objects.using(using).filter(due, account_id__gt=last).order_by("account_id")
        batch = list(rows.values_list("account_id", flat=True).distinct()[:ACCOUNT_BATCH_SIZE])
        if batch:
            yield batch
        if len(batch) < ACCOUNT_BATCH_SIZE:
            return
        last = batch[-1]
