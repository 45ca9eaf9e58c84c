"""`loyaltyTierCreate`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.tiers.inputs import LoyaltyTierInput, tier_values
from saleor_crm_plugin.graphql.loyalty.tiers.types import LoyaltyTier
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.tiers.editing import create_tier


class LoyaltyTierCreate(LoyaltyMutation):
    tier = graphene.Field(LoyaltyTier, description="The new tier.")

    class Arguments:
        input = LoyaltyTierInput(required=True, description="What it asks and brings.")

    class Meta:
        description = (
            "Makes a tier. Customers who have earned it are in it after the next review, within the hour."
            + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (DiscountPermissions.MANAGE_DISCOUNTS,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /, *, input: dict[str, Any]) -> LoyaltyTierCreate:
        return cls(tier=create_tier(default_program_id(), tier_values(input)))
