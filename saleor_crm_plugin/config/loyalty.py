"""Settings of the plugin `crm.loyalty`, for each channel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from saleor_crm_plugin.config.fields import FieldSpec, field, is_empty, read_values, stored_values
from saleor_crm_plugin.config.parsing import Choice, Expiry, ExpiryText, Flag, Instant, Number, WholeNumber
from saleor_crm_plugin.exceptions import SettingsError

LOYALTY_PLUGIN_ID = "crm.loyalty"

POINTS_PER_UNIT_LIMIT = Decimal(10_000)
POINT_VALUE_LIMIT = Decimal(10_000)
RATE_PLACES = 6
PENDING_DAYS = (0, 365)
EXPIRY_MONTHS = (1, 120)
MINIMUM_POINTS = (1, 1_000_000)
SHARE_PERCENT_LIMIT = Decimal(100)
SHARE_PERCENT_PLACES = 2
HOLD_MINUTES = (5, 1440)

NEVER = Expiry("never")


class EarnedPointsPolicy(StrEnum):
    """What happens to points that a refunded or cancelled order has earned."""

    REVERSE_PENDING_ONLY = "pending only"
    REVERSE_WITHIN_BALANCE = "within balance"
    REVERSE_INTO_DEFICIT = "into deficit"


class SpentPointsPolicy(StrEnum):
    """What happens to points that were spent on an order that is cancelled or refunded."""

    RETURN = "return"
    KEEP = "keep"
    IN_PROPORTION = "in proportion"


class RedemptionForm(StrEnum):
    """What carries the worth of spent points through the checkout."""

    VOUCHER = "voucher"
    GIFT_CARD = "gift card"


class AwardWhen(StrEnum):
    PAID = "paid"
    FULFILLED = "fulfilled"


class Basis(StrEnum):
    GROSS = "gross"
    NET = "net"


@dataclass(frozen=True, slots=True)
class LoyaltySettings:
    """Settings of the plugin `crm.loyalty`, for one channel. As it stands, a channel earns and spends nothing."""

    # Points for one unit of the channel's currency; None: nothing is earned.
    points_per_unit: Decimal | None = None
    # Orders placed before it earn nothing.
    earn_from: datetime | None = None
    award_when: AwardWhen = AwardWhen.PAID
    basis: Basis = Basis.GROSS
    include_shipping: bool = False
    award_imported_orders: bool = False
    # What gift cards pay earns as money does.
    gift_cards_earn: bool = True
    # Lines that a catalogue promotion has made cheaper earn.
    sale_items_earn: bool = True
    # What points pay earns as money does.
    points_earn: bool = False
    pending_days: int = 0
    expiry: Expiry = NEVER
    # Worth of one point in the channel's currency; None: points cannot be spent. Ask `point_pays`.
    point_value: Decimal | None = None
    minimum_points_to_spend: int = 1
    # Of the checkout's subtotal; 0: points cannot be spent.
    maximum_share_percent: Decimal = Decimal(100)
    hold_minutes: int = 60
    redemption_form: RedemptionForm = RedemptionForm.VOUCHER
    earned_points_policy: EarnedPointsPolicy = EarnedPointsPolicy.REVERSE_WITHIN_BALANCE
    spent_points_policy: SpentPointsPolicy = SpentPointsPolicy.RETURN

    @property
    def point_pays(self) -> Decimal | None:
        """What a point pays in a checkout, in the channel's currency; None where points cannot be spent."""
        return self.point_value if self.maximum_share_percent > 0 else None


LOYALTY_FIELDS: tuple[FieldSpec, ...] = (
    field(
        "points_per_unit",
        "Points per unit of currency",
        "How many points a customer earns for 1 unit of this channel's currency. Leave empty: nothing is earned here.",
        "",
        Number(above=Decimal(0), most=POINTS_PER_UNIT_LIMIT, places=RATE_PLACES, optional=True),
    ),
    field(
        "earn_from",
        "Orders earn from",
        "Orders placed before this moment earn nothing. Left empty, it is filled in when you first set the points per "
        "unit. Set an earlier date to award past orders.",
        "",
        Instant(),
        "points_per_unit",
    ),
    field(
        "award_when",
        "Award when the order is",
        "Points are awarded once the order is fully paid, or once it is fulfilled.",
        "paid",
        Choice(AwardWhen),
        "points_per_unit",
    ),
    field(
        "basis",
        "Amount that earns",
        "Points are computed on prices with tax (gross) or without (net).",
        "gross",
        Choice(Basis),
        "points_per_unit",
    ),
    field(
        "include_shipping",
        "Shipping earns too",
        "Count the shipping price as well.",
        False,
        Flag(),
        "points_per_unit",
    ),
    field(
        "award_imported_orders",
        "Imported orders earn too",
        "Award points for orders that came in through a bulk import.",
        False,
        Flag(),
        "points_per_unit",
    ),
    field(
        "gift_cards_earn",
        "Amounts paid with gift cards earn",
        "Count what the customer paid with gift cards as well.",
        True,
        Flag(),
        "points_per_unit",
    ),
    field(
        "sale_items_earn",
        "Sale items earn",
        "Count products that a promotion of the catalogue has made cheaper as well.",
        True,
        Flag(),
        "points_per_unit",
    ),
    field(
        "points_earn",
        "Amounts paid with points earn",
        "Count what the customer paid with points as well.",
        False,
        Flag(),
        "points_per_unit",
    ),
    field(
        "pending_days",
        "Days until points can be spent",
        "Awarded points stay pending for this many days; 0: they can be spent at once.",
        "0",
        WholeNumber(*PENDING_DAYS),
        "points_per_unit",
    ),
    field(
        "expiry",
        "Points expire",
        "When unspent points of orders are lost. Changing it does not touch points already awarded.",
        "never",
        ExpiryText(*EXPIRY_MONTHS),
        "points_per_unit",
    ),
    field(
        "point_value",
        "Worth of one point",
        "In this channel's currency, when points pay for an order. Leave empty: points cannot be spent here.",
        "",
        Number(above=Decimal(0), most=POINT_VALUE_LIMIT, places=RATE_PLACES, optional=True),
    ),
    field(
        "minimum_points_to_spend",
        "Fewest points to spend",
        "A customer must spend at least this many points at once.",
        "1",
        WholeNumber(*MINIMUM_POINTS),
        "point_value",
    ),
    field(
        "maximum_share_percent",
        "Largest share paid with points",
        "In percent of the products' total in the checkout; 0: points cannot be spent here.",
        "100",
        Number(least=Decimal(0), most=SHARE_PERCENT_LIMIT, places=SHARE_PERCENT_PLACES),
        "point_value",
    ),
    field(
        "hold_minutes",
        "Minutes that points stay reserved",
        "Points applied to a checkout that is not completed go back to the customer after this many minutes.",
        "60",
        WholeNumber(*HOLD_MINUTES),
        "point_value",
    ),
    field(
        "redemption_form",
        "Points pay as",
        "Points lower the price as a voucher, which excludes other vouchers, or pay as a gift card beside them.",
        "voucher",
        Choice(RedemptionForm),
        "point_value",
    ),
    field(
        "earned_points_policy",
        "Earned points of a refunded order",
        "Take back only points still pending (pending only), at most what the customer has left (within balance), or "
        "all of them, to be made up by later points (into deficit).",
        "within balance",
        Choice(EarnedPointsPolicy),
    ),
    field(
        "spent_points_policy",
        "Spent points of a refunded order",
        "Give them back when the order is cancelled or fully refunded (return), never (keep), or by the refunded share "
        "(in proportion).",
        "return",
        Choice(SpentPointsPolicy),
    ),
)

_FORM_FIELDS = tuple(field for field in LOYALTY_FIELDS if field.name in ("point_value", "redemption_form"))


def parse_loyalty_settings(configuration: Iterable[Mapping[str, Any]] | None) -> LoyaltySettings:
    """Read the stored configuration of the plugin `crm.loyalty` in one channel.

    Raises:
        SettingsError: with one message for each wrong field.
    """
    values, errors = read_values(configuration, LOYALTY_FIELDS)
    if errors:
        raise SettingsError(errors)
    return LoyaltySettings(**values)


def points_are_gift_cards(configuration: Iterable[Mapping[str, Any]] | None) -> bool:
    """Whether points can be spent in the channel, and pay as a gift card. Reads these two settings only."""
    values, _ = read_values(configuration, _FORM_FIELDS)
    return "point_value" in values and values.get("redemption_form") == RedemptionForm.GIFT_CARD


def complete_loyalty_update(
    stored: Iterable[Mapping[str, Any]] | None,
    update: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    was_active: bool = True,
    is_active: bool = True,
) -> list[dict[str, Any]]:
    """The update, with `earn_from` so that switching points on never awards the past unasked.

    Earning that starts without a date starts now. When earning is switched off, a date that was left as it is goes
    with it: switched on again, earning starts anew and skips the orders in between. It is off without points per unit,
    and where the plugin is inactive.
    """
    before = stored_values(stored)
    # Saleor takes a null for "leave as it is".
    after = before | {name: value for name, value in stored_values(update).items() if value is not None}
    completed = [dict(item) for item in update if item.get("name") != "earn_from"]
    earned = was_active and not is_empty(before.get("points_per_unit"))
    earns = is_active and not is_empty(after.get("points_per_unit"))
    earn_from = after.get("earn_from")
    if earned and not earns and earn_from == before.get("earn_from"):
        earn_from = ""
    elif earns and is_empty(earn_from):
        earn_from = now.replace(microsecond=0).isoformat()
    if earn_from != before.get("earn_from"):
        completed.append({"name": "earn_from", "value": earn_from})
    return completed
