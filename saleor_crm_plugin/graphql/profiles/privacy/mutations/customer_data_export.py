"""`customerDataExport`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.privacy.types import CustomerDataRequest
from saleor_crm_plugin.graphql.profiles.privacy.whose import only_profile_id_of
from saleor_crm_plugin.ingestion.data_export import request_export
from saleor_crm_plugin.ingestion.downloads import link_address
from saleor_crm_plugin.profiles.privacy.links import LINK_HOURS


class CustomerDataExport(DomainMutation):
    url = graphene.String(
        description=f"Address of the file, for {LINK_HOURS} hours. Whoever has it can read the file; it is told once."
    )
    request = graphene.Field(CustomerDataRequest, description="The record of the export.")

    class Arguments:
        id = graphene.ID(description="The ID of a customer profile.")
        user_id = graphene.ID(description="The ID of a user.")
        email = graphene.String(
            description="The e-mail address of a user, or of a guest who has ordered. Refused if several customers "
            "have it: the message names them."
        )

    class Meta:
        description = (
            "Gives a link to one JSON file with everything that the plugin holds about a customer. It is put together "
            "when the link is opened." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, **whose: str | None) -> CustomerDataExport:
        link = request_export(only_profile_id_of(whose), actor_of(info))
        return cls(url=link_address(link.token), request=link.request)
