"""`recommendationModelRollback`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.permission.enums import ProductPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.mutations import DomainMutation, key_argument
from saleor_crm_plugin.graphql.recommendations.errors import RecommendationError
from saleor_crm_plugin.graphql.recommendations.versions.types import RecommendationModel
from saleor_crm_plugin.ingestion.versions import roll_back_now


class RecommendationModelRollback(DomainMutation):
    model = graphene.Field(RecommendationModel, description="The version that is served now.")

    class Arguments:
        id = graphene.ID(
            description="The ID of a retired version. Without it, the newest one before that in use is taken, of those "
            "that nobody has gone back from."
        )

    class Meta:
        description = (
            "Serves an earlier version of the recommendation model again, at once. It stays until a training or an "
            "import publishes a newer one; one that is running meanwhile does so, too." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_PRODUCTS
        permissions = (ProductPermissions.MANAGE_PRODUCTS,)
        error_type_class = RecommendationError

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /, *, id: str | None = None) -> RecommendationModelRollback:
        key = None if id is None else key_argument(integer_key, id, "RecommendationModel", "id")
        return cls(model=roll_back_now(key))
