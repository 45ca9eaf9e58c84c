"""The settings pages, as Saleor's manager shows and saves them, and as the rest of the plugin reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connections
from graphql_relay import to_global_id
from saleor.core.db.connection import allow_writer
from saleor.permission.enums import PluginsPermissions
from saleor.plugins.base_plugin import ConfigurationTypeField
from saleor.plugins.manager import get_plugins_manager
from saleor.plugins.models import PluginConfiguration

from saleor_crm_plugin.config import CRM_FIELDS, LOYALTY_FIELDS, CRMSettings, Expiry, LoyaltySettings
from saleor_crm_plugin.config.fields import Widget
from saleor_crm_plugin.ingestion import logs
from saleor_crm_plugin.ingestion.models import OrderSync, SyncState
from saleor_crm_plugin.ingestion.settings import ShopSettings, load_settings
from saleor_crm_plugin.ingestion.status import status_lines
from saleor_crm_plugin.plugin import CRMPlugin, LoyaltySettingsPlugin
from saleor_crm_plugin.profiles.consents.models import ConsentPolicy
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.recommendations.models import ModelStatus, RecommendationModel
from tests.devshop.client import GraphQLClient
from tests.devshop.factories import make_channel, make_order, make_staff

PLUGINS = ["saleor_crm_plugin.plugin.CRMPlugin", "saleor_crm_plugin.plugin.LoyaltySettingsPlugin"]
NOW = datetime(2026, 3, 1, 12, 30, 15, 987_654, tzinfo=UTC)
WRITER = "default"

pytestmark = pytest.mark.django_db

Save = Callable[..., PluginConfiguration | None]


@pytest.fixture(autouse=True)
def installed(settings: Any) -> Iterator[None]:
    settings.PLUGINS = PLUGINS
    logs.forget_logged()
    yield
    logs.forget_logged()


def save(plugin_id: str, channel_slug: str | None = None, active: bool | None = None, **values: Any) -> None:
    """As the mutation `pluginUpdate` does, with a manager of its own."""
    data: dict[str, Any] = {"configuration": [{"name": name, "value": value} for name, value in values.items()]}
    if active is not None:
        data["active"] = active
    get_plugins_manager(allow_replica=False).save_plugin_configuration(plugin_id, channel_slug, data)


def page(plugin_id: str, channel_slug: str | None = None) -> dict[str, Any]:
    """Name -> value, in the order in which the page shows them."""
    plugin = get_plugins_manager(allow_replica=False).get_plugin(plugin_id, channel_slug)
    return {item["name"]: item["value"] for item in plugin.configuration}


def stored(plugin_id: str, channel_slug: str | None = None) -> dict[str, Any]:
    row = PluginConfiguration.objects.get(identifier=plugin_id, channel__slug=channel_slug)
    return {item["name"]: item["value"] for item in row.configuration}


def store(plugin_id: str, channel: Any = None, active: bool = True, **values: Any) -> None:
    """As if an older release, or somebody by hand, had written it."""
    PluginConfiguration.objects.create(
        identifier=plugin_id,
        channel=channel,
        active=active,
        configuration=[{"name": name, "value": value} for name, value in values.items()],
    )


class TestIdentity:
    def test_of_both_plugins(self) -> None:
        assert (CRMPlugin.PLUGIN_ID, CRMPlugin.CONFIGURATION_PER_CHANNEL, CRMPlugin.DEFAULT_ACTIVE) == (
            "crm",
            False,
            True,
        )
        assert (
            LoyaltySettingsPlugin.PLUGIN_ID,
            LoyaltySettingsPlugin.CONFIGURATION_PER_CHANNEL,
            LoyaltySettingsPlugin.DEFAULT_ACTIVE,
        ) == ("crm.loyalty", True, True)

    def test_the_widgets_are_saleors(self) -> None:
        assert {widget.value for widget in Widget} == {
            ConfigurationTypeField.STRING,
            ConfigurationTypeField.BOOLEAN,
            ConfigurationTypeField.OUTPUT,
        }


class TestThePage:
    def test_shows_the_fields_in_their_order_with_the_defaults(self, channel: Any) -> None:
        assert list(page("crm")) == [field.name for field in CRM_FIELDS]
        assert page("crm.loyalty", channel.slug) == {
            "points_per_unit": "",
            "earn_from": "",
            "award_when": "paid",
            "basis": "gross",
            "include_shipping": False,
            "award_imported_orders": False,
            "gift_cards_earn": True,
            "sale_items_earn": True,
            "points_earn": False,
            "pending_days": "0",
            "expiry": "never",
            "point_value": "",
            "minimum_points_to_spend": "1",
            "maximum_share_percent": "100",
            "hold_minutes": "60",
            "redemption_form": "voucher",
            "earned_points_policy": "within balance",
            "spent_points_policy": "return",
        }

    def test_shows_them_in_their_order_whatever_was_stored_first(self, channel: Any) -> None:
        store("crm.loyalty", channel, spent_points_policy="keep", removed_in_an_older_release="x", points_per_unit="2")
        shown = page("crm.loyalty", channel.slug)
        assert list(shown) == [field.name for field in LOYALTY_FIELDS]
        assert (shown["spent_points_policy"], shown["points_per_unit"], shown["basis"]) == ("keep", "2", "gross")

    def test_each_item_has_what_the_dashboard_needs(self) -> None:
        plugin = get_plugins_manager(allow_replica=False).get_plugin("crm")
        for item in plugin.configuration:
            assert set(item) == {"name", "value", "type", "label", "help_text"}
            assert item["label"]
            assert item["help_text"]


class TestSaving:
    def test_stores_names_and_values_only(self, channel: Any) -> None:
        save("crm", minimum_support="5", last_sync="by hand")
        row = PluginConfiguration.objects.get()
        assert row.configuration == [
            {"name": "profiles_enabled", "value": True},
            {"name": "guest_profiles_enabled", "value": True},
            {"name": "rfm_window_days", "value": "365"},
            {"name": "consent_required", "value": False},
            {"name": "forecast_days", "value": "365"},
            {"name": "forecast_minimum_customers", "value": "500"},
            {"name": "forecast_minimum_days", "value": "180"},
            {"name": "forecast_minimum_loyal", "value": "1"},
            {"name": "recommendations_enabled", "value": True},
            {"name": "nightly_training", "value": True},
            {"name": "training_history_days", "value": "365"},
            {"name": "minimum_support", "value": "5"},
            {"name": "discovery_percent", "value": ""},
            {"name": "recommend_only_in_stock", "value": True},
            {"name": "tracking_enabled", "value": True},
            {"name": "attribution_days", "value": "7"},
            {"name": "holdout_percent", "value": "0"},
            {"name": "tracking_retention_days", "value": "180"},
            {"name": "tracking_events_per_minute", "value": "12000"},
            {"name": "brand_attribute", "value": ""},
            {"name": "most_of_brand", "value": ""},
            {"name": "most_of_category", "value": ""},
            {"name": "new_products_in_ten", "value": "0"},
            {"name": "new_product_days", "value": "30"},
            {"name": "expiry_reminder_days", "value": ""},
            {"name": "feedback_days", "value": "180"},
            {"name": "feedback_edit_days", "value": "14"},
            {"name": "reviews_moderated", "value": True},
            {"name": "loyal_orders", "value": "4"},
            {"name": "won_back_days", "value": "90"},
            {"name": "usual_gap_days", "value": "90"},
            {"name": "tax_id_metadata_key", "value": "vat_number"},
            {"name": "business_domains", "value": ""},
            {"name": "government_domains", "value": "gov, mil"},
            {"name": "checkout_abandoned_after_hours", "value": "24"},
            {"name": "timeline_details_days", "value": ""},
        ]
        assert row.name == "Customers, loyalty and recommendations"
        assert page("crm")["minimum_support"] == "5"

    def test_the_first_save_leaves_the_plugin_on(self, channel: Any) -> None:
        # Saleor creates the row switched off; a plugin that is off is in no list of the Dashboard.
        save("crm.loyalty", channel.slug, pending_days="14")
        assert PluginConfiguration.objects.get().active is True

    def test_switching_off_and_on(self) -> None:
        save("crm", active=False)
        assert PluginConfiguration.objects.get().active is False
        save("crm", minimum_support="4")
        assert PluginConfiguration.objects.get().active is False
        save("crm", active=True)
        assert PluginConfiguration.objects.get().active is True

    def test_a_wrong_value_is_refused_by_field_and_nothing_changes(self, channel: Any) -> None:
        save("crm.loyalty", channel.slug, points_per_unit="1", earn_from="2026-01-01")
        with pytest.raises(ValidationError) as refused:
            save("crm.loyalty", channel.slug, points_per_unit="1,5", pending_days="400", basis="net")
        assert {field: (error.code, error.message) for field, [error] in refused.value.error_dict.items()} == {
            "points_per_unit": (
                "invalid",
                "Enter a number above 0, at most 10000, with a decimal point and at most 6 decimals or leave empty, "
                "like 1.5.",
            ),
            "pending_days": ("invalid", "Enter a whole number from 0 to 365."),
        }
        assert stored("crm.loyalty", channel.slug)["points_per_unit"] == "1"
        assert stored("crm.loyalty", channel.slug)["basis"] == "gross"

    def test_a_first_save_that_is_refused_leaves_no_row_that_is_switched_off(self, channel: Any) -> None:
        with pytest.raises(ValidationError):
            save("crm.loyalty", channel.slug, points_per_unit="-1")
        assert not PluginConfiguration.objects.exists()
        assert get_plugins_manager(allow_replica=False).get_plugin("crm.loyalty", channel.slug).active

    def test_switching_off_works_with_any_stored_value(self, channel: Any) -> None:
        store("crm.loyalty", channel, points_per_unit="nonsense")
        save("crm.loyalty", channel.slug, active=False)
        assert PluginConfiguration.objects.get().active is False
        with pytest.raises(ValidationError):
            save("crm.loyalty", channel.slug, active=True)

    def test_a_row_written_by_hand_is_neither_deleted_nor_switched_on(self, channel: Any) -> None:
        store("crm.loyalty", channel, active=True, points_per_unit="1")
        with pytest.raises(ValidationError):
            save("crm.loyalty", channel.slug, points_per_unit="-1")
        assert stored("crm.loyalty", channel.slug) == {"points_per_unit": "1"}
        store("crm", active=False, minimum_support="5")
        save("crm", minimum_support="6")
        assert PluginConfiguration.objects.get(identifier="crm").active is False

    def test_a_row_without_any_settings_can_be_saved(self) -> None:
        PluginConfiguration.objects.create(identifier="crm", active=True, configuration={})
        save("crm", minimum_support="9")
        assert stored("crm")["minimum_support"] == "9"

    def test_a_checkbox_arrives_as_text(self, channel: Any) -> None:
        save("crm.loyalty", channel.slug, include_shipping="true")
        assert stored("crm.loyalty", channel.slug)["include_shipping"] is True

    @time_machine.travel(NOW, tick=False)
    def test_earning_begins_now_unless_a_date_is_given(self, channel: Any) -> None:
        save("crm.loyalty", channel.slug, points_per_unit="1")
        assert stored("crm.loyalty", channel.slug)["earn_from"] == "2026-03-01T12:30:15+00:00"
        assert page("crm.loyalty", channel.slug)["earn_from"] == "2026-03-01T12:30:15+00:00"
        save("crm.loyalty", channel.slug, points_per_unit="2")
        assert stored("crm.loyalty", channel.slug)["earn_from"] == "2026-03-01T12:30:15+00:00"

    @time_machine.travel(NOW, tick=False)
    def test_a_pause_and_a_new_beginning(self, channel: Any) -> None:
        save("crm.loyalty", channel.slug, points_per_unit="1", earn_from="2025-01-01")
        save("crm.loyalty", channel.slug, points_per_unit="")
        assert stored("crm.loyalty", channel.slug)["earn_from"] == ""
        save("crm.loyalty", channel.slug, points_per_unit="1")
        assert stored("crm.loyalty", channel.slug)["earn_from"] == "2026-03-01T12:30:15+00:00"

    @time_machine.travel(NOW, tick=False)
    def test_switched_off_and_on_again(self, channel: Any) -> None:
        save("crm.loyalty", channel.slug, points_per_unit="1", earn_from="2025-01-01")
        save("crm.loyalty", channel.slug, active=False)
        assert stored("crm.loyalty", channel.slug)["earn_from"] == ""
        save("crm.loyalty", channel.slug, active=True)
        assert stored("crm.loyalty", channel.slug)["earn_from"] == "2026-03-01T12:30:15+00:00"
        assert stored("crm.loyalty", channel.slug)["points_per_unit"] == "1"


class TestConsent:
    @pytest.mark.parametrize(("required", "allowed"), [(True, False), (False, True)])
    def test_what_silence_means_holds_for_everybody_once_it_is_saved(
        self, required: bool, allowed: bool, django_capture_on_commit_callbacks: Any
    ) -> None:
        known = CustomerProfile.objects.create(profiling_allowed=required, recommendations_allowed=required)
        with django_capture_on_commit_callbacks(execute=True):
            save("crm", consent_required=required)
        known.refresh_from_db()
        later = CustomerProfile.objects.create()
        later.refresh_from_db()
        assert known.profiling_allowed is known.recommendations_allowed is allowed
        assert later.profiling_allowed is later.recommendations_allowed is allowed

    def test_other_settings_leave_it(self, django_capture_on_commit_callbacks: Any) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            save("crm", consent_required=True)
            save("crm", minimum_support="5")
        assert ConsentPolicy.objects.get().consent_required


class TestLoading:
    def test_a_shop_that_never_saved_anything(self, channel: Any) -> None:
        assert load_settings() == ShopSettings(crm=CRMSettings(), loyalty={}, crm_active=True)
        assert load_settings().loyalty_for(channel.pk) == LoyaltySettings()

    def test_of_all_channels_in_one_statement(self, channel: Any, django_assert_num_queries: Any) -> None:
        other = make_channel("other", "EUR")
        save("crm", minimum_support="7")
        save("crm.loyalty", channel.slug, points_per_unit="1", earn_from="2026-01-01", expiry="12 months")
        save("crm.loyalty", other.slug, point_value="0.01")
        with django_assert_num_queries(1):
            shop = load_settings()
        assert shop == ShopSettings(
            crm=CRMSettings(minimum_support=7),
            loyalty={
                channel.pk: LoyaltySettings(
                    points_per_unit=Decimal(1),
                    earn_from=datetime(2026, 1, 1, tzinfo=UTC),
                    expiry=Expiry("months", 12),
                ),
                other.pk: LoyaltySettings(point_value=Decimal("0.01")),
            },
            crm_active=True,
        )
        with django_assert_num_queries(1):
            assert load_settings(using="replica") == shop

    def test_reads_the_writer_only_as_allowed(self, channel: Any) -> None:
        from saleor.core.db.connection import restrict_writer

        with connections[WRITER].execute_wrapper(restrict_writer):
            assert load_settings() == ShopSettings()
            assert load_settings(using="replica") == ShopSettings()

    def test_switched_off(self) -> None:
        save("crm", active=False)
        assert load_settings().crm_active is False

    def test_a_channel_that_is_switched_off_earns_and_spends_nothing_but_keeps_its_refund_terms(
        self, channel: Any
    ) -> None:
        save("crm.loyalty", channel.slug, points_per_unit="1", point_value="1", spent_points_policy="keep")
        save("crm.loyalty", channel.slug, active=False)
        terms = load_settings().loyalty_for(channel.pk)
        assert (terms.points_per_unit, terms.point_value, terms.spent_points_policy.value) == (None, None, "keep")

    @pytest.mark.parametrize(
        ("field", "value", "earns", "spends"),
        [
            ("points_per_unit", "a lot", False, True),
            ("earn_from", "last year", False, True),
            ("pending_days", "9999", False, True),
            ("expiry", "13 moons", False, True),
            ("point_value", "-1", True, False),
            ("maximum_share_percent", "500", True, False),
            ("hold_minutes", "0", True, False),
            ("earned_points_policy", "?", True, True),
            ("spent_points_policy", "?", True, True),
        ],
    )
    def test_a_value_that_cannot_be_read_switches_off_what_it_governs_and_is_logged_once(
        self, channel: Any, caplog: pytest.LogCaptureFixture, field: str, value: str, earns: bool, spends: bool
    ) -> None:
        store("crm.loyalty", channel, **{"points_per_unit": "1", "point_value": "1", "basis": "net", field: value})
        for _ in range(3):
            terms = load_settings().loyalty_for(channel.pk)
        assert (terms.points_per_unit is not None, terms.point_value is not None) == (earns, spends)
        assert getattr(terms, field) == getattr(LoyaltySettings(), field)
        assert terms.basis.value == "net"
        [message] = [record.getMessage() for record in caplog.records]
        label = next(spec.label for spec in LOYALTY_FIELDS if spec.name == field)
        assert message.startswith(
            f"The setting {label!r} of plugin 'crm.loyalty' in channel {channel.pk} cannot be read"
        )
        assert "Open the plugin in the Dashboard and correct it: Enter " in message

    def test_an_unreadable_setting_of_the_shop_counts_as_its_default(self, caplog: pytest.LogCaptureFixture) -> None:
        store("crm", minimum_support="none", rfm_window_days="90")
        assert load_settings().crm == CRMSettings(rfm_window_days=90)
        assert "its default applies" in caplog.text


class TestStatus:
    def test_of_a_fresh_shop(self) -> None:
        with allow_writer():
            assert status_lines(WRITER) == {
                "last_sync": "never",
                "last_training": "never",
                "orders_behind": "0",
                "failed_orders": "0",
            }

    def test_after_some_work(self, customer: Any) -> None:
        make_order(customer)
        failed = make_order(customer)
        with time_machine.travel(NOW, tick=False):
            SyncState.objects.create(name="reconcile")
            OrderSync.objects.create(order_id=failed.pk, error="ValueError")
            RecommendationModel.objects.create(status=ModelStatus.RETIRED, started_at=NOW, finished_at=None)
            RecommendationModel.objects.create(
                status=ModelStatus.PUBLISHED, started_at=NOW, finished_at=datetime(2026, 2, 28, 3, 20, 7, tzinfo=UTC)
            )
        assert status_lines(WRITER) == {
            "last_sync": "2026-03-01 12:30:15+00:00",
            "last_training": "2026-02-28 03:20:07+00:00",
            "orders_behind": "2",
            "failed_orders": "1",
        }

    def test_missing_tables_do_not_break_the_page(self, caplog: pytest.LogCaptureFixture) -> None:
        with connections[WRITER].cursor() as cursor:
            cursor.execute("ALTER TABLE crm_sync_state RENAME TO not_migrated")
        unknown = "unknown: run `manage.py migrate saleor_crm_plugin`, and see the log"
        for _ in range(2):
            assert set(status_lines(WRITER).values()) == {unknown}
        assert len(caplog.records) == 1
        # The transaction around it is still good.
        assert not PluginConfiguration.objects.exists()

    def test_is_neither_read_at_load_nor_stored(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            plugin = CRMPlugin(configuration=[], active=True)
        assert {item["name"]: item["value"] for item in plugin.configuration}["last_sync"] == ""
        save("crm", minimum_support="3")
        assert "last_sync" not in stored("crm")


class TestTheDashboard:
    """The same through `/graphql/`, with Saleor's guard on the writer."""

    PAGE = """
        query ($id: ID!) {
            plugin(id: $id) {
                globalConfiguration { active configuration { name value type helpText label } }
                channelConfigurations { active channel { slug } configuration { name value } }
            }
        }
    """
    UPDATE = """
        mutation ($id: ID!, $channel: ID, $input: PluginUpdateInput!) {
            pluginUpdate(id: $id, channelId: $channel, input: $input) {
                plugin {
                    globalConfiguration { active configuration { name value } }
                    channelConfigurations { active configuration { name value } }
                }
                errors { field message code }
            }
        }
    """

    @pytest.fixture
    def admin(self) -> GraphQLClient:
        return GraphQLClient(user=make_staff(permissions=[PluginsPermissions.MANAGE_PLUGINS]))

    def test_shows_both_pages(self, admin: GraphQLClient, channel: Any) -> None:
        SyncState.objects.create(name="reconcile")
        shown = admin.data(self.PAGE, {"id": "crm"})["plugin"]["globalConfiguration"]
        assert shown["active"] is True
        items = {item["name"]: item for item in shown["configuration"]}
        assert list(items) == [field.name for field in CRM_FIELDS]
        assert items["profiles_enabled"] == {
            "name": "profiles_enabled",
            "value": "true",
            "type": "BOOLEAN",
            "helpText": "Keep numbers, timeline, scores and segments of each customer. Off: only whose each order is.",
            "label": "Customer profiles",
        }
        assert items["rfm_window_days"]["type"] == "STRING"
        assert items["last_sync"]["type"] == "OUTPUT"
        assert items["last_sync"]["value"].startswith("20")
        assert (items["last_training"]["value"], items["orders_behind"]["value"]) == ("never", "0")
        [of_channel] = admin.data(self.PAGE, {"id": "crm.loyalty"})["plugin"]["channelConfigurations"]
        assert of_channel["channel"] == {"slug": channel.slug}
        assert [item["name"] for item in of_channel["configuration"]] == [field.name for field in LOYALTY_FIELDS]

    def test_saves_the_shops_settings_and_shows_the_status_at_once(self, admin: GraphQLClient) -> None:
        update = {"configuration": [{"name": "minimum_support", "value": "9"}]}
        answer = admin.data(self.UPDATE, {"id": "crm", "input": update})["pluginUpdate"]
        assert answer["errors"] == []
        shown = answer["plugin"]["globalConfiguration"]
        assert shown["active"] is True
        values = {item["name"]: item["value"] for item in shown["configuration"]}
        assert (values["minimum_support"], values["orders_behind"]) == ("9", "0")
        assert load_settings().crm.minimum_support == 9

    def test_refuses_by_field_with_a_message(self, admin: GraphQLClient, channel: Any) -> None:
        update = {"configuration": [{"name": "points_per_unit", "value": "1,5"}, {"name": "expiry", "value": "soon"}]}
        variables = {"id": "crm.loyalty", "channel": to_global_id("Channel", channel.pk), "input": update}
        answer = admin.data(self.UPDATE, variables)["pluginUpdate"]
        assert sorted((error["field"], error["code"], error["message"][:14]) for error in answer["errors"]) == [
            ("expiry", "INVALID", "Enter never, e"),
            ("pointsPerUnit", "INVALID", "Enter a number"),
        ]
        assert load_settings() == ShopSettings()

    def test_saves_a_channels_settings(self, admin: GraphQLClient, channel: Any) -> None:
        update = {"configuration": [{"name": "points_per_unit", "value": "1.5"}], "active": True}
        variables = {"id": "crm.loyalty", "channel": to_global_id("Channel", channel.pk), "input": update}
        with time_machine.travel(NOW, tick=True):
            answer = admin.data(self.UPDATE, variables)["pluginUpdate"]
        assert answer["errors"] == []
        [shown] = answer["plugin"]["channelConfigurations"]
        values = {item["name"]: item["value"] for item in shown["configuration"]}
        assert (values["points_per_unit"], values["earn_from"][:16]) == ("1.5", "2026-03-01T12:30")
        assert load_settings().loyalty_for(channel.pk).points_per_unit == Decimal("1.5")
