"""`merchandisingRuleUpdate`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.permission.enums import ProductPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of, key_argument
from saleor_crm_plugin.graphql.recommendations.errors import RecommendationError
from saleor_crm_plugin.graphql.recommendations.merchandising.inputs import MerchandisingRuleInput, definition_of
from saleor_crm_plugin.graphql.recommendations.merchandising.types import MerchandisingRule
from saleor_crm_plugin.recommendations.merchandising.editing import update_rule


class MerchandisingRuleUpdate(DomainMutation):
    rule = graphene.Field(MerchandisingRule, description="The rule after the change.")

    class Arguments:
        id = graphene.ID(required=True, description="The ID of the rule.")
        input = MerchandisingRuleInput(required=True, description="What changes.")

    class Meta:
        description = "Changes a merchandising rule, from the next list on." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS
        permissions = (ProductPermissions.MANAGE_PRODUCTS,)
        error_type_class = RecommendationError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, id: str, input: dict[str, Any]) -> MerchandisingRuleUpdate:
        changed = update_rule(
            key_argument(integer_key, id, "MerchandisingRule", "id"),
            actor_of(info),
            name=input.get("name"),
            is_active=input.get("is_active"),
            change=lambda before: definition_of(input, before),
        )
        return cls(rule=changed)
