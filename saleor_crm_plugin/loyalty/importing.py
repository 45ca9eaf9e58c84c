"""Rows of an import as entries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.import_format import ImportRow
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.wallet import Lot

# Within so many days another system writes down that points have expired: most do it every night, some once a month.
EXPIRY_ENTRY_DAYS: Final = 31


def with_entries(program_id: int, profile_ids: Collection[int], using: str) -> set[int]:
    """Those of the profiles whose account in the program has entries."""
    entries = PointsTransaction.objects.using(using).filter(
        account__program_id=program_id, account__profile_id__in=profile_ids
    )
    return set(entries.values_list("account__profile_id", flat=True).distinct())


def with_closed_account(program_id: int, profile_ids: Collection[int], using: str) -> set[int]:
    """Those of the profiles whose account in the program takes no points any more."""
    closed = LoyaltyAccount.objects.using(using).filter(
        program_id=program_id, profile_id__in=profile_ids, closed_at__isnull=False, merged_into__isnull=True
    )
    return set(closed.values_list("profile_id", flat=True))


def lock_accounts_of(program_id: int, profile_ids: Collection[int], chunk_size: int, using: str) -> None:
    """Lock the accounts that profiles have in a program, in the order of their ids. The caller has a transaction."""
    profiles = sorted(profile_ids)
    found: set[int] = set()
    for start in range(0, len(profiles), chunk_size):
        found |= set(accounts.find(program_id, profiles[start : start + chunk_size], using).values())
    ids = sorted(found)
    for start in range(0, len(ids), chunk_size):
        rows = LoyaltyAccount.objects.using(using).select_for_update().filter(pk__in=ids[start : start + chunk_size])
        list(rows.order_by("pk").values_list("pk", flat=True))


def post_rows(rows: Sequence[tuple[int, ImportRow]], *, key: str, is_history: bool, now: datetime, using: str) -> None:
    """Post an IMPORT for each row, with the account that it is for, in their order.

    Points given become a lot, which pays a debt first; points taken (of a history) come from the lots before, as
    `first_taken` says.

    Args:
        key: of the batch, which with the line makes the idempotency key of the entry.

    Raises:
        AccountClosedError, InsufficientPointsError: nothing was posted.
    """
    account_ids = {account_id for account_id, _ in rows}
    with Ledger(account_ids, lots_of=account_ids if is_history else [], now=now, using=using) as ledger:
        for account_id, row in rows:
            source = Source(key=f"{key}:{row.line}", reason=row.reason, at=row.created_at)
            if row.points < 0:
                first = first_taken(ledger.wallets[account_id].lots.values(), -row.points, row.created_at or now)
                ledger.debit(account_id, -row.points, TransactionType.IMPORT, source, prefer=first)
                continue
            ledger.credit(
                account_id,
                row.points,
                TransactionType.IMPORT,
                source,
                available_at=row.created_at or now,
                expires_at=row.expires_at,
            )


def first_taken(lots: Iterable[Lot], points: int, at: datetime) -> list[int]:
    """The lots from which an entry of the past takes `points` before it takes from others, in this order.

    What had expired at that moment was not there to be spent: it is used only for what the rest does not cover. But
    where the other system wrote an entry when points expired, that entry is to take those. No column says so; it takes
    exactly what is left of them, soon after.
    """
    left = sorted((lot for lot in lots if lot.remaining and not lot.pending), key=lambda lot: lot.spending_order)
    since = at - timedelta(days=EXPIRY_ENTRY_DAYS)
    just_expired = [lot for lot in left if lot.expires_at and since < lot.expires_at <= at]
    if points == sum(lot.remaining for lot in just_expired):
        return [lot.id for lot in just_expired]
    for lot in just_expired:
        if points == lot.remaining:
            return [lot.id]
    return [lot.id for lot in left if lot.expires_at is None or lot.expires_at > at]
