"""Enums of the rewards."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS

from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.loyalty.rewards.definition import RewardKind
from saleor_crm_plugin.loyalty.rewards.models import RedemptionStatus

LoyaltyRewardKindEnum = enum_of(
    "LoyaltyRewardKindEnum",
    {
        RewardKind.VOUCHER_PERCENTAGE: "`percentage` off all goods of an order.",
        RewardKind.VOUCHER_FIXED: "`amount` off all goods of an order.",
        RewardKind.FREE_SHIPPING: "Shipping of an order for nothing.",
        RewardKind.GIFT_CARD: "A gift card over `amount`.",
        RewardKind.PRODUCT: "One piece of a product for nothing, in an order that it is put into.",
    },
    "What a customer gets for the points.",
    DOC_CATEGORY_DISCOUNTS,
)
RewardRedemptionStatusEnum = enum_of(
    "RewardRedemptionStatusEnum",
    {
        RedemptionStatus.ISSUED: "The code can be used.",
        RedemptionStatus.USED: "An order has used the code.",
        RedemptionStatus.RETURNED: "It was given back, and the points with it.",
        RedemptionStatus.EXPIRED: "It was not used in time. The points stay spent.",
    },
    "What became of a reward that a customer took.",
    DOC_CATEGORY_DISCOUNTS,
)
