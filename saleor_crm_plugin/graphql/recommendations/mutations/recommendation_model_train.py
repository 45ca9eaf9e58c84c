"""`recommendationModelTrain`."""

from __future__ import annotations

from typing import Any

import graphene
from django.core.exceptions import ValidationError
from kombu.exceptions import OperationalError
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.mutations import BaseMutation
from saleor.permission.enums import ProductPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.recommendations.enums import RecommendationCode
from saleor_crm_plugin.graphql.recommendations.errors import RecommendationError
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.tasks import train_recommendations_task


class RecommendationModelTrain(BaseMutation):
    queued = graphene.Boolean(description="Whether the training was handed to the workers.")

    class Meta:
        description = (
            "Trains a new recommendation model from the shop's orders, as happens every night anyway. Returns at once; "
            "`crmStatus` shows when the last training ended. A training that finds nothing to learn from leaves the "
            "model in use as it is." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_PRODUCTS
        permissions = (ProductPermissions.MANAGE_PRODUCTS,)
        error_type_class = RecommendationError

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /) -> RecommendationModelTrain:
        settings = load_settings()
        if not settings.crm_active or not settings.crm.recommendations_enabled:
            raise ValidationError(
                "Recommendations are switched off. Switch them on in the plugin's settings first.",
                code=RecommendationCode.DISABLED,
            )
        try:
            train_recommendations_task.apply_async(kwargs={"asked": True}, retry=False)
        except (OSError, OperationalError) as error:
            raise ValidationError(
                "The message broker cannot be reached. Check CELERY_BROKER_URL and try again.",
                code=RecommendationCode.UNAVAILABLE,
            ) from error
        return cls(queued=True)
