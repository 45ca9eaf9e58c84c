"""What an earning rule says: when it applies, to what, and what it gives. Pure.

The database holds a rule as the JSON of `RuleDefinition`, one row for each version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from saleor_crm_plugin.config import EXPIRY_MONTHS
from saleor_crm_plugin.exceptions import LoyaltyInputError

if TYPE_CHECKING:
    from saleor_crm_plugin.loyalty.earning import EarningLine, EarningOrder

RATE_LIMIT = Decimal(10_000)
MULTIPLIER_LIMIT = Decimal(100)
FIXED_POINTS_LIMIT = Decimal(1_000_000)
VALUE_PLACES = 6
AMOUNT_LIMIT = Decimal(1_000_000_000)
# Of one kind in one rule: what a person can still oversee, and a line is looked up in.
CONDITION_LIMIT = 1_000
PRIORITY_LIMIT = 1_000
LIMIT_LIMIT = 2**31 - 1


class Trigger(StrEnum):
    """What the rule is for: any order, only a customer's first, or something other than an order (an action)."""

    ORDER = "order"
    FIRST_ORDER = "first_order"
    SIGN_UP = "sign_up"
    BIRTHDAY = "birthday"
    REFERRAL = "referral"
    FEEDBACK = "feedback"

    @property
    def is_action(self) -> bool:
        return self not in (Trigger.ORDER, Trigger.FIRST_ORDER)


class ReferralSide(StrEnum):
    """Who of the two gets something: the one who brought a friend, or the friend."""

    REFERRER = "referrer"
    FRIEND = "friend"


class Effect(StrEnum):
    POINTS_PER_AMOUNT = "points_per_amount"
    FIXED_POINTS = "fixed_points"
    MULTIPLIER = "multiplier"


class Period(StrEnum):
    """A calendar period, in UTC."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class CustomerType(StrEnum):
    BUSINESS = "business"
    CONSUMER = "consumer"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the rule is restricted to; an empty set or None restricts nothing.

    A line has to be in any of the products, categories (with all below them), collections or product types.
    """

    product_ids: frozenset[int] = frozenset()
    category_ids: frozenset[int] = frozenset()
    collection_ids: frozenset[int] = frozenset()
    product_type_ids: frozenset[int] = frozenset()
    minimum_subtotal: Decimal | None = None
    segments: frozenset[str] = frozenset()
    customer_type: CustomerType | None = None
    tier_ids: frozenset[int] = frozenset()

    @property
    def restrict_lines(self) -> bool:
        return bool(self.product_ids or self.category_ids or self.collection_ids or self.product_type_ids)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a rule gives; None is no limit. `period` is what the limits for one customer apply to."""

    points_per_order: int | None = None
    points_per_customer: int | None = None
    uses_per_customer: int | None = None
    points_in_total: int | None = None
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class RuleContext:
    """The circumstances of an order, or of an action. `at` is in the shop's time zone, whose weekdays count.

    Attributes:
        channel_id: None where there is no order.
        action: None for an order.
    """

    channel_id: int | None
    at: datetime
    segments: frozenset[str] = frozenset()
    is_first_order: bool = False
    action: Trigger | None = None
    referral_side: ReferralSide | None = None
    tier_id: int | None = None


@dataclass(frozen=True, slots=True)
class RuleUsage:
    """What a rule has given so far: to the customer in the period, and to all."""

    customer_points: int = 0
    customer_uses: int = 0
    total_points: int = 0


@dataclass(frozen=True, slots=True)
class RuleDefinition:
    """
    Attributes:
        value: points per unit of currency, points, or times the base points, by `effect`.
        ends_at: first moment at which it no longer applies.
        weekdays: 0 is Monday; empty: all.
        priority: higher goes first.
        stackable: False: alone on a line, or not at all if another rule was there before.
        referral_side: which of the two a REFERRAL rule is for; None: both.
        expires_after_months: of points for an action; None: never. Points for orders expire as the channel says.
    """

    trigger: Trigger
    effect: Effect
    value: Decimal
    channel_ids: frozenset[int] = frozenset()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    weekdays: frozenset[int] = frozenset()
    conditions: Conditions = field(default_factory=Conditions)
    limits: Limits = field(default_factory=Limits)
    priority: int = 0
    stackable: bool = True
    referral_side: ReferralSide | None = None
    expires_after_months: int | None = None

    def applies(self, context: RuleContext) -> bool:
        """Whether the rule has a say in an order, whatever is in it, or in an action."""
        conditions = self.conditions
        return (
            self._is_triggered_by(context)
            and (not self.channel_ids or context.channel_id in self.channel_ids)
            and (self.starts_at is None or self.starts_at <= context.at)
            and (self.ends_at is None or context.at < self.ends_at)
            and (not self.weekdays or context.at.weekday() in self.weekdays)
            and (not conditions.segments or not conditions.segments.isdisjoint(context.segments))
            and (not conditions.tier_ids or context.tier_id in conditions.tier_ids)
        )

    def _is_triggered_by(self, context: RuleContext) -> bool:
        if context.action is not None:
            return self.trigger == context.action and self.referral_side in (None, context.referral_side)
        return self.trigger == Trigger.ORDER or (self.trigger == Trigger.FIRST_ORDER and context.is_first_order)

    def matches_order(self, order: EarningOrder) -> bool:
        conditions = self.conditions
        if conditions.customer_type is not None and order.is_business != (
            conditions.customer_type == CustomerType.BUSINESS
        ):
            return False
        subtotal = sum((line.gross for line in order.lines), Decimal(0))
        return conditions.minimum_subtotal is None or subtotal >= conditions.minimum_subtotal

    def matches_line(self, line: EarningLine) -> bool:
        conditions = self.conditions
        return not conditions.restrict_lines or (
            line.product_id in conditions.product_ids
            or line.product_type_id in conditions.product_type_ids
            or not conditions.category_ids.isdisjoint(line.category_ids)
            or not conditions.collection_ids.isdisjoint(line.collection_ids)
        )

    def room(self, used: RuleUsage) -> int | None:
        """Points that the limits still allow for one more order; None: any number."""
        limits = self.limits
        if limits.uses_per_customer is not None and used.customer_uses >= limits.uses_per_customer:
            return 0
        rooms = [limits.points_per_order]
        if limits.points_per_customer is not None:
            rooms.append(limits.points_per_customer - used.customer_points)
        if limits.points_in_total is not None:
            rooms.append(limits.points_in_total - used.total_points)
        known = [max(room, 0) for room in rooms if room is not None]
        return min(known) if known else None

    def period_of(self, at: datetime) -> tuple[datetime | None, datetime | None]:
        """The period whose uses by a customer count with one at `at`: first moment, and first moment after it.

        Both None: all uses ever.
        """
        if self.limits.period is None:
            return None, None
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        match self.limits.period:
            case Period.DAY:
                return day, day + timedelta(days=1)
            case Period.WEEK:
                monday = day - timedelta(days=day.weekday())
                return monday, monday + timedelta(days=7)
            case Period.MONTH:
                first = day.replace(day=1)
                return first, (first + timedelta(days=31)).replace(day=1)
            case Period.YEAR:
                return day.replace(month=1, day=1), day.replace(year=day.year + 1, month=1, day=1)

    def validate(self) -> None:
        """
        Raises:
            LoyaltyInputError: `INVALID` or `REQUIRED`, with the field at fault in the GraphQL spelling.
        """
        _validate_value(self)
        if self.starts_at is not None and self.ends_at is not None and self.ends_at <= self.starts_at:
            raise _invalid("endsAt", "The rule must end after it starts.")
        if not self.weekdays <= frozenset(range(7)):
            raise _invalid("weekdays", "Weekdays are numbers from 0 (Monday) to 6 (Sunday).")
        if abs(self.priority) > PRIORITY_LIMIT:
            raise _invalid("priority", f"From -{PRIORITY_LIMIT} to {PRIORITY_LIMIT}.")
        _validate_conditions(self)
        _validate_limits(self.limits)
        _validate_action(self)

    def as_json(self) -> dict[str, Any]:
        conditions, limits = self.conditions, self.limits
        return {
            "trigger": self.trigger.value,
            "effect": self.effect.value,
            "value": str(self.value),
            "channel_ids": sorted(self.channel_ids),
            "starts_at": self.starts_at and self.starts_at.isoformat(),
            "ends_at": self.ends_at and self.ends_at.isoformat(),
            "weekdays": sorted(self.weekdays),
            "conditions": {
                "product_ids": sorted(conditions.product_ids),
                "category_ids": sorted(conditions.category_ids),
                "collection_ids": sorted(conditions.collection_ids),
                "product_type_ids": sorted(conditions.product_type_ids),
                "minimum_subtotal": _text(conditions.minimum_subtotal),
                "segments": sorted(conditions.segments),
                "customer_type": conditions.customer_type and conditions.customer_type.value,
                "tier_ids": sorted(conditions.tier_ids),
            },
            "limits": {
                "points_per_order": limits.points_per_order,
                "points_per_customer": limits.points_per_customer,
                "uses_per_customer": limits.uses_per_customer,
                "points_in_total": limits.points_in_total,
                "period": limits.period and limits.period.value,
            },
            "priority": self.priority,
            "stackable": self.stackable,
            "referral_side": self.referral_side and self.referral_side.value,
            "expires_after_months": self.expires_after_months,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        conditions, limits = stored["conditions"], stored["limits"]
        return cls(
            trigger=Trigger(stored["trigger"]),
            effect=Effect(stored["effect"]),
            value=Decimal(stored["value"]),
            channel_ids=frozenset(stored["channel_ids"]),
            starts_at=_optional(datetime.fromisoformat, stored["starts_at"]),
            ends_at=_optional(datetime.fromisoformat, stored["ends_at"]),
            weekdays=frozenset(stored["weekdays"]),
            conditions=Conditions(
                product_ids=frozenset(conditions["product_ids"]),
                category_ids=frozenset(conditions["category_ids"]),
                collection_ids=frozenset(conditions["collection_ids"]),
                product_type_ids=frozenset(conditions["product_type_ids"]),
                minimum_subtotal=_optional(Decimal, conditions["minimum_subtotal"]),
                segments=frozenset(conditions["segments"]),
                customer_type=_optional(CustomerType, conditions["customer_type"]),
                # Versions of before there were tiers do not say.
                tier_ids=frozenset(conditions.get("tier_ids", ())),
            ),
            limits=Limits(
                points_per_order=limits["points_per_order"],
                points_per_customer=limits["points_per_customer"],
                uses_per_customer=limits["uses_per_customer"],
                points_in_total=limits["points_in_total"],
                period=_optional(Period, limits["period"]),
            ),
            priority=stored["priority"],
            stackable=stored["stackable"],
            # Versions written before there were actions do not have these.
            referral_side=_optional(ReferralSide, stored.get("referral_side")),
            expires_after_months=stored.get("expires_after_months"),
        )


def _validate_value(rule: RuleDefinition) -> None:
    exponent = rule.value.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent > VALUE_PLACES:
        raise _invalid("value", f"At most {VALUE_PLACES} decimals.")
    match rule.effect:
        case Effect.POINTS_PER_AMOUNT if not 0 < rule.value <= RATE_LIMIT:
            raise _invalid("value", f"Points per unit of currency: above 0, at most {RATE_LIMIT}.")
        case Effect.MULTIPLIER if not 1 < rule.value <= MULTIPLIER_LIMIT:
            raise _invalid("value", f"A multiplier: above 1, at most {MULTIPLIER_LIMIT}.")
        case Effect.FIXED_POINTS if not 1 <= rule.value <= FIXED_POINTS_LIMIT or rule.value % 1:
            raise _invalid("value", f"Whole points: from 1 to {FIXED_POINTS_LIMIT}.")


def _validate_conditions(rule: RuleDefinition) -> None:
    conditions = rule.conditions
    for name, values in (
        ("productIds", conditions.product_ids),
        ("categoryIds", conditions.category_ids),
        ("collectionIds", conditions.collection_ids),
        ("productTypeIds", conditions.product_type_ids),
        ("segments", conditions.segments),
        ("tierIds", conditions.tier_ids),
        ("channelIds", rule.channel_ids),
    ):
        if len(values) > CONDITION_LIMIT:
            raise _invalid(name, f"At most {CONDITION_LIMIT}.")
    minimum = conditions.minimum_subtotal
    if minimum is not None and not (minimum.is_finite() and 0 < minimum <= AMOUNT_LIMIT):
        raise _invalid("minimumSubtotal", f"Above 0, at most {AMOUNT_LIMIT}, or leave it out.")


def _validate_limits(limits: Limits) -> None:
    for name, value in (
        ("pointsPerOrder", limits.points_per_order),
        ("pointsPerCustomer", limits.points_per_customer),
        ("usesPerCustomer", limits.uses_per_customer),
        ("pointsInTotal", limits.points_in_total),
    ):
        if value is not None and not 1 <= value <= LIMIT_LIMIT:
            raise _invalid(name, f"From 1 to {LIMIT_LIMIT}, or leave it out.")
    if limits.period is not None and limits.points_per_customer is None and limits.uses_per_customer is None:
        raise _invalid("period", "A period needs a limit for one customer that it applies to.")


def _validate_action(rule: RuleDefinition) -> None:
    """An action has no order, so a rule for one says nothing about orders; and the other way round.

    Raises:
        LoyaltyInputError: `INVALID`, with the field at fault.
    """
    if rule.referral_side is not None and rule.trigger != Trigger.REFERRAL:
        raise _invalid("referralSide", "Only a rule for referrals has sides.")
    if not rule.trigger.is_action:
        if rule.expires_after_months is not None:
            raise _invalid("expiresAfterMonths", "Points for orders expire as the channel's settings say.")
        return
    if rule.effect != Effect.FIXED_POINTS:
        raise _invalid("effect", "There is no order to count from: FIXED_POINTS only.")
    least, most = EXPIRY_MONTHS
    if rule.expires_after_months is not None and not least <= rule.expires_after_months <= most:
        raise _invalid("expiresAfterMonths", f"From {least} to {most}, or leave it out: the points never expire.")
    conditions = rule.conditions
    about_orders: list[tuple[str, object]] = [
        ("productIds", conditions.product_ids),
        ("categoryIds", conditions.category_ids),
        ("collectionIds", conditions.collection_ids),
        ("productTypeIds", conditions.product_type_ids),
        ("minimumSubtotal", conditions.minimum_subtotal),
        ("buyerType", conditions.customer_type),
        ("pointsPerOrder", rule.limits.points_per_order),
    ]
    for name, value in about_orders:
        if value:
            raise _invalid(name, "It is about orders, and this rule is for something else. Leave it out.")
    if rule.channel_ids and rule.trigger not in (Trigger.REFERRAL, Trigger.FEEDBACK):
        raise _invalid("channelIds", "It happens in no channel: leave them out.")
    if conditions.tier_ids and rule.trigger == Trigger.SIGN_UP:
        raise _invalid("tierIds", "Who signs up is in no tier yet. Leave it out.")
    if conditions.segments and rule.trigger == Trigger.SIGN_UP:
        raise _invalid("segments", "Whoever signs up is in no group yet: leave them out.")


def _invalid(field_name: str, message: str) -> LoyaltyInputError:
    return LoyaltyInputError(message, "INVALID", field_name)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _optional(parse: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else parse(value)
