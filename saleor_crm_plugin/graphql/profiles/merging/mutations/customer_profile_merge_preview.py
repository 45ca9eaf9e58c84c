"""`customerProfileMergePreview`."""

from __future__ import annotations

from typing import Any

import graphene
from django.utils import timezone
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.merging.arguments import (
    pair_of,
    source_argument,
    target_argument,
    undo_days_argument,
)
from saleor_crm_plugin.graphql.profiles.merging.types import CustomerMergePlan
from saleor_crm_plugin.ingestion.merge_preview import preview_merge
from saleor_crm_plugin.ingestion.merging import UNDO_DAYS


class CustomerProfileMergePreview(DomainMutation):
    preview = graphene.Field(CustomerMergePlan, description="What would happen, and what stands against it.")

    class Arguments:
        source_id = source_argument()
        target_id = target_argument()
        undo_days = undo_days_argument()

    class Meta:
        description = "Shows what `customerProfileMerge` would do. Changes nothing." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS
        permissions = (AccountPermissions.MANAGE_USERS,)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(
        cls, _root: Any, info: Any, /, *, source_id: str, target_id: str, undo_days: int | None = UNDO_DAYS
    ) -> CustomerProfileMergePreview:
        source, target = pair_of(source_id, target_id)
        days = UNDO_DAYS if undo_days is None else undo_days
        return cls(preview=preview_merge(source, target, actor_of(info), timezone.now(), undo_days=days))
