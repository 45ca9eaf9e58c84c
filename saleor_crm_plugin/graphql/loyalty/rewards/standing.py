"""How the authenticated shopper stands to a reward: can they take it, and if not, why and how many points are missing.

The same functions decide as when the reward is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from promise import Promise

from saleor_crm_plugin.graphql.access import authenticated_user
from saleor_crm_plugin.graphql.dataloaders import ActiveChannelBySlugLoader, CustomerByUserIdLoader
from saleor_crm_plugin.graphql.loyalty.rewards.dataloaders import (
    GroupsByProfileIdLoader,
    SoldVariantLoader,
    TakenLoader,
    TierLevelByAccountIdLoader,
)
from saleor_crm_plugin.graphql.loyalty.segments import slugs_if_asked
from saleor_crm_plugin.graphql.loyalty.tiers.dataloaders import TierByIdLoader
from saleor_crm_plugin.graphql.roots import channel_slug_of, node_of
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.rewards.definition import Place, Refusal, Shopper, missing_points, refusal
from saleor_crm_plugin.loyalty.rewards.models import LoyaltyReward
from saleor_crm_plugin.profiles.traits import RFMGroups


@dataclass(frozen=True, slots=True)
class Standing:
    """`refusal`: None if they can take it."""

    refusal: Refusal | None
    missing_points: int


def standing_of(root: Any, info: Any) -> Promise[Standing | None]:
    """Promise of the shopper's standing to a reward; of None where nobody is logged in."""
    user = authenticated_user(info)
    if user is None:
        return Promise.resolve(None)
    reward: LoyaltyReward = node_of(root)
    slug = channel_slug_of(root)

    def with_customer(facts: list[Any]) -> Any:
        customer, channel, tier = facts
        place = Place(channel.id, channel.currency, channel.loyalty_on) if channel else None
        level = tier.level if tier else 0
        if customer is None:
            return _standing(reward, Shopper(), place, level)
        account: LoyaltyAccount | None = customer.account
        return Promise.all(
            [
                GroupsByProfileIdLoader(info.context).load(customer.profile.pk),
                slugs_if_asked(reward.segments, customer.profile.pk, info),
                TierLevelByAccountIdLoader(info.context).load(account.pk) if account else Promise.resolve(0),
                TakenLoader(info.context).load((account.pk, reward.pk)) if account else Promise.resolve(0),
                _is_sold(reward, place, info),
            ]
        ).then(lambda found: _standing(reward, _shopper(account, place, *found[:-1]), place, level, is_sold=found[-1]))

    return Promise.all(
        [
            CustomerByUserIdLoader(info.context).load(user.pk),
            ActiveChannelBySlugLoader(info.context).load(slug) if slug else Promise.resolve(None),
            TierByIdLoader(info.context).load(reward.tier_id) if reward.tier_id else Promise.resolve(None),
        ]
    ).then(with_customer)


def _shopper(
    account: LoyaltyAccount | None,
    place: Place | None,
    groups: RFMGroups,
    slugs: frozenset[str],
    level: int,
    taken: int,
) -> Shopper:
    # Without a channel there is no currency yet: a group in any of them will do.
    segments = groups.in_currency(place.currency) if place else groups.in_any_currency()
    if account is None:
        return Shopper(segments=segments | slugs)
    return Shopper(account.spendable, account.closed_at is not None, level, segments | slugs, taken)


def _is_sold(reward: LoyaltyReward, place: Place | None, info: Any) -> Promise[bool]:
    """Promise of whether what is free is sold in the channel; without a channel, that is not looked at."""
    if reward.variant_id is None or place is None:
        return Promise.resolve(True)
    return SoldVariantLoader(info.context).load((reward.variant_id, place.channel_id))


def _standing(
    reward: LoyaltyReward, shopper: Shopper, place: Place | None, level: int, *, is_sold: bool = True
) -> Standing:
    found = refusal(reward.definition, shopper, at=timezone.now(), left=reward.left, tier_level=level, place=place)
    if found is None and not is_sold:
        found = Refusal.NOT_APPLICABLE
    return Standing(found, missing_points(reward.cost, shopper.spendable))
