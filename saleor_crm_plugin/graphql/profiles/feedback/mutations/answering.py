"""What giving and changing feedback have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

import graphene
from saleor.account.models import User
from saleor.graphql.core.types.common import NonNullList

from saleor_crm_plugin.graphql.mutations import DomainMutation
from saleor_crm_plugin.graphql.profiles.feedback.inputs import COMMENT, SCORE, ProductReviewInput, answer_of, order_key
from saleor_crm_plugin.graphql.profiles.feedback.types import CustomerFeedback
from saleor_crm_plugin.profiles.feedback.giving import REVIEWS_LIMIT, Answer
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback

Store = Callable[[User, UUID, Answer], OrderFeedback]


class FeedbackMutation(DomainMutation):
    feedback = graphene.Field(CustomerFeedback, description="All that the customer says about the order.")

    class Arguments:
        order_id = graphene.ID(required=True, description="The ID of the order.")
        score = graphene.Int(description=SCORE)
        comment = graphene.String(description=COMMENT)
        products = NonNullList(ProductReviewInput, description=f"Ratings of its products; up to {REVIEWS_LIMIT}.")

    class Meta:
        abstract = True

    @classmethod
    def store(
        cls,
        info: Any,
        how: Store,
        *,
        order_id: str,
        score: int | None = None,
        comment: str | None = None,
        products: Iterable[Mapping[str, Any]] | None = None,
    ) -> Any:
        answer = answer_of(score, comment, products)
        return cls(feedback=how(info.context.user, order_key(order_id), answer))
