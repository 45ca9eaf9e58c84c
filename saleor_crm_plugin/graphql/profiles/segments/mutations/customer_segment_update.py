"""`customerSegmentUpdate`."""

from __future__ import annotations

from typing import Any

import graphene
from django.utils import timezone
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.mutations import DomainMutation, key_argument
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.segments.mutations.base import CustomerSegmentUpdateInput, start_refresh
from saleor_crm_plugin.graphql.profiles.segments.types import CustomerSegment
from saleor_crm_plugin.ingestion.segments import VOCABULARY
from saleor_crm_plugin.profiles.segments.editing import update_segment


class CustomerSegmentUpdate(DomainMutation):
    segment = graphene.Field(CustomerSegment, description="The segment after the change.")

    class Arguments:
        id = graphene.ID(required=True, description="The ID of the segment.")
        input = CustomerSegmentUpdateInput(required=True, description="What changes.")

    class Meta:
        description = (
            "Changes a segment. With another query, its members are computed anew in the background." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /, *, id: str, input: dict[str, Any]) -> CustomerSegmentUpdate:
        segment_id = key_argument(integer_key, id, "CustomerSegment", "id")
        segment, needs_refresh = update_segment(segment_id, VOCABULARY, timezone.now(), input)
        if needs_refresh:
            start_refresh(segment_id)
            segment.refresh_from_db()
        return cls(segment=segment)
