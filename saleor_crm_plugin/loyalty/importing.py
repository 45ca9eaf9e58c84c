"""Rows of an import as entries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.import_format import ImportRow
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Source


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

    Points given become a lot, which pays a debt first; points taken (of a history) come from the lots before.

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
                ledger.debit(account_id, -row.points, TransactionType.IMPORT, source)
                continue
            ledger.credit(
                account_id,
                row.points,
                TransactionType.IMPORT,
                source,
                available_at=row.created_at or now,
                expires_at=row.expires_at,
            )
