"""Points given or taken by staff."""

from __future__ import annotations

import hashlib

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import LedgerError, LoyaltyInputError
from saleor_crm_plugin.loyalty import storage
from saleor_crm_plugin.loyalty.accounts import with_merged
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import PointsTransaction
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.wallet import MAX_POINTS

REASON_MAX_LENGTH = 255
KEY_MAX_LENGTH = 64


def adjust(
    account_id: int, points: int, reason: str, actor: Actor, idempotency_key: str, using: str = "default"
) -> PointsTransaction:
    """Add (`points` > 0) or take away (`points` < 0) points by hand.

    A key that was used before returns the entry of then and changes nothing: also one that was used for an account
    which was merged into this one since.

    Raises:
        LoyaltyInputError: `INVALID`: no reason, or too long a one.
        LedgerError: no key or too long a one, or points that are 0 or too many.
        AccountClosedError: the account is closed.
        InsufficientPointsError: fewer points can be spent than are to be taken away.
    """
    reason = checked_reason(reason)
    if not 0 < len(idempotency_key) <= KEY_MAX_LENGTH:
        raise LedgerError(f"An idempotency key has 1 to {KEY_MAX_LENGTH} characters.")
    if abs(points) > MAX_POINTS:
        raise LedgerError(f"At most {MAX_POINTS} points at a time, not {abs(points)}.")
    # The ledger keeps its keys for good, and whoever calls may have put a name into theirs.
    digest = hashlib.sha256(idempotency_key.encode()).hexdigest()
    with Ledger([account_id], using=using) as ledger:
        # Under the lock: we may have waited for a merge.
        keys = [f"adjust:{each}:{digest}" for each in with_merged([account_id], using)]
        posted = storage.posted_keys(keys, using)
        if used := [key for key in keys if key in posted]:
            return PointsTransaction.objects.using(using).get(idempotency_key=used[0])
        source = Source(key=f"adjust:{account_id}:{digest}", reason=reason, actor=actor)
        entry = ledger.adjust(account_id, points, source)
        assert entry is not None
    return entry


def checked_reason(reason: str) -> str:
    """What staff wrote as the reason, without spaces around it.

    Raises:
        LoyaltyInputError: `INVALID`: nothing, or too much.
    """
    reason = reason.strip()
    if not 0 < len(reason) <= REASON_MAX_LENGTH:
        raise LoyaltyInputError(f"Give a reason of 1 to {REASON_MAX_LENGTH} characters.", "INVALID", "reason")
    return reason
