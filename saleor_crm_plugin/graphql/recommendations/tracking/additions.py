"""What tracking adds to Saleor's schema."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import graphene
from django.utils import timezone
from graphql import GraphQLError
from promise import Promise
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.fields import PermissionsField
from saleor.graphql.core.scalars import DateTime
from saleor.permission.enums import OrderPermissions, ProductPermissions

from saleor_crm_plugin.exceptions import RecommendationInputError
from saleor_crm_plugin.graphql.addition import Addition, mutation
from saleor_crm_plugin.graphql.channel_access import require_channel
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.recommendations.tracking.mutations.recommendation_event_track import (
    RecommendationEventTrack,
)
from saleor_crm_plugin.graphql.recommendations.tracking.types import RecommendationReportType
from saleor_crm_plugin.ingestion.recommendation_report import report_of
from saleor_crm_plugin.recommendations.tracking.report import DEFAULT_DAYS, LONGEST_DAYS, RecommendationReport

# Each part reads all events of the time.
_PART_COST = 10


def resolve_recommendation_report(
    _root: Any, info: Any, *, channel: str, since: datetime | None = None, until: datetime | None = None
) -> Promise[RecommendationReport]:
    try:
        report = report_of(channel, since, until, timezone.now(), get_database_connection_name(info.context))
    except RecommendationInputError as error:
        raise GraphQLError(f"`{error.field}`: {error}") from error
    # Nothing is counted before a part of it is asked for.
    return require_channel(info, report.channel_id).then(lambda _: report)


ADDITIONS = (
    Addition(
        "Query",
        "recommendation_report",
        resolve_recommendation_report,
        PermissionsField(
            RecommendationReportType,
            channel=graphene.Argument(graphene.String, required=True, description="Slug of the channel."),
            since=graphene.Argument(
                DateTime, description=f"Events from this moment on. By default, {DEFAULT_DAYS} days before `until`."
            ),
            until=graphene.Argument(
                DateTime,
                description=f"Events before this moment, at most {LONGEST_DAYS} days after `since`. By default, now.",
            ),
            description="What recommendations are looked at, lead to and are worth in a channel. Staff may ask for the "
            "channels of their groups." + ADDED_IN_010,
            permissions=[OrderPermissions.MANAGE_ORDERS, ProductPermissions.MANAGE_PRODUCTS],
            doc_category=DOC_CATEGORY_PRODUCTS,
        ),
    ),
    mutation("recommendation_event_track", RecommendationEventTrack.Field()),
)

TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {
    "RecommendationReport": {part: {"complexity": _PART_COST} for part in ("kinds", "total", "models", "comparison")}
}
