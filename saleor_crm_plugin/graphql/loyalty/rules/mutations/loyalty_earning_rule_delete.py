"""`loyaltyEarningRuleDelete`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.rules.types import LoyaltyEarningRule
from saleor_crm_plugin.graphql.mutations import key_argument
from saleor_crm_plugin.loyalty.rules.editing import delete_rule


class LoyaltyEarningRuleDelete(LoyaltyMutation):
    rule = graphene.Field(LoyaltyEarningRule, description="The rule as it was last.")

    class Arguments:
        id = graphene.ID(required=True, description="The ID of the rule.")

    class Meta:
        description = (
            "Retires a rule for good. Points that it gave stay, and are taken back on its terms if their order is "
            "refunded." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (DiscountPermissions.MANAGE_DISCOUNTS,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /, *, id: str) -> LoyaltyEarningRuleDelete:
        return cls(rule=delete_rule(key_argument(integer_key, id, "LoyaltyEarningRule", "id")))
