"""What segments add to Saleor's schema."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.fields import ConnectionField, PermissionsField
from saleor.graphql.core.types.common import NonNullList
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.addition import LIST, PAGE, Addition, mutation
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.lists import DEFAULT_FIRST, FIRST_LIMIT
from saleor_crm_plugin.graphql.profiles.segments import resolvers
from saleor_crm_plugin.graphql.profiles.segments.mutations.customer_segment_create import CustomerSegmentCreate
from saleor_crm_plugin.graphql.profiles.segments.mutations.customer_segment_delete import CustomerSegmentDelete
from saleor_crm_plugin.graphql.profiles.segments.mutations.customer_segment_update import CustomerSegmentUpdate
from saleor_crm_plugin.graphql.profiles.segments.types import (
    CustomerSegment,
    CustomerSegmentCountableConnection,
    CustomerSegmentExplanation,
    CustomerSegmentField,
    CustomerSegmentPreview,
)

STAFF: dict[str, Any] = {"permissions": [AccountPermissions.MANAGE_USERS], "doc_category": DOC_CATEGORY_USERS}
# Looks at all customers: ten times a list of as many.
PREVIEW_COMPLEXITY = 10

ADDITIONS = (
    Addition(
        "Query",
        "customer_segments",
        resolvers.resolve_segments,
        ConnectionField(
            CustomerSegmentCountableConnection,
            description="Segments of the shop's customers, oldest first." + ADDED_IN_010,
            **STAFF,
        ),
        multipliers=PAGE,
    ),
    Addition(
        "Query",
        "customer_segment",
        resolvers.resolve_segment,
        PermissionsField(
            CustomerSegment,
            id=graphene.Argument(graphene.ID, description="The ID of the segment."),
            slug=graphene.Argument(graphene.String, description="The slug of the segment."),
            description="A segment. Give one of the arguments." + ADDED_IN_010,
            **STAFF,
        ),
    ),
    Addition(
        "Query",
        "customer_segment_preview",
        resolvers.resolve_preview,
        PermissionsField(
            CustomerSegmentPreview,
            query=graphene.Argument(graphene.String, required=True, description="A query in the segment language."),
            first=graphene.Argument(
                graphene.Int,
                default_value=DEFAULT_FIRST,
                description=f"How many customers to show, 1 to {FIRST_LIMIT}.",
            ),
            description="Whom a query finds, or what is wrong with it. Stores nothing." + ADDED_IN_010,
            **STAFF,
        ),
        complexity=PREVIEW_COMPLEXITY,
        multipliers=LIST,
    ),
    Addition(
        "Query",
        "customer_segment_explain",
        resolvers.resolve_explanation,
        PermissionsField(
            CustomerSegmentExplanation,
            segment_id=graphene.Argument(graphene.ID, required=True, description="The ID of the segment."),
            profile_id=graphene.Argument(graphene.ID, required=True, description="The ID of the customer's profile."),
            description="Why a customer is in a segment or not, condition by condition. Null if there is no such "
            "segment or customer." + ADDED_IN_010,
            **STAFF,
        ),
    ),
    Addition(
        "Query",
        "customer_segment_fields",
        resolvers.resolve_fields,
        PermissionsField(
            NonNullList(CustomerSegmentField),
            description="The fields that the segment language knows." + ADDED_IN_010,
            **STAFF,
        ),
    ),
    mutation("customer_segment_create", CustomerSegmentCreate.Field()),
    mutation("customer_segment_update", CustomerSegmentUpdate.Field()),
    mutation("customer_segment_delete", CustomerSegmentDelete.Field()),
)

TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {
    "CustomerSegment": {
        "memberCount": {"complexity": 1},
        "members": {"complexity": 1, "multipliers": list(PAGE)},
    },
    "CustomerSegmentPreview": {"sample": {"complexity": 1}},
}
