"""Rewards as the API shows them. Root of `LoyaltyReward`: the row in a channel context; of a redemption: the row."""

from __future__ import annotations

from typing import Any

import graphene
from promise import Promise
from saleor.graphql.core.connection import CountableConnection
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.scalars import DateTime, Decimal
from saleor.graphql.core.types.common import NonNullList
from saleor.graphql.core.types.model import ModelObjectType
from saleor.graphql.core.types.money import Money
from saleor.permission.enums import DiscountPermissions, GiftcardPermissions

from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.access import is_one_of
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.enums import LoyaltyCode, LoyaltyErrorCode
from saleor_crm_plugin.graphql.loyalty.rewards.dataloaders import (
    OwnersByAccountIdLoader,
    RewardByIdLoader,
    has_permission,
)
from saleor_crm_plugin.graphql.loyalty.rewards.enums import LoyaltyRewardKindEnum, RewardRedemptionStatusEnum
from saleor_crm_plugin.graphql.loyalty.rewards.standing import Standing, standing_of
from saleor_crm_plugin.graphql.loyalty.segments import NamedCustomerSegment, named_segments
from saleor_crm_plugin.graphql.loyalty.tiers.dataloaders import TierByIdLoader
from saleor_crm_plugin.graphql.loyalty.tiers.types import LoyaltyTier
from saleor_crm_plugin.graphql.orders import SEEN_BY, load_order
from saleor_crm_plugin.graphql.profiles.enums import RfmGroupEnum
from saleor_crm_plugin.graphql.roots import Amount, node_of
from saleor_crm_plugin.loyalty.rewards import models
from saleor_crm_plugin.loyalty.rewards.definition import RewardKind
from saleor_crm_plugin.loyalty.segment_names import groups_among
from saleor_crm_plugin.profiles.models import RFMGroup


def _of_node(attribute: str, default: Any, root: Any, _info: Any, **_arguments: Any) -> Any:
    return getattr(node_of(root), attribute, default)


def _money(amount: Any, currency: str) -> Amount | None:
    return None if amount is None else Amount(amount, currency)


def _variant_id(primary_key: int | None) -> str | None:
    return None if primary_key is None else graphene.Node.to_global_id("ProductVariant", primary_key)


class LoyaltyReward(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the reward.")
    name = graphene.String(required=True, description="The name. Buyers read it beside the discount.")
    description = graphene.String(required=True, description="What customers should know; may be empty.")
    kind = LoyaltyRewardKindEnum(required=True, description="What the customer gets.")
    cost = graphene.Int(required=True, description="Points that it costs.")
    percentage = Decimal(description="Of VOUCHER_PERCENTAGE: how much comes off, in percent.")
    amount = graphene.Field(Money, description="Of VOUCHER_FIXED and GIFT_CARD: what it is worth.")
    currency = graphene.String(description="The only currency that it is for. Null if that does not matter.")
    minimum_spend = graphene.Field(
        Money,
        description="What the goods of the order must cost for the voucher to apply. Null: any price.",
    )
    product_variant_id = graphene.ID(description="Of PRODUCT: the variant that is free.")
    channel_ids = NonNullList(graphene.ID, required=True, description="Channels that it is for; empty: all.")
    stock = graphene.Int(description="How many customers can take in all. Null: any number.")
    remaining = graphene.Int(description="How many are left. Null: any number.")
    limit_per_customer = graphene.Int(description="How many one customer can have. Null: any number.")
    starts_at = DateTime(description="Cannot be taken before.")
    ends_at = DateTime(description="Cannot be taken from this moment on.")
    valid_days = graphene.Int(description="For how many days the code can be used. Null: without end.")
    minimum_tier = graphene.Field(LoyaltyTier, description="The lowest tier of those who can take it. Null: anybody.")
    segments = NonNullList(
        RfmGroupEnum,
        description="Groups of customers that it is for. Without any, and without `customerSegments`: all. Null for "
        "requestors without MANAGE_DISCOUNTS.",
    )
    customer_segments = NonNullList(
        NamedCustomerSegment,
        description="Customer segments that it is for, by slug, beside `segments`: being in any of both is enough. "
        "Null for requestors without MANAGE_DISCOUNTS.",
    )
    is_active = graphene.Boolean(required=True, description="Whether it is offered at all.")
    can_redeem = graphene.Boolean(
        description="Whether the authenticated customer can take it now, in the channel that was asked for. Null for "
        "anonymous requests."
    )
    missing_points = graphene.Int(
        description="Points that the authenticated customer lacks; 0 if there are enough. Null for anonymous requests."
    )
    refusal = LoyaltyErrorCode(
        description="Why the authenticated customer cannot take it: the code that `loyaltyRewardRedeem` would answer "
        "with. Null if they can, and for anonymous requests."
    )

    class Meta:
        description = "Something that customers can take for points." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.LoyaltyReward
        doc_category = DOC_CATEGORY_DISCOUNTS
        default_resolver = _of_node

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(node_of(root), models.LoyaltyReward)

    @staticmethod
    def resolve_amount(root: Any, _info: Any) -> Amount | None:
        return _money(node_of(root).amount, node_of(root).currency)

    @staticmethod
    def resolve_currency(root: Any, _info: Any) -> str | None:
        return node_of(root).currency or None

    @staticmethod
    def resolve_minimum_spend(root: Any, _info: Any) -> Amount | None:
        return _money(node_of(root).minimum_spend, node_of(root).currency)

    @staticmethod
    def resolve_product_variant_id(root: Any, _info: Any) -> str | None:
        return _variant_id(node_of(root).variant_id)

    @staticmethod
    def resolve_channel_ids(root: Any, _info: Any) -> list[str]:
        return [graphene.Node.to_global_id("Channel", key) for key in node_of(root).channel_ids]

    @staticmethod
    def resolve_remaining(root: Any, _info: Any) -> int | None:
        return node_of(root).left

    @staticmethod
    def resolve_minimum_tier(root: Any, info: Any) -> Any:
        tier_id = node_of(root).tier_id
        return tier_id and TierByIdLoader(info.context).load(tier_id)

    @staticmethod
    def resolve_segments(root: Any, info: Any) -> Any:
        groups = [RFMGroup[name].value for name in sorted(groups_among(node_of(root).segments))]
        allowed = has_permission(info, DiscountPermissions.MANAGE_DISCOUNTS)
        return allowed.then(lambda is_staff: groups if is_staff else None)

    @staticmethod
    def resolve_customer_segments(root: Any, info: Any) -> Any:
        names = node_of(root).segments
        allowed = has_permission(info, DiscountPermissions.MANAGE_DISCOUNTS)
        return allowed.then(lambda is_staff: named_segments(names, info) if is_staff else None)

    @staticmethod
    def resolve_can_redeem(root: Any, info: Any) -> Any:
        return standing_of(root, info).then(lambda standing: standing and standing.refusal is None)

    @staticmethod
    def resolve_missing_points(root: Any, info: Any) -> Any:
        return standing_of(root, info).then(lambda standing: standing and standing.missing_points)

    @staticmethod
    def resolve_refusal(root: Any, info: Any) -> Any:
        def code(standing: Standing | None) -> str | None:
            return LoyaltyCode[standing.refusal].value if standing and standing.refusal else None

        return standing_of(root, info).then(code)


class LoyaltyRewardCountableConnection(CountableConnection):
    class Meta:
        description = "A page of rewards." + ADDED_IN_010
        node = LoyaltyReward
        doc_category = DOC_CATEGORY_DISCOUNTS


class RewardRedemption(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the redemption.")
    reward = graphene.Field(LoyaltyReward, required=True, description="The reward as it is offered now.")
    name = graphene.String(required=True, description="Its name when it was taken.")
    kind = LoyaltyRewardKindEnum(required=True, description="What the customer got.")
    cost = graphene.Int(required=True, description="Points that it cost.")
    percentage = Decimal(description="Of VOUCHER_PERCENTAGE: how much comes off, in percent.")
    amount = graphene.Field(Money, description="Of VOUCHER_FIXED and GIFT_CARD: what it is worth.")
    minimum_spend = graphene.Field(
        Money,
        description="What the goods of the order must cost for the voucher to apply. Null: any price.",
    )
    product_variant_id = graphene.ID(description="Of PRODUCT: the variant that is free.")
    status = RewardRedemptionStatusEnum(required=True, description="What became of it.")
    code = graphene.String(
        description="What to enter in the checkout. For the customer and for MANAGE_DISCOUNTS, a gift card's for "
        "MANAGE_GIFT_CARD instead; null for others."
    )
    created_at = DateTime(required=True, description="When it was taken.")
    expires_at = DateTime(description="From when on the code is worth nothing. Null: never.")
    used_at = DateTime(description="When it was seen that an order has used it.")
    returned_at = DateTime(description="When it was given back.")
    order = graphene.Field(
        "saleor.graphql.order.types.Order", description="The first order that used the code." + SEEN_BY
    )

    class Meta:
        description = "A reward that a customer took, on the terms of then." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.RewardRedemption
        doc_category = DOC_CATEGORY_DISCOUNTS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, models.RewardRedemption)

    @staticmethod
    def resolve_reward(root: models.RewardRedemption, info: Any) -> Any:
        return RewardByIdLoader(info.context).load(root.reward_id).then(lambda reward: in_channel(reward, None))

    @staticmethod
    def resolve_amount(root: models.RewardRedemption, _info: Any) -> Amount | None:
        return _money(root.amount, root.currency)

    @staticmethod
    def resolve_minimum_spend(root: models.RewardRedemption, _info: Any) -> Amount | None:
        return _money(root.minimum_spend, root.currency)

    @staticmethod
    def resolve_product_variant_id(root: models.RewardRedemption, _info: Any) -> str | None:
        return _variant_id(root.variant_id)

    @staticmethod
    def resolve_code(root: models.RewardRedemption, info: Any) -> Any:
        is_card = root.kind == RewardKind.GIFT_CARD
        permission = GiftcardPermissions.MANAGE_GIFT_CARD if is_card else DiscountPermissions.MANAGE_DISCOUNTS
        return Promise.all(
            [
                has_permission(info, permission),
                OwnersByAccountIdLoader(info.context).load(root.account_id),
            ]
        ).then(lambda facts: root.code if facts[0] or is_one_of(info, facts[1]) else None)

    @staticmethod
    def resolve_order(root: models.RewardRedemption, info: Any) -> Any:
        return None if root.order_id is None else load_order(info, root.order_id)


class RewardRedemptionCountableConnection(CountableConnection):
    class Meta:
        description = "A page of rewards that a customer took, newest first." + ADDED_IN_010
        node = RewardRedemption
        doc_category = DOC_CATEGORY_DISCOUNTS
