"""Settings of both plugins: every field in display order, and text parsed once into frozen dataclasses.

The Dashboard offers text, checkboxes and read-only text, and shows no validation message, only which field is wrong.
So each field's help text says what to enter and within which limits; the limits are the constants below. An emptied
field arrives as "" and means the default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from saleor_crm_plugin.config_fields import (
    FieldSpec,
    config_structure,
    default_configuration,
    field,
    in_display_order,
    is_empty,
    read_values,
    stored_values,
)
from saleor_crm_plugin.config_parsing import (
    Choice,
    Domains,
    Expiry,
    ExpiryText,
    Flag,
    Instant,
    MetadataKey,
    Number,
    WholeNumber,
)
from saleor_crm_plugin.exceptions import SettingsError

__all__ = [
    "CRM_FIELDS",
    "CRM_PLUGIN_ID",
    "LOYALTY_FIELDS",
    "LOYALTY_PLUGIN_ID",
    "AwardWhen",
    "Basis",
    "CRMSettings",
    "EarnedPointsPolicy",
    "Expiry",
    "FieldSpec",
    "LoyaltySettings",
    "RedemptionForm",
    "SpentPointsPolicy",
    "complete_loyalty_update",
    "config_structure",
    "default_configuration",
    "in_display_order",
    "parse_crm_settings",
    "parse_loyalty_settings",
    "read_values",
]

CRM_PLUGIN_ID = "crm"
LOYALTY_PLUGIN_ID = "crm.loyalty"

RFM_WINDOW_DAYS = (30, 3650)
FORECAST_DAYS = (30, 1095)
FORECAST_MINIMUM_CUSTOMERS = (50, 1_000_000)
FORECAST_MINIMUM_DAYS = (60, 3650)
FORECAST_MINIMUM_LOYAL = (1, 1_000_000)
TRAINING_HISTORY_DAYS = (7, 3650)
MINIMUM_SUPPORT = (1, 1000)
REMINDER_DAYS = (1, 365)
FEEDBACK_DAYS = (1, 3650)
FEEDBACK_EDIT_DAYS = (0, 365)
LOYAL_ORDERS = (3, 100)
WON_BACK_DAYS = (1, 730)
USUAL_GAP_DAYS = (7, 1095)
MOST_DOMAINS = 200
ABANDONED_HOURS = (1, 720)
DETAILS_DAYS = (30, 3650)

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
class CRMSettings:
    """Settings of the plugin `crm`, for the whole shop."""

    profiles_enabled: bool = True
    guest_profiles_enabled: bool = True
    rfm_window_days: int = 365
    # Whoever has said nothing about profiling and recommendations has refused them.
    consent_required: bool = False
    forecast_days: int = 365
    # Without them there is no forecast: as Klaviyo asks for its predictive fields.
    forecast_minimum_customers: int = 500
    forecast_minimum_days: int = 180
    forecast_minimum_loyal: int = 1
    recommendations_enabled: bool = True
    training_history_days: int = 365
    minimum_support: int = 3
    # None: nobody is reminded.
    expiry_reminder_days: int | None = None
    # For how long an order can be rated after it was sent, and an answer be changed after it was given.
    feedback_days: int = 180
    feedback_edit_days: int = 14
    # Texts about products wait until staff have approved them.
    reviews_moderated: bool = True
    # Purchases that make a customer loyal, and how long one who came back counts as won back.
    loyal_orders: int = 4
    won_back_days: int = 90
    # Days between a customer's orders, while too few came back to know.
    usual_gap_days: int = 90
    tax_id_metadata_key: str = "vat_number"
    business_domains: tuple[str, ...] = ()
    government_domains: tuple[str, ...] = ("gov", "mil")
    checkout_abandoned_after_hours: int = 24
    # None: kept for good.
    timeline_details_days: int | None = None


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
    # Worth of one point in the channel's currency; None: points cannot be spent.
    point_value: Decimal | None = None
    minimum_points_to_spend: int = 1
    # Of the checkout's subtotal.
    maximum_share_percent: Decimal = Decimal(100)
    hold_minutes: int = 60
    redemption_form: RedemptionForm = RedemptionForm.VOUCHER
    earned_points_policy: EarnedPointsPolicy = EarnedPointsPolicy.REVERSE_WITHIN_BALANCE
    spent_points_policy: SpentPointsPolicy = SpentPointsPolicy.RETURN


LAST_SYNC = "last_sync"
LAST_TRAINING = "last_training"
ORDERS_BEHIND = "orders_behind"

CRM_FIELDS: tuple[FieldSpec, ...] = (
    field(
        "profiles_enabled",
        "Customer profiles",
        "Build a profile with purchase numbers for each customer.",
        True,
        Flag(),
    ),
    field(
        "guest_profiles_enabled",
        "Profiles of guests",
        "Also build profiles of buyers without an account, by their e-mail address.",
        True,
        Flag(),
    ),
    field(
        "rfm_window_days",
        "Days that count for customer groups",
        "Orders of this many days back decide a customer's recency, frequency and monetary scores.",
        "365",
        WholeNumber(*RFM_WINDOW_DAYS),
    ),
    field(
        "consent_required",
        "Profiling needs consent",
        "Score customers and recommend to them only if they have agreed. Left off: unless they have refused.",
        False,
        Flag(),
    ),
    field(
        "forecast_days",
        "Days to forecast",
        "How many days ahead customers' orders, spending and leaving are forecast, once a night.",
        "365",
        WholeNumber(*FORECAST_DAYS),
    ),
    field(
        "forecast_minimum_customers",
        "Customers needed for a forecast",
        "Nothing is forecast in a currency before this many customers have ordered.",
        "500",
        WholeNumber(*FORECAST_MINIMUM_CUSTOMERS),
    ),
    field(
        "forecast_minimum_days",
        "Days of orders needed for a forecast",
        "Nothing is forecast in a currency before its first order is this many days old.",
        "180",
        WholeNumber(*FORECAST_MINIMUM_DAYS),
    ),
    field(
        "forecast_minimum_loyal",
        "Returning customers needed for a forecast",
        "Nothing is forecast in a currency before this many customers have ordered on three days or more.",
        "1",
        WholeNumber(*FORECAST_MINIMUM_LOYAL),
    ),
    field(
        "recommendations_enabled",
        "Product recommendations",
        "Learn from orders which products to recommend, once a night.",
        True,
        Flag(),
    ),
    field(
        "training_history_days",
        "Days of orders to learn from",
        "Orders of this many days back are used for recommendations.",
        "365",
        WholeNumber(*TRAINING_HISTORY_DAYS),
    ),
    field(
        "minimum_support",
        "Orders needed to link two products",
        "Two products are recommended together once this many orders contain both.",
        "3",
        WholeNumber(*MINIMUM_SUPPORT),
    ),
    field(
        "expiry_reminder_days",
        "Days before points expire to remind",
        "Customers are reminded this many days before points expire, through your notification app. Leave empty: no "
        "reminders.",
        "",
        WholeNumber(*REMINDER_DAYS),
    ),
    field(
        "feedback_days",
        "Days to rate an order",
        "For how long after an order was sent its buyer can rate it.",
        "180",
        WholeNumber(*FEEDBACK_DAYS),
    ),
    field(
        "feedback_edit_days",
        "Days to change a rating",
        "For how long a customer can change what they said. 0: not at all.",
        "14",
        WholeNumber(*FEEDBACK_EDIT_DAYS),
    ),
    field(
        "reviews_moderated",
        "Reviews wait for approval",
        "What customers write about a product is shown to others once staff have approved it.",
        True,
        Flag(),
    ),
    field(
        "loyal_orders",
        "Orders that make a customer loyal",
        "A customer who keeps to the own rhythm is loyal from this many orders on.",
        "4",
        WholeNumber(*LOYAL_ORDERS),
    ),
    field(
        "won_back_days",
        "Days that a customer counts as won back",
        "A customer who orders again after a long silence is shown as won back for this many days.",
        "90",
        WholeNumber(*WON_BACK_DAYS),
    ),
    field(
        "usual_gap_days",
        "Usual days between orders",
        "How often customers order in this shop. Used until enough of them have come back to compute it.",
        "90",
        WholeNumber(*USUAL_GAP_DAYS),
    ),
    field(
        "tax_id_metadata_key",
        "Metadata key of the tax id",
        "Where your shop keeps a customer's VAT number or other tax id: a key in the metadata of the account, the "
        "order or its billing address. Whoever has one is a company.",
        "vat_number",
        MetadataKey(),
    ),
    field(
        "business_domains",
        "E-mail domains of companies",
        "Customers with an address of one of these domains, or of one below them, are companies.",
        "",
        Domains(MOST_DOMAINS),
    ),
    field(
        "government_domains",
        "E-mail domains of authorities",
        "Customers with an address of one of these domains, or of one below them, are authorities.",
        "gov, mil",
        Domains(MOST_DOMAINS),
    ),
    field(
        "checkout_abandoned_after_hours",
        "Hours until a checkout is abandoned",
        "A checkout in which nothing has changed for this many hours is recorded as abandoned in its customer's "
        "timeline.",
        "24",
        WholeNumber(*ABANDONED_HOURS),
    ),
    field(
        "timeline_details_days",
        "Days to keep details of events",
        "Amounts and other details of events in customers' timelines are deleted after this many days; that something "
        "happened stays. Leave empty: they are kept.",
        "",
        WholeNumber(*DETAILS_DAYS),
    ),
    field(LAST_SYNC, "Last reconciliation", "When orders were last compared with profiles and points.", "", None),
    field(LAST_TRAINING, "Last training", "When recommendations were last learned.", "", None),
    field(ORDERS_BEHIND, "Orders behind", "Orders that are not yet in profiles and points.", "", None),
)

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
        "When unspent points are lost. Changing it does not touch points already awarded.",
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


def parse_crm_settings(configuration: Iterable[Mapping[str, Any]] | None) -> CRMSettings:
    """Read the stored configuration of the plugin `crm`.

    Raises:
        SettingsError: with one message for each wrong field.
    """
    values, errors = read_values(configuration, CRM_FIELDS)
    if errors:
        raise SettingsError(errors)
    return CRMSettings(**values)


def parse_loyalty_settings(configuration: Iterable[Mapping[str, Any]] | None) -> LoyaltySettings:
    """Read the stored configuration of the plugin `crm.loyalty` in one channel.

    Raises:
        SettingsError: with one message for each wrong field.
    """
    values, errors = read_values(configuration, LOYALTY_FIELDS)
    if errors:
        raise SettingsError(errors)
    return LoyaltySettings(**values)


def complete_loyalty_update(
    stored: Iterable[Mapping[str, Any]] | None, update: Sequence[Mapping[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    """The update, with `earn_from` so that switching points on never awards the past unasked.

    Earning that starts without a date starts now. When earning is switched off, a date that was left as it is goes
    with it: switched on again, earning starts anew and skips the orders in between.
    """
    before = stored_values(stored)
    # Saleor takes a null for "leave as it is".
    after = before | {name: value for name, value in stored_values(update).items() if value is not None}
    completed = [dict(item) for item in update if item.get("name") != "earn_from"]
    earned, earns = not is_empty(before.get("points_per_unit")), not is_empty(after.get("points_per_unit"))
    earn_from = after.get("earn_from")
    if earned and not earns and earn_from == before.get("earn_from"):
        earn_from = ""
    elif earns and is_empty(earn_from):
        earn_from = now.replace(microsecond=0).isoformat()
    if earn_from != before.get("earn_from"):
        completed.append({"name": "earn_from", "value": earn_from})
    return completed
