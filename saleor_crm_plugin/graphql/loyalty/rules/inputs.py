"""What staff enter for a rule, and how it becomes a definition."""

from __future__ import annotations

import decimal
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import graphene
from saleor.channel.models import Channel
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.scalars import DateTime, Decimal
from saleor.graphql.core.types.base import BaseInputObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.product.models import Category, Collection, Product, ProductType

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.keys import existing_keys
from saleor_crm_plugin.graphql.loyalty.numbers import exact
from saleor_crm_plugin.graphql.loyalty.rules.enums import (
    BuyerTypeEnum,
    EarningRuleEffectEnum,
    EarningRuleStatusEnum,
    EarningRuleTriggerEnum,
    LimitPeriodEnum,
    ReferralSideEnum,
)
from saleor_crm_plugin.graphql.loyalty.segments import slugs_of
from saleor_crm_plugin.graphql.profiles.enums import RfmGroupEnum
from saleor_crm_plugin.loyalty.rules.definition import (
    Conditions,
    CustomerType,
    Effect,
    Limits,
    Period,
    ReferralSide,
    RuleDefinition,
    Trigger,
)
from saleor_crm_plugin.loyalty.rules.validation import AMOUNT_LIMIT, VALUE_PLACES
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier
from saleor_crm_plugin.profiles.models import RFMGroup

MODELS = {
    "product_ids": Product,
    "category_ids": Category,
    "collection_ids": Collection,
    "product_type_ids": ProductType,
    "channel_ids": Channel,
    "tier_ids": LoyaltyTier,
}


class EarningRuleConditionsInput(BaseInputObjectType):
    product_ids = NonNullList(graphene.ID, description="Products that it is for.")
    category_ids = NonNullList(graphene.ID, description="Categories that it is for, with all below them.")
    collection_ids = NonNullList(graphene.ID, description="Collections that it is for.")
    product_type_ids = NonNullList(graphene.ID, description="Product types that it is for.")
    minimum_subtotal = Decimal(description="Smallest price of the lines before points, with tax.")
    segments = NonNullList(RfmGroupEnum, description="Groups of customers that it is for.")
    customer_segments = NonNullList(
        graphene.ID,
        description="Customer segments that it is for. With `segments`: who is in any of the groups or segments.",
    )
    buyer_type = BuyerTypeEnum(description="Who the order must be billed to.")
    tier_ids = NonNullList(graphene.ID, description="Tiers of customers that it is for.")

    class Meta:
        description = "What a rule is restricted to. What is left out restricts nothing." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS


class EarningRuleLimitsInput(BaseInputObjectType):
    points_per_order = graphene.Int(description="Most points for one order.")
    points_per_customer = graphene.Int(description="Most points for one customer, in each period.")
    uses_per_customer = graphene.Int(description="How often one customer gets points, in each period.")
    points_in_total = graphene.Int(description="Most points for all customers together.")
    period = LimitPeriodEnum(description="What the limits for one customer apply to. Without it, for good.")

    class Meta:
        description = "The most that a rule gives. What is left out is not limited." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS


class LoyaltyEarningRuleInput(BaseInputObjectType):
    name = graphene.String(description="The name; customers see it where points are explained.")
    status = EarningRuleStatusEnum(description="Whether it is in force. A new rule is OFF unless this says otherwise.")
    trigger = EarningRuleTriggerEnum(description="What it gives points for. A new rule: ORDER.")
    effect = EarningRuleEffectEnum(description="What it does. A new rule needs it.")
    value = Decimal(description="How much, by `effect`. A new rule needs it.")
    channel_ids = NonNullList(graphene.ID, description="Channels that it is for. Empty: all.")
    starts_at = DateTime(description="What was placed, or happened, before earns nothing by it.")
    ends_at = DateTime(description="What is placed, or happens, from this moment on earns nothing by it.")
    weekdays = NonNullList(graphene.Int, description="Days that earn by it, 0 is Monday. Empty: all.")
    conditions = graphene.Field(
        EarningRuleConditionsInput, description="What it is restricted to; replaces all conditions at once."
    )
    limits = graphene.Field(EarningRuleLimitsInput, description="The most that it gives; replaces all limits at once.")
    priority = graphene.Int(description="Rules with a higher number go first.")
    stackable = graphene.Boolean(description="False: no other rule on the same line.")
    referral_side = ReferralSideEnum(description="Which of the two a rule for referrals is for. Null: both.")
    expires_after_months = graphene.Int(description="When points expire that are not given for an order. Null: never.")

    class Meta:
        description = "What a rule says. In an update, what is left out stays." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS


def definition_of(data: Mapping[str, Any], before: RuleDefinition | None) -> RuleDefinition:
    """What the rule says after the input.

    Args:
        before: what it said; None for a new rule.

    Raises:
        LoyaltyInputError, ValidationError: with the field at fault.
    """
    if before is None:
        before = RuleDefinition(Trigger.ORDER, _required(data, "effect", Effect), _required(data, "value", _number))
    changes: dict[str, Any] = {}
    for name, parse in (("trigger", Trigger), ("effect", Effect), ("value", _number), ("weekdays", frozenset)):
        if data.get(name) is not None:
            changes[name] = parse(data[name])
    for name in ("priority", "stackable"):
        if data.get(name) is not None:
            changes[name] = data[name]
    for name in ("starts_at", "ends_at"):
        if name in data:
            changes[name] = data[name]
    if "referral_side" in data:
        changes["referral_side"] = ReferralSide(data["referral_side"]) if data["referral_side"] else None
    if "expires_after_months" in data:
        changes["expires_after_months"] = data["expires_after_months"]
    if data.get("channel_ids") is not None:
        changes["channel_ids"] = _keys("channel_ids", data["channel_ids"])
    if "conditions" in data:
        changes["conditions"] = _conditions(data["conditions"] or {})
    if "limits" in data:
        changes["limits"] = _limits(data["limits"] or {})
    return replace(before, **changes)


def _conditions(data: Mapping[str, Any]) -> Conditions:
    found: dict[str, Any] = {}
    for name in ("product_ids", "category_ids", "collection_ids", "product_type_ids"):
        if data.get(name) is not None:
            found[name] = _keys(name, _not_empty(name, data[name]))
    if data.get("tier_ids") is not None:
        found["tier_ids"] = _keys("tier_ids", _not_empty("tier_ids", data["tier_ids"]))
    if data.get("segments") is not None:
        segments = _not_empty("segments", data["segments"])
        found["segments"] = frozenset(RFMGroup(value).name for value in segments)
    if data.get("customer_segments") is not None:
        slugs = slugs_of("customer_segments", _not_empty("customer_segments", data["customer_segments"]))
        found["segments"] = found.get("segments", frozenset()) | slugs
    if data.get("minimum_subtotal") is not None:
        found["minimum_subtotal"] = _number(data["minimum_subtotal"])
    if data.get("buyer_type") is not None:
        found["customer_type"] = CustomerType(data["buyer_type"])
    return Conditions(**found)


def _limits(data: Mapping[str, Any]) -> Limits:
    given = {name: value for name, value in data.items() if value is not None}
    if "period" in given:
        given["period"] = Period(given["period"])
    return Limits(**given)


def _not_empty(name: str, values: list[Any]) -> list[Any]:
    if not values:
        raise LoyaltyInputError("An empty condition matches nothing: name one, or leave it out.", "INVALID", name)
    return values


def _keys(name: str, global_ids: list[str]) -> frozenset[int]:
    model: Any = MODELS[name]
    rows = model.objects.filter(deleted_at__isnull=True) if model is LoyaltyTier else model.objects.all()
    return existing_keys(rows, name, global_ids)


def _number(value: Any) -> decimal.Decimal:
    return exact(decimal.Decimal(value), VALUE_PLACES, AMOUNT_LIMIT)


def _required(data: Mapping[str, Any], name: str, parse: Any) -> Any:
    if data.get(name) is None:
        raise LoyaltyInputError("A new rule needs it.", "REQUIRED", name)
    return parse(data[name])
