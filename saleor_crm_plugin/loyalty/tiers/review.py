"""Brings memberships in line with what counts now: up when something was earned, down when time has passed.

Level-triggered, like everything here: a review compares what is stored with what should be, and writes the difference.
Looking needs no lock; who differs is looked at again under the lock of their account, and only then written.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from saleor_crm_plugin.actors import SYSTEM, Actor
from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.isolating import FAULTS_OF_ONE
from saleor_crm_plugin.loyalty import entry_points, storage
from saleor_crm_plugin.loyalty.accounts import with_merged
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, TransactionType
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.tiers import memberships
from saleor_crm_plugin.loyalty.tiers.amounts import SpendReader, amounts_of
from saleor_crm_plugin.loyalty.tiers.models import TierChange, TierChangeCause, TierMembership, TierPolicy
from saleor_crm_plugin.loyalty.tiers.scheme import Scheme
from saleor_crm_plugin.loyalty.tiers.standing import Assigned, standing_of

logger = logging.getLogger(__name__)

# Accounts that are looked at together; each that differs is then a transaction of some ten statements.
ACCOUNT_BATCH_SIZE = 500
# Everybody is looked at this often, whatever the hints said.
REVIEW_ALL_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What staff want: a level up to a moment, or None to take the assigned one away."""

    assigned: Assigned | None
    actor: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class _Finding:
    """An account whose row is not what it should be, or that staff have dealt with."""

    account_id: int
    before: TierMembership | None
    after: TierMembership | None


def review(
    account_ids: Collection[int],
    scheme: Scheme,
    spend: SpendReader,
    now: datetime,
    using: str,
    *,
    because_rules_changed: bool = False,
    assignment: Assignment | None = None,
) -> int:
    """Bring the memberships of some accounts in line, in one transaction.

    Args:
        assignment: for these accounts, by staff.

    Returns:
        How many memberships were written.
    """
    if not account_ids:
        return 0
    with Ledger(account_ids, lots_of=(), now=now, using=using) as ledger:
        found = _differing(account_ids, scheme, spend, now, using, assignment)
        given = _entry_points_given([each.account_id for each in found], scheme, using)
        for each in found:
            _give_entry_points(ledger, each, scheme, given)
        memberships.write(
            [each.after for each in found if each.after is not None],
            [each.account_id for each in found if each.after is None and each.before is not None],
            [change for each in found if (change := _change(each, now, because_rules_changed, assignment))],
            using,
        )
    return len(found)


def out_of_line(
    account_ids: Collection[int], scheme: Scheme, spend: SpendReader, now: datetime, using: str
) -> list[int]:
    """Those of the accounts whose membership is not what it should be. Two statements, no lock."""
    return [each.account_id for each in _differing(account_ids, scheme, spend, now, using, None)]


def is_everybody_due(scheme: Scheme, now: datetime) -> bool:
    """Whether the next review looks at all accounts."""
    policy = scheme.policy
    return (
        policy.reviewed_version != policy.version
        or policy.reviewed_at is None
        # A review that is still to come was that of a worker whose clock was wrong.
        or not now - REVIEW_ALL_EVERY < policy.reviewed_at <= now
    )


def review_due(scheme: Scheme, spend: SpendReader, now: datetime, using: str = "default") -> int:
    """Review memberships whose time is over; everybody once a day, and after the policy or a tier has changed.

    Each account in its own transaction. Two workers do no harm, and one that was stopped is made up for. An account
    that cannot be reviewed is logged, and does not hold up the others.

    Returns:
        How many memberships were written.
    """
    policy = scheme.policy
    changed = policy.reviewed_version != policy.version
    accounts: QuerySet[LoyaltyAccount] = LoyaltyAccount.objects.using(using).filter(
        program_id=policy.program_id, closed_at__isnull=True
    )
    everybody = is_everybody_due(scheme, now)
    if not everybody:
        accounts = accounts.filter(Q(tier_membership__keep_until__lte=now))
    written = 0
    for batch in key_batches(accounts, ACCOUNT_BATCH_SIZE):
        written += _review_each(batch, scheme, spend, now, using, changed)
    if everybody:
        TierPolicy.objects.using(using).filter(pk=policy.pk, version=policy.version).update(
            reviewed_version=policy.version, reviewed_at=now
        )
    return written


def _review_each(
    account_ids: Sequence[int],
    scheme: Scheme,
    spend: SpendReader,
    now: datetime,
    using: str,
    because_rules_changed: bool,
) -> int:
    try:
        differing: Sequence[int] = out_of_line(account_ids, scheme, spend, now, using)
    except FAULTS_OF_ONE:
        # The review of each finds out whose it is.
        differing = account_ids
    written = 0
    for account_id in differing:
        try:
            written += review([account_id], scheme, spend, now, using, because_rules_changed=because_rules_changed)
        except FAULTS_OF_ONE as error:
            logger.error(
                "The tier of loyalty account %s cannot be reviewed. It is tried again within a day; "
                "`manage.py crm_ledger_audit` says what is wrong.",
                account_id,
                exc_info=told(error),
            )
    return written


def _differing(
    account_ids: Collection[int],
    scheme: Scheme,
    spend: SpendReader,
    now: datetime,
    using: str,
    assignment: Assignment | None,
) -> list[_Finding]:
    accounts = memberships.open_accounts(account_ids, using)
    profile_of: Mapping[int, int] = {account.pk: account.profile_id for account in accounts}
    amounts = amounts_of(profile_of, scheme, spend, now, using)
    rules = scheme.rules
    found = []
    for account in accounts:
        before = memberships.membership_of(account)
        standing = memberships.standing_before(before)
        if assignment is not None:
            standing = type(standing)(standing.earned, assignment.assigned)
        standing = standing_of(rules, amounts[account.pk], standing, now)
        after = memberships.membership_after(account.pk, scheme, standing)
        if assignment is not None or not memberships.are_the_same(before, after):
            found.append(_Finding(account.pk, before, after))
    return found


def _entry_points_given(account_ids: Collection[int], scheme: Scheme, using: str) -> set[tuple[int, int]]:
    """Account and tier whose points are not given again: also those that were given in an account that was merged into
    it. The accounts are locked: whoever waited for that may have waited for a merge.
    """
    with_points = [tier.pk for tier in scheme.tiers if tier.entry_points]
    if not account_ids or not with_points:
        return set()
    keys = {
        entry_points.key(each, tier_id): (account_id, tier_id)
        for each, account_id in with_merged(account_ids, using).items()
        for tier_id in with_points
    }
    return {keys[key] for key in storage.posted_keys(list(keys), using)}


def _give_entry_points(ledger: Ledger, found: _Finding, scheme: Scheme, given: Collection[tuple[int, int]]) -> None:
    """For each level on the way up, once ever: one large order is worth as much as two small ones."""
    before = memberships.level_of(found.before.earned_tier) if found.before else 0
    after = memberships.level_of(found.after.earned_tier) if found.after else 0
    for tier in scheme.tiers:
        is_given = (found.account_id, tier.pk) in given
        if tier.entry_points and before < tier.level <= after and not is_given:
            source = Source(key=entry_points.key(found.account_id, tier.pk), reason=f"Reached {tier.name}")
            ledger.credit(found.account_id, tier.entry_points, TransactionType.TIER_GIFT, source)


def _change(
    found: _Finding, now: datetime, because_rules_changed: bool, assignment: Assignment | None
) -> TierChange | None:
    """The entry of the history; None if the tier is the same as before. What staff do is always told."""
    old = found.before.tier if found.before else None
    new = found.after.tier if found.after else None
    if old == new and assignment is None:
        return None
    if assignment is not None:
        cause = TierChangeCause.ASSIGNED
    elif because_rules_changed:
        cause = TierChangeCause.POLICY_CHANGED
    elif memberships.level_of(new) > memberships.level_of(old):
        cause = TierChangeCause.UPGRADE
    elif found.before is not None and found.before.assigned_tier == old and found.before.earned_tier != old:
        cause = TierChangeCause.ASSIGNMENT_ENDED
    else:
        cause = TierChangeCause.DOWNGRADE
    actor = assignment.actor if assignment else SYSTEM
    return TierChange(
        account_id=found.account_id,
        from_tier=old,
        to_tier=new,
        cause=cause,
        at=now,
        actor_type=actor.type,
        actor_id=actor.id,
        reason=assignment.reason if assignment else "",
    )
