"""Entries as a statement: account by account, oldest first, in columns that stay."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from saleor_crm_plugin.loyalty.models import PointsTransaction

# Rows fetched at once through a cursor on the server: memory does not grow with the ledger.
FETCH_SIZE: Final = 2_000


class StatementLine(NamedTuple):
    """An entry. `available_at` and `expires_at` are of the lot that it opened, if it opened one."""

    entry_id: int
    created_at: datetime
    account_id: int
    profile_id: int
    user_id: int | None
    type: str
    points: int
    balance_after: int
    order_id: UUID | None
    reason: str
    reverses: int | None
    actor_type: str
    actor_id: int | None
    available_at: datetime | None
    expires_at: datetime | None


def statement_lines(
    using: str,
    account_ids: Collection[int] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[StatementLine]:
    """Entries made from `since` on and before `until`, of some accounts or of all. One statement."""
    entries = PointsTransaction.objects.using(using).order_by("account_id", "pk")
    if account_ids is not None:
        entries = entries.filter(account_id__in=account_ids)
    if since is not None:
        entries = entries.filter(created_at__gte=since)
    if until is not None:
        entries = entries.filter(created_at__lt=until)
    rows = entries.values_list(
        "pk",
        "created_at",
        "account_id",
        "account__profile_id",
        "account__profile__user_id",
        "type",
        "points",
        "balance_after",
        "order_id",
        "reason",
        "reverses_id",
        "actor_type",
        "actor_id",
        "lot__available_at",
        "lot__expires_at",
    )
    for row in rows.iterator(chunk_size=FETCH_SIZE):
        yield StatementLine(*row)
