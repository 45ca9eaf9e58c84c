"""`loyaltyTierDelete`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.tiers.types import LoyaltyTier
from saleor_crm_plugin.graphql.mutations import key_argument
from saleor_crm_plugin.loyalty.tiers.editing import delete_tier


class LoyaltyTierDelete(LoyaltyMutation):
    tier = graphene.Field(LoyaltyTier, description="The tier as it was last.")

    class Arguments:
        id = graphene.ID(required=True, description="The ID of the tier.")

    class Meta:
        description = (
            "Retires a tier for good. At the next review, within the hour, its members go to the next lower one, or to "
            "what they have earned." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (DiscountPermissions.MANAGE_DISCOUNTS,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /, *, id: str) -> LoyaltyTierDelete:
        return cls(tier=delete_tier(key_argument(integer_key, id, "LoyaltyTier", "id")))
