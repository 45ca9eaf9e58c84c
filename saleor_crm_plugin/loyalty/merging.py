"""Two accounts of one person become one, and can be taken apart again.

A merge closes the source, and everything that it has moves to the target lot by lot (`loyalty.moving`): points with
their dates, pending ones as pending, and what it owes. From then on the source is empty, and what still happens to its
past passes through it. Awards, spending and uses of rules stay on record where they were made. Points for reaching a
tier that both were given are taken back once (`loyalty.entry_points`).

Taking a merge apart returns what there is left:

- of each lot that came from the source, the points that are still there, to that lot;
- what the moved points had paid of the target's debt: the target owes it again;
- what the target had paid of the source's debt from its lots, to those lots, and what it still owes of it: the source
  owes it again.

What was spent meanwhile stays spent, and what later points paid stays paid. If nothing happened in between, both
accounts are as they were: balances, lots, debts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import models, transaction

from saleor_crm_plugin.actors import SYSTEM, Actor
from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.loyalty import accounts, entry_points, moving, storage
from saleor_crm_plugin.loyalty.ledger import Ledger, Source
from saleor_crm_plugin.loyalty.models import (
    EARNINGS,
    AccountMerge,
    LoyaltyAccount,
    PointsLot,
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.wallet import Consumption

MERGED = "Accounts merged"
UNMERGED = "Accounts separated"

CLOSED = "The account is closed."
HELD = "A checkout holds points of this account. Take them off it, or wait until the hold is over."


@dataclass(frozen=True, slots=True)
class Unmerged:
    """What taking a merge apart returned to the source: `points`, and `debt` that it owes again."""

    points: int
    debt: int


def merge(
    source_id: int,
    target_id: int,
    actor: Actor,
    now: datetime,
    *,
    undo_until: datetime | None = None,
    using: str = "default",
) -> AccountMerge:
    """`merge_many` for two accounts; a repeat returns the merge of then.

    Raises:
        LoyaltyInputError: as there; also if the target was merged into the source before (`INVALID`).
    """
    merge_many([(source_id, target_id)], actor, now, undo_until=undo_until, using=using)
    done = AccountMerge.objects.using(using).filter(source_id=source_id, undone_at__isnull=True).first()
    if done is None:
        raise LoyaltyInputError("The other account was merged into this one before.", "INVALID", "targetId")
    return done


def merge_many(
    pairs: Collection[tuple[int, int]],
    actor: Actor,
    now: datetime,
    *,
    undo_until: datetime | None = None,
    using: str = "default",
) -> int:
    """Merge the first account of each pair into the second. A constant number of statements.

    Args:
        undo_until: until when `unmerge` is possible; None: never.

    Returns:
        How many were merged; pairs that are one already change nothing.

    Raises:
        LoyaltyInputError: nothing was merged, because in some pair there is one account only or two programs
            (`INVALID`), an account is closed or merged otherwise (`ACCOUNT_CLOSED`), or a checkout holds points of the
            source (`NOT_APPLICABLE`).
    """
    with transaction.atomic(using=using):
        with Ledger([pk for pair in pairs for pk in pair], now=now, using=using) as ledger:
            new = []
            for source_id, target_id in pairs:
                source = ledger.accounts[source_id]
                if source_id != target_id and ledger.head_of(source_id) == ledger.head_of(target_id):
                    continue
                _check(ledger, source_id, target_id)
                source.merged_into_id, source.closed_at = target_id, now
                new.append((source_id, target_id))
            newest = _newest_entries({target_id for _, target_id in new}, using)
            merges = AccountMerge.objects.using(using).bulk_create(
                AccountMerge(
                    source_id=source_id,
                    target_id=target_id,
                    actor_type=actor.type,
                    actor_id=actor.id,
                    merged_at=now,
                    after_entry_id=newest.get(target_id, 0),
                    undo_until=undo_until,
                )
                for source_id, target_id in new
            )
            twice = entry_points.given_twice(new, using) if new else {}
            for each in merges:
                cause = Source(key=_key(each), reason=MERGED, actor=actor)
                entry_points.take_back(ledger, twice.get(each.source_id, ()), cause)
                ledger.pass_on(each.source_id, cause)
        changed = [ledger.accounts[each.source_id] for each in merges]
        LoyaltyAccount.objects.using(using).bulk_update(changed, ["merged_into", "closed_at"])
    return len(new)


def merge_profiles(
    moved: Mapping[int, int],
    now: datetime,
    using: str,
    *,
    actor: Actor = SYSTEM,
    undo_until: datetime | None = None,
) -> int:
    """Persons turn out to be others: merge their accounts, in each program. A constant number of statements.

    Args:
        moved: profile id of who turned out to be another -> profile id of that other.
        undo_until: until when `unmerge_profiles` is possible; None: never.

    Returns:
        How many accounts were merged.

    Raises:
        LoyaltyInputError: as `merge_many`.
    """
    own = LoyaltyAccount.objects.using(using).filter(profile_id__in=moved.keys(), closed_at__isnull=True)
    by_program: dict[int, list[tuple[int, int]]] = {}
    for account_id, program_id, profile_id in own.order_by("pk").values_list("pk", "program_id", "profile_id"):
        by_program.setdefault(program_id, []).append((account_id, moved[profile_id]))
    merged = 0
    for program_id, found in by_program.items():
        target = accounts.ensure(program_id, {profile_id for _, profile_id in found}, using)
        pairs = [(account_id, target[pk]) for account_id, pk in found]
        merged += merge_many(pairs, actor, now, undo_until=undo_until, using=using)
    return merged


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


def refusals(source_id: int, target_id: int, using: str) -> list[LoyaltyInputError]:
    """Why `merge_profiles` would refuse these two persons as things are; empty if it would not. One statement."""
    found = []
    rows = LoyaltyAccount.objects.using(using).filter(profile_id__in=[source_id, target_id]).order_by("pk")
    by_program: dict[int, dict[int, LoyaltyAccount]] = {}
    for account in rows:
        by_program.setdefault(account.program_id, {})[account.profile_id] = account
    for pair in by_program.values():
        source, target = pair.get(source_id), pair.get(target_id)
        if source is None or source.closed_at is not None:
            continue
        if target is not None and target.closed_at is not None:
            found.append(LoyaltyInputError(CLOSED, "ACCOUNT_CLOSED", "targetId"))
        if source.held:
            found.append(LoyaltyInputError(HELD, "NOT_APPLICABLE", "sourceId"))
    return found


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
        voided = entry_points.taken_by(_key(found), found.source_id, using)
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


def _key(merged: AccountMerge) -> str:
    return f"merge:{merged.pk}"


def _check(ledger: Ledger, source_id: int, target_id: int) -> None:
    source, head = ledger.accounts[source_id], ledger.accounts[ledger.head_of(target_id)]
    if source_id == target_id:
        raise LoyaltyInputError("An account cannot be merged into itself.", "INVALID", "targetId")
    if source.program_id != head.program_id:
        raise LoyaltyInputError("The accounts are of two programs.", "INVALID", "targetId")
    for account, field in ((source, "sourceId"), (head, "targetId")):
        if account.closed_at is not None:
            raise LoyaltyInputError(CLOSED, "ACCOUNT_CLOSED", field)
    if source.held:
        raise LoyaltyInputError(HELD, "NOT_APPLICABLE", "sourceId")


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


def _newest_entries(account_ids: Collection[int], using: str) -> dict[int, int]:
    rows = PointsTransaction.objects.using(using).filter(account_id__in=account_ids)
    return dict(rows.values_list("account_id").annotate(newest=models.Max("pk")))


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
