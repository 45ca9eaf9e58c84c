"""What customers say about their orders and products, as the API shows it. Roots: the rows, and those of `reports`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import graphene
from saleor.graphql.core.connection import CountableConnection
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS, DOC_CATEGORY_USERS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.graphql.core.types.model import ModelObjectType
from saleor.graphql.product.dataloaders.products import ProductByIdLoader
from saleor.permission.enums import AccountPermissions, ProductPermissions

from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.access import has_any_permission, is_owner, is_owner_of, requires
from saleor_crm_plugin.graphql.dataloaders import ProfileByIdLoader, load_shop_settings
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.orders import SEEN_BY, load_order, may_see_orders_of
from saleor_crm_plugin.graphql.profiles.feedback.dataloaders import ReviewsByFeedbackIdLoader
from saleor_crm_plugin.graphql.profiles.feedback.enums import ProductReviewStateEnum
from saleor_crm_plugin.profiles.feedback import models
from saleor_crm_plugin.profiles.feedback.reports import ProductRating as Rating
from saleor_crm_plugin.profiles.feedback.reports import Scores


class ProductReview(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the review.")
    rating = graphene.Int(required=True, description="1 (worst) to 5 (best).")
    comment = graphene.String(required=True, description="What the customer wrote. Empty if nothing.")
    created_at = DateTime(required=True, description="When it was given.")
    edited_at = DateTime(description="When the customer last changed it. Null if never.")
    order_line_id = graphene.ID(
        description="The ID of the line of the order that it is about. For its writer, and staff who may see orders."
    )
    product = graphene.Field(
        "saleor.graphql.product.types.Product",
        description="The product; null if it is gone." + requires(ProductPermissions.MANAGE_PRODUCTS),
    )
    state = ProductReviewStateEnum(
        description="Who may read it." + requires(ProductPermissions.MANAGE_PRODUCTS) + " Its writer sees it, too."
    )
    author = graphene.Field(
        "saleor_crm_plugin.graphql.profiles.types.CustomerProfile",
        description="Who wrote it." + requires(AccountPermissions.MANAGE_USERS) + " Null for others.",
    )

    class Meta:
        description = "A customer's rating of a product that they bought." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.ProductReview
        doc_category = DOC_CATEGORY_PRODUCTS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, models.ProductReview)

    @staticmethod
    def resolve_order_line_id(root: models.ProductReview, info: Any) -> Any:
        line_id = graphene.Node.to_global_id("OrderLine", root.order_line_id)
        if is_owner(info, root.feedback.profile.user_id):
            return line_id
        return may_see_orders_of(info, root.feedback.channel_id).then(lambda sees: line_id if sees else None)

    @staticmethod
    def resolve_product(root: models.ProductReview, info: Any) -> Any:
        def without_channel(product: Any) -> Any:
            return product and in_channel(product, None)

        if not has_any_permission(info, ProductPermissions.MANAGE_PRODUCTS):
            return None
        return ProductByIdLoader(info.context).load(root.product_id).then(without_channel)

    @staticmethod
    def resolve_state(root: models.ProductReview, info: Any) -> str | None:
        sees = is_owner(info, root.feedback.profile.user_id) or has_any_permission(
            info, ProductPermissions.MANAGE_PRODUCTS
        )
        return root.state if sees else None

    @staticmethod
    def resolve_author(root: models.ProductReview, info: Any) -> Any:
        if not has_any_permission(info, AccountPermissions.MANAGE_USERS):
            return None
        # Who was merged into another customer is shown as that one.
        return ProfileByIdLoader(info.context).load(root.feedback.profile_id)


class ProductReviewCountableConnection(CountableConnection):
    class Meta:
        description = "A page of reviews." + ADDED_IN_010
        node = ProductReview
        doc_category = DOC_CATEGORY_PRODUCTS


class ProductRating(BaseObjectType):
    average = graphene.Float(description="1 (worst) to 5 (best). Null without ratings.")
    count = graphene.Int(required=True, description="Number of ratings, without rejected ones.")
    counts = NonNullList(graphene.Int, required=True, description="Number of ratings of 1, 2, 3, 4 and 5.")

    class Meta:
        description = "What customers who bought a product think of it." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS

    @staticmethod
    def resolve_counts(root: Rating, _info: Any) -> list[int]:
        return list(root.counts)


class CustomerFeedback(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the answer.")
    score = graphene.Int(
        description="How likely the customer is to recommend the shop, 0 to 10. Null if only products were rated."
    )
    comment = graphene.String(required=True, description="What the customer wrote. Empty if nothing.")
    created_at = DateTime(required=True, description="When the customer first answered.")
    edited_at = DateTime(description="When the score or comment was last changed. Null if never.")
    editable_until = DateTime(
        required=True,
        description="Until when the score and comment can be changed; without a score, the first ratings.",
    )
    order = graphene.Field(
        "saleor.graphql.order.types.Order",
        description="The order that it is about." + SEEN_BY,
    )
    reviews = NonNullList(ProductReview, required=True, description="Ratings of the products of the order.")
    customer = graphene.Field(
        "saleor_crm_plugin.graphql.profiles.types.CustomerProfile",
        description="Who gave it." + requires(AccountPermissions.MANAGE_USERS) + " A customer sees the own one.",
    )

    class Meta:
        description = "What a customer says about an order." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.OrderFeedback
        doc_category = DOC_CATEGORY_USERS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, models.OrderFeedback)

    @staticmethod
    def resolve_editable_until(root: models.OrderFeedback, info: Any) -> Any:
        def until(settings: Any) -> Any:
            return (root.score_given_at or root.created_at) + timedelta(days=settings.crm.feedback_edit_days)

        return load_shop_settings(info.context).then(until)

    @staticmethod
    def resolve_order(root: models.OrderFeedback, info: Any) -> Any:
        # Of two customers who were merged, each sees what both said, but the own orders only.
        return load_order(info, root.order_id)

    @staticmethod
    def resolve_reviews(root: models.OrderFeedback, info: Any) -> Any:
        return ReviewsByFeedbackIdLoader(info.context).load(root.pk)

    @staticmethod
    def resolve_customer(root: models.OrderFeedback, info: Any) -> Any:
        sees_all = has_any_permission(info, AccountPermissions.MANAGE_USERS)

        def seen(profile: Any) -> Any:
            return profile if sees_all or is_owner_of(info, profile) else None

        return ProfileByIdLoader(info.context).load(root.profile_id).then(seen)


class CustomerFeedbackCountableConnection(CountableConnection):
    class Meta:
        description = "A page of answers." + ADDED_IN_010
        node = CustomerFeedback
        doc_category = DOC_CATEGORY_USERS


class FeedbackScores(BaseObjectType):
    begins_at = DateTime(description="Beginning of the week or month. Null for the whole time.")
    responses = graphene.Int(required=True, description="Answers with a score.")
    promoters = graphene.Int(required=True, description="Scores of 9 and 10.")
    passives = graphene.Int(required=True, description="Scores of 7 and 8.")
    detractors = graphene.Int(required=True, description="Scores of 0 to 6.")
    net_promoter_score = graphene.Float(
        description="Share of promoters less share of detractors, -100 to 100. Null without answers."
    )

    class Meta:
        description = "How likely customers are to recommend the shop." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS


class FeedbackReport(BaseObjectType):
    """Root: the list of `Scores`, the one for all first."""

    total = graphene.Field(FeedbackScores, required=True, description="All of the time together.")
    over_time = NonNullList(
        FeedbackScores, required=True, description="Week by week or month by month; those without answers are left out."
    )

    class Meta:
        description = "Scores that customers gave for their orders." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS

    @staticmethod
    def resolve_total(root: list[Scores], _info: Any) -> Scores:
        return root[0]

    @staticmethod
    def resolve_over_time(root: list[Scores], _info: Any) -> list[Scores]:
        return root[1:]
