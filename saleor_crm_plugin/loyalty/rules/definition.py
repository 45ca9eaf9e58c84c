"""What an earning rule says: when it applies, to what, and what it gives. Pure.

The database holds a rule as the JSON of `RuleDefinition`, one row for each version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from saleor_crm_plugin.loyalty.awards import EarningLine, EarningOrder


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
    """A calendar period: of orders in UTC, of what customers do by the shop's clock."""

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

    A line has to be in any of the products, categories (with all below them), collections or product types; the
    customer in any of the segments, whose names are those of `loyalty.segment_names`.
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

    @property
    def limits_in_force(self) -> Limits:
        """`limits`, and that nobody has a first order twice: orders placed together may be paid in any order."""
        if self.trigger != Trigger.FIRST_ORDER:
            return self.limits
        return replace(self.limits, uses_per_customer=1, period=None)

    def room(self, used: RuleUsage) -> int | None:
        """Points that the limits still allow for one more order; None: any number."""
        limits = self.limits_in_force
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
        period = self.limits_in_force.period
        if period is None:
            return None, None
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        match period:
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


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _optional(parse: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else parse(value)
