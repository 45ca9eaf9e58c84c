"""What merchandising adds to Saleor's schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import graphene
from saleor.graphql.core.connection import create_connection_slice
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.fields import ConnectionField, PermissionsField
from saleor.graphql.core.types.common import NonNullList
from saleor.permission.enums import ProductPermissions

from saleor_crm_plugin.graphql.addition import LIST, PAGE, Addition, mutation
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.lists import DEFAULT_FIRST, FIRST_LIMIT
from saleor_crm_plugin.graphql.recommendations.enums import RecommendationKindEnum
from saleor_crm_plugin.graphql.recommendations.merchandising.filtering import MerchandisingRuleFilterInput, filtered
from saleor_crm_plugin.graphql.recommendations.merchandising.mutations.merchandising_rule_create import (
    MerchandisingRuleCreate,
)
from saleor_crm_plugin.graphql.recommendations.merchandising.mutations.merchandising_rule_delete import (
    MerchandisingRuleDelete,
)
from saleor_crm_plugin.graphql.recommendations.merchandising.mutations.merchandising_rule_update import (
    MerchandisingRuleUpdate,
)
from saleor_crm_plugin.graphql.recommendations.merchandising.preview import (
    MerchandisingPreview,
    resolve_merchandising_preview,
)
from saleor_crm_plugin.graphql.recommendations.merchandising.types import MerchandisingRuleCountableConnection
from saleor_crm_plugin.recommendations.merchandising.models import MerchandisingRule


def resolve_merchandising_rules(
    _root: Any, info: Any, *, filter: Mapping[str, Any] | None = None, **arguments: Any
) -> Any:
    rules = MerchandisingRule.objects.using(get_database_connection_name(info.context)).filter(deleted_at__isnull=True)
    found = filtered(rules, filter or {}).order_by("pk")
    return create_connection_slice(found, info, arguments, MerchandisingRuleCountableConnection)


ADDITIONS = (
    Addition(
        "Query",
        "merchandising_rules",
        resolve_merchandising_rules,
        ConnectionField(
            MerchandisingRuleCountableConnection,
            filter=MerchandisingRuleFilterInput(description="Which rules."),
            description="Rules for lists of recommendations, oldest first; without deleted ones." + ADDED_IN_010,
            permissions=[ProductPermissions.MANAGE_PRODUCTS],
            doc_category=DOC_CATEGORY_PRODUCTS,
        ),
        multipliers=PAGE,
    ),
    Addition(
        "Query",
        "merchandising_preview",
        resolve_merchandising_preview,
        PermissionsField(
            MerchandisingPreview,
            channel=graphene.Argument(graphene.String, required=True, description="Slug of the channel."),
            kind=graphene.Argument(
                RecommendationKindEnum,
                description="What the list is about: by default FOR_YOU, with `productIds` FREQUENTLY_BOUGHT_TOGETHER.",
            ),
            user_id=graphene.Argument(
                graphene.ID, description="The ID of a user who asks. Needs MANAGE_USERS as well, like `profileId`."
            ),
            profile_id=graphene.Argument(graphene.ID, description="The ID of the profile of a customer who asks."),
            product_ids=graphene.Argument(
                NonNullList(graphene.ID),
                description=f"The product of a page, or those of a cart; up to {FIRST_LIMIT}.",
            ),
            first=graphene.Argument(
                graphene.Int,
                default_value=DEFAULT_FIRST,
                description=f"How many places; {DEFAULT_FIRST} if left out, at most {FIRST_LIMIT}.",
            ),
            description="What a customer sees now, and why: each product with its place without merchandising and what "
            "moved it. Null where the channel does not sell or recommendations are switched off." + ADDED_IN_010,
            permissions=[ProductPermissions.MANAGE_PRODUCTS],
            doc_category=DOC_CATEGORY_PRODUCTS,
        ),
        multipliers=LIST,
    ),
    mutation("merchandising_rule_create", MerchandisingRuleCreate.Field()),
    mutation("merchandising_rule_update", MerchandisingRuleUpdate.Field()),
    mutation("merchandising_rule_delete", MerchandisingRuleDelete.Field()),
)

TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {
    "MerchandisingPreviewEntry": {"product": {"complexity": 1}, "rules": {"complexity": 1}},
    "MerchandisingExclusion": {"product": {"complexity": 1}, "rules": {"complexity": 1}},
}
