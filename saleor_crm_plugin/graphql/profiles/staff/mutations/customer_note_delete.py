"""`customerNoteDelete`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.mutations import DomainMutation, key_argument
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.types import CustomerProfile
from saleor_crm_plugin.profiles.merging.family import found_by_id
from saleor_crm_plugin.profiles.notes.writing import delete_note


class CustomerNoteDelete(DomainMutation):
    customer_profile = graphene.Field(CustomerProfile, description="The customer that it was about.")

    class Arguments:
        id = graphene.ID(required=True, description="The ID of a note.")

    class Meta:
        description = "Deletes a note about a customer for good." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(cls, _root: Any, _info: Any, /, *, id: str) -> CustomerNoteDelete:
        profile_id = delete_note(key_argument(integer_key, id, "CustomerNote", "id"))
        return cls(customer_profile=found_by_id([profile_id], "default")[profile_id])
