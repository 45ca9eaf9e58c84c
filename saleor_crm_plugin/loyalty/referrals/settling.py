"""Rewards for referrals whose order's return window is over, and taking them back. Runs on the clock.

Each referral in its own transaction: any number of workers, stopped and repeated at any point, do it once. One that
cannot be settled is logged, and does not hold up the others. Locks are taken in the order rules, accounts, referral;
who holds a referral's row never waits for an account.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import models, transaction
from django.utils import timezone

from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.config import EarnedPointsPolicy
from saleor_crm_plugin.isolating import FAULTS_OF_ONE
from saleor_crm_plugin.loyalty.accounts import head_of
from saleor_crm_plugin.loyalty.actions import Occasion, give, lock_budgets, rules_for
from saleor_crm_plugin.loyalty.ledger import Ledger, waiver_key
from saleor_crm_plugin.loyalty.models import PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.referrals.models import Referral, ReferralStatus
from saleor_crm_plugin.loyalty.rules.actions import Action
from saleor_crm_plugin.loyalty.rules.definition import ReferralSide, Trigger
from saleor_crm_plugin.loyalty.rules.models import EarningRuleUse
from saleor_crm_plugin.loyalty.rules.storage import LiveRule, live_rules, segments_named_by
from saleor_crm_plugin.loyalty.tiers.queries import current_tiers

logger = logging.getLogger(__name__)

# Referrals read ahead; each is then a transaction of its own.
BATCH_SIZE: Final = 500


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What others know.

    Attributes:
        segments: names of the segments that a profile is in, at least of those wanted.
        policy: what a channel does about earned points of an order that is undone.
    """

    segments: Callable[[int, frozenset[str]], frozenset[str]]
    policy: Callable[[int], EarnedPointsPolicy]


def settle_referrals(now: datetime, around: Surroundings, using: str = "default", *, rewards: bool = True) -> int:
    """Reward what is due and take back what was undone; returns how many referrals changed.

    Args:
        rewards: False: only take back.
    """
    due = _to_reward(now) | TO_TAKE_BACK if rewards else TO_TAKE_BACK
    settled = 0
    for program_id, referral_id in _among(due, using):
        try:
            settled += _settle(program_id, referral_id, due, now, around, using)
        except FAULTS_OF_ONE as error:
            logger.error(
                "Referral %s cannot be settled. It is tried again at the next run; `manage.py crm_ledger_audit` says "
                "what is wrong.",
                referral_id,
                exc_info=told(error),
            )
    return settled


def occasion_of(referral_id: int) -> str:
    """By which the uses of rules are counted, once for each of the two."""
    return f"referral:{referral_id}"


def _to_reward(now: datetime) -> models.Q:
    return models.Q(status=ReferralStatus.QUALIFIED, reward_at__lte=now)


TO_TAKE_BACK: Final = models.Q(status=ReferralStatus.UNDONE)


def _among(due: models.Q, using: str) -> Iterator[tuple[int, int]]:
    last = 0
    while True:
        rows = Referral.objects.using(using).filter(due, pk__gt=last).order_by("pk")
        batch = list(rows.values_list("friend__program_id", "pk")[:BATCH_SIZE])
        yield from batch
        if len(batch) < BATCH_SIZE:
            return
        last = batch[-1][1]


def _settle(program_id: int, referral_id: int, due: models.Q, now: datetime, around: Surroundings, using: str) -> bool:
    with transaction.atomic(using=using):
        seen = (
            Referral.objects.using(using).select_related("code__account", "friend").filter(due, pk=referral_id).first()
        )
        if seen is None or seen.code is None:
            return False
        rewards = seen.rewards
        occasions: list[Occasion] = []
        entries: list[PointsTransaction] = []
        if seen.status == ReferralStatus.QUALIFIED:
            occasions = list(_occasions(seen, live_rules(program_id, using), around, using))
            lock_budgets(occasions, using)
        else:
            entries = list(_entries(seen, using))
        with Ledger(
            [seen.code.account_id, seen.friend_id], entries=[entry.pk for entry in entries], now=now, using=using
        ) as ledger:
            referral = Referral.objects.using(using).select_for_update(of=("self",)).get(pk=referral_id)
            # It may have changed while we waited; then it is due again, or not any more.
            if (referral.status, referral.order_id, referral.rewards) != (seen.status, seen.order_id, rewards):
                return False
            if referral.status == ReferralStatus.QUALIFIED:
                if referral.reward_at is None or referral.reward_at > now:
                    return False
                if rewards:
                    # Decided anew; what was kept is in what is given now (`Occasion.kept`).
                    _free_uses(referral, ledger.accounts, {}, using)
                give(ledger, occasions, using)
                referral.status, referral.rewards = ReferralStatus.REWARDED, rewards + 1
            else:
                assert referral.channel_id is not None
                _take_back(ledger, entries, around.policy(referral.channel_id))
                # Another order may have taken the place of the one that was undone.
                referral.status = ReferralStatus.QUALIFIED if referral.reward_at else ReferralStatus.REVERSED
            referral.decided_at = now
            referral.save(using=using, update_fields=["status", "rewards", "decided_at"])
        if seen.status == ReferralStatus.UNDONE:
            _free_uses(referral, ledger.accounts, _kept(referral, using), using)
    return True


def _occasions(referral: Referral, in_force: list[LiveRule], around: Surroundings, using: str) -> Iterator[Occasion]:
    assert referral.code is not None
    assert referral.placed_at is not None
    both = {ReferralSide.REFERRER: referral.code.account, ReferralSide.FRIEND: referral.friend}
    # Rules are about whoever gets the points.
    heads = {side: head_of(account) for side, account in both.items()}
    tiers = current_tiers([head.pk for head in heads.values()], using)
    wanted = segments_named_by(in_force)
    kept = _kept(referral, using)
    for side, account in both.items():
        head = heads[side]
        action = Action(
            Trigger.REFERRAL,
            occasion_of(referral.pk),
            timezone.localtime(referral.placed_at),
            channel_id=referral.channel_id,
            segments=around.segments(head.profile_id, wanted),
            tier_id=tiers[head.pk].tier_id if head.pk in tiers else None,
            referral_side=side,
        )
        rules = rules_for(action, in_force)
        if rules:
            yield Occasion(
                account.pk,
                action,
                rules,
                TransactionType.REFERRAL,
                _key(referral, referral.rewards),
                kept.get(account.pk, 0),
            )


def _key(referral: Referral, reward: int) -> str:
    return f"{occasion_of(referral.pk)}:{reward}"


def _entries(referral: Referral, using: str) -> models.QuerySet[PointsTransaction]:
    """What the last reward posted."""
    return PointsTransaction.objects.using(using).filter(
        type=TransactionType.REFERRAL, idempotency_key__startswith=f"{_key(referral, referral.rewards - 1)}:"
    )


def _kept(referral: Referral, using: str) -> dict[int, int]:
    """By account: points of earlier rewards that were forgiven when they were taken back, and not taken since.

    A referral that is still to be rewarded has posted all of them.
    """
    if not referral.rewards:
        return {}
    entries = PointsTransaction.objects.using(using)
    ours = models.Q(idempotency_key__startswith=f"{occasion_of(referral.pk)}:")
    given = entries.filter(ours, type=TransactionType.REFERRAL).values_list("pk", flat=True)
    waived = models.Q(idempotency_key__in=[waiver_key(_reversal_key(pk)) for pk in given])
    waivers = entries.filter(waived | ours, type=TransactionType.WAIVER)
    return dict(waivers.values_list("account_id").annotate(left=models.Sum("points")))


def _reversal_key(entry_id: int) -> str:
    return f"reverse:{entry_id}"


def _take_back(ledger: Ledger, entries: list[PointsTransaction], policy: EarnedPointsPolicy) -> None:
    for entry in entries:
        ledger.take_back(
            entry.account_id,
            entry.points,
            TransactionType.EARN_REVERSAL,
            Source(
                key=_reversal_key(entry.pk),
                reason="The referral does not count any more",
                reverses=entry.pk,
                earned_at=entry.earned_at,
            ),
            pending_only=policy == EarnedPointsPolicy.REVERSE_PENDING_ONLY,
            waive=policy != EarnedPointsPolicy.REVERSE_INTO_DEFICIT,
        )


def _free_uses(referral: Referral, account_ids: Iterable[int], kept: Mapping[int, int], using: str) -> None:
    """Leave of the uses what accounts have kept, since limits bound what a rule costs."""
    left = dict(kept)
    uses = EarningRuleUse.objects.using(using).filter(account_id__in=list(account_ids), points__gt=0)
    for use in uses.filter(occasion=occasion_of(referral.pk)).order_by("pk"):
        points = 0 if use.is_dry_run else min(left.get(use.account_id, 0), use.points)
        left[use.account_id] = left.get(use.account_id, 0) - points
        uses.filter(pk=use.pk).update(points=points)
