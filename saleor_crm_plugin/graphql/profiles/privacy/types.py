"""The trail of exports and erasures, as the API shows it."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.account.dataloaders import UserByUserIdLoader
from saleor.graphql.core.connection import CountableConnection
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.model import ModelObjectType

from saleor_crm_plugin.actors import ActorType
from saleor_crm_plugin.graphql.dataloaders import ProfileByIdLoader
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.profiles.privacy.enums import DataRequestKindEnum, ErasureLevelEnum
from saleor_crm_plugin.profiles.privacy import models


class CustomerDataRequest(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the request.")
    kind = DataRequestKindEnum(required=True, description="What was asked for.")
    level = ErasureLevelEnum(description="How far the customer was forgotten. Null for exports.")
    customer = graphene.Field(
        "saleor_crm_plugin.graphql.profiles.types.CustomerProfile", description="Whom it is about. Null for segments."
    )
    segment_id = graphene.ID(description="The ID of the segment. Null if it is about one customer.")
    requested_by = graphene.Field(
        "saleor.graphql.account.types.User", description="The staff user who asked. Null for apps and for the system."
    )
    created_at = DateTime(required=True, description="When it was asked for.")
    expires_at = DateTime(description="Until when the link can be used. Null for erasures.")
    downloads = graphene.Int(required=True, description="How often the link was used.")

    class Meta:
        description = "An export of personal data, or an erasure." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.DataRequest
        doc_category = DOC_CATEGORY_USERS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, models.DataRequest)

    @staticmethod
    def resolve_level(root: models.DataRequest, _info: Any) -> str | None:
        return root.level or None

    @staticmethod
    def resolve_customer(root: models.DataRequest, info: Any) -> Any:
        return ProfileByIdLoader(info.context).load(root.profile_id) if root.profile_id else None

    @staticmethod
    def resolve_segment_id(root: models.DataRequest, _info: Any) -> str | None:
        return graphene.Node.to_global_id("CustomerSegment", root.segment_id) if root.segment_id else None

    @staticmethod
    def resolve_requested_by(root: models.DataRequest, info: Any) -> Any:
        if root.actor_type != ActorType.STAFF or root.actor_id is None:
            return None
        return UserByUserIdLoader(info.context).load(root.actor_id)


class CustomerDataRequestCountableConnection(CountableConnection):
    class Meta:
        description = "A page of exports and erasures." + ADDED_IN_010
        node = CustomerDataRequest
        doc_category = DOC_CATEGORY_USERS
