"""Staff take back what staff did, and give back what time took. Each once; a repeat returns the entry of then."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import InsufficientPointsError, LoyaltyInputError
from saleor_crm_plugin.loyalty.adjustment import checked_reason
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Source

VOIDABLE = frozenset({TransactionType.ADJUST, TransactionType.REINSTATE})


def void(
    entry_id: int, reason: str, actor: Actor, *, allow_deficit: bool = False, using: str = "default"
) -> PointsTransaction:
    """Take an entry back that staff made: points given come from their own lot, points taken return to their lots.

    Args:
        allow_deficit: let the customer owe what has been spent since.

    Raises:
        LoyaltyInputError: `NOT_FOUND`, `INVALID` (no reason), `NOT_APPLICABLE` (nobody made it by hand).
        InsufficientPointsError: some of the points have been spent, and no deficit is allowed.
    """
    entry = _entry(entry_id, using)
    if entry.type not in VOIDABLE:
        raise LoyaltyInputError(
            "Only entries that staff made can be voided. Others follow their order.", "NOT_APPLICABLE", "transactionId"
        )
    source = Source(key=f"void:{entry.pk}", reason=checked_reason(reason), actor=actor, reverses=entry.pk)
    with Ledger([entry.account_id], entries=[entry.pk], keys=[source.key], using=using) as ledger:
        if ledger.has_posted(source.key):
            done = None
        elif entry.points > 0:
            available = ledger.wallets[ledger.head_of(entry.account_id)].spendable
            needed = entry.points - ledger.expired_of(entry.account_id, entry.pk)
            if needed > available and not allow_deficit:
                raise InsufficientPointsError(requested=needed, available=available)
            done = ledger.take_back(entry.account_id, entry.points, TransactionType.VOID, source)
        else:
            done = ledger.undo_taking(entry.account_id, -entry.points, TransactionType.VOID, source)
    return done or PointsTransaction.objects.using(using).get(idempotency_key=source.key)


def reinstate(
    entry_id: int, reason: str, actor: Actor, expires_at: datetime | None = None, using: str = "default"
) -> PointsTransaction:
    """Give the points of an EXPIRE entry back, until a new date.

    Raises:
        LoyaltyInputError: `NOT_FOUND`, `INVALID` (no reason, a date in the past), `NOT_APPLICABLE` (nothing expired).
        AccountClosedError: the account is closed.
    """
    entry = _entry(entry_id, using)
    if entry.type != TransactionType.EXPIRE:
        raise LoyaltyInputError("Only expired points can be reinstated.", "NOT_APPLICABLE", "transactionId")
    source = Source(key=f"reinstate:{entry.pk}", reason=checked_reason(reason), actor=actor, reverses=entry.pk)
    with Ledger([entry.account_id], keys=[source.key], using=using) as ledger:
        # The date of a call that is repeated may have passed since the first.
        if expires_at is not None and expires_at <= timezone.now() and not ledger.has_posted(source.key):
            raise LoyaltyInputError("Give a date in the future, or none.", "INVALID", "expiresAt")
        done = ledger.credit(entry.account_id, -entry.points, TransactionType.REINSTATE, source, expires_at=expires_at)
    return done or PointsTransaction.objects.using(using).get(idempotency_key=source.key)


def _entry(entry_id: int, using: str) -> PointsTransaction:
    entry = PointsTransaction.objects.using(using).filter(pk=entry_id).first()
    if entry is None:
        raise LoyaltyInputError("There is no such entry.", "NOT_FOUND", "transactionId")
    return entry
