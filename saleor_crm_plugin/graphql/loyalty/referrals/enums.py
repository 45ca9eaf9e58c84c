"""Enums of referrals."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS

from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.loyalty.referrals.models import ReferralStatus, RefusalReason

ReferralStatusEnum = enum_of(
    "ReferralStatusEnum",
    {
        ReferralStatus.APPLIED: "The friend has not bought yet, or nothing of the first order is kept.",
        ReferralStatus.QUALIFIED: "The first order is there; its return window is not over.",
        ReferralStatus.REWARDED: "The return window is over, and what the rules give was given.",
        ReferralStatus.UNDONE: "The order was cancelled or refunded after that. The points will be taken back within "
        "minutes.",
        ReferralStatus.REVERSED: "They were taken back.",
        ReferralStatus.REFUSED: "It counts for nothing; `refusal` says why.",
    },
    "What became of a referral.",
    DOC_CATEGORY_DISCOUNTS,
)
ReferralRefusalEnum = enum_of(
    "ReferralRefusalEnum",
    {
        RefusalReason.NOT_FOUND: "What was entered is nobody's code.",
        RefusalReason.SELF_REFERRAL: "The code is the customer's own, or of another account with the same mailbox.",
        RefusalReason.ALREADY_CUSTOMER: "The customer has bought before.",
        RefusalReason.ALREADY_REFERRED: "The customer, or somebody with the same mailbox, has applied a code before.",
        RefusalReason.SAME_HOUSEHOLD: "The first order went to an address and last name of the referrer.",
    },
    "Why a referral was refused.",
    DOC_CATEGORY_DISCOUNTS,
)
