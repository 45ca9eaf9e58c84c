"""`customerDataErase`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.types.common import NonNullList
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.privacy.enums import ErasureLevelEnum
from saleor_crm_plugin.graphql.profiles.privacy.types import CustomerDataRequest
from saleor_crm_plugin.graphql.profiles.privacy.whose import all_profile_ids_of
from saleor_crm_plugin.ingestion.erasure import erase_customers
from saleor_crm_plugin.profiles.models import ErasureLevel


class CustomerDataErase(DomainMutation):
    request = graphene.Field(CustomerDataRequest, description="The record of the erasure; the first of `requests`.")
    requests = NonNullList(
        CustomerDataRequest, description="One record for each customer: an address may be several's."
    )

    class Arguments:
        id = graphene.ID(description="The ID of a customer profile.")
        user_id = graphene.ID(description="The ID of a user.")
        email = graphene.String(
            description="The e-mail address of a user, of a guest who has ordered, or of both, who are forgotten "
            "together. Refused if one of several customers has not confirmed it: the message names them."
        )
        level = ErasureLevelEnum(required=True, description="How far the customer is forgotten.")

    class Meta:
        description = (
            "Forgets a customer, as far as the plugin knows them; Saleor's own user and orders are deleted in Saleor, "
            "before or after. It cannot be undone." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, level: str, **whose: str | None) -> CustomerDataErase:
        requests = erase_customers(all_profile_ids_of(whose), ErasureLevel(level), actor_of(info))
        return cls(request=requests[0], requests=requests)
