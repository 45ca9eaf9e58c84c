"""Enums of the recommendation fields."""

from __future__ import annotations

from enum import StrEnum

from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS

from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.graphql.mutations import GRAPHQL_ERROR
from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.reasons import ReasonCode


class RecommendationCode(StrEnum):
    """Why a recommendation mutation was refused."""

    DISABLED = "disabled"
    NOT_KEPT = "not_kept"
    UNAVAILABLE = "unavailable"
    GRAPHQL_ERROR = GRAPHQL_ERROR
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    REQUIRED = "required"
    RATE_LIMITED = "rate_limited"


RecommendationErrorCode = enum_of(
    "RecommendationErrorCode",
    {
        RecommendationCode.DISABLED: "Recommendations are switched off in the plugin's settings.",
        RecommendationCode.UNAVAILABLE: "It cannot be done just now: no worker, or no table, takes it.",
        RecommendationCode.GRAPHQL_ERROR: "An argument has the wrong form, for example an ID of another type.",
        RecommendationCode.NOT_FOUND: "There is no such object, or the channel does not show it.",
        RecommendationCode.INVALID: "A value is out of range, or a text has the wrong form.",
        RecommendationCode.REQUIRED: "A value is missing.",
        RecommendationCode.RATE_LIMITED: "Too much was sent in this minute; `retryAfter` says when to send it again.",
        RecommendationCode.NOT_KEPT: "Of this version nothing is kept that could be served.",
    },
    "Why a recommendation mutation was refused.",
    DOC_CATEGORY_PRODUCTS,
)

RecommendationKindEnum = enum_of(
    "RecommendationKindEnum",
    {
        RecommendationKind.FOR_YOU: "What the customer may want next: products bought before and new ones.",
        RecommendationKind.BUY_AGAIN: "Products that the customer has bought before, those that are due first.",
        RecommendationKind.DISCOVER: "Products that the customer has not bought in the time that is learnt from.",
        RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER: "What others bought together with given products.",
        RecommendationKind.SIMILAR: "What could take the place of given products.",
        RecommendationKind.TRENDING: "What sells more of late than it did before.",
        RecommendationKind.NEW_ARRIVALS: "What was published in the channel last.",
        RecommendationKind.BESTSELLERS: "What the channel sells most of late.",
        RecommendationKind.RECENTLY_VIEWED: "What the visitor looked at last, as far as the storefront tracks it.",
    },
    "What a list of recommendations is about.",
    DOC_CATEGORY_PRODUCTS,
)

RecommendationReasonKindEnum = enum_of(
    "RecommendationReasonKindEnum",
    {
        ReasonCode.BOUGHT_BEFORE: "The customer has bought it before.",
        ReasonCode.BOUGHT_TOGETHER: "It is bought together with `products`.",
        ReasonCode.SIMILAR: "It is similar to `products`.",
        ReasonCode.POPULAR: "The channel sells much of it.",
        ReasonCode.TRENDING: "The channel sells more of it than before.",
        ReasonCode.NEW: "It is new in the channel.",
        ReasonCode.VIEWED: "The visitor has looked at it.",
        ReasonCode.FEATURED: "A merchandising rule of the shop puts it there.",
    },
    "Why a product is recommended.",
    DOC_CATEGORY_PRODUCTS,
)
