"""Answers and reviews of many orders, customers and products at once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q, QuerySet
from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.graphql.page_loaders import CountLoader, OwnedRows, PageLoader, RowsOfPersons
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback, ProductReview, ReviewState
from saleor_crm_plugin.profiles.feedback.reports import ProductRating, ratings_of

# What a shopper may read of others: approved, and with something to read.
READABLE = Q(state=ReviewState.APPROVED) & ~Q(comment="")


class FeedbackByOrderIdLoader(DataLoader):
    """`OrderFeedback` by order id."""

    context_key = "saleor_crm_plugin.feedback_by_order_id"

    def batch_load(self, keys: Sequence[UUID]) -> list[OrderFeedback | None]:
        rows = OrderFeedback.objects.using(self.database_connection_name).filter(order_id__in=keys)
        found = {row.order_id: row for row in rows}
        return [found.get(order_id) for order_id in keys]


class FeedbackByProfileIdLoader(RowsOfPersons, PageLoader):
    context_key = "saleor_crm_plugin.feedback_by_profile_id"
    model = OrderFeedback


class FeedbackCountByProfileIdLoader(RowsOfPersons, CountLoader):
    context_key = "saleor_crm_plugin.feedback_count_by_profile_id"
    model = OrderFeedback


class ReviewsByFeedbackIdLoader(DataLoader):
    """The reviews of an answer, in the order in which they were given."""

    context_key = "saleor_crm_plugin.reviews_by_feedback_id"

    def batch_load(self, keys: Sequence[int]) -> list[list[ProductReview]]:
        rows = ProductReview.objects.using(self.database_connection_name).filter(feedback_id__in=keys)
        found: dict[int, list[ProductReview]] = {}
        for row in rows.select_related("feedback__profile").order_by("pk"):
            found.setdefault(row.feedback_id, []).append(row)
        return [found.get(feedback_id, []) for feedback_id in keys]


class _Readable(OwnedRows):
    """What shoppers may read about a product."""

    model = ProductReview
    owner = "product_id"

    def rows_of(self, owners: Sequence[int], using: str) -> QuerySet[ProductReview]:
        return super().rows_of(owners, using).filter(READABLE).select_related("feedback__profile")


class ReadableReviewsByProductIdLoader(_Readable, PageLoader):
    context_key = "saleor_crm_plugin.readable_reviews_by_product_id"


class ReadableReviewCountByProductIdLoader(_Readable, CountLoader):
    context_key = "saleor_crm_plugin.readable_review_count_by_product_id"


class RatingByProductIdLoader(DataLoader):
    """`ProductRating` by product id."""

    context_key = "saleor_crm_plugin.rating_by_product_id"

    def batch_load(self, keys: Sequence[int]) -> list[ProductRating]:
        found = ratings_of(keys, self.database_connection_name)
        return [found.get(product_id, ProductRating()) for product_id in keys]
