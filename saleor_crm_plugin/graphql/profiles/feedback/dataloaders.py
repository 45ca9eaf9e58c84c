"""Answers and reviews of many orders, customers and products at once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count, Q
from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.graphql.lists import Page, rows_by_owner
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback, ProductReview, ReviewState
from saleor_crm_plugin.profiles.feedback.reports import ProductRating, ratings_of
from saleor_crm_plugin.profiles.merging.family import of_families

# What a shopper may read of others: approved, and with something to read.
READABLE = Q(state=ReviewState.APPROVED) & ~Q(comment="")


class FeedbackByOrderIdLoader(DataLoader):
    """`OrderFeedback` by order id."""

    context_key = "saleor_crm_plugin.feedback_by_order_id"

    def batch_load(self, keys: Sequence[UUID]) -> list[OrderFeedback | None]:
        rows = OrderFeedback.objects.using(self.database_connection_name).filter(order_id__in=keys)
        found = {row.order_id: row for row in rows}
        return [found.get(order_id) for order_id in keys]


class FeedbackByProfileIdLoader(DataLoader):
    """A page of answers for each (profile id, `Page`), newest first, with one row more than the page holds."""

    context_key = "saleor_crm_plugin.feedback_by_profile_id"

    def batch_load(self, keys: Sequence[tuple[int, Page]]) -> list[list[OrderFeedback]]:
        found: dict[tuple[int, Page], list[OrderFeedback]] = {}
        for page in dict.fromkeys(page for _, page in keys):
            owners = [profile_id for profile_id, asked in keys if asked == page]
            rows = of_families(OrderFeedback.objects.using(self.database_connection_name).all(), owners)
            of_page = rows_by_owner(rows, "head_id", page)
            found |= {(profile_id, page): answers for profile_id, answers in of_page.items()}
        return [found.get(key, []) for key in keys]


class FeedbackCountByProfileIdLoader(DataLoader):
    """Number of answers by profile id."""

    context_key = "saleor_crm_plugin.feedback_count_by_profile_id"

    def batch_load(self, keys: Sequence[int]) -> list[int]:
        rows = of_families(OrderFeedback.objects.using(self.database_connection_name).all(), keys)
        counts = dict(rows.values_list("head_id").annotate(answers=Count("pk")))
        return [counts.get(profile_id, 0) for profile_id in keys]


class ReviewsByFeedbackIdLoader(DataLoader):
    """The reviews of an answer, in the order in which they were given."""

    context_key = "saleor_crm_plugin.reviews_by_feedback_id"

    def batch_load(self, keys: Sequence[int]) -> list[list[ProductReview]]:
        rows = ProductReview.objects.using(self.database_connection_name).filter(feedback_id__in=keys)
        found: dict[int, list[ProductReview]] = {}
        for row in rows.select_related("feedback__profile").order_by("pk"):
            found.setdefault(row.feedback_id, []).append(row)
        return [found.get(feedback_id, []) for feedback_id in keys]


class ReadableReviewsByProductIdLoader(DataLoader):
    """A page of what shoppers may read for each (product id, `Page`), newest first, with one row more."""

    context_key = "saleor_crm_plugin.readable_reviews_by_product_id"

    def batch_load(self, keys: Sequence[tuple[int, Page]]) -> list[list[ProductReview]]:
        found: dict[tuple[int, Page], list[ProductReview]] = {}
        for page in dict.fromkeys(page for _, page in keys):
            products = [product_id for product_id, asked in keys if asked == page]
            rows = ProductReview.objects.using(self.database_connection_name).filter(READABLE, product_id__in=products)
            of_page = rows_by_owner(rows.select_related("feedback__profile"), "product_id", page)
            found |= {(product_id, page): reviews for product_id, reviews in of_page.items()}
        return [found.get(key, []) for key in keys]


class ReadableReviewCountByProductIdLoader(DataLoader):
    """How many reviews of a product shoppers may read."""

    context_key = "saleor_crm_plugin.readable_review_count_by_product_id"

    def batch_load(self, keys: Sequence[int]) -> list[int]:
        rows = ProductReview.objects.using(self.database_connection_name).filter(READABLE, product_id__in=keys)
        counts = dict(rows.values_list("product_id").annotate(reviews=Count("pk")))
        return [counts.get(product_id, 0) for product_id in keys]


class RatingByProductIdLoader(DataLoader):
    """`ProductRating` by product id."""

    context_key = "saleor_crm_plugin.rating_by_product_id"

    def batch_load(self, keys: Sequence[int]) -> list[ProductRating]:
        found = ratings_of(keys, self.database_connection_name)
        return [found.get(product_id, ProductRating()) for product_id in keys]
