"""What versions of the recommendation model add to Saleor's schema."""

from __future__ import annotations

from typing import Any

from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.fields import PermissionsField
from saleor.graphql.core.types.common import NonNullList
from saleor.permission.enums import ProductPermissions

from saleor_crm_plugin.graphql.addition import Addition, mutation
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.recommendations.mutations.recommendation_model_rollback import (
    RecommendationModelRollback,
)
from saleor_crm_plugin.graphql.recommendations.versions.types import RecommendationModel
from saleor_crm_plugin.recommendations import models
from saleor_crm_plugin.recommendations.storage import KEPT_VERSIONS
from saleor_crm_plugin.recommendations.versions import kept_versions


def resolve_recommendation_models(_root: Any, info: Any) -> list[models.RecommendationModel]:
    return kept_versions(get_database_connection_name(info.context))


ADDITIONS = (
    Addition(
        "Query",
        "recommendation_models",
        resolve_recommendation_models,
        PermissionsField(
            NonNullList(RecommendationModel),
            description="Versions of the recommendation model, newest first: the one in use, one that is being made, "
            f"and the last {KEPT_VERSIONS} retired and {KEPT_VERSIONS} failed ones." + ADDED_IN_010,
            permissions=[ProductPermissions.MANAGE_PRODUCTS],
            doc_category=DOC_CATEGORY_PRODUCTS,
        ),
    ),
    mutation("recommendation_model_rollback", RecommendationModelRollback.Field()),
)
