"""The fields that customers have of themselves. Those over Saleor's tables and points: `ingestion.segment_fields`."""

from __future__ import annotations

from typing import Any

from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentState
from saleor_crm_plugin.profiles.models import CustomerType, LifecycleStage, RFMGroup
from saleor_crm_plugin.profiles.segments.fragments import TRUE, Fragment
from saleor_crm_plugin.profiles.segments.registry import (
    Arguments,
    Field,
    Parameter,
    Rows,
    ScalarField,
    SetField,
    counting,
)
from saleor_crm_plugin.profiles.segments.values import (
    CURRENCY,
    DATE,
    FLAG,
    MONEY,
    NUMBER,
    TEXT,
    WHOLE,
    Type,
    words,
)

IN_CURRENCY = Parameter(
    "currency",
    CURRENCY,
    "Only purchases in this currency. Without it, the one that the customer ordered in most often.",
)
IN_ONE_CURRENCY = Parameter("currency", CURRENCY, "Only orders in this currency. Without it, all orders.")


def placed_since(arguments: Arguments) -> Fragment:
    """Of orders `o` that count, those within the length of time that is given, if one is."""
    if "within" not in arguments:
        return Fragment("o.counts")
    return Fragment("o.counts AND o.placed_at >= %s::timestamptz", (arguments["within"],))


def _over_currencies(name: str, type_: Type, description: str, aggregate: str) -> Field:
    """A number over all of a customer's orders."""

    def sql(arguments: Arguments) -> Fragment:
        total = Fragment(f"(SELECT {aggregate} FROM crm_profile_metrics m WHERE m.profile_id = p.id")  # nosec B608  # our text; what staff wrote is a parameter
        if "currency" in arguments:
            total += Fragment(" AND m.currency = %s", (arguments["currency"],))
        return total + ")"

    return ScalarField(name=name, type=type_, description=description, parameters=(IN_ONE_CURRENCY,), sql=sql)


def _in_currency(name: str, type_: Type, description: str, column: str, otherwise: str = "NULL") -> Field:
    """A number in one currency: the one that is asked for, else the one with most orders, as the API shows it."""

    def sql(arguments: Arguments) -> Fragment:
        value = Fragment(f"COALESCE((SELECT {column} FROM crm_profile_metrics m WHERE m.profile_id = p.id")  # nosec B608  # our text; what staff wrote is a parameter
        if "currency" in arguments:
            value += Fragment(" AND m.currency = %s", (arguments["currency"],))
        else:
            value += " ORDER BY m.orders_count DESC, m.currency LIMIT 1"
        return value + f"), {otherwise})"

    return ScalarField(name=name, type=type_, description=description, parameters=(IN_CURRENCY,), sql=sql)


def _rfm_group(arguments: Arguments) -> Fragment:
    """Whoever has no order has no row; one who has bought since the last night has a row, but no group yet."""
    prospects = RFMGroup.PROSPECTS.value
    group = Fragment("NULLIF(COALESCE(NULLIF((SELECT m.rfm_group FROM crm_profile_metrics m WHERE m.profile_id = p.id")
    ordered = Fragment("SELECT 1 FROM crm_profile_order o WHERE o.profile_id = p.id AND o.counts")
    if "currency" in arguments:
        group += Fragment(" AND m.currency = %s", (arguments["currency"],))
        ordered += Fragment(" AND o.currency = %s", (arguments["currency"],))
    else:
        group += " ORDER BY m.orders_count DESC, m.currency LIMIT 1"
    return group + f"), '{prospects}'), CASE WHEN NOT EXISTS (" + ordered + f") THEN '{prospects}' END), '')"


def _own(name: str, type_: Type, description: str, sql: str) -> Field:
    return ScalarField(name=name, type=type_, description=description, sql=lambda _arguments: Fragment(sql))


def _consent(arguments: Arguments) -> Fragment:
    return Fragment(
        "(SELECT c.state FROM crm_consent_record c WHERE c.profile_id = p.id AND c.purpose = %s"
        " ORDER BY c.id DESC LIMIT 1)",
        (arguments["purpose"],),
    )


def _tags(_arguments: Any) -> tuple[Rows, ...]:
    return (Rows("g.name", "crm_customer_tag g", "g.profile_id", TRUE),)


def _orders(arguments: Arguments) -> Rows:
    condition = placed_since(arguments)
    if "currency" in arguments:
        condition += Fragment(" AND o.currency = %s", (arguments["currency"],))
    return Rows("o.order_id", "crm_profile_order o", "o.profile_id", condition)


FIELDS: tuple[Field, ...] = (
    _over_currencies(
        "orders_count", WHOLE, "Number of orders, without cancelled ones.", "COALESCE(sum(m.orders_count), 0)"
    ),
    _over_currencies("first_order_at", DATE, "Day of the first order.", "min(m.first_order_at)"),
    _over_currencies("last_order_at", DATE, "Day of the last order.", "max(m.last_order_at)"),
    _in_currency("net_spent", MONEY, "What was spent, less what was given back.", "m.net_spent", "0"),
    _in_currency("gross_spent", MONEY, "What was spent, with tax and shipping.", "m.gross_spent", "0"),
    _in_currency("refunded", MONEY, "What was given back.", "m.refunded", "0"),
    _in_currency("average_order_value", MONEY, "Net spending for each order.", "m.average_order_value"),
    _in_currency(
        "average_days_between_orders", NUMBER, "Days from one order to the next.", "m.average_days_between_orders"
    ),
    _in_currency("recency_score", WHOLE, "1 (bought longest ago) to 5 (most recently).", "m.recency_score"),
    _in_currency("frequency_score", WHOLE, "1 (fewest orders) to 5 (most).", "m.frequency_score"),
    _in_currency("monetary_score", WHOLE, "1 (least spent) to 5 (most).", "m.monetary_score"),
    ScalarField(
        name="rfm_group",
        type=words("group of customers", RFMGroup.values),
        description="Group that follows from the three scores; `prospects` have no order.",
        parameters=(IN_CURRENCY,),
        sql=_rfm_group,
    ),
    _in_currency(
        "predicted_clv", MONEY, "Net spending that is expected over the days that forecasts are for.", "m.predicted_clv"
    ),
    _in_currency("predicted_orders", NUMBER, "Orders that are expected over these days.", "m.predicted_orders"),
    _in_currency(
        "churn_probability", NUMBER, "Probability, 0 to 1, that no order comes in these days.", "m.churn_probability"
    ),
    _in_currency(
        "expected_next_order_at", DATE, "Day on which the next order is expected.", "m.expected_next_order_at"
    ),
    counting("ordered", "Number of orders, without cancelled ones.", _orders, (IN_ONE_CURRENCY,)),
    _own(
        "lifecycle_stage",
        words("stage", LifecycleStage.values),
        "Where the customer stands with the shop.",
        "NULLIF(p.lifecycle_stage, '')",
    ),
    _own("lifecycle_since", DATE, "Day since which the customer stands there.", "p.lifecycle_since"),
    _own(
        "customer_type",
        words("type of customer", CustomerType.values),
        "Consumer, business or public body.",
        "p.customer_type",
    ),
    _own(
        "is_guest",
        FLAG,
        "Whether the person has no user account.",
        "(p.user_id IS NULL AND NOT EXISTS (SELECT 1 FROM crm_customer_profile member"
        " WHERE member.merged_into_id = p.id AND member.user_id IS NOT NULL))",
    ),
    _own(
        "created_at",
        DATE,
        "Day on which the plugin first knew of the person: for customers of before, of the backfill; for a guest who "
        "registered, of the registration.",
        "p.created_at",
    ),
    SetField(name="tag", alias="tags", type=TEXT, description="The customer's tags.", rows=_tags),
    ScalarField(
        name="consent",
        type=words("state of consent", ConsentState.values),
        description="What the customer said last about a purpose; missing if nothing.",
        parameters=(
            Parameter("purpose", words("purpose", ConsentPurpose.values), "What the consent is for.", required=True),
        ),
        sql=_consent,
    ),
)
