"""What a customer sends about an order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.types.base import BaseInputObjectType

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import uuid_key
from saleor_crm_plugin.graphql.mutations import key_argument
from saleor_crm_plugin.profiles.feedback.giving import Answer, Rating
from saleor_crm_plugin.profiles.feedback.models import TEXT_MAX_LENGTH

SCORE = "How likely the customer is to recommend the shop, 0 to 10."
COMMENT = f"What the customer has to say; up to {TEXT_MAX_LENGTH} characters."


class ProductReviewInput(BaseInputObjectType):
    order_line_id = graphene.ID(required=True, description="The ID of the line of the order.")
    rating = graphene.Int(description="1 (worst) to 5 (best). Needed for a new review.")
    comment = graphene.String(description=COMMENT)

    class Meta:
        description = "A rating of a product of an order." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS


def order_key(order_id: str) -> UUID:
    """
    Raises:
        ValidationError: not the ID of an order.
    """
    return key_argument(uuid_key, order_id, "Order", "order_id")


def answer_of(score: int | None, comment: str | None, products: Iterable[Mapping[str, Any]] | None) -> Answer:
    """
    Raises:
        ValidationError: not the ID of a line.
    """
    ratings = [
        Rating(
            key_argument(uuid_key, product["order_line_id"], "OrderLine", "order_line_id"),
            product.get("rating"),
            product.get("comment"),
        )
        for product in products or ()
    ]
    return Answer(score, comment, ratings)
