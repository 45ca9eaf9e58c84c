"""Points for reaching a tier: a person gets those of a tier once, also as two accounts that become one.

When both accounts were given those of the same tier, a merge takes back what is left of the source's, before it moves
anything; taking the merge apart gives that to the same lot again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Source


def key(account_id: int, tier_id: int) -> str:
    """Idempotency key of the entry."""
    return f"tier_gift:{tier_id}:{account_id}"


def given_twice(pairs: Collection[tuple[int, int]], using: str) -> dict[int, list[PointsTransaction]]:
    """By source: its entries, and those of accounts merged into it, for tiers that the target, or an account merged
    into that, was given something for too.

    Args:
        pairs: source and target of each merge.
    """
    heads = {account_id for pair in pairs for account_id in pair}
    gifts: dict[int, dict[str, PointsTransaction]] = {}
    merged = accounts.merged_into(heads, using)
    family = heads.union(*merged.values())
    rows = PointsTransaction.objects.using(using).filter(account_id__in=family, type=TransactionType.TIER_GIFT)
    for entry in rows.order_by("pk"):
        tier_id = entry.idempotency_key.split(":")[1]
        gifts.setdefault(entry.account_id, {})[tier_id] = entry
    found = {}
    for source_id, target_id in pairs:
        of_target = {tier for each in (target_id, *merged.get(target_id, ())) for tier in gifts.get(each, ())}
        of_source = (source_id, *sorted(merged.get(source_id, ())))
        if twice := [entry for each in of_source for tier, entry in gifts.get(each, {}).items() if tier in of_target]:
            found[source_id] = twice
    return found


def take_back(
    ledger: Ledger,
    source_id: int,
    entries: Iterable[PointsTransaction],
    lots: Mapping[int, Collection[int]],
    cause: Source,
) -> None:
    """Take what the source has left of the entries' own points, and nothing else.

    Args:
        lots: by entry, those that its points have been in.
    """
    for entry in entries:
        source = replace(cause, key=f"{cause.key}:entry_points:{entry.pk}", reverses=entry.pk)
        ledger.void_rest(source_id, lots.get(entry.pk, ()), source)


def taken_by(merge_key: str, account_id: int, using: str) -> list[PointsTransaction]:
    """The entries by which `take_back` has taken something from the account."""
    rows = PointsTransaction.objects.using(using).filter(
        account_id=account_id, type=TransactionType.VOID, idempotency_key__startswith=f"{merge_key}:entry_points:"
    )
    return list(rows.order_by("pk"))


def give_again(ledger: Ledger, taken: Iterable[PointsTransaction], cause: Source) -> int:
    """Undo `take_back`; returns how many points that were."""
    points = 0
    for entry in taken:
        source = replace(cause, key=f"{cause.key}:entry_points:{entry.pk}", reverses=entry.pk)
        ledger.undo_taking(entry.account_id, -entry.points, TransactionType.VOID, source)
        points -= entry.points
    return points
