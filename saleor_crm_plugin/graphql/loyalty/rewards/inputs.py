"""What staff enter for a reward, and how it becomes a definition."""

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
from saleor.product.models import ProductVariant

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.keys import existing_keys
from saleor_crm_plugin.graphql.loyalty.numbers import exact
from saleor_crm_plugin.graphql.loyalty.rewards.enums import LoyaltyRewardKindEnum
from saleor_crm_plugin.graphql.loyalty.segments import slugs_of
from saleor_crm_plugin.graphql.mutations import key_argument
from saleor_crm_plugin.graphql.profiles.enums import RfmGroupEnum
from saleor_crm_plugin.ingestion.currencies import currency_places
from saleor_crm_plugin.loyalty.rewards.definition import AMOUNT_LIMIT, Reward, RewardKind
from saleor_crm_plugin.loyalty.segment_names import groups_among, slugs_among
from saleor_crm_plugin.profiles.models import RFMGroup

# Beyond the places that any currency has; what a float adds stands further behind.
FLOAT_PLACES = 6


class LoyaltyRewardInput(BaseInputObjectType):
    name = graphene.String(description="The name. Buyers read it beside the discount. A new reward needs it.")
    description = graphene.String(description="What customers should know.")
    kind = LoyaltyRewardKindEnum(description="What the customer gets. A new reward needs it; it stays.")
    cost = graphene.Int(description="Points that it costs. A new reward needs it.")
    percentage = Decimal(description="Of VOUCHER_PERCENTAGE: how much comes off, in percent.")
    amount = Decimal(description="Of VOUCHER_FIXED and GIFT_CARD: what it is worth, in `currency`.")
    currency = graphene.String(description="The only currency that it is for. `amount` and `minimumSpend` need it.")
    minimum_spend = Decimal(description="What the goods of the order must cost for the voucher to apply.")
    product_variant_id = graphene.ID(description="Of PRODUCT: the variant that is free.")
    channel_ids = NonNullList(graphene.ID, description="Channels that it is for. Empty: all.")
    stock = graphene.Int(description="How many customers can take in all. Null: any number.")
    limit_per_customer = graphene.Int(description="How many one customer can have. Null: any number.")
    starts_at = DateTime(description="Cannot be taken before.")
    ends_at = DateTime(description="Cannot be taken from this moment on.")
    valid_days = graphene.Int(description="For how many days the code can be used. Null: without end.")
    minimum_tier_id = graphene.ID(description="The ID of the lowest LoyaltyTier of those who can take it.")
    segments = NonNullList(RfmGroupEnum, description="Groups of customers that it is for.")
    customer_segments = NonNullList(
        graphene.ID,
        description="Customer segments that it is for. Who is in any of the groups or segments can take it; without "
        "either, anybody.",
    )
    is_active = graphene.Boolean(description="Whether it is offered at all. A new reward is not unless this says so.")

    class Meta:
        description = "What a reward is. In an update, what is left out stays." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS


def definition_of(data: Mapping[str, Any], before: Reward | None) -> Reward:
    """What the reward is after the input.

    Args:
        before: what it was; None for a new one.

    Raises:
        LoyaltyInputError, ValidationError: with the field at fault.
    """
    if before is None:
        before = Reward(
            name=_required(data, "name"), kind=RewardKind(_required(data, "kind")), cost=_required(data, "cost")
        )
    changes: dict[str, Any] = {}
    for name in ("name", "cost", "is_active"):
        if data.get(name) is not None:
            changes[name] = data[name]
    if data.get("kind") is not None:
        changes["kind"] = RewardKind(data["kind"])
    for name in ("stock", "limit_per_customer", "starts_at", "ends_at", "valid_days"):
        if name in data:
            changes[name] = data[name]
    for name in ("percentage", "amount", "minimum_spend"):
        if name in data:
            changes[name] = _number(data[name])
    for name in ("description", "currency"):
        if name in data:
            changes[name] = (data[name] or "").strip()
    if "product_variant_id" in data:
        changes["variant_id"] = _variant(data["product_variant_id"])
    if "minimum_tier_id" in data:
        given = data["minimum_tier_id"]
        changes["tier_id"] = (
            None if given is None else key_argument(integer_key, given, "LoyaltyTier", "minimum_tier_id")
        )
    if data.get("channel_ids") is not None:
        changes["channel_ids"] = existing_keys(Channel.objects.all(), "channel_ids", data["channel_ids"])
    changes["segments"] = _segments(data, before.segments)
    reward = replace(before, **changes)
    if reward.currency:
        _check_currency(reward, replace(before, currency="") if "currency" in data else before)
    return reward


def _check_currency(reward: Reward, before: Reward) -> None:
    """The shop sells in the currency, in all channels of the reward, and its coins allow the amounts."""
    if reward.currency != before.currency or reward.channel_ids != before.channel_ids:
        channels = dict(Channel.objects.values_list("pk", "currency_code"))
        if reward.currency not in channels.values():
            raise LoyaltyInputError("No channel has this currency.", "NOT_FOUND", "currency")
        if any(channels.get(channel_id, reward.currency) != reward.currency for channel_id in reward.channel_ids):
            raise LoyaltyInputError("A channel has another currency than the reward.", "INVALID", "channelIds")
    places = currency_places(reward.currency)
    for field, amount in (("amount", reward.amount), ("minimumSpend", reward.minimum_spend)):
        # What is out of every range, the reward refuses.
        if amount is not None and amount.copy_abs() <= AMOUNT_LIMIT and amount != round(amount, places):
            raise LoyaltyInputError(f"{reward.currency} has {places} decimal places.", "INVALID", field)


def _segments(data: Mapping[str, Any], before: frozenset[str]) -> frozenset[str]:
    """Groups and customer segments. The kind that the input leaves out stays."""
    groups, slugs = groups_among(before), slugs_among(before)
    if data.get("segments") is not None:
        groups = frozenset(RFMGroup(value).name for value in data["segments"])
    if data.get("customer_segments") is not None:
        slugs = slugs_of("customer_segments", data["customer_segments"])
    return groups | slugs


def _variant(global_id: str | None) -> int | None:
    if global_id is None:
        return None
    (key,) = existing_keys(ProductVariant.objects.all(), "product_variant_id", [global_id])
    return key


def _number(value: Any) -> decimal.Decimal | None:
    return None if value is None else exact(decimal.Decimal(value), FLOAT_PLACES, AMOUNT_LIMIT)


def _required(data: Mapping[str, Any], name: str) -> Any:
    if data.get(name) is None:
        raise LoyaltyInputError("A new reward needs it.", "REQUIRED", name)
    return data[name]
