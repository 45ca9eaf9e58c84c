"""Referrals as staff see them."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.connection import CountableConnection
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.model import ModelObjectType

from saleor_crm_plugin.graphql.dataloaders import ProfileByIdLoader
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.referrals.dataloaders import ReferralPointsLoader
from saleor_crm_plugin.graphql.loyalty.referrals.enums import ReferralRefusalEnum, ReferralStatusEnum
from saleor_crm_plugin.graphql.orders import SEEN_BY, load_order
from saleor_crm_plugin.graphql.profiles.types import CustomerProfile
from saleor_crm_plugin.loyalty.referrals import models


class LoyaltyReferral(ModelObjectType):
    """Root: the row, with `code__account` and `friend`."""

    id = graphene.GlobalID(required=True, description="The ID of the referral.")
    status = ReferralStatusEnum(required=True, description="What became of it.")
    refusal = ReferralRefusalEnum(description="Why it was refused. Null if it was not.")
    referrer = graphene.Field(
        CustomerProfile, description="Whose code it is. Null where what was entered is nobody's code."
    )
    friend = graphene.Field(CustomerProfile, description="Who applied the code.")
    order = graphene.Field("saleor.graphql.order.types.Order", description="The friend's first order." + SEEN_BY)
    applied_at = DateTime(required=True, description="When the code was applied.")
    reward_at = DateTime(
        description="When the order's return window is over. Null while no order qualifies, or once nothing is kept."
    )
    decided_at = DateTime(required=True, description="When the status became what it is.")
    referrer_points = graphene.Int(required=True, description="Points the referrer got, less those taken back.")
    friend_points = graphene.Int(required=True, description="Points the friend got, less those taken back.")

    class Meta:
        description = "A customer who was brought by another one, or tried to be." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.Referral
        doc_category = DOC_CATEGORY_DISCOUNTS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, models.Referral)

    @staticmethod
    def resolve_refusal(root: models.Referral, _info: Any) -> str | None:
        return root.refusal or None

    @staticmethod
    def resolve_referrer(root: models.Referral, info: Any) -> Any:
        return ProfileByIdLoader(info.context).load(root.code.account.profile_id) if root.code else None

    @staticmethod
    def resolve_friend(root: models.Referral, info: Any) -> Any:
        return ProfileByIdLoader(info.context).load(root.friend.profile_id)

    @staticmethod
    def resolve_order(root: models.Referral, info: Any) -> Any:
        return None if root.order_id is None else load_order(info, root.order_id)

    @staticmethod
    def resolve_referrer_points(root: models.Referral, info: Any) -> Any:
        return ReferralPointsLoader(info.context).load((root.pk, root.code.account_id)) if root.code else 0

    @staticmethod
    def resolve_friend_points(root: models.Referral, info: Any) -> Any:
        return ReferralPointsLoader(info.context).load((root.pk, root.friend_id))


class LoyaltyReferralCountableConnection(CountableConnection):
    class Meta:
        description = "A page of referrals." + ADDED_IN_010
        node = LoyaltyReferral
        doc_category = DOC_CATEGORY_DISCOUNTS
