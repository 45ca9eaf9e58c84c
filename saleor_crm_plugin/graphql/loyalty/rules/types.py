"""Earning rules as the API shows them. Root of `LoyaltyEarningRule`: the row; of its parts: the pure definition."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.connection import CountableConnection
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.scalars import DateTime, Decimal
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.graphql.core.types.model import ModelObjectType

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.rules.dataloaders import RuleUsesByRuleIdLoader
from saleor_crm_plugin.graphql.loyalty.rules.enums import (
    BuyerTypeEnum,
    EarningRuleEffectEnum,
    EarningRuleStatusEnum,
    EarningRuleTriggerEnum,
    LimitPeriodEnum,
    ReferralSideEnum,
)
from saleor_crm_plugin.graphql.loyalty.segments import NamedCustomerSegment, named_segments
from saleor_crm_plugin.graphql.profiles.enums import RfmGroupEnum
from saleor_crm_plugin.loyalty.rules import models
from saleor_crm_plugin.loyalty.rules.definition import Conditions, RuleDefinition
from saleor_crm_plugin.loyalty.segment_names import groups_among
from saleor_crm_plugin.profiles.models import RFMGroup


def _ids(type_name: str, keys: Any) -> list[str]:
    return [graphene.Node.to_global_id(type_name, key) for key in sorted(keys)]


class EarningRuleConditions(BaseObjectType):
    product_ids = NonNullList(graphene.ID, required=True, description="Products that it is for.")
    category_ids = NonNullList(graphene.ID, required=True, description="Categories that it is for, with all below.")
    collection_ids = NonNullList(graphene.ID, required=True, description="Collections that it is for.")
    product_type_ids = NonNullList(graphene.ID, required=True, description="Product types that it is for.")
    minimum_subtotal = Decimal(description="Smallest price of the lines before points, with tax. Null: any price.")
    segments = NonNullList(RfmGroupEnum, required=True, description="Groups of customers that it is for.")
    customer_segments = NonNullList(
        NamedCustomerSegment, required=True, description="Customer segments that it is for, by slug."
    )
    buyer_type = BuyerTypeEnum(description="Who the order must be billed to. Null if that does not matter.")
    tier_ids = NonNullList(graphene.ID, required=True, description="Tiers of customers that it is for.")

    class Meta:
        description = (
            "What a rule is restricted to. A line must be in any of the products, categories, collections and product "
            "types; the customer in any of the groups and segments; all other conditions must hold. An empty list "
            "restricts nothing." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS

    @staticmethod
    def resolve_product_ids(root: Conditions, _info: Any) -> list[str]:
        return _ids("Product", root.product_ids)

    @staticmethod
    def resolve_category_ids(root: Conditions, _info: Any) -> list[str]:
        return _ids("Category", root.category_ids)

    @staticmethod
    def resolve_collection_ids(root: Conditions, _info: Any) -> list[str]:
        return _ids("Collection", root.collection_ids)

    @staticmethod
    def resolve_product_type_ids(root: Conditions, _info: Any) -> list[str]:
        return _ids("ProductType", root.product_type_ids)

    @staticmethod
    def resolve_tier_ids(root: Conditions, _info: Any) -> list[str]:
        return _ids("LoyaltyTier", root.tier_ids)

    @staticmethod
    def resolve_segments(root: Conditions, _info: Any) -> list[str]:
        return [RFMGroup[name].value for name in sorted(groups_among(root.segments))]

    @staticmethod
    def resolve_customer_segments(root: Conditions, info: Any) -> Any:
        return named_segments(root.segments, info)

    @staticmethod
    def resolve_buyer_type(root: Conditions, _info: Any) -> str | None:
        return root.customer_type.value if root.customer_type else None


class EarningRuleLimits(BaseObjectType):
    points_per_order = graphene.Int(description="Most points for one order.")
    points_per_customer = graphene.Int(description="Most points for one customer, in each period.")
    uses_per_customer = graphene.Int(description="How often one customer gets points, in each period.")
    points_in_total = graphene.Int(description="Most points for all customers together.")
    period = LimitPeriodEnum(description="What the limits for one customer apply to. Null: for good.")

    class Meta:
        description = "The most that a rule gives; null is no limit." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS


class EarningRuleUses(BaseObjectType):
    # Sums over all customers may be more than an Int holds.
    points = graphene.Float(required=True, description="Points that it gave, less those taken back.")
    customers = graphene.Int(required=True, description="Customers who got some.")
    dry_run_points = graphene.Float(required=True, description="Points that it would have given while on trial.")

    class Meta:
        description = "What a rule has given so far." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS


class LoyaltyEarningRule(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the rule.")
    name = graphene.String(required=True, description="The name; customers see it where points are explained.")
    status = EarningRuleStatusEnum(required=True, description="Whether it is in force.")
    version = graphene.Int(required=True, description="Goes up by one with each edit of what follows.")
    trigger = EarningRuleTriggerEnum(required=True, description="What it gives points for.")
    effect = EarningRuleEffectEnum(required=True, description="What it does.")
    value = Decimal(required=True, description="How much, by `effect`.")
    channel_ids = NonNullList(graphene.ID, required=True, description="Channels that it is for; empty: all.")
    starts_at = DateTime(description="What was placed, or happened, before earns nothing by it.")
    ends_at = DateTime(description="What is placed, or happens, from this moment on earns nothing by it.")
    weekdays = NonNullList(graphene.Int, required=True, description="Days that earn by it, 0 is Monday; empty: all.")
    conditions = graphene.Field(EarningRuleConditions, required=True, description="What it is restricted to.")
    limits = graphene.Field(EarningRuleLimits, required=True, description="The most that it gives.")
    priority = graphene.Int(required=True, description="Rules with a higher number go first.")
    stackable = graphene.Boolean(
        required=True,
        description="False: on a line where it applies no other rule does, and where another applied before it does "
        "not.",
    )
    referral_side = ReferralSideEnum(description="Which of the two a rule for referrals is for. Null: both.")
    expires_after_months = graphene.Int(
        description="When points expire that were not given for an order. Null: never. Those for orders expire as the "
        "channel says."
    )
    in_force_since = DateTime(
        description="Since when it has had its status and trigger; null while it is off. What is no order and happened "
        "before earns nothing by it."
    )
    uses = graphene.Field(EarningRuleUses, required=True, description="What it has given so far.")

    class Meta:
        description = "A rule that gives points beyond the channel's points per unit of currency." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.EarningRule
        doc_category = DOC_CATEGORY_DISCOUNTS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, models.EarningRule)

    @staticmethod
    def resolve_trigger(root: models.EarningRule, _info: Any) -> str:
        return _definition(root).trigger.value

    @staticmethod
    def resolve_effect(root: models.EarningRule, _info: Any) -> str:
        return _definition(root).effect.value

    @staticmethod
    def resolve_value(root: models.EarningRule, _info: Any) -> Any:
        return _definition(root).value

    @staticmethod
    def resolve_channel_ids(root: models.EarningRule, _info: Any) -> list[str]:
        return _ids("Channel", _definition(root).channel_ids)

    @staticmethod
    def resolve_starts_at(root: models.EarningRule, _info: Any) -> Any:
        return _definition(root).starts_at

    @staticmethod
    def resolve_ends_at(root: models.EarningRule, _info: Any) -> Any:
        return _definition(root).ends_at

    @staticmethod
    def resolve_weekdays(root: models.EarningRule, _info: Any) -> list[int]:
        return sorted(_definition(root).weekdays)

    @staticmethod
    def resolve_conditions(root: models.EarningRule, _info: Any) -> Conditions:
        return _definition(root).conditions

    @staticmethod
    def resolve_limits(root: models.EarningRule, _info: Any) -> Any:
        return _definition(root).limits

    @staticmethod
    def resolve_priority(root: models.EarningRule, _info: Any) -> int:
        return _definition(root).priority

    @staticmethod
    def resolve_stackable(root: models.EarningRule, _info: Any) -> bool:
        return _definition(root).stackable

    @staticmethod
    def resolve_referral_side(root: models.EarningRule, _info: Any) -> str | None:
        side = _definition(root).referral_side
        return side.value if side else None

    @staticmethod
    def resolve_expires_after_months(root: models.EarningRule, _info: Any) -> int | None:
        return _definition(root).expires_after_months

    @staticmethod
    def resolve_uses(root: models.EarningRule, info: Any) -> Any:
        return RuleUsesByRuleIdLoader(info.context).load(root.pk)


class LoyaltyEarningRuleCountableConnection(CountableConnection):
    class Meta:
        description = "A page of earning rules." + ADDED_IN_010
        node = LoyaltyEarningRule
        doc_category = DOC_CATEGORY_DISCOUNTS


def _definition(rule: models.EarningRule) -> RuleDefinition:
    return RuleDefinition.from_json(rule.definition)
