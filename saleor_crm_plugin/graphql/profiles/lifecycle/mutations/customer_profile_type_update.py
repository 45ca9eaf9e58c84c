"""`customerProfileTypeUpdate`. From 3.23 on, `customerTypeUpdate` is a mutation of Saleor's, about something else."""

from __future__ import annotations

from typing import Any

import graphene
from django.utils import timezone
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.lifecycle.enums import CustomerTypeEnum
from saleor_crm_plugin.graphql.profiles.types import CustomerProfile
from saleor_crm_plugin.graphql.profiles.whose import profile_id_of
from saleor_crm_plugin.ingestion.customer_types import type_by_rule
from saleor_crm_plugin.ingestion.segments import refresh_for
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.profiles import models
from saleor_crm_plugin.profiles.customer_types.rules import Kind
from saleor_crm_plugin.profiles.customer_types.storing import set_type


class CustomerProfileTypeUpdate(DomainMutation):
    profile = graphene.Field(CustomerProfile, description="The customer after the change.")

    class Arguments:
        id = graphene.ID(description="The ID of a customer profile.")
        user_id = graphene.ID(description="The ID of a user.")
        email = graphene.String(description="The e-mail address of a user, or of a guest who has ordered.")
        customer_type = CustomerTypeEnum(
            description="What the customer is, whatever the rule says. Null or left out: the rule decides again."
        )

    class Meta:
        description = (
            "Says what type a customer is, or leaves it to the rule again: tax id, company name and domain of the "
            "e-mail address. Give one of `id`, `userId` and `email`." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(
        cls, _root: Any, info: Any, /, *, customer_type: str | None = None, **whose: str | None
    ) -> CustomerProfileTypeUpdate:
        profile_id = profile_id_of(whose)
        by_rule = type_by_rule(profile_id, load_settings().crm)
        kind = Kind(customer_type) if customer_type else None
        now = timezone.now()
        set_type(profile_id, kind, by_rule, actor_of(info), now)
        # Segments ask about types.
        refresh_for([profile_id], now)
        return cls(profile=models.CustomerProfile.objects.get(pk=profile_id))
