"""`loyaltyEarningRuleCreate`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.rules.inputs import LoyaltyEarningRuleInput, definition_of
from saleor_crm_plugin.graphql.loyalty.rules.types import LoyaltyEarningRule
from saleor_crm_plugin.graphql.mutations import actor_of
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus


class LoyaltyEarningRuleCreate(LoyaltyMutation):
    rule = graphene.Field(LoyaltyEarningRule, description="The new rule.")

    class Arguments:
        input = LoyaltyEarningRuleInput(required=True, description="What the rule says.")

    class Meta:
        description = (
            "Makes a rule that gives points for orders that are awarded from now on, whenever they were placed: "
            "`startsAt` leaves out earlier ones."
        ) + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (DiscountPermissions.MANAGE_DISCOUNTS,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, input: dict[str, Any]) -> LoyaltyEarningRuleCreate:
        definition = definition_of(input, None)
        status = RuleStatus(input.get("status") or RuleStatus.OFF)
        rule = create_rule(default_program_id(), input.get("name") or "", status, definition, actor_of(info))
        return cls(rule=rule)
