"""`customerFeedbackUpdate`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.types.common import NonNullList
from saleor.permission.auth_filters import AuthorizationFilters

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.mutations import DomainMutation
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.feedback.inputs import COMMENT, SCORE, ProductReviewInput, answer_of, order_key
from saleor_crm_plugin.graphql.profiles.feedback.types import CustomerFeedback
from saleor_crm_plugin.ingestion.feedback import change_feedback
from saleor_crm_plugin.profiles.feedback.giving import REVIEWS_LIMIT


class CustomerFeedbackUpdate(DomainMutation):
    feedback = graphene.Field(CustomerFeedback, description="All that the customer says about the order.")

    class Arguments:
        order_id = graphene.ID(required=True, description="The ID of the order.")
        score = graphene.Int(description=SCORE)
        comment = graphene.String(description=COMMENT)
        products = NonNullList(ProductReviewInput, description=f"Ratings of its products; up to {REVIEWS_LIMIT}.")

    class Meta:
        description = (
            "Changes what the authenticated customer said about an order, as long as the shop lets them. What is left "
            "out stays as it is; a text that changes is looked at by staff again." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AuthorizationFilters.AUTHENTICATED_USER,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(
        cls,
        _root: Any,
        info: Any,
        /,
        *,
        order_id: str,
        score: int | None = None,
        comment: str | None = None,
        products: list[dict[str, Any]] | None = None,
    ) -> CustomerFeedbackUpdate:
        answer = answer_of(score, comment, products)
        return cls(feedback=change_feedback(info.context.user, order_key(order_id), answer))
