"""`loyaltyRewardDelete`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.rewards.types import LoyaltyReward
from saleor_crm_plugin.graphql.mutations import key_argument
from saleor_crm_plugin.loyalty.rewards.editing import delete_reward


class LoyaltyRewardDelete(LoyaltyMutation):
    reward = graphene.Field(LoyaltyReward, description="The reward as it was last.")

    class Arguments:
        id = graphene.ID(required=True, description="The ID of the reward.")

    class Meta:
        description = (
            "Takes a reward out of the catalogue for good. Codes that customers have can still be used and given back."
            + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (DiscountPermissions.MANAGE_DISCOUNTS,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /, *, id: str) -> LoyaltyRewardDelete:
        reward = delete_reward(key_argument(integer_key, id, "LoyaltyReward", "id"))
        return cls(reward=in_channel(reward, None))
