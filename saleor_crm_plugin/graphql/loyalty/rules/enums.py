"""Enums of the earning rules."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS

from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.loyalty.rules.definition import CustomerType, Effect, Period, ReferralSide, Trigger
from saleor_crm_plugin.loyalty.rules.models import RuleStatus

EarningRuleTriggerEnum = enum_of(
    "EarningRuleTriggerEnum",
    {
        Trigger.ORDER: "Every order.",
        Trigger.FIRST_ORDER: "A customer's first order.",
        Trigger.SIGN_UP: "Signing up, once the e-mail address is confirmed.",
        Trigger.BIRTHDAY: "A birthday, once in a year. The date is in the user's private metadata, key `birthday`.",
        Trigger.FEEDBACK: "Rating an order, once for each order.",
        Trigger.REFERRAL: "Bringing a friend, or being brought, once the return window of the friend's first order is "
        "over.",
    },
    "What a rule gives points for.",
    DOC_CATEGORY_DISCOUNTS,
)
EarningRuleEffectEnum = enum_of(
    "EarningRuleEffectEnum",
    {
        Effect.POINTS_PER_AMOUNT: "`value` points more for each unit of the channel's currency.",
        Effect.FIXED_POINTS: "`value` points more, once per order, or for what else the rule is for.",
        Effect.MULTIPLIER: "`value` times the channel's base points: 2 adds them once more.",
    },
    "What a rule does.",
    DOC_CATEGORY_DISCOUNTS,
)
ReferralSideEnum = enum_of(
    "ReferralSideEnum",
    {ReferralSide.REFERRER: "Who brought a friend.", ReferralSide.FRIEND: "Who was brought."},
    "One of the two in a referral.",
    DOC_CATEGORY_DISCOUNTS,
)
EarningRuleStatusEnum = enum_of(
    "EarningRuleStatusEnum",
    {
        RuleStatus.LIVE: "It gives points.",
        RuleStatus.DRY_RUN: "It is computed and recorded, but gives no points.",
        RuleStatus.OFF: "It does nothing.",
    },
    "Whether a rule is in force.",
    DOC_CATEGORY_DISCOUNTS,
)
LimitPeriodEnum = enum_of(
    "LimitPeriodEnum",
    {Period.DAY: "A day.", Period.WEEK: "Monday to Sunday.", Period.MONTH: "A month.", Period.YEAR: "A year."},
    "A calendar period: of orders in UTC, of what customers do otherwise by the shop's clock.",
    DOC_CATEGORY_DISCOUNTS,
)
BuyerTypeEnum = enum_of(
    "BuyerTypeEnum",
    {
        CustomerType.BUSINESS: "Billed to a company.",
        CustomerType.CONSUMER: "Billed to a person.",
    },
    "Who an order is billed to.",
    DOC_CATEGORY_DISCOUNTS,
)
