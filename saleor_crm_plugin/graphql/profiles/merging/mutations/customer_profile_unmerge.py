"""`customerProfileUnmerge`."""

from __future__ import annotations

from typing import Any

import graphene
from django.utils import timezone
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.numbers import as_int
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of, key_argument
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.merging import types
from saleor_crm_plugin.graphql.profiles.types import CustomerProfile
from saleor_crm_plugin.ingestion.merging import separate_customers
from saleor_crm_plugin.profiles import models
from saleor_crm_plugin.profiles.merging.family import with_family


class CustomerProfileUnmerge(DomainMutation):
    source = graphene.Field(CustomerProfile, description="The customer that was merged, on their own again.")
    target = graphene.Field(CustomerProfile, description="The customer that stayed.")
    merge = graphene.Field(types.CustomerMerge, description="The merge that was undone.")
    points = graphene.Int(description="Points that went back to the source.")
    debt = graphene.Int(description="Points that the source owes again.")

    class Arguments:
        merge_id = graphene.ID(
            required=True, description="The ID of a merge, from `customerProfileMerge` or `CustomerProfile.merges`."
        )

    class Meta:
        description = (
            "Takes a merge apart, until the date that it was made with. Each has the own orders, those placed "
            "meanwhile included, and what is left of the own points; points spent meanwhile stay spent." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, merge_id: str) -> CustomerProfileUnmerge:
        primary_key = key_argument(integer_key, merge_id, "CustomerMerge", "merge_id")
        done = separate_customers(primary_key, actor_of(info), timezone.now())
        both = models.CustomerProfile.objects.filter(pk__in=[done.merge.source_id, done.merge.target_id])
        found = with_family(both).in_bulk()
        return cls(
            source=found[done.merge.source_id],
            target=found[done.merge.target_id],
            merge=done.merge,
            points=as_int(done.points),
            debt=as_int(done.debt),
        )
