"""What others ask about rewards: a constant number of statements each, for any number of them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.rewards.definition import Place
from saleor_crm_plugin.loyalty.rewards.models import LoyaltyReward, RedemptionStatus, RewardRedemption


def catalogue(program_id: int, using: str, *, place: Place | None = None) -> QuerySet[LoyaltyReward]:
    """Rewards that were not deleted, of a channel if one is named."""
    rewards = LoyaltyReward.objects.using(using).filter(program_id=program_id, deleted_at__isnull=True)
    if place is None:
        return rewards
    return rewards.filter(
        Q(channel_ids=[]) | Q(channel_ids__contains=[place.channel_id]), Q(currency="") | Q(currency=place.currency)
    )


def on_offer(rewards: QuerySet[LoyaltyReward], at: datetime) -> QuerySet[LoyaltyReward]:
    """Those that can be taken at a moment, by whoever meets their conditions."""
    return rewards.filter(
        Q(starts_at__isnull=True) | Q(starts_at__lte=at), Q(ends_at__isnull=True) | Q(ends_at__gt=at), is_active=True
    )


def taken(pairs: Collection[tuple[int, int]], using: str) -> dict[tuple[int, int], int]:
    """How many of a reward an account has, without those given back, by (account id, reward id).

    What was taken in accounts that were merged into it counts as well.
    """
    belongs_to = accounts.with_merged({account for account, _ in pairs}, using)
    rows = (
        RewardRedemption.objects.using(using)
        .filter(account_id__in=belongs_to, reward_id__in={reward for _, reward in pairs})
        .exclude(status=RedemptionStatus.RETURNED)
        .values_list("account_id", "reward_id")
        .annotate(count=Count("pk"))
        .order_by()
    )
    found: dict[tuple[int, int], int] = {}
    for account_id, reward_id, count in rows:
        key = (belongs_to[account_id], reward_id)
        found[key] = found.get(key, 0) + count
    return found
