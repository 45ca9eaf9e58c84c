"""Enums of the feedback fields."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS, DOC_CATEGORY_USERS

from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.profiles.feedback.models import ReviewState
from saleor_crm_plugin.profiles.feedback.reports import Interval

ProductReviewStateEnum = enum_of(
    "ProductReviewStateEnum",
    {
        ReviewState.PENDING: "Its text waits for staff. The rating counts, unless staff have rejected it before.",
        ReviewState.APPROVED: "Others may read it.",
        ReviewState.REJECTED: "It counts for nothing; only its writer and staff see it.",
    },
    "Who may read a review.",
    DOC_CATEGORY_PRODUCTS,
)

FeedbackIntervalEnum = enum_of(
    "FeedbackIntervalEnum",
    {Interval.WEEK: "Weeks from Monday.", Interval.MONTH: "Calendar months."},
    "How answers are put together over time, on the shop's clock.",
    DOC_CATEGORY_USERS,
)
