"""`customerSegmentExport`."""

from __future__ import annotations

from typing import Any

import graphene
from django.utils import timezone
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of, invalid, key_argument
from saleor_crm_plugin.graphql.profiles.errors import CustomerCode, CustomerError
from saleor_crm_plugin.graphql.profiles.privacy.types import CustomerDataRequest
from saleor_crm_plugin.ingestion.downloads import link_address
from saleor_crm_plugin.profiles.privacy.links import LINK_HOURS, make_link
from saleor_crm_plugin.profiles.privacy.models import RequestKind
from saleor_crm_plugin.profiles.segments.models import CustomerSegment


class CustomerSegmentExport(DomainMutation):
    url = graphene.String(
        description=f"Address of the file, for {LINK_HOURS} hours. Whoever has it can read the file; it is told once."
    )
    request = graphene.Field(CustomerDataRequest, description="The record of the export.")

    class Arguments:
        segment_id = graphene.ID(required=True, description="The ID of the segment.")

    class Meta:
        description = (
            "Gives a link to a CSV file with the customers who are in a segment when it is opened." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, segment_id: str) -> CustomerSegmentExport:
        primary_key = key_argument(integer_key, segment_id, "CustomerSegment", "segment_id")
        if not CustomerSegment.objects.filter(pk=primary_key).exists():
            raise invalid("segment_id", "There is no such segment.", CustomerCode.NOT_FOUND)
        link = make_link(RequestKind.SEGMENT_EXPORT, actor_of(info), timezone.now(), segment_id=primary_key)
        return cls(url=link_address(link.token), request=link.request)
