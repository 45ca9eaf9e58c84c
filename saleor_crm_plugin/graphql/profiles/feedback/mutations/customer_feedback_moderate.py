"""`customerFeedbackModerate`."""

from __future__ import annotations

from typing import Any

import graphene
from django.utils import timezone
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.permission.enums import ProductPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of, key_argument
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.feedback.enums import ProductReviewStateEnum
from saleor_crm_plugin.graphql.profiles.feedback.types import ProductReview
from saleor_crm_plugin.profiles.feedback.models import ReviewState
from saleor_crm_plugin.profiles.feedback.moderation import moderate


class CustomerFeedbackModerate(DomainMutation):
    review = graphene.Field(ProductReview, description="The review after the decision.")

    class Arguments:
        review_id = graphene.ID(required=True, description="The ID of the review.")
        state = ProductReviewStateEnum(required=True, description="APPROVED or REJECTED.")
        seen_comment = graphene.String(
            description="The review's `comment` as staff read it: nothing is decided if the customer has changed it "
            "since. Without it, the decision is about whatever the text is by then."
        )

    class Meta:
        description = "Decides whether others may read a review. A decision can be changed." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS
        permissions = (ProductPermissions.MANAGE_PRODUCTS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(
        cls, _root: Any, info: Any, /, *, review_id: str, state: str, seen_comment: str | None = None
    ) -> CustomerFeedbackModerate:
        primary_key = key_argument(integer_key, review_id, "ProductReview", "review_id")
        actor = actor_of(info)
        return cls(review=moderate(primary_key, ReviewState(state), actor, timezone.now(), seen_comment=seen_comment))
