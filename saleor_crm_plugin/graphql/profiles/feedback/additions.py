"""What feedback adds to Saleor's schema."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import graphene
from django.db.models import QuerySet
from django.utils import timezone
from graphql import GraphQLError
from saleor.channel.models import Channel
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS, DOC_CATEGORY_USERS
from saleor.graphql.core.fields import BaseField, ConnectionField, PermissionsField
from saleor.graphql.core.scalars import DateTime
from saleor.permission.enums import AccountPermissions, OrderPermissions, ProductPermissions

from saleor_crm_plugin.graphql.access import require_owner_or_permission, requires
from saleor_crm_plugin.graphql.addition import PAGE, Addition, mutation
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.lists import Page, page_of
from saleor_crm_plugin.graphql.page_loaders import loaded_page
from saleor_crm_plugin.graphql.profiles.feedback.dataloaders import (
    FeedbackByOrderIdLoader,
    RatingByProductIdLoader,
    ReadableReviewCountByProductIdLoader,
    ReadableReviewsByProductIdLoader,
)
from saleor_crm_plugin.graphql.profiles.feedback.enums import FeedbackIntervalEnum, ProductReviewStateEnum
from saleor_crm_plugin.graphql.profiles.feedback.mutations.customer_feedback_create import CustomerFeedbackCreate
from saleor_crm_plugin.graphql.profiles.feedback.mutations.customer_feedback_moderate import CustomerFeedbackModerate
from saleor_crm_plugin.graphql.profiles.feedback.mutations.customer_feedback_update import CustomerFeedbackUpdate
from saleor_crm_plugin.graphql.profiles.feedback.types import (
    CustomerFeedback,
    CustomerFeedbackCountableConnection,
    FeedbackReport,
    ProductRating,
    ProductReviewCountableConnection,
)
from saleor_crm_plugin.graphql.roots import node_of
from saleor_crm_plugin.profiles.feedback import reports
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback, ProductReview
from saleor_crm_plugin.texts import can_be_stored

# The report counts every answer of the time.
REPORT_DAYS = 1100
REPORT_DEFAULT_DAYS = 365


def resolve_product_rating(root: Any, info: Any) -> Any:
    return RatingByProductIdLoader(info.context).load(node_of(root).pk)


def resolve_product_reviews(root: Any, info: Any, **arguments: Any) -> Any:
    loaders = ReadableReviewsByProductIdLoader, ReadableReviewCountByProductIdLoader
    return loaded_page(info, arguments, ProductReviewCountableConnection, node_of(root).pk, *loaders)


def resolve_order_feedback(root: Any, info: Any) -> Any:
    order = node_of(root)
    require_owner_or_permission(info, order.user_id, OrderPermissions.MANAGE_ORDERS)
    return FeedbackByOrderIdLoader(info.context).load(order.pk)


def resolve_reviews(
    _root: Any, info: Any, *, state: str | None = None, product_id: str | None = None, **arguments: Any
) -> Any:
    reviews = ProductReview.objects.using(get_database_connection_name(info.context)).select_related(
        "feedback__profile"
    )
    if state:
        reviews = reviews.filter(state=state)
    if product_id:
        reviews = reviews.filter(product_id=integer_key(product_id, "Product"))
    return page_of(ProductReviewCountableConnection, reviews, Page.from_arguments(info.field_name, arguments))


def resolve_feedback(
    _root: Any, info: Any, *, score_up_to: int | None = None, channel: str | None = None, **arguments: Any
) -> Any:
    using = get_database_connection_name(info.context)
    answers = OrderFeedback.objects.using(using).all()
    if score_up_to is not None:
        answers = answers.filter(score__lte=score_up_to)
    page = Page.from_arguments(info.field_name, arguments)
    if channel is not None:
        answers = answers.filter(channel_id__in=_channels(channel))
    return page_of(CustomerFeedbackCountableConnection, answers, page)


def resolve_feedback_report(
    _root: Any,
    info: Any,
    *,
    interval: str = reports.Interval.MONTH.value,
    since: datetime | None = None,
    until: datetime | None = None,
    channel: str | None = None,
    segment_id: str | None = None,
) -> Any:
    until = until or timezone.now()
    since = since or until - timedelta(days=REPORT_DEFAULT_DAYS)
    if since >= until:
        raise GraphQLError("`since` must be before `until`.")
    if until - since > timedelta(days=REPORT_DAYS):
        raise GraphQLError(f"A report is about {REPORT_DAYS} days at most.")
    segment = integer_key(segment_id, "CustomerSegment") if segment_id else None
    scores = reports.scores_over_time(
        reports.Interval(interval),
        since,
        until,
        get_database_connection_name(info.context),
        channels=None if channel is None else _channels(channel),
        segment_id=segment,
    )
    return [reports.total(scores), *scores]


def _channels(slug: str) -> QuerySet[Any, Any]:
    """Also one that sells no longer: what its customers said is asked for all the same."""
    channels = Channel.objects.filter(slug=slug) if can_be_stored(slug) else Channel.objects.none()
    return channels.values("pk")


ADDITIONS = (
    Addition(
        "Product",
        "customer_rating",
        resolve_product_rating,
        BaseField(
            ProductRating,
            description="What customers who bought the product think of it." + ADDED_IN_010,
            doc_category=DOC_CATEGORY_PRODUCTS,
        ),
    ),
    Addition(
        "Product",
        "customer_reviews",
        resolve_product_reviews,
        ConnectionField(
            ProductReviewCountableConnection,
            description="What customers wrote about the product and staff have approved, newest first." + ADDED_IN_010,
            doc_category=DOC_CATEGORY_PRODUCTS,
        ),
        multipliers=PAGE,
    ),
    Addition(
        "Order",
        "customer_feedback",
        resolve_order_feedback,
        BaseField(
            CustomerFeedback,
            description="What the customer says about the order. Null if nothing."
            + ADDED_IN_010
            + requires(OrderPermissions.MANAGE_ORDERS)
            + " The buyer sees the own one.",
            doc_category=DOC_CATEGORY_USERS,
        ),
    ),
    Addition(
        "Query",
        "customer_feedback",
        resolve_feedback,
        ConnectionField(
            CustomerFeedbackCountableConnection,
            score_up_to=graphene.Argument(graphene.Int, description="Only scores of this and below."),
            channel=graphene.Argument(graphene.String, description="Slug of a channel: only its orders."),
            description="What customers say about their orders, newest first." + ADDED_IN_010,
            permissions=[AccountPermissions.MANAGE_USERS],
            doc_category=DOC_CATEGORY_USERS,
        ),
        multipliers=PAGE,
    ),
    Addition(
        "Query",
        "customer_reviews",
        resolve_reviews,
        ConnectionField(
            ProductReviewCountableConnection,
            state=graphene.Argument(ProductReviewStateEnum, description="Only those in this state."),
            product_id=graphene.Argument(graphene.ID, description="Only those of this product."),
            description="Ratings of products, newest first, for staff to look at." + ADDED_IN_010,
            permissions=[ProductPermissions.MANAGE_PRODUCTS],
            doc_category=DOC_CATEGORY_PRODUCTS,
        ),
        multipliers=PAGE,
    ),
    Addition(
        "Query",
        "customer_feedback_report",
        resolve_feedback_report,
        PermissionsField(
            FeedbackReport,
            interval=graphene.Argument(FeedbackIntervalEnum, description="By week or by month. Without it, by month."),
            since=graphene.Argument(
                DateTime, description=f"Scores from this moment on. Without it, {REPORT_DEFAULT_DAYS} days back."
            ),
            until=graphene.Argument(DateTime, description="Scores before this moment. Without it, until now."),
            channel=graphene.Argument(graphene.String, description="Slug of a channel: only its orders."),
            segment_id=graphene.Argument(
                graphene.ID, description="The ID of a segment: only customers who are in it now."
            ),
            description=f"Net promoter score over up to {REPORT_DAYS} days." + ADDED_IN_010,
            permissions=[AccountPermissions.MANAGE_USERS],
            doc_category=DOC_CATEGORY_USERS,
        ),
    ),
    mutation("customer_feedback_create", CustomerFeedbackCreate.Field()),
    mutation("customer_feedback_update", CustomerFeedbackUpdate.Field()),
    mutation("customer_feedback_moderate", CustomerFeedbackModerate.Field()),
)

TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {
    "CustomerFeedback": {"order": {"complexity": 1}, "customer": {"complexity": 1}, "reviews": {"complexity": 1}},
    "ProductReview": {"product": {"complexity": 1}},
}
