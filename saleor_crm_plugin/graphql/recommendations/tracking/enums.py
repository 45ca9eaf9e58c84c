"""Enums of tracking and of its report."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS

from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.ingestion.tracking import TrackStatus
from saleor_crm_plugin.recommendations.tracking.models import EventType
from saleor_crm_plugin.recommendations.tracking.statistics import ComparisonStatus

RecommendationEventTypeEnum = enum_of(
    "RecommendationEventTypeEnum",
    {
        EventType.SHOWN: "The product was on the screen, in a list.",
        EventType.CLICKED: "The visitor opened it from the list.",
        EventType.ADDED: "The visitor put it into the cart from the list.",
        EventType.VIEWED: "The visitor looked at its page, wherever they came from.",
    },
    "What a visitor did.",
    DOC_CATEGORY_PRODUCTS,
)

RecommendationTrackStatusEnum = enum_of(
    "RecommendationTrackStatusEnum",
    {
        TrackStatus.RECORDED: "What is not in `errors` is recorded.",
        TrackStatus.DISABLED: "The shop tracks nothing: stop sending.",
        TrackStatus.NOT_ALLOWED: (
            "The customer refuses recommendations, or has not agreed where that is needed: nothing was recorded, stop "
            "sending."
        ),
    },
    "What became of events that were sent.",
    DOC_CATEGORY_PRODUCTS,
)

RecommendationComparisonStatusEnum = enum_of(
    "RecommendationComparisonStatusEnum",
    {
        ComparisonStatus.MEASURED: "There are enough customers in both groups.",
        ComparisonStatus.NO_HOLDOUT: "No customer was held out: set a percentage in the plugin's settings.",
        ComparisonStatus.INSUFFICIENT_DATA: "There are too few customers for how uneven their spending is, or nobody "
        "spent anything.",
    },
    "Whether held-out customers can be compared with the others.",
    DOC_CATEGORY_PRODUCTS,
)
