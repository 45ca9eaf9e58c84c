"""Enums of the recommendation fields."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.types.base import BaseEnum

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.recommendations.reasons import ReasonCode
from saleor_crm_plugin.recommendations.serving import RecommendationKind

_KINDS = {
    RecommendationKind.FOR_YOU: "What the customer may want next: products bought before and new ones.",
    RecommendationKind.BUY_AGAIN: "Products that the customer has bought before, then others.",
    RecommendationKind.DISCOVER: "Products that the customer has not bought yet.",
    RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER: "What others bought together with given products.",
    RecommendationKind.SIMILAR: "What could take the place of given products.",
    RecommendationKind.BESTSELLERS: "What the channel sells most of late.",
}


class RecommendationKindEnum(BaseEnum):
    FOR_YOU = RecommendationKind.FOR_YOU.value
    BUY_AGAIN = RecommendationKind.BUY_AGAIN.value
    DISCOVER = RecommendationKind.DISCOVER.value
    FREQUENTLY_BOUGHT_TOGETHER = RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER.value
    SIMILAR = RecommendationKind.SIMILAR.value
    BESTSELLERS = RecommendationKind.BESTSELLERS.value

    class Meta:
        description = "What a list of recommendations is about." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS

    @property
    def description(self) -> str:
        return _KINDS[RecommendationKind(self.value)]


_REASONS = {
    ReasonCode.BOUGHT_BEFORE: "The customer has bought it before.",
    ReasonCode.BOUGHT_TOGETHER: "It is bought together with `products`.",
    ReasonCode.SIMILAR: "It is similar to `products`.",
    ReasonCode.POPULAR: "The channel sells much of it.",
    ReasonCode.NEW: "It is new in the channel.",
}


class RecommendationReasonKindEnum(BaseEnum):
    BOUGHT_BEFORE = ReasonCode.BOUGHT_BEFORE.value
    BOUGHT_TOGETHER = ReasonCode.BOUGHT_TOGETHER.value
    SIMILAR = ReasonCode.SIMILAR.value
    POPULAR = ReasonCode.POPULAR.value
    NEW = ReasonCode.NEW.value

    class Meta:
        description = "Why a product is recommended." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS

    @property
    def description(self) -> str:
        return _REASONS[ReasonCode(self.value)]


_ERRORS = {
    "graphql_error": "An argument has the wrong form.",
    "disabled": "Recommendations are switched off in the plugin's settings.",
    "unavailable": "The task could not be handed to the workers.",
}


class RecommendationErrorCode(BaseEnum):
    GRAPHQL_ERROR = "graphql_error"
    DISABLED = "disabled"
    UNAVAILABLE = "unavailable"

    class Meta:
        description = "Why a recommendation mutation was refused." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS

    @property
    def description(self) -> str:
        return _ERRORS[self.value]
