"""Two accounts of one person become one; `loyalty.separating` takes them apart again.

A merge closes the source, and everything that it has moves to the target lot by lot (`loyalty.moving`): points with
their dates, pending ones as pending, and what it owes. From then on the source is empty, and what still happens to its
past passes through it. Awards, spending and uses of rules stay on record where they were made. Points for reaching a
tier that both were given are taken back once (`loyalty.entry_points`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import models, transaction

from saleor_crm_plugin.actors import SYSTEM, Actor
from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.loyalty import accounts, entry_points, storage
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import (
    AccountMerge,
    LoyaltyAccount,
    PointsTransaction,
)
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.tiers import carrying

MERGED = "Accounts merged"

CLOSED = "The account is closed."
HELD = "A checkout holds points of this account. Take them off it, or wait until the hold is over."


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

    What is merged into an account that is merged itself passes on to where that one's points are.

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
            persons = []
            for source_id, target_id in pairs:
                source = ledger.accounts[source_id]
                if source_id != target_id and ledger.head_of(source_id) == ledger.head_of(target_id):
                    continue
                _check(ledger, source_id, target_id)
                persons.append((source_id, ledger.head_of(target_id)))
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
            twice = entry_points.given_twice(persons, using) if new else {}
            lots = storage.lots_of_entries([entry.pk for given in twice.values() for entry in given], using)
            for each in merges:
                cause = Source(key=key_of(each), reason=MERGED, actor=actor)
                entry_points.take_back(ledger, each.source_id, twice.get(each.source_id, ()), lots, cause)
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
    """Persons turn out to be others: merge their accounts, in each program. A constant number of statements, in the
    caller's transaction.

    Args:
        moved: profile id of who turned out to be another -> profile id of that other. Whose account is merged itself
            takes points along when it is separated.
        undo_until: until when `unmerge_profiles` is possible; None: never, and the tier of a source goes along.

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
        if undo_until is None:
            carrying.carry_over(program_id, pairs, now, using)
    return merged


def keep_merged(profile_ids: Collection[int], using: str) -> None:
    """The merged accounts of these persons are not separated any more. One statement, none for nobody."""
    if profile_ids:
        merges = AccountMerge.objects.using(using).filter(source__profile_id__in=profile_ids, undone_at__isnull=True)
        merges.update(undo_until=None)


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


def key_of(merged: AccountMerge) -> str:
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


def _newest_entries(account_ids: Collection[int], using: str) -> dict[int, int]:
    rows = PointsTransaction.objects.using(using).filter(account_id__in=account_ids)
    return dict(rows.values_list("account_id").annotate(newest=models.Max("pk")))
