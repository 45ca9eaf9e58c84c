"""`loyaltyTierPolicyUpdate`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.tiers.inputs import LoyaltyTierPolicyInput, policy_values
from saleor_crm_plugin.graphql.loyalty.tiers.types import LoyaltyTierPolicy
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.tiers.editing import update_policy


class LoyaltyTierPolicyUpdate(LoyaltyMutation):
    policy = graphene.Field(LoyaltyTierPolicy, description="The policy after the change.")

    class Arguments:
        input = LoyaltyTierPolicyInput(required=True, description="What changes.")

    class Meta:
        description = (
            "Sets how tiers are won and lost. All customers are reviewed by it within the hour; who has a tier that is "
            "not earned any more keeps it for the days of grace." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (DiscountPermissions.MANAGE_DISCOUNTS,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /, *, input: dict[str, Any]) -> LoyaltyTierPolicyUpdate:
        return cls(policy=update_policy(default_program_id(), policy_values(input)))
