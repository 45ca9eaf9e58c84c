"""`loyaltyTierUpdate`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.tiers.inputs import LoyaltyTierInput, tier_values
from saleor_crm_plugin.graphql.loyalty.tiers.types import LoyaltyTier
from saleor_crm_plugin.graphql.mutations import key_argument
from saleor_crm_plugin.loyalty.tiers.editing import update_tier


class LoyaltyTierUpdate(LoyaltyMutation):
    tier = graphene.Field(LoyaltyTier, description="The tier after the change.")

    class Arguments:
        id = graphene.ID(required=True, description="The ID of the tier.")
        input = LoyaltyTierInput(required=True, description="What changes; what is left out stays.")

    class Meta:
        description = (
            "Changes a tier. Points earned by its multiplier stay; who is in it is settled at the next review, within "
            "the hour." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (DiscountPermissions.MANAGE_DISCOUNTS,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /, *, id: str, input: dict[str, Any]) -> LoyaltyTierUpdate:
        return cls(tier=update_tier(key_argument(integer_key, id, "LoyaltyTier", "id"), tier_values(input)))
