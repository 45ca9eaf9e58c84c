"""`merchandisingRuleCreate`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.permission.enums import ProductPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of
from saleor_crm_plugin.graphql.recommendations.errors import RecommendationError
from saleor_crm_plugin.graphql.recommendations.merchandising.inputs import MerchandisingRuleInput, definition_of
from saleor_crm_plugin.graphql.recommendations.merchandising.types import MerchandisingRule
from saleor_crm_plugin.recommendations.merchandising.editing import create_rule


class MerchandisingRuleCreate(DomainMutation):
    rule = graphene.Field(MerchandisingRule, description="The new rule.")

    class Arguments:
        input = MerchandisingRuleInput(required=True, description="What the rule says.")

    class Meta:
        description = "Makes a merchandising rule. It holds from the next list on." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS
        permissions = (ProductPermissions.MANAGE_PRODUCTS,)
        error_type_class = RecommendationError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, input: dict[str, Any]) -> MerchandisingRuleCreate:
        definition = definition_of(input, None)
        name, is_active = input.get("name") or "", bool(input.get("is_active"))
        return cls(rule=create_rule(name, definition, actor_of(info), is_active=is_active))
