"""What a reward is, what it costs, and who may have it when. Pure.

A `Reward` is the catalogue's entry as it stands; what a customer took is a copy of it (`models.RewardRedemption`), so
that an edit changes nothing that was taken before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from saleor_crm_plugin.exceptions import LoyaltyInputError

NAME_MAX_LENGTH = 128
DESCRIPTION_MAX_LENGTH = 2_000
# As for all points: GraphQL's Int goes no further.
COUNT_LIMIT = 2**31 - 1
AMOUNT_LIMIT = Decimal(1_000_000_000)
AMOUNT_PLACES = 3
PERCENT_LIMIT = Decimal(100)
VALID_DAYS_LIMIT = 3_650


class RewardKind(StrEnum):
    """What the customer gets for the points."""

    VOUCHER_PERCENTAGE = "voucher_percentage"
    VOUCHER_FIXED = "voucher_fixed"
    FREE_SHIPPING = "free_shipping"
    GIFT_CARD = "gift_card"
    PRODUCT = "product"


IN_MONEY = frozenset({RewardKind.VOUCHER_FIXED, RewardKind.GIFT_CARD})


@dataclass(frozen=True, slots=True)
class Reward:
    """
    Attributes:
        cost: in points.
        percentage: of `VOUCHER_PERCENTAGE`.
        amount: of `VOUCHER_FIXED` and `GIFT_CARD`, in `currency`.
        currency: the only one that it is for; "" where it does not matter.
        minimum_spend: smallest price of all goods that a voucher can be used on, in `currency`.
        variant_id: the variant that `PRODUCT` makes free, one piece of it.
        channel_ids: channels that it is for; empty: all.
        stock: how many can be taken in all; None: any number.
        limit_per_customer: how many a customer can take, not counting those given back.
        tier_id: the lowest tier of those who may take it.
        segments: names of the segments whose customers may take it (`loyalty.segment_names`); empty: all.
        valid_days: for how many days the code can be used; None: without end.
    """

    name: str
    kind: RewardKind
    cost: int
    description: str = ""
    percentage: Decimal | None = None
    amount: Decimal | None = None
    currency: str = ""
    minimum_spend: Decimal | None = None
    variant_id: int | None = None
    channel_ids: frozenset[int] = frozenset()
    stock: int | None = None
    limit_per_customer: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    tier_id: int | None = None
    segments: frozenset[str] = frozenset()
    valid_days: int | None = None
    is_active: bool = False

    def validate(self) -> None:
        """
        Raises:
            LoyaltyInputError: `INVALID` or `REQUIRED`, with the field at fault in the GraphQL spelling.
        """
        if not 0 < len(self.name.strip()) <= NAME_MAX_LENGTH:
            raise _invalid("name", f"Give a name of 1 to {NAME_MAX_LENGTH} characters.")
        if len(self.description) > DESCRIPTION_MAX_LENGTH:
            raise _invalid("description", f"At most {DESCRIPTION_MAX_LENGTH} characters.")
        _check_count("cost", self.cost)
        _check_count("limitPerCustomer", self.limit_per_customer)
        _check_count("validDays", self.valid_days, VALID_DAYS_LIMIT)
        if self.stock is not None and not 0 <= self.stock <= COUNT_LIMIT:
            raise _invalid("stock", f"From 0 to {COUNT_LIMIT}; null for any number.")
        if self.starts_at is not None and self.ends_at is not None and self.ends_at <= self.starts_at:
            raise _invalid("endsAt", "The reward must end after it starts.")
        self._validate_worth()
        self._validate_minimum_spend()

    def _validate_worth(self) -> None:
        kind = self.kind
        _check_presence("percentage", self.percentage, wanted=kind == RewardKind.VOUCHER_PERCENTAGE)
        _check_presence("amount", self.amount, wanted=kind in IN_MONEY)
        _check_presence("productVariantId", self.variant_id, wanted=kind == RewardKind.PRODUCT)
        _check_amount("percentage", self.percentage, PERCENT_LIMIT)
        _check_amount("amount", self.amount, AMOUNT_LIMIT)
        if kind in IN_MONEY and not self.currency:
            raise LoyaltyInputError("An amount needs a currency.", "REQUIRED", "currency")

    def _validate_minimum_spend(self) -> None:
        if self.minimum_spend is None:
            return
        if self.kind == RewardKind.GIFT_CARD:
            raise _invalid("minimumSpend", "A gift card pays for anything: leave it out.")
        _check_amount("minimumSpend", self.minimum_spend, AMOUNT_LIMIT)
        if not self.currency:
            raise LoyaltyInputError("A minimum needs a currency.", "REQUIRED", "currency")


class Refusal(StrEnum):
    """Why a customer cannot take a reward now; the values are names of `LoyaltyErrorCode`."""

    NOT_AVAILABLE = "NOT_AVAILABLE"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    LOYALTY_DISABLED = "LOYALTY_DISABLED"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    ACCOUNT_CLOSED = "ACCOUNT_CLOSED"
    TIER_TOO_LOW = "TIER_TOO_LOW"
    NOT_IN_SEGMENT = "NOT_IN_SEGMENT"
    LIMIT_REACHED = "LIMIT_REACHED"
    INSUFFICIENT_POINTS = "INSUFFICIENT_POINTS"


@dataclass(frozen=True, slots=True)
class Place:
    """The channel in which a reward is to be used.

    Attributes:
        loyalty_on: False where the operator has switched loyalty off: no points are spent there.
    """

    channel_id: int
    currency: str
    loyalty_on: bool = True


@dataclass(frozen=True, slots=True)
class Shopper:
    """What a reward asks about a customer.

    Attributes:
        spendable: points; 0 without an account.
        tier_level: 0 for somebody in no tier.
        segments: names of those that the customer is in; of RFM groups, in the currency of the place.
        taken: how many of this reward the customer has, without those given back.
    """

    spendable: int = 0
    is_closed: bool = False
    tier_level: int = 0
    segments: frozenset[str] = frozenset()
    taken: int = 0


def refusal(
    reward: Reward, shopper: Shopper, *, at: datetime, left: int | None, tier_level: int, place: Place | None
) -> Refusal | None:
    """Why the shopper cannot take the reward now; None if they can. What no patience can change comes first.

    Args:
        left: how many can still be taken; None for any number.
        tier_level: level of the reward's tier; 0 if it asks for none.
        place: None if it is not known yet, and then it is no obstacle.
    """
    closed_offer = reward.ends_at is not None and reward.ends_at <= at
    if not reward.is_active or closed_offer or (reward.starts_at is not None and at < reward.starts_at):
        return Refusal.NOT_AVAILABLE
    if place is not None and not is_for(reward, place):
        return Refusal.NOT_APPLICABLE
    if place is not None and not place.loyalty_on:
        return Refusal.LOYALTY_DISABLED
    if left is not None and left <= 0:
        return Refusal.OUT_OF_STOCK
    if shopper.is_closed:
        return Refusal.ACCOUNT_CLOSED
    if shopper.tier_level < tier_level:
        return Refusal.TIER_TOO_LOW
    if reward.segments and not reward.segments & shopper.segments:
        return Refusal.NOT_IN_SEGMENT
    if reward.limit_per_customer is not None and shopper.taken >= reward.limit_per_customer:
        return Refusal.LIMIT_REACHED
    return Refusal.INSUFFICIENT_POINTS if missing_points(reward.cost, shopper.spendable) else None


def is_for(reward: Reward, place: Place) -> bool:
    """Whether the reward can be used in a channel."""
    if reward.channel_ids and place.channel_id not in reward.channel_ids:
        return False
    return not reward.currency or reward.currency == place.currency


def missing_points(cost: int, spendable: int) -> int:
    return max(cost - spendable, 0)


def _check_count(field: str, count: int | None, limit: int = COUNT_LIMIT) -> None:
    if count is not None and not 0 < count <= limit:
        raise _invalid(field, f"From 1 to {limit}.")


def _check_presence(field: str, value: object, *, wanted: bool) -> None:
    if wanted and value is None:
        raise LoyaltyInputError("This kind of reward needs it.", "REQUIRED", field)
    if not wanted and value is not None:
        raise _invalid(field, "This kind of reward has none: leave it out.")


def _check_amount(field: str, amount: Decimal | None, limit: Decimal) -> None:
    if amount is None:
        return
    if not amount.is_finite() or not 0 < amount <= limit:
        raise _invalid(field, f"More than 0, and at most {limit}.")
    if amount != amount.quantize(Decimal(1).scaleb(-AMOUNT_PLACES)):
        raise _invalid(field, f"At most {AMOUNT_PLACES} decimal places.")


def _invalid(field: str, message: str) -> LoyaltyInputError:
    return LoyaltyInputError(message, "INVALID", field)
