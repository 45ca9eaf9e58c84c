"""Settings of the plugin `crm`, for the whole shop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from saleor_crm_plugin.config.fields import FieldSpec, field, read_values
from saleor_crm_plugin.config.parsing import Domains, Flag, MetadataKey, Slug, WholeNumber
from saleor_crm_plugin.config.tracking import TRACKING_FIELDS
from saleor_crm_plugin.exceptions import SettingsError

CRM_PLUGIN_ID = "crm"

RFM_WINDOW_DAYS = (30, 3650)
FORECAST_DAYS = (30, 1095)
FORECAST_MINIMUM_CUSTOMERS = (50, 1_000_000)
FORECAST_MINIMUM_DAYS = (60, 3650)
FORECAST_MINIMUM_LOYAL = (1, 1_000_000)
TRAINING_HISTORY_DAYS = (7, 3650)
MINIMUM_SUPPORT = (1, 1000)
DISCOVERY_PERCENT = (0, 50)
REMINDER_DAYS = (1, 365)
FEEDBACK_DAYS = (1, 3650)
FEEDBACK_EDIT_DAYS = (0, 365)
LOYAL_ORDERS = (3, 100)
WON_BACK_DAYS = (1, 730)
USUAL_GAP_DAYS = (7, 1095)
MOST_DOMAINS = 200
ABANDONED_HOURS = (1, 720)
DETAILS_DAYS = (30, 3650)
ALIKE_IN_TEN = (1, 9)
NEW_IN_TEN = (0, 5)
NEW_DAYS = (1, 365)


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
    # Off where models come from elsewhere (`crm_train --import`).
    nightly_training: bool = True
    training_history_days: int = 365
    minimum_support: int = 3
    # Places of FOR_YOU for products that the customer never bought. None: learnt from what customers do.
    discovery_percent: int | None = None
    recommend_only_in_stock: bool = True
    tracking_enabled: bool = True
    attribution_days: int = 7
    holdout_percent: int = 0
    tracking_retention_days: int = 180
    tracking_events_per_minute: int = 12_000
    # Of ten recommended products in a row, at most so many of one brand or category; None: any number.
    brand_attribute: str | None = None
    most_of_brand: int | None = None
    most_of_category: int | None = None
    # Of ten recommended products, at least so many that were published in the channel in so many days.
    new_products_in_ten: int = 0
    new_product_days: int = 30
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


LAST_SYNC = "last_sync"
LAST_TRAINING = "last_training"
ORDERS_BEHIND = "orders_behind"
FAILED_ORDERS = "failed_orders"

CRM_FIELDS: tuple[FieldSpec, ...] = (
    field(
        "profiles_enabled",
        "Customer profiles",
        "Keep numbers, timeline, scores and segments of each customer. Off: only whose each order is.",
        True,
        Flag(),
    ),
    field(
        "guest_profiles_enabled",
        "Profiles of guests",
        "Also build profiles of buyers without an account, by their e-mail address. Off: what guests buy who are not "
        "known yet is not taken in, and counts for no bestsellers, trends or reports either.",
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
        "nightly_training",
        "Train every night",
        "Switch it off if another engine learns your recommendations and you import them, or if you start each "
        "training yourself.",
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
        "discovery_percent",
        "Share of new products in recommendations, in percent",
        "0 to 50. How many of a customer's recommendations are products that the customer has never bought. Leave "
        "empty: as many as customers buy.",
        "",
        WholeNumber(*DISCOVERY_PERCENT),
    ),
    field(
        "recommend_only_in_stock",
        "Recommend only what is in stock",
        "Leave out products of which the channel's warehouses have none that is not promised to an order yet.",
        True,
        Flag(),
    ),
    *TRACKING_FIELDS,
    field(
        "brand_attribute",
        "Attribute that tells the brand",
        "The slug of the product attribute that holds the brand, for the limit below.",
        "",
        Slug(),
    ),
    field(
        "most_of_brand",
        "Most of one brand in ten",
        "Of ten recommended products in a row at most this many are of one brand, as long as there are others. Leave "
        "empty: any number.",
        "",
        WholeNumber(*ALIKE_IN_TEN),
    ),
    field(
        "most_of_category",
        "Most of one category in ten",
        "Of ten recommended products in a row at most this many are of one category, as long as there are others. "
        "Leave empty: any number.",
        "",
        WholeNumber(*ALIKE_IN_TEN),
    ),
    field(
        "new_products_in_ten",
        "Places for new products in ten",
        "Of ten recommended products at least this many are new in the channel, as long as there are any.",
        "0",
        WholeNumber(*NEW_IN_TEN),
    ),
    field(
        "new_product_days",
        "Days that a product is new",
        "A product is new for this many days after it was published in the channel.",
        "30",
        WholeNumber(*NEW_DAYS),
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
    field(FAILED_ORDERS, "Failed orders", "Orders that could not be processed; the log says why.", "", None),
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
