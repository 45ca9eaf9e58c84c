"""`loyaltyRewardCreate`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.rewards.inputs import LoyaltyRewardInput, definition_of
from saleor_crm_plugin.graphql.loyalty.rewards.types import LoyaltyReward
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.rewards.editing import create_reward


class LoyaltyRewardCreate(LoyaltyMutation):
    reward = graphene.Field(LoyaltyReward, description="The new reward.")

    class Arguments:
        input = LoyaltyRewardInput(required=True, description="What the reward is.")

    class Meta:
        description = "Makes a reward that customers can take for points." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (DiscountPermissions.MANAGE_DISCOUNTS,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /, *, input: dict[str, Any]) -> LoyaltyRewardCreate:
        reward = create_reward(default_program_id(), definition_of(input, None))
        return cls(reward=in_channel(reward, None))
