"""What rewards add to Saleor's schema."""

from __future__ import annotations

from typing import Any

import graphene
from django.utils import timezone
from saleor.graphql.core.connection import create_connection_slice
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.fields import ConnectionField
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.access import has_any_permission
from saleor_crm_plugin.graphql.addition import PAGE, Addition, mutation
from saleor_crm_plugin.graphql.dataloaders import ActiveChannelBySlugLoader
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.rewards.mutations.loyalty_reward_create import LoyaltyRewardCreate
from saleor_crm_plugin.graphql.loyalty.rewards.mutations.loyalty_reward_delete import LoyaltyRewardDelete
from saleor_crm_plugin.graphql.loyalty.rewards.mutations.loyalty_reward_redeem import LoyaltyRewardRedeem
from saleor_crm_plugin.graphql.loyalty.rewards.mutations.loyalty_reward_return import LoyaltyRewardReturn
from saleor_crm_plugin.graphql.loyalty.rewards.mutations.loyalty_reward_update import LoyaltyRewardUpdate
from saleor_crm_plugin.graphql.loyalty.rewards.types import LoyaltyRewardCountableConnection
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.rewards import queries
from saleor_crm_plugin.loyalty.rewards.definition import Place


def resolve_loyalty_rewards(_root: Any, info: Any, *, channel: str | None = None, **arguments: Any) -> Any:
    using = get_database_connection_name(info.context)
    sees_all = has_any_permission(info, DiscountPermissions.MANAGE_DISCOUNTS)

    def page(place: Place | None) -> Any:
        rewards = queries.catalogue(default_program_id(using), using, place=place)
        if not sees_all:
            rewards = queries.on_offer(rewards, timezone.now())
        if channel and place is None:
            rewards = rewards.none()
        found = create_connection_slice(rewards.order_by("pk"), info, arguments, LoyaltyRewardCountableConnection)
        for edge in found.edges:
            edge.node = in_channel(edge.node, channel)
        return found

    if not channel:
        return page(None)
    return (
        ActiveChannelBySlugLoader(info.context)
        .load(channel)
        .then(lambda found: page(Place(found.id, found.currency) if found else None))
    )


ADDITIONS = (
    Addition(
        "Query",
        "loyalty_rewards",
        resolve_loyalty_rewards,
        ConnectionField(
            LoyaltyRewardCountableConnection,
            channel=graphene.Argument(
                graphene.String,
                description="Slug of the channel in which they are to be used. Without it: rewards of all channels.",
            ),
            description="Rewards that can be had for points, oldest first; for MANAGE_DISCOUNTS also those that are "
            "not on offer now." + ADDED_IN_010,
            doc_category=DOC_CATEGORY_DISCOUNTS,
        ),
        multipliers=PAGE,
    ),
    mutation("loyalty_reward_redeem", LoyaltyRewardRedeem.Field()),
    mutation("loyalty_reward_return", LoyaltyRewardReturn.Field()),
    mutation("loyalty_reward_create", LoyaltyRewardCreate.Field()),
    mutation("loyalty_reward_update", LoyaltyRewardUpdate.Field()),
    mutation("loyalty_reward_delete", LoyaltyRewardDelete.Field()),
)

TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {
    "LoyaltyReward": {
        "canRedeem": {"complexity": 1},
        "missingPoints": {"complexity": 1},
        "refusal": {"complexity": 1},
        "minimumTier": {"complexity": 1},
        "customerSegments": {"complexity": 1},
    },
    "RewardRedemption": {"reward": {"complexity": 1}, "code": {"complexity": 1}, "order": {"complexity": 1}},
}
