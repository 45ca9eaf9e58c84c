"""`customerTagAssign`."""

from __future__ import annotations

from typing import Any

from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.staff.mutations.tagging import TagMutation
from saleor_crm_plugin.profiles.notes.tags import assign_tags


class CustomerTagAssign(TagMutation):
    class Meta:
        description = (
            "Puts tags on customers, each on each. What is there already stays: a repeated call changes nothing."
            + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, **data: Any) -> Any:
        return cls.change(info, assign_tags, **data)
