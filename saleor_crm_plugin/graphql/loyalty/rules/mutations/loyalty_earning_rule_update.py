"""`loyaltyEarningRuleUpdate`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.rules.inputs import LoyaltyEarningRuleInput, definition_of
from saleor_crm_plugin.graphql.loyalty.rules.types import LoyaltyEarningRule
from saleor_crm_plugin.graphql.mutations import actor_of, key_argument
from saleor_crm_plugin.loyalty.rules.editing import update_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus


class LoyaltyEarningRuleUpdate(LoyaltyMutation):
    rule = graphene.Field(LoyaltyEarningRule, description="The rule after the change.")

    class Arguments:
        id = graphene.ID(required=True, description="The ID of the rule.")
        input = LoyaltyEarningRuleInput(required=True, description="What changes.")

    class Meta:
        description = (
            "Changes a rule for orders that are awarded from now on. Points given before stay, and are taken back on "
            "the terms that they were given on." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (DiscountPermissions.MANAGE_DISCOUNTS,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, id: str, input: dict[str, Any]) -> LoyaltyEarningRuleUpdate:
        rule_id = key_argument(integer_key, id, "LoyaltyEarningRule", "id")
        status = RuleStatus(input["status"]) if input.get("status") else None
        changed = update_rule(
            rule_id,
            actor_of(info),
            name=input.get("name"),
            status=status,
            change=lambda before: definition_of(input, before),
        )
        return cls(rule=changed)
