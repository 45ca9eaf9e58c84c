"""`merchandisingRuleDelete`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.permission.enums import ProductPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of, key_argument
from saleor_crm_plugin.graphql.recommendations.errors import RecommendationError
from saleor_crm_plugin.graphql.recommendations.merchandising.types import MerchandisingRule
from saleor_crm_plugin.recommendations.merchandising.editing import delete_rule


class MerchandisingRuleDelete(DomainMutation):
    rule = graphene.Field(MerchandisingRule, description="The rule as it was last.")

    class Arguments:
        id = graphene.ID(required=True, description="The ID of the rule.")

    class Meta:
        description = "Retires a merchandising rule for good." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS
        permissions = (ProductPermissions.MANAGE_PRODUCTS,)
        error_type_class = RecommendationError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, id: str) -> MerchandisingRuleDelete:
        rule_id = key_argument(integer_key, id, "MerchandisingRule", "id")
        return cls(rule=delete_rule(rule_id, actor_of(info)))
