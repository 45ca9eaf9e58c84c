"""Enums of the loyalty fields."""

from __future__ import annotations

from enum import StrEnum

from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS

from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.loyalty.models import TransactionType
from saleor_crm_plugin.loyalty.redemption import Limit


class LoyaltyCode(StrEnum):
    """Why a change of points was refused. `RedemptionError.code` holds the name of one."""

    GRAPHQL_ERROR = "graphql_error"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    REQUIRED = "required"
    INSUFFICIENT_POINTS = "insufficient_points"
    BELOW_MINIMUM = "below_minimum"
    CHECKOUT_EMPTY = "checkout_empty"
    VOUCHER_ALREADY_APPLIED = "voucher_already_applied"
    PROMOTION_WORTH_MORE = "promotion_worth_more"
    LOYALTY_DISABLED = "loyalty_disabled"
    NOT_APPLICABLE = "not_applicable"
    ACCOUNT_CLOSED = "account_closed"
    NOT_AVAILABLE = "not_available"
    OUT_OF_STOCK = "out_of_stock"
    TIER_TOO_LOW = "tier_too_low"
    NOT_IN_SEGMENT = "not_in_segment"
    LIMIT_REACHED = "limit_reached"
    ALREADY_USED = "already_used"
    SELF_REFERRAL = "self_referral"
    ALREADY_CUSTOMER = "already_customer"
    ALREADY_REFERRED = "already_referred"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    OVERLAPPING = "overlapping"


LoyaltyErrorCode = enum_of(
    "LoyaltyErrorCode",
    {
        LoyaltyCode.GRAPHQL_ERROR: "An argument has the wrong form, for example an ID of another type.",
        LoyaltyCode.NOT_FOUND: "There is no such object, or it is not yours.",
        LoyaltyCode.INVALID: "A value is out of range.",
        LoyaltyCode.REQUIRED: "A value is missing.",
        LoyaltyCode.INSUFFICIENT_POINTS: "There are not enough points to spend.",
        LoyaltyCode.BELOW_MINIMUM: "Fewer points than must be spent at once.",
        LoyaltyCode.CHECKOUT_EMPTY: "There is nothing in the checkout that points could pay for.",
        LoyaltyCode.VOUCHER_ALREADY_APPLIED: "Another voucher is on the checkout.",
        LoyaltyCode.PROMOTION_WORTH_MORE: (
            "A promotion takes as much or more off the order, and would not beside points as a voucher."
        ),
        LoyaltyCode.LOYALTY_DISABLED: "Points cannot be spent in this channel, or no rule rewards referrals.",
        LoyaltyCode.NOT_APPLICABLE: "It does not fit this checkout, channel or entry.",
        LoyaltyCode.ACCOUNT_CLOSED: "The account takes no new points and spends none.",
        LoyaltyCode.NOT_AVAILABLE: "It is not on offer yet, or not any more.",
        LoyaltyCode.OUT_OF_STOCK: "All have been taken.",
        LoyaltyCode.TIER_TOO_LOW: "It is for customers of a higher tier.",
        LoyaltyCode.NOT_IN_SEGMENT: "It is for other groups of customers.",
        LoyaltyCode.LIMIT_REACHED: "The customer has as many as one customer can have.",
        LoyaltyCode.ALREADY_USED: "It was used, is being used, or staff have lowered the card's balance.",
        LoyaltyCode.SELF_REFERRAL: "The code is the customer's own.",
        LoyaltyCode.ALREADY_CUSTOMER: "A code counts before the first order only.",
        LoyaltyCode.ALREADY_REFERRED: "The customer, or somebody with the same mailbox, has applied a code before.",
        LoyaltyCode.TOO_MANY_ATTEMPTS: "Too many codes were tried: later again.",
        LoyaltyCode.OVERLAPPING: "It overlaps with another one; the message says which.",
    },
    "Why a change of points was refused.",
    DOC_CATEGORY_DISCOUNTS,
)

PointsTransactionTypeEnum = enum_of(
    "PointsTransactionTypeEnum",
    {
        TransactionType.EARN: "Points awarded for an order.",
        TransactionType.EARN_REVERSAL: "Points taken back because the order was refunded or cancelled, "
        "or the friend's first order was.",
        TransactionType.EARN_ACTION: "Points for something other than an order, for example signing up.",
        TransactionType.REFERRAL: "Points for bringing a friend, or for being brought.",
        TransactionType.TIER_GIFT: "Points for reaching a tier.",
        TransactionType.REDEEM: "Points spent on an order or a reward.",
        TransactionType.REDEEM_REVERSAL: "Points given back because the order they paid was cancelled or refunded, "
        "or the reward was given back.",
        TransactionType.EXPIRE: "Points that were not spent in time.",
        TransactionType.ADJUST: "A correction by staff.",
        TransactionType.VOID: "A correction by staff that was taken back, or entry points of a tier that both of two "
        "merged customers had.",
        TransactionType.REINSTATE: "Expired points that staff gave back.",
        TransactionType.WAIVER: "Points owed that the shop does not ask for; below 0, once they are earned again or "
        "come back from what they were spent on.",
        TransactionType.MERGE_OUT: "Points that moved to another account of the same person.",
        TransactionType.MERGE_IN: "Points that came from another account of the same person.",
        TransactionType.IMPORT: "Points brought along from another loyalty system.",
    },
    "Why points moved.",
    DOC_CATEGORY_DISCOUNTS,
)

PointsLimitEnum = enum_of(
    "PointsLimitEnum",
    {
        Limit.BALANCE: "The customer has no more points to spend.",
        Limit.SHARE: "The shop lets points pay for a part of a checkout only.",
        Limit.CHECKOUT_TOTAL: "The checkout costs no more.",
        Limit.ROUNDING: "The last points are worth less than the smallest coin.",
    },
    "Why fewer points were applied than asked for.",
    DOC_CATEGORY_DISCOUNTS,
)
