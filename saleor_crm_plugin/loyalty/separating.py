"""Takes accounts apart that were merged (`loyalty.merging`).

Taking a merge apart returns what there is left:

- of each lot that came from the source, the points that are still there, to that lot;
- what the moved points had paid of the target's debt: the target owes it again;
- what the target had paid of the source's debt from its lots, to those lots, and what it still owes of it: the source
  owes it again.

What was spent meanwhile stays spent, and what later points paid stays paid. If nothing happened in between, both
accounts are as they were: balances, lots, debts.

Others who were merged into the same account later may owe what the first one's points have paid, or have paid what the
first one owes. Then they leave with the first one, the last one first, and come back to what is there without it: so in
whatever order people leave, each takes along what they brought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.db import models, transaction

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.loyalty import accounts, entry_points, moving, storage
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.merging import key_of, merge_many
from saleor_crm_plugin.loyalty.models import (
    EARNINGS,
    AccountMerge,
    LoyaltyAccount,
    PointsLot,
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.wallet import Consumption

UNMERGED = "Accounts separated"
# What idempotency keys of separations begin with.
UNMERGE = "unmerge"


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
        # The entries to undo are read under the locks that the ledger takes again.
        of_both = [found.target_id, found.source_id, *(merge.source_id for merge in _later(found, using))]
        locked = storage.lock_accounts(sorted(of_both), using)
        found.refresh_from_db(using=using)
        _check_undoable(locked[found.target_id], found, now)
        own = _Share.of(found, using)
        others = [_Share.of(merge, using) for merge in _later(found, using)]
        if not any(share.debts or share.voided for share in others) and not own.debts:
            others = []
        leaving = [*others, own]
        entries = [entry_id for share in leaving for entry_id in share.entries]
        account_ids = {found.target_id, *(share.merged.source_id for share in leaving)}
        with Ledger(account_ids, entries=entries, now=now, using=using) as ledger:
            work = [_Separation(ledger, share, actor) for share in leaving]
            for step in (_Separation.owe_again, _Separation.return_debts, _Separation.return_lots):
                for each in work:
                    step(each)
            _settle(ledger, work)
            for each in work:
                each.give_entry_points_again()
            sources = LoyaltyAccount.objects.using(using).filter(pk__in=account_ids - {found.target_id})
            sources.update(merged_into=None, closed_at=None)
        merges = AccountMerge.objects.using(using).filter(pk__in=[share.merged.pk for share in leaving])
        merges.update(undone_at=now)
        for share in reversed(others):
            _merge_again(share.merged, actor, now, using)
    return Unmerged(work[-1].points, work[-1].debt)


@dataclass(frozen=True, slots=True)
class _Share:
    """What a merge has brought.

    Attributes:
        lots: of the target, that came from the source by it and since.
        debts: entries by which the target took over what the source owed.
        voided: entries that took points for a tier from the source, since the target had them too.
        separations: entries of the target by which others left it since. Of lots that stayed, they use what paid a
            debt.
        lifetime: points that the source, and those that were merged into it, have ever earned.
    """

    merged: AccountMerge
    lots: list[PointsLot]
    debts: list[PointsTransaction]
    voided: list[PointsTransaction]
    separations: list[int]
    lifetime: int

    @classmethod
    def of(cls, merged: AccountMerge, using: str) -> Self:
        lots = PointsLot.objects.using(using).filter(
            account_id=merged.target_id, origin__account_id=merged.source_id, transaction_id__gt=merged.after_entry_id
        )
        since = PointsTransaction.objects.using(using).filter(account_id=merged.target_id, pk__gt=merged.after_entry_id)
        debts = since.filter(type=TransactionType.MERGE_IN, points__lt=0, breakdown__account=merged.source_id)
        left = since.filter(type=TransactionType.MERGE_OUT, idempotency_key__startswith=f"{UNMERGE}:")
        return cls(
            merged,
            list(lots.order_by("pk")),
            list(debts.order_by("pk")),
            entry_points.taken_by(key_of(merged), merged.source_id, using),
            list(left.order_by("pk").values_list("pk", flat=True)),
            _lifetime(merged.source_id, using),
        )

    @property
    def entries(self) -> list[int]:
        return [lot.transaction_id for lot in self.lots] + [
            *(entry.pk for entry in (*self.debts, *self.voided)),
            *self.separations,
        ]


class _Separation:
    """The ledger's side of taking one merge apart, in steps: each is taken for all merges before the next one is.

    What anybody's lots have paid is owed again, before it is asked who owes it; and who owes something gives back what
    others' lots have paid of it, before the lots go where they came from.
    """

    def __init__(self, ledger: Ledger, share: _Share, actor: Actor) -> None:
        self.ledger, self.share = ledger, share
        self.source_id, self.target_id = share.merged.source_id, share.merged.target_id
        self.target = ledger.wallets[self.target_id]
        self.cause = Source(key=f"{UNMERGE}:{share.merged.pk}", reason=UNMERGED, actor=actor)
        self.points = self.debt = 0
        self.last: PointsTransaction | None = None
        self._owed_again: dict[int, list[Consumption]] = {}
        ledger.accounts[self.source_id].merged_into_id = None
        self.target.lifetime -= share.lifetime
        ledger.wallets[self.source_id].lifetime += share.lifetime

    def owe_again(self) -> None:
        """Let the target owe what the lots have paid.

        They paid when they came, or when another one left and the target owed again what that one had paid.
        """
        for row in self.share.lots:
            paid = [
                part
                for entry_id in (row.transaction_id, *self.share.separations)
                for part in self.ledger.used_by(entry_id)
                if part.lot_id == row.pk
            ]
            self._owed_again[row.pk] = self.target.owe_again(paid)

    def return_debts(self) -> None:
        paid: list[Consumption] = []
        owed = 0
        for entry in self.share.debts:
            used = self.ledger.used_by(entry.pk)
            paid += used
            owed += -entry.points - sum(part.points for part in used)
        self.debt = sum(part.points for part in paid) + min(owed, self.target.deficit)
        if self.debt:
            self.last = moving.return_debt(self.ledger, self.target_id, self.source_id, self.debt, paid, self.cause)

    def return_lots(self) -> None:
        """Move back what is left of the lots."""
        for row in self.share.lots:
            lot = self.target.lots[row.pk]
            if lot.remaining:
                self.points += lot.remaining
                self.last, _ = moving.move_lot(
                    self.ledger, self.target_id, self.source_id, lot, lot.remaining, self.cause
                )
                self.ledger.record(self.last, self._owed_again[row.pk])

    def give_entry_points_again(self) -> None:
        self.points += entry_points.give_again(self.ledger, self.share.voided, self.cause)


def _settle(ledger: Ledger, work: Sequence[_Separation]) -> None:
    """Let the target pay what it owes again, if it can."""
    if moves := [each.last for each in work if each.last is not None]:
        ledger.record(moves[-1], work[-1].target.settle())


def _later(found: AccountMerge, using: str) -> list[AccountMerge]:
    """Merges into the same account that were made after this one and are in force, the last one first."""
    merges = AccountMerge.objects.using(using).filter(
        target_id=found.target_id, pk__gt=found.pk, undone_at__isnull=True
    )
    return list(merges.order_by("-pk"))


def _merge_again(before: AccountMerge, actor: Actor, now: datetime, using: str) -> None:
    """As it was, by a new record: from now on that one says what came, and can be undone as long."""
    merge_many([(before.source_id, before.target_id)], actor, now, undo_until=before.undo_until, using=using)
    AccountMerge.objects.using(using).filter(source_id=before.source_id, undone_at__isnull=True).update(
        actor_type=before.actor_type, actor_id=before.actor_id, merged_at=before.merged_at
    )


def _check_undoable(target: LoyaltyAccount, found: AccountMerge, now: datetime) -> None:
    why = None
    if found.undone_at is not None:
        why = "The accounts have been separated before."
    elif found.undo_until is None or now > found.undo_until:
        why = "It is too late to separate the accounts."
    elif target.merged_into_id is not None:
        why = "The account was merged into another one since. Undo that first."
    elif target.held:
        why = "A checkout holds points of the account. Take them off it, or wait until the hold is over."
    if why:
        raise LoyaltyInputError(why, "NOT_APPLICABLE", "mergeId")


def _lifetime(account_id: int, using: str) -> int:
    """Points that an account, and those that were merged into it, have ever earned."""
    family = {account_id} | accounts.merged_into([account_id], using).get(account_id, set())
    entries = PointsTransaction.objects.using(using).filter(account_id__in=family, type__in=EARNINGS)
    return entries.aggregate(points=models.Sum("points", default=0))["points"]
