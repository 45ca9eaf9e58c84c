"""Takes accounts apart that were merged (`loyalty.merging`).

Taking a merge apart returns what there is left:

- of each lot that came from the source, the points that are still there, to that lot;
- what the moved points had paid of the target's debt: the target owes it again;
- what the target had paid of the source's debt from its lots, to those lots, and what it still owes of it: the source
  owes it again.

What was spent meanwhile stays spent, and what later points paid stays paid. If nothing happened in between, both
accounts are as they were: balances, lots, debts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import models, transaction

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.loyalty import accounts, entry_points, moving, storage
from saleor_crm_plugin.loyalty.ledger import Ledger, Source
from saleor_crm_plugin.loyalty.merging import key_of
from saleor_crm_plugin.loyalty.models import (
    EARNINGS,
    AccountMerge,
    LoyaltyAccount,
    PointsLot,
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.wallet import Consumption

UNMERGED = "Accounts separated"


@dataclass(frozen=True, slots=True)
class Unmerged:
    """What taking a merge apart returned to the source: `points`, and `debt` that it owes again."""

    points: int
    debt: int


def unmerge_profiles(source_id: int, target_id: int, actor: Actor, now: datetime, using: str) -> Unmerged:
    """Take the merges of two persons' accounts apart, in each program; returns the sum.

    Raises:
        LoyaltyInputError: as `unmerge`. The caller takes everything back.
    """
    merges = AccountMerge.objects.using(using).filter(
        source__profile_id=source_id, target__profile_id=target_id, undone_at__isnull=True, undo_until__isnull=False
    )
    points = debt = 0
    for merge_id in merges.order_by("pk").values_list("pk", flat=True):
        done = unmerge(merge_id, actor, now, using=using)
        points, debt = points + done.points, debt + done.debt
    return Unmerged(points, debt)


def unmerge(merge_id: int, actor: Actor, now: datetime, *, using: str = "default") -> Unmerged:
    """Take a merge apart, as the module says.

    Raises:
        LoyaltyInputError: `NOT_FOUND`; or `NOT_APPLICABLE`: undone before, too late, the target was merged itself
            (undo that first), or a checkout holds points of it.
    """
    with transaction.atomic(using=using):
        found = AccountMerge.objects.using(using).filter(pk=merge_id).first()
        if found is None:
            raise LoyaltyInputError("There is no such merge.", "NOT_FOUND", "mergeId")
        # The entries to undo are read under the lock that the ledger takes again.
        storage.lock_accounts([found.source_id, found.target_id], using)
        found.refresh_from_db(using=using)
        moved = _lots_from(found, using)
        debts = _debts(found, using)
        voided = entry_points.taken_by(key_of(found), found.source_id, using)
        separations = _separations(found, using)
        entries = [lot.transaction_id for lot in moved] + [entry.pk for entry in (*debts, *voided)] + separations
        with Ledger([found.source_id, found.target_id], entries=entries, now=now, using=using) as ledger:
            _check_undoable(ledger, found, now)
            ledger.accounts[found.source_id].merged_into_id = None
            work = _Separation(ledger, found, Source(key=f"unmerge:{found.pk}", reason=UNMERGED, actor=actor))
            work.return_lots(moved, separations)
            work.return_debts(debts)
            work.finish(_lifetime(found.source_id, using))
            work.points += entry_points.give_again(ledger, voided, work.cause)
            LoyaltyAccount.objects.using(using).filter(pk=found.source_id).update(merged_into=None, closed_at=None)
        found.undone_at = now
        found.save(using=using, update_fields=["undone_at"])
    return Unmerged(work.points, work.debt)


class _Separation:
    """The ledger's side of taking a merge apart."""

    def __init__(self, ledger: Ledger, merged: AccountMerge, cause: Source) -> None:
        self.ledger = ledger
        self.source_id, self.target_id = merged.source_id, merged.target_id
        self.source, self.target = ledger.wallets[merged.source_id], ledger.wallets[merged.target_id]
        self.cause = cause
        self.points = self.debt = 0
        self._last: PointsTransaction | None = None

    def return_lots(self, moved: Iterable[PointsLot], separations: Iterable[int]) -> None:
        """Move back what is left of the lots, and what they have paid of the target's debt.

        They paid when they came, or when another one left and the target owed again what that one had paid.
        """
        for row in moved:
            lot = self.target.lots[row.pk]
            paid = [
                part
                for entry_id in (row.transaction_id, *separations)
                for part in self.ledger.used_by(entry_id)
                if part.lot_id == lot.id
            ]
            owed_again = self.target.owe_again(paid)
            if lot.remaining:
                self.points += lot.remaining
                self._last, _ = moving.move_lot(
                    self.ledger, self.target_id, self.source_id, lot, lot.remaining, self.cause
                )
                self.ledger.record(self._last, owed_again)

    def return_debts(self, debts: Iterable[PointsTransaction]) -> None:
        paid: list[Consumption] = []
        owed = 0
        for entry in debts:
            used = self.ledger.used_by(entry.pk)
            paid += used
            owed += -entry.points - sum(part.points for part in used)
        self.debt = sum(part.points for part in paid) + min(owed, self.target.deficit)
        if self.debt:
            self._last = moving.return_debt(self.ledger, self.target_id, self.source_id, self.debt, paid, self.cause)

    def finish(self, lifetime: int) -> None:
        """Return the points that the source has ever earned; and let the target pay what it owes again, if it can."""
        self.target.lifetime -= lifetime
        self.source.lifetime += lifetime
        if self._last is not None:
            self.ledger.record(self._last, self.target.settle())


def _check_undoable(ledger: Ledger, found: AccountMerge, now: datetime) -> None:
    why = None
    if found.undone_at is not None:
        why = "The accounts have been separated before."
    elif found.undo_until is None or now > found.undo_until:
        why = "It is too late to separate the accounts."
    elif ledger.accounts[found.target_id].merged_into_id is not None:
        why = "The account was merged into another one since. Undo that first."
    elif ledger.wallets[found.target_id].held:
        why = "A checkout holds points of the account. Take them off it, or wait until the hold is over."
    if why:
        raise LoyaltyInputError(why, "NOT_APPLICABLE", "mergeId")


def _lots_from(found: AccountMerge, using: str) -> list[PointsLot]:
    """Lots of the target that came from the source by this merge, and since."""
    lots = PointsLot.objects.using(using).filter(
        account_id=found.target_id, origin__account_id=found.source_id, transaction_id__gt=found.after_entry_id
    )
    return list(lots.order_by("pk"))


def _separations(found: AccountMerge, using: str) -> list[int]:
    """Entries of the target by which others left it since. Of lots that stayed, they use what paid a debt."""
    entries = PointsTransaction.objects.using(using).filter(
        account_id=found.target_id,
        type=TransactionType.MERGE_OUT,
        idempotency_key__startswith="unmerge:",
        pk__gt=found.after_entry_id,
    )
    return list(entries.order_by("pk").values_list("pk", flat=True))


def _debts(found: AccountMerge, using: str) -> list[PointsTransaction]:
    """The entries by which the target took over what the source owed."""
    entries = PointsTransaction.objects.using(using).filter(
        account_id=found.target_id,
        type=TransactionType.MERGE_IN,
        points__lt=0,
        breakdown__account=found.source_id,
        pk__gt=found.after_entry_id,
    )
    return list(entries.order_by("pk"))


def _lifetime(account_id: int, using: str) -> int:
    """Points that an account, and those that were merged into it, have ever earned."""
    family = {account_id} | accounts.merged_into([account_id], using).get(account_id, set())
    entries = PointsTransaction.objects.using(using).filter(account_id__in=family, type__in=EARNINGS)
    return entries.aggregate(points=models.Sum("points", default=0))["points"]
