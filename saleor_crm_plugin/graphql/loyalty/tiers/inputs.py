"""What staff enter for tiers."""

from __future__ import annotations

import decimal
from collections.abc import Mapping
from typing import Any

import graphene
from saleor.channel.models import Channel
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.scalars import Decimal
from saleor.graphql.core.types.base import BaseInputObjectType

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.numbers import exact
from saleor_crm_plugin.graphql.loyalty.tiers.enums import TierBasisEnum, TierDowngradeEnum, TierWindowEnum
from saleor_crm_plugin.loyalty.tiers.editing import (
    DESCRIPTION_MAX_LENGTH,
    ENTRY_POINTS_LIMIT,
    GRACE_DAYS_LIMIT,
    LEVEL_LIMIT,
    MULTIPLIER_LIMIT,
    MULTIPLIER_PLACES,
    NAME_MAX_LENGTH,
    THRESHOLD_LIMIT,
    THRESHOLD_PLACES,
    WINDOW_DAYS_LIMIT,
    WINDOW_MONTHS_LIMIT,
)


class LoyaltyTierInput(BaseInputObjectType):
    name = graphene.String(description=f"The name, for customers; 1 to {NAME_MAX_LENGTH} characters.")
    description = graphene.String(
        description=f"What it brings, for customers; up to {DESCRIPTION_MAX_LENGTH} characters."
    )
    level = graphene.Int(description=f"1 to {LEVEL_LIMIT}; a higher level is a better tier.")
    threshold = Decimal(
        description="What has to be earned for it: points, or an amount in the policy's currency. It rises with the "
        "level; 0 is a tier for everybody."
    )
    earning_multiplier = Decimal(
        description=f"How many times the base points its members earn by an order, 1 to {MULTIPLIER_LIMIT}. "
        "A new tier: 1."
    )
    entry_points = graphene.Int(
        description=f"Points for reaching it, once; up to {ENTRY_POINTS_LIMIT}. They do not count towards a tier. "
        "A new tier: 0."
    )

    class Meta:
        description = "What a tier asks and brings. A new one needs name, level and threshold." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS


class LoyaltyTierPolicyInput(BaseInputObjectType):
    basis = TierBasisEnum(description="What counts.")
    currency = graphene.String(description="Currency of the thresholds, as of a channel; where money counts.")
    window = TierWindowEnum(description="How long it counts.")
    window_days = graphene.Int(description=f"Length of a rolling window in days, up to {WINDOW_DAYS_LIMIT}.")
    window_months = graphene.Int(description=f"Length of a rolling window in months, up to {WINDOW_MONTHS_LIMIT}.")
    grace_days = graphene.Int(
        description=f"How many days a tier is kept after its threshold has ceased to count, up to {GRACE_DAYS_LIMIT}."
    )
    downgrade = TierDowngradeEnum(description="Where a customer goes then.")

    class Meta:
        description = "How tiers are won and lost. What is left out stays." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS


def tier_values(data: Mapping[str, Any]) -> dict[str, Any]:
    """What an input says of a tier, for `tiers.editing`."""
    values = {name: value for name, value in data.items() if value is not None}
    for name, places, limit in (
        ("threshold", THRESHOLD_PLACES, THRESHOLD_LIMIT),
        ("earning_multiplier", MULTIPLIER_PLACES, MULTIPLIER_LIMIT),
    ):
        if name in values:
            values[name] = exact(decimal.Decimal(values[name]), places, limit)
    return values


def policy_values(data: Mapping[str, Any]) -> dict[str, Any]:
    """What an input says of the policy, for `tiers.editing`.

    Raises:
        LoyaltyInputError: no channel has the currency.
    """
    values = {name: value for name, value in data.items() if value is not None}
    currency = values.get("currency")
    if currency and not Channel.objects.filter(currency_code=currency).exists():
        raise LoyaltyInputError("No channel sells in this currency.", "INVALID", "currency")
    return values
