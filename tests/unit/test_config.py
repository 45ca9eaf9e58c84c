"""What an admin types into the two settings pages, and what becomes of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.config import (
    CRM_FIELDS,
    LOYALTY_FIELDS,
    AwardWhen,
    Basis,
    CRMSettings,
    EarnedPointsPolicy,
    Expiry,
    LoyaltySettings,
    SpentPointsPolicy,
    complete_loyalty_update,
    config_structure,
    default_configuration,
    in_display_order,
    parse_crm_settings,
    parse_loyalty_settings,
)
from saleor_crm_plugin.exceptions import SettingsError

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
NOW = datetime(2026, 3, 1, 12, 30, 15, 987_654, tzinfo=UTC)
ALL_FIELDS = CRM_FIELDS + LOYALTY_FIELDS


def items(**values: object) -> list[dict[str, object]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def loyalty(**values: object) -> LoyaltySettings:
    return parse_loyalty_settings(items(**values))


def test_nothing_saved_means_the_defaults_and_a_channel_that_earns_and_spends_nothing() -> None:
    for nothing in (None, [], {}):
        assert parse_crm_settings(nothing) == CRMSettings()
        assert parse_loyalty_settings(nothing) == LoyaltySettings()
    assert LoyaltySettings().points_per_unit is None
    assert LoyaltySettings().point_value is None


def test_what_the_page_shows_at_first_is_what_applies() -> None:
    assert parse_crm_settings(default_configuration(CRM_FIELDS)) == CRMSettings()
    assert parse_loyalty_settings(default_configuration(LOYALTY_FIELDS)) == LoyaltySettings()


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_emptied_field_means_its_default(empty: str | None) -> None:
    emptied = [{"name": field.name, "value": empty} for field in ALL_FIELDS]
    assert parse_crm_settings(emptied) == CRMSettings()
    assert parse_loyalty_settings(emptied) == LoyaltySettings()


def test_a_page_filled_in_completely() -> None:
    assert loyalty(
        points_per_unit="1.5",
        earn_from="2026-01-31",
        award_when="fulfilled",
        basis="net",
        include_shipping=True,
        award_imported_orders="true",
        gift_cards_earn=False,
        sale_items_earn="false",
        pending_days="14",
        expiry="12 months",
        point_value="0.01",
        minimum_points_to_spend="100",
        maximum_share_percent="33.33",
        hold_minutes="30",
        earned_points_policy="into deficit",
        spent_points_policy="in proportion",
    ) == LoyaltySettings(
        points_per_unit=Decimal("1.5"),
        earn_from=datetime(2026, 1, 31, tzinfo=UTC),
        award_when=AwardWhen.FULFILLED,
        basis=Basis.NET,
        include_shipping=True,
        award_imported_orders=True,
        gift_cards_earn=False,
        sale_items_earn=False,
        pending_days=14,
        expiry=Expiry("months", 12),
        point_value=Decimal("0.01"),
        minimum_points_to_spend=100,
        maximum_share_percent=Decimal("33.33"),
        hold_minutes=30,
        earned_points_policy=EarnedPointsPolicy.REVERSE_INTO_DEFICIT,
        spent_points_policy=SpentPointsPolicy.IN_PROPORTION,
    )
    assert parse_crm_settings(
        items(
            profiles_enabled="false",
            guest_profiles_enabled=False,
            rfm_window_days="30",
            consent_required="true",
            forecast_days="1095",
            forecast_minimum_customers="50",
            forecast_minimum_days="60",
            forecast_minimum_loyal="2",
            recommendations_enabled="False",
            nightly_training=False,
            training_history_days="3650",
            minimum_support="1",
            recommend_only_in_stock="false",
            brand_attribute=" márka-1 ",
            most_of_brand="3",
            most_of_category="9",
            new_products_in_ten="5",
            new_product_days="365",
            loyal_orders="3",
            won_back_days="30",
            usual_gap_days="14",
            tax_id_metadata_key="erp.tax_id",
            business_domains="@Example.com, *.example.org; .shop",
            government_domains="none",
            last_sync="whatever stands in a status line",
        )
    ) == CRMSettings(
        profiles_enabled=False,
        guest_profiles_enabled=False,
        rfm_window_days=30,
        consent_required=True,
        forecast_days=1095,
        forecast_minimum_customers=50,
        forecast_minimum_days=60,
        forecast_minimum_loyal=2,
        recommendations_enabled=False,
        nightly_training=False,
        training_history_days=3650,
        minimum_support=1,
        recommend_only_in_stock=False,
        brand_attribute="márka-1",
        most_of_brand=3,
        most_of_category=9,
        new_products_in_ten=5,
        new_product_days=365,
        loyal_orders=3,
        won_back_days=30,
        usual_gap_days=14,
        tax_id_metadata_key="erp.tax_id",
        business_domains=("example.com", "example.org", "shop"),
        government_domains=(),
    )


@pytest.mark.parametrize(
    "text",
    [
        "example..com",
        "a b!",
        "-x.com",
        "me@example.com",
        ",".join(["x.com"] * 201),
        "x" * 60_000,
        "a" * 254,
        5,
        "x.com/y",
    ],
)
def test_what_is_no_list_of_domains_is_refused(text: object) -> None:
    with pytest.raises(SettingsError, match="Enter none, or up to 200 domains"):
        parse_crm_settings(items(business_domains=text))


@pytest.mark.parametrize("text", ["two words", "x" * 65, "half\ud83d", ["key"]])
def test_what_is_no_metadata_key_is_refused(text: object) -> None:
    with pytest.raises(SettingsError, match="without spaces"):
        parse_crm_settings(items(tax_id_metadata_key=text))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", Decimal(1)),
        (" 1.50 ", Decimal("1.5")),
        ("0.000001", Decimal("0.000001")),
        ("10000", Decimal(10000)),
        (2, Decimal(2)),
    ],
)
def test_numbers_that_are_accepted(text: object, number: Decimal) -> None:
    assert loyalty(points_per_unit=text).points_per_unit == number


@pytest.mark.parametrize(
    ("text", "expiry"),
    [
        ("never", Expiry("never")),
        ("Never", Expiry("never")),
        ("end of year", Expiry("end_of_year")),
        ("end_of_year", Expiry("end_of_year")),
        ("1 month", Expiry("months", 1)),
        (" 120  months ", Expiry("months", 120)),
    ],
)
def test_expiries_that_are_accepted(text: str, expiry: Expiry) -> None:
    assert loyalty(expiry=text).expiry == expiry


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T12:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31 12:00:05Z", datetime(2026, 1, 31, 12, 0, 5, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_moments_that_are_accepted(text: str, moment: datetime) -> None:
    assert loyalty(earn_from=text).earn_from == moment


NUMBER = "Enter a number above 0, at most 10000, with a decimal point and at most 6 decimals or leave empty, like 1.5."
DATE = "Enter a date from 2000 to 2100 like 2026-01-31, or with a time like 2026-01-31T12:00 (UTC)."
MONTHS = "Enter never, end of year, or a number of months from 1 to 120, like 12 months."
SHARE = "Enter a number from 0 to 100, with a decimal point and at most 2 decimals, like 1.5."


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        *[
            ("points_per_unit", bad, NUMBER)
            for bad in (
                "1,5",
                "-1",
                "0",
                "0.0",
                "10000.000001",
                "0.0000001",
                "1e3",
                "NaN",
                "Infinity",
                "+1",
                ".5",
                "1.",
                "\uff11",
                "many",
                "9" * 65,
                True,
                [1],
            )
        ],
        ("point_value", "10001", NUMBER),
        ("pending_days", "-1", "Enter a whole number from 0 to 365."),
        ("pending_days", "366", "Enter a whole number from 0 to 365."),
        ("pending_days", "1.5", "Enter a whole number from 0 to 365."),
        ("hold_minutes", "4", "Enter a whole number from 5 to 1440."),
        ("hold_minutes", "1441", "Enter a whole number from 5 to 1440."),
        ("minimum_points_to_spend", "0", "Enter a whole number from 1 to 1000000."),
        ("minimum_points_to_spend", "1000001", "Enter a whole number from 1 to 1000000."),
        ("maximum_share_percent", "101", SHARE),
        ("maximum_share_percent", "50 %", SHARE),
        ("maximum_share_percent", "33.333", SHARE),
        *[("expiry", bad, MONTHS) for bad in ("0 months", "121 months", "12", "1 year", "-1 months", "soon")],
        *[
            ("earn_from", bad, DATE)
            for bad in (
                "31.01.2026",
                "2026-02-30",
                "20260131",
                "1999-12-31",
                "2101-01-01",
                "yesterday",
                "2026-W05-1",
                True,
            )
        ],
        ("award_when", "shipped", "Enter paid or fulfilled."),
        ("basis", "brutto", "Enter gross or net."),
        ("include_shipping", "yes", "Enter true or false."),
        ("earned_points_policy", "keep", "Enter pending only, within balance or into deficit."),
        ("spent_points_policy", "lose", "Enter return, keep or in proportion."),
    ],
)
def test_what_cannot_be_meant_is_refused_and_the_message_says_what_to_enter(
    field: str, value: object, message: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        loyalty(**{field: value})
    assert refused.value.errors == {field: message}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rfm_window_days", "29", "Enter a whole number from 30 to 3650."),
        ("rfm_window_days", "3651", "Enter a whole number from 30 to 3650."),
        ("forecast_days", "29", "Enter a whole number from 30 to 1095."),
        ("forecast_days", "1096", "Enter a whole number from 30 to 1095."),
        ("forecast_minimum_customers", "49", "Enter a whole number from 50 to 1000000."),
        ("forecast_minimum_days", "59", "Enter a whole number from 60 to 3650."),
        ("forecast_minimum_loyal", "0", "Enter a whole number from 1 to 1000000."),
        ("training_history_days", "6", "Enter a whole number from 7 to 3650."),
        ("minimum_support", "0", "Enter a whole number from 1 to 1000."),
        ("brand_attribute", "two words", "Enter up to 64 letters, digits, hyphens and underscores."),
        ("most_of_brand", "0", "Enter a whole number from 1 to 9."),
        ("most_of_category", "10", "Enter a whole number from 1 to 9."),
        ("new_products_in_ten", "6", "Enter a whole number from 0 to 5."),
        ("new_product_days", "0", "Enter a whole number from 1 to 365."),
        ("minimum_support", "three", "Enter a whole number from 1 to 1000."),
        ("profiles_enabled", "on", "Enter true or false."),
    ],
)
def test_what_cannot_be_meant_for_the_whole_shop(field: str, value: object, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_crm_settings(items(**{field: value}))
    assert refused.value.errors == {field: message}


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        loyalty(points_per_unit="x", pending_days="1000", basis="gross")
    assert set(refused.value.errors) == {"points_per_unit", "pending_days"}


@given(st.one_of(st.text(max_size=80), st.integers(), st.floats(), st.booleans(), st.lists(st.integers())))
def test_whatever_is_entered_is_read_or_refused(value: object) -> None:
    for field in ALL_FIELDS:
        if field.parser is None:
            continue
        message = ""
        try:
            field.parser(value)
        except ValueError as error:
            message = str(error)
        assert message in ("", field.parser.limits, "Enter true or false.")


def test_the_limits_stand_in_the_help_text() -> None:
    # The Dashboard does not show why a value was refused.
    structure = config_structure(ALL_FIELDS)
    for field in ALL_FIELDS:
        assert structure[field.name]["help_text"] == field.help_text
        if field.parser is not None:
            assert field.help_text.endswith(field.parser.limits)
    assert structure["pending_days"] == {
        "type": "String",
        "label": "Days until points can be spent",
        "help_text": "Awarded points stay pending for this many days; 0: they can be spent at once. "
        "Enter a whole number from 0 to 365.",
    }
    assert {field.name: field.widget.value for field in CRM_FIELDS} == {
        "profiles_enabled": "Boolean",
        "guest_profiles_enabled": "Boolean",
        "rfm_window_days": "String",
        "consent_required": "Boolean",
        "forecast_days": "String",
        "forecast_minimum_customers": "String",
        "forecast_minimum_days": "String",
        "forecast_minimum_loyal": "String",
        "recommendations_enabled": "Boolean",
        "nightly_training": "Boolean",
        "training_history_days": "String",
        "minimum_support": "String",
        "discovery_percent": "String",
        "recommend_only_in_stock": "Boolean",
        "tracking_enabled": "Boolean",
        "attribution_days": "String",
        "holdout_percent": "String",
        "tracking_retention_days": "String",
        "tracking_events_per_minute": "String",
        "brand_attribute": "String",
        "most_of_brand": "String",
        "most_of_category": "String",
        "new_products_in_ten": "String",
        "new_product_days": "String",
        "expiry_reminder_days": "String",
        "feedback_days": "String",
        "feedback_edit_days": "String",
        "reviews_moderated": "Boolean",
        "loyal_orders": "String",
        "won_back_days": "String",
        "usual_gap_days": "String",
        "tax_id_metadata_key": "String",
        "business_domains": "String",
        "government_domains": "String",
        "checkout_abandoned_after_hours": "String",
        "timeline_details_days": "String",
        "last_sync": "OUTPUT",
        "last_training": "OUTPUT",
        "orders_behind": "OUTPUT",
        "failed_orders": "OUTPUT",
    }


def test_fields_are_shown_in_their_order_whatever_the_order_stored() -> None:
    stored = [
        {"name": "minimum_support", "value": "7"},
        {"name": "gone", "value": "x"},
        {"name": "profiles_enabled", "value": True},
    ]
    assert in_display_order(stored, CRM_FIELDS) == [stored[2], stored[0]]


class TestEarnFrom:
    def test_is_filled_in_when_earning_begins(self) -> None:
        assert complete_loyalty_update([], items(points_per_unit="1", basis="net"), NOW) == items(
            points_per_unit="1", basis="net", earn_from="2026-03-01T12:30:15+00:00"
        )

    def test_is_kept_as_entered(self) -> None:
        update = items(points_per_unit="1", earn_from="2020-01-01")
        assert complete_loyalty_update([], update, NOW) == update

    def test_is_not_filled_in_while_nothing_is_earned(self) -> None:
        assert complete_loyalty_update([], items(points_per_unit="", basis="net"), NOW) == items(
            points_per_unit="", basis="net"
        )

    def test_stays_when_other_settings_change(self) -> None:
        stored = items(points_per_unit="1", earn_from="2025-01-01")
        assert complete_loyalty_update(stored, items(points_per_unit="2"), NOW) == items(points_per_unit="2")

    def test_an_emptied_date_begins_anew(self) -> None:
        stored = items(points_per_unit="1", earn_from="2025-01-01")
        assert complete_loyalty_update(stored, items(earn_from=""), NOW) == items(earn_from="2026-03-01T12:30:15+00:00")

    def test_a_pause_does_not_earn_afterwards(self) -> None:
        stored = items(points_per_unit="1", earn_from="2025-01-01")
        paused = complete_loyalty_update(stored, items(points_per_unit=""), NOW)
        assert paused == items(points_per_unit="", earn_from="")
        resumed = complete_loyalty_update(paused, items(points_per_unit="1"), NOW)
        assert resumed == items(points_per_unit="1", earn_from="2026-03-01T12:30:15+00:00")

    def test_a_pause_of_the_plugin_does_not_earn_afterwards(self) -> None:
        stored = items(points_per_unit="1", earn_from="2025-01-01")
        paused = complete_loyalty_update(stored, [], NOW, was_active=True, is_active=False)
        assert paused == items(earn_from="")
        off = items(points_per_unit="1", earn_from="")
        assert complete_loyalty_update(off, [], NOW, was_active=False, is_active=False) == []
        resumed = complete_loyalty_update(off, [], NOW, was_active=False, is_active=True)
        assert resumed == items(earn_from="2026-03-01T12:30:15+00:00")

    def test_a_date_can_be_prepared_before_earning_begins(self) -> None:
        prepared = complete_loyalty_update([], items(points_per_unit="", earn_from="2026-06-01"), NOW)
        assert prepared == items(points_per_unit="", earn_from="2026-06-01")
        assert complete_loyalty_update(prepared, items(points_per_unit="1"), NOW) == items(points_per_unit="1")

    def test_a_null_leaves_the_stored_value(self) -> None:
        stored = items(points_per_unit="1", earn_from="2025-01-01")
        assert complete_loyalty_update(stored, items(points_per_unit=None), NOW) == items(points_per_unit=None)


def test_the_reference_explains_every_field() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    rows = {match[1]: match[0] for match in re.finditer(r"^\| `(\w+)` \|.*$", text, re.MULTILINE)}
    assert set(rows) == {field.name for field in ALL_FIELDS}
    for field in ALL_FIELDS:
        assert field.label in rows[field.name], field.name
        limits, _, _example = field.parser.limits.partition(" like ") if field.parser else ("", "", "")
        for number in re.findall(r"\d+", limits):
            assert number in rows[field.name], (field.name, number)
