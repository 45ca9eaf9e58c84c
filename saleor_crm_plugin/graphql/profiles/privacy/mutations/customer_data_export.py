"""`customerDataExport`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.enums import AccountPermissions, OrderPermissions

from saleor_crm_plugin.graphql.access import require_permission
from saleor_crm_plugin.graphql.channel_access import may_see_channels
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of, invalid
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.privacy.types import CustomerDataRequest
from saleor_crm_plugin.graphql.profiles.privacy.whose import NOT_APPLICABLE, only_profile_id_of
from saleor_crm_plugin.ingestion.data_export import channels_named, request_export
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
            "when the link is opened. It names orders: `MANAGE_ORDERS` is needed as well, and of staff the channels of "
            "all these orders." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, **whose: str | None) -> CustomerDataExport:
        # Before anything is looked up. Whoever has the id of an order can ask Saleor for it.
        require_permission(info, OrderPermissions.MANAGE_ORDERS)
        profile_id = only_profile_id_of(whose)
        if not may_see_channels(info, channels_named(profile_id)):
            raise invalid(
                None,
                "The export would name orders of channels that your permission groups do not allow. Ask somebody who "
                "has all of them.",
                NOT_APPLICABLE,
            )
        link = request_export(profile_id, actor_of(info))
        return cls(url=link_address(link.token), request=link.request)
