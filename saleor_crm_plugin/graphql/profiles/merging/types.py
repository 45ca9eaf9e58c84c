"""Merges as staff see them: before, and after."""

from __future__ import annotations

from typing import Any

import graphene
from django.utils import timezone
from saleor.graphql.account.dataloaders import UserByUserIdLoader
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.common import NonNullList

from saleor_crm_plugin.actors import ActorType
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.numbers import as_int
from saleor_crm_plugin.graphql.profiles.errors import CustomerCode, CustomerError
from saleor_crm_plugin.ingestion.merge_preview import MergePreview, Side
from saleor_crm_plugin.profiles.merging import models


class CustomerMerge(BaseObjectType):
    """Root: the row. Its profiles are ids only: a merged one is not a customer of its own."""

    id = graphene.GlobalID(required=True, description="The ID of the merge, by which it is undone.")
    source_id = graphene.ID(required=True, description="The ID of the profile that was merged.")
    target_id = graphene.ID(required=True, description="The ID of the profile that it was merged into.")
    merged_at = DateTime(required=True, description="When they were merged.")
    merged_by = graphene.Field(
        "saleor.graphql.account.types.User",
        description="Who of the staff has merged them. Null for an app, and for a guest who has become a user.",
    )
    undo_until = DateTime(
        description="Until when it can be undone. Null if it cannot, as for a guest who has become a user."
    )
    undone_at = DateTime(description="When it was undone. Null while it is in force.")
    can_be_undone = graphene.Boolean(
        required=True, description="Whether there is time to undo it, and it was not undone before."
    )

    class Meta:
        description = "Two customers who have turned out to be one." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS

    @staticmethod
    def resolve_source_id(root: models.ProfileMerge, _info: Any) -> str:
        return _profile_id(root.source_id)

    @staticmethod
    def resolve_target_id(root: models.ProfileMerge, _info: Any) -> str:
        return _profile_id(root.target_id)

    @staticmethod
    def resolve_merged_by(root: models.ProfileMerge, info: Any) -> Any:
        if root.actor_type != ActorType.STAFF or root.actor_id is None:
            return None
        return UserByUserIdLoader(info.context).load(root.actor_id)

    @staticmethod
    def resolve_can_be_undone(root: models.ProfileMerge, _info: Any) -> bool:
        return root.undone_at is None and root.undo_until is not None and timezone.now() <= root.undo_until


class CustomerMergeSide(BaseObjectType):
    profile_id = graphene.ID(required=True, description="The ID of the profile.")
    name = graphene.String(required=True, description="Name of the user; empty for a guest.")
    emails = NonNullList(
        graphene.String,
        required=True,
        description="Address of the user, and others that lead to the profile.",
    )
    orders_count = graphene.Int(required=True, description="Number of orders, without cancelled ones.")
    points = graphene.Int(required=True, description="Points that can be spent or are held by a checkout.")
    pending_points = graphene.Int(required=True, description="Points that can be spent later.")
    debt = graphene.Int(required=True, description="Points owed.")
    tags = NonNullList(graphene.String, required=True, description="Tags of the profile.")

    class Meta:
        description = "One of two customers who may be one." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS

    @staticmethod
    def resolve_profile_id(root: Side, _info: Any) -> str:
        return _profile_id(root.profile.pk)

    @staticmethod
    def resolve_points(root: Side, _info: Any) -> int:
        return as_int(root.points)

    @staticmethod
    def resolve_pending_points(root: Side, _info: Any) -> int:
        return as_int(root.pending_points)

    @staticmethod
    def resolve_debt(root: Side, _info: Any) -> int:
        return as_int(root.debt)


class CustomerMergePlan(BaseObjectType):
    source = graphene.Field(CustomerMergeSide, description="Who would be merged. Null if there is none.")
    target = graphene.Field(
        CustomerMergeSide,
        description="Whom they would be merged into, who keeps the name and the ID. Null if there is none.",
    )
    stricter_consents = NonNullList(
        graphene.String,
        required=True,
        description="Purposes that the source has refused, and the target would have refused from then on.",
    )
    tags = NonNullList(graphene.String, required=True, description="Tags that the target would have.")
    undo_until = DateTime(required=True, description="Until when it could be undone, if it were done now.")
    refusals = NonNullList(
        CustomerError, required=True, description="Why it cannot be done as things are. Empty if it can."
    )

    class Meta:
        description = "What a merge of two customers would do." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS

    @staticmethod
    def resolve_stricter_consents(root: MergePreview, _info: Any) -> list[str]:
        return [purpose.name for purpose in root.stricter_consents]

    @staticmethod
    def resolve_refusals(root: MergePreview, _info: Any) -> list[CustomerError]:
        return [_as_error(refusal) for refusal in root.refusals]


def _as_error(refusal: CustomerInputError) -> CustomerError:
    return CustomerError(field=refusal.field, message=str(refusal), code=CustomerCode[refusal.code].value)


def _profile_id(primary_key: int) -> str:
    return graphene.Node.to_global_id("CustomerProfile", primary_key)
