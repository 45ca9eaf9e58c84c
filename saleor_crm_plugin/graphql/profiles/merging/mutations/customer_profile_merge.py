"""`customerProfileMerge`."""

from __future__ import annotations

from typing import Any

import graphene
from django.utils import timezone
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.merging import types
from saleor_crm_plugin.graphql.profiles.merging.arguments import (
    pair_of,
    source_argument,
    target_argument,
    undo_days_argument,
)
from saleor_crm_plugin.graphql.profiles.types import CustomerProfile
from saleor_crm_plugin.ingestion.merging import UNDO_DAYS, merge_customers
from saleor_crm_plugin.profiles import models
from saleor_crm_plugin.profiles.merging.family import with_family


class CustomerProfileMerge(DomainMutation):
    profile = graphene.Field(CustomerProfile, description="The customer that the two are now.")
    merge = graphene.Field(types.CustomerMerge, description="The merge, by which it can be undone.")

    class Arguments:
        source_id = source_argument()
        target_id = target_argument()
        undo_days = undo_days_argument()

    class Meta:
        description = (
            "Two customers are one person: the source's orders, points and debts become the target's, tags of both are "
            "on it, and a refusal of either counts. Both addresses and accounts lead to it from then on, and whoever "
            "logs in to either account sees the points of both." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(
        cls, _root: Any, info: Any, /, *, source_id: str, target_id: str, undo_days: int | None = UNDO_DAYS
    ) -> CustomerProfileMerge:
        source, target = pair_of(source_id, target_id)
        days = UNDO_DAYS if undo_days is None else undo_days
        done = merge_customers(source, target, actor_of(info), timezone.now(), undo_days=days)
        head = with_family(models.CustomerProfile.objects.filter(pk=done.target_id)).get()
        return cls(profile=head, merge=done)
