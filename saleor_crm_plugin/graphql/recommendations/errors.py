"""Errors of the recommendation mutations."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.types.common import Error

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.recommendations.enums import RecommendationErrorCode


class RecommendationError(Error):
    code = RecommendationErrorCode(description="The error code.", required=True)

    class Meta:
        description = "Represents an error in the input of a recommendation mutation." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS
