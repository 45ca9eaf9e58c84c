"""Enums of the loyalty fields."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.types.base import BaseEnum

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.loyalty.models import TransactionType

_TYPES = {
    TransactionType.EARN: "Points awarded for an order.",
    TransactionType.EARN_REVERSAL: "Points taken back because the order was refunded or cancelled.",
    TransactionType.REDEEM: "Points spent on an order.",
    TransactionType.REDEEM_REVERSAL: "Points given back because the order that they paid was cancelled or refunded.",
    TransactionType.EXPIRE: "Points that were not spent in time.",
    TransactionType.ADJUST: "A correction by staff.",
}


class PointsTransactionTypeEnum(BaseEnum):
    EARN = TransactionType.EARN.value
    EARN_REVERSAL = TransactionType.EARN_REVERSAL.value
    REDEEM = TransactionType.REDEEM.value
    REDEEM_REVERSAL = TransactionType.REDEEM_REVERSAL.value
    EXPIRE = TransactionType.EXPIRE.value
    ADJUST = TransactionType.ADJUST.value

    class Meta:
        description = "Why points moved." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @property
    def description(self) -> str:
        return _TYPES[TransactionType(self.value)]


_LIMITS = {
    "balance": "The customer has no more points to spend.",
    "share": "The shop lets points pay for a part of a checkout only.",
    "checkout_total": "The checkout costs no more.",
    "rounding": "The last points are worth less than the smallest coin.",
}


class PointsLimitEnum(BaseEnum):
    BALANCE = "balance"
    SHARE = "share"
    CHECKOUT_TOTAL = "checkout_total"
    ROUNDING = "rounding"

    class Meta:
        description = "Why fewer points were applied than asked for." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @property
    def description(self) -> str:
        return _LIMITS[self.value]


_ERRORS = {
    "graphql_error": "An argument has the wrong form, for example an ID of another type.",
    "not_found": "There is no such object, or it is not yours.",
    "invalid": "A value is out of range.",
    "required": "A value is missing.",
    "insufficient_points": "There are not enough points to spend.",
    "below_minimum": "Fewer points than must be spent at once.",
    "checkout_empty": "There is nothing in the checkout that points could pay for.",
    "voucher_already_applied": "Another voucher is on the checkout.",
    "loyalty_disabled": "Points cannot be spent in this channel.",
    "not_applicable": "Saleor does not accept the points on this checkout.",
    "account_closed": "The account takes no new points and spends none.",
}


class LoyaltyErrorCode(BaseEnum):
    GRAPHQL_ERROR = "graphql_error"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    REQUIRED = "required"
    INSUFFICIENT_POINTS = "insufficient_points"
    BELOW_MINIMUM = "below_minimum"
    CHECKOUT_EMPTY = "checkout_empty"
    VOUCHER_ALREADY_APPLIED = "voucher_already_applied"
    LOYALTY_DISABLED = "loyalty_disabled"
    NOT_APPLICABLE = "not_applicable"
    ACCOUNT_CLOSED = "account_closed"

    class Meta:
        description = "Why a change of points was refused." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @property
    def description(self) -> str:
        return _ERRORS[self.value]
