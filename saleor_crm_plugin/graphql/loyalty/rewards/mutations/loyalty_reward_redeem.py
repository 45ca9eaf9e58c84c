"""`loyaltyRewardRedeem`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.auth_filters import AuthorizationFilters

from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.rewards.types import RewardRedemption
from saleor_crm_plugin.graphql.loyalty.types import LoyaltyAccount
from saleor_crm_plugin.graphql.mutations import key_argument
from saleor_crm_plugin.ingestion.rewards import redeem_reward
from saleor_crm_plugin.loyalty import models
from saleor_crm_plugin.loyalty.accounts import head_of
from saleor_crm_plugin.loyalty.rewards.models import KEY_LENGTH


class LoyaltyRewardRedeem(LoyaltyMutation):
    redemption = graphene.Field(RewardRedemption, description="What was taken, with the code to use.")
    account = graphene.Field(LoyaltyAccount, description="The account after it.")

    class Arguments:
        reward_id = graphene.ID(required=True, description="The ID of the reward.")
        channel = graphene.String(
            description="Slug of the channel in which it is to be used. It can be left out where the reward is for one "
            "channel only."
        )
        idempotency_key = graphene.String(
            description="A repeated call with the same key takes nothing more, and returns what the first one took. "
            f"1 to {KEY_LENGTH} characters."
        )

    class Meta:
        description = (
            "Takes a reward for points of the authenticated customer: a code to use once, or a gift card."
            + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (AuthorizationFilters.AUTHENTICATED_USER,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(
        cls, _root: Any, info: Any, /, *, reward_id: str, channel: str | None = None, idempotency_key: str | None = None
    ) -> LoyaltyRewardRedeem:
        primary_key = key_argument(integer_key, reward_id, "LoyaltyReward", "reward_id")
        redemption = redeem_reward(primary_key, info.context.user, channel, idempotency_key)
        account = models.LoyaltyAccount.objects.get(pk=redemption.account_id)
        # Of a repeated key from before a merge, the points are in another account by now.
        return cls(redemption=redemption, account=in_channel(head_of(account), channel))
