"""`customerSegmentDelete`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.mutations import DomainMutation, key_argument
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.segments.types import CustomerSegment
from saleor_crm_plugin.profiles.segments.editing import delete_segment


class CustomerSegmentDelete(DomainMutation):
    segment = graphene.Field(CustomerSegment, description="The segment as it was last.")

    class Arguments:
        id = graphene.ID(required=True, description="The ID of the segment.")

    class Meta:
        description = (
            "Removes a segment. Its members are not in it any more, which is no event of theirs." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /, *, id: str) -> CustomerSegmentDelete:
        return cls(segment=delete_segment(key_argument(integer_key, id, "CustomerSegment", "id")))
