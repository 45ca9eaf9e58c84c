"""Errors of tracking."""

from __future__ import annotations

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.types.common import Error

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.recommendations.enums import RecommendationErrorCode


class RecommendationEventTrackError(Error):
    code = RecommendationErrorCode(description="The error code.", required=True)
    index = graphene.Int(description="Of the event at fault in `events`, from 0. Null if all are refused.")

    class Meta:
        description = "Represents an error in the input of `recommendationEventTrack`." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS
