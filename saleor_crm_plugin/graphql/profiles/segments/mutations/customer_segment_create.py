"""`customerSegmentCreate`."""

from __future__ import annotations

from typing import Any

import graphene
from django.utils import timezone
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.mutations import DomainMutation
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.segments.mutations.base import CustomerSegmentCreateInput, start_refresh
from saleor_crm_plugin.graphql.profiles.segments.types import CustomerSegment
from saleor_crm_plugin.ingestion.segments import VOCABULARY
from saleor_crm_plugin.profiles.segments.editing import create_segment


class CustomerSegmentCreate(DomainMutation):
    segment = graphene.Field(CustomerSegment, description="The new segment.")

    class Arguments:
        input = CustomerSegmentCreateInput(required=True, description="What the segment is.")

    class Meta:
        description = "Makes a segment. Its members are computed at once in the background." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /, *, input: dict[str, Any]) -> CustomerSegmentCreate:
        segment = create_segment(VOCABULARY, timezone.now(), **input)
        start_refresh(segment.pk)
        # With its members, if they were computed already.
        segment.refresh_from_db()
        return cls(segment=segment)
