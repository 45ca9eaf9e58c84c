"""What a storefront sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import graphene
from graphql import GraphQLError
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseInputObjectType
from saleor.graphql.core.types.common import NonNullList

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.recommendations.enums import RecommendationKindEnum
from saleor_crm_plugin.graphql.recommendations.tracking.enums import RecommendationEventTypeEnum
from saleor_crm_plugin.recommendations.tracking.checking import EVENTS_LIMIT, Problem, SentEvent
from saleor_crm_plugin.recommendations.tracking.identity import REPEAT_MINUTES
from saleor_crm_plugin.recommendations.tracking.models import POSITION_LIMIT, EventType


class RecommendationEventInput(BaseInputObjectType):
    type = RecommendationEventTypeEnum(required=True, description="What the visitor did.")
    product_id = graphene.ID(required=True, description="The ID of the product.")
    kind = RecommendationKindEnum(description="Of which list it was; not for VIEWED, needed for all others.")
    position = graphene.Int(description=f"Its place in the list, 1 to {POSITION_LIMIT}.")
    occurred_at = DateTime(description="When it happened, at most 24 hours ago. Left out: now.")
    event_id = graphene.String(
        description="8 to 64 letters, digits, hyphens and underscores that name the event; sent again, it counts once. "
        f"Without it the same event counts once in {REPEAT_MINUTES} minutes; SHOWN once more after signing in."
    )

    class Meta:
        description = "Something that a visitor saw or did." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS


class RecommendationEventTrackInput(BaseInputObjectType):
    channel = graphene.String(required=True, description="Slug of the channel.")
    session_id = graphene.String(
        description="16 to 64 letters, digits, hyphens and underscores that the storefront has made up at random for "
        "this browser; a new one when a customer signs out. Needed of anonymous visitors. Only a digest is kept."
    )
    events = NonNullList(
        RecommendationEventInput, required=True, description=f"What happened, 1 to {EVENTS_LIMIT} events."
    )

    class Meta:
        description = "What visitors saw and did." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS


def events_of(sent: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[int, SentEvent]], list[Problem]]:
    """Events with their numbers, and what is wrong with those that name no product."""
    events: list[tuple[int, SentEvent]] = []
    problems: list[Problem] = []
    for number, one in enumerate(sent):
        try:
            product_id = integer_key(one["product_id"], "Product")
        except GraphQLError as error:
            problems.append(Problem(number, "productId", "GRAPHQL_ERROR", str(error)))
            continue
        event = SentEvent(
            EventType(one["type"]),
            product_id,
            one.get("kind"),
            one.get("position"),
            one.get("occurred_at"),
            one.get("event_id"),
        )
        events.append((number, event))
    return events, problems
