"""Tiers as the API shows them. Roots: the rows, and `dataloaders.TierProgress`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.scalars import DateTime, Decimal
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.model import ModelObjectType
from saleor.graphql.core.types.money import Money

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.tiers.dataloaders import TierProgress
from saleor_crm_plugin.graphql.loyalty.tiers.enums import TierBasisEnum, TierDowngradeEnum, TierWindowEnum
from saleor_crm_plugin.graphql.roots import Amount
from saleor_crm_plugin.loyalty.tiers import models
from saleor_crm_plugin.loyalty.tiers.standing import Basis


class LoyaltyTier(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the tier.")
    name = graphene.String(required=True, description="The name, for customers.")
    description = graphene.String(required=True, description="What it brings, for customers.")
    level = graphene.Int(required=True, description="From 1; a higher level is a better tier.")
    threshold = Decimal(
        required=True,
        description="What has to be earned for it: points, or an amount in the policy's currency.",
    )
    earning_multiplier = Decimal(
        required=True, description="How many times the base points its members earn by an order."
    )
    entry_points = graphene.Int(required=True, description="Points for reaching it, once.")

    class Meta:
        description = "A tier of the loyalty program." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.LoyaltyTier
        doc_category = DOC_CATEGORY_DISCOUNTS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, models.LoyaltyTier)


class LoyaltyTierPolicy(BaseObjectType):
    basis = TierBasisEnum(required=True, description="What counts.")
    currency = graphene.String(description="Currency of the thresholds. Null where points count.")
    window = TierWindowEnum(required=True, description="How long it counts.")
    window_days = graphene.Int(description="Length of a rolling window in days. Null if it is in months.")
    window_months = graphene.Int(description="Length of a rolling window in months. Null if it is in days.")
    grace_days = graphene.Int(
        required=True, description="How many days a tier is kept after its threshold has ceased to count."
    )
    downgrade = TierDowngradeEnum(required=True, description="Where a customer goes then.")

    class Meta:
        description = "How tiers are won and lost." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @staticmethod
    def resolve_currency(root: models.TierPolicy, _info: Any) -> str | None:
        return root.currency or None


class LoyaltyTierProgress(BaseObjectType):
    next_tier = graphene.Field(LoyaltyTier, description="The next better tier. Null in the best one.")
    points_to_next = graphene.Int(
        description="Points to earn for the next tier. Null in the best one, and where money counts."
    )
    amount_to_next = graphene.Field(
        Money, description="What to spend for the next tier. Null in the best one, and where points count."
    )
    keep_until = DateTime(
        description="How long the present tier is kept if nothing more is earned. Null without a tier, and if it is "
        "kept for good."
    )
    points_to_keep = graphene.Int(
        description="Points to earn until then, to keep it further: those that will count at that moment. Null where "
        "money counts, and if it is kept for good."
    )
    amount_to_keep = graphene.Field(
        Money,
        description="What to spend until then, to keep it further. Null where points count, and if kept for good.",
    )

    class Meta:
        description = "What is missing to the next tier, and to keep the present one." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @staticmethod
    def resolve_next_tier(root: TierProgress, _info: Any) -> models.LoyaltyTier | None:
        return root.scheme.tier(root.progress.next_level)

    @staticmethod
    def resolve_points_to_next(root: TierProgress, _info: Any) -> int | None:
        return _points(root, root.progress.to_next)

    @staticmethod
    def resolve_amount_to_next(root: TierProgress, _info: Any) -> Amount | None:
        return _money(root, root.progress.to_next)

    @staticmethod
    def resolve_keep_until(root: TierProgress, _info: Any) -> Any:
        return root.progress.keep_until

    @staticmethod
    def resolve_points_to_keep(root: TierProgress, _info: Any) -> int | None:
        return _points(root, root.progress.to_keep)

    @staticmethod
    def resolve_amount_to_keep(root: TierProgress, _info: Any) -> Amount | None:
        return _money(root, root.progress.to_keep)


def _points(root: TierProgress, number: Any) -> int | None:
    return None if number is None or root.scheme.basis != Basis.POINTS_EARNED else int(number)


def _money(root: TierProgress, number: Any) -> Amount | None:
    return (
        None if number is None or root.scheme.basis != Basis.NET_SPEND else Amount(number, root.scheme.policy.currency)
    )
