"""`manage.py check`: each message names what is wrong and says what to do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core import checks as django_checks
from django.core.management import call_command
from django.db import DatabaseError
from django.db.migrations.recorder import MigrationRecorder

from saleor_crm_plugin import checks, compat
from saleor_crm_plugin.apps import CRMConfig
from saleor_crm_plugin.ingestion import tasks
from tests.devshop.factories import make_channel
from tests.shop_settings import loyalty_settings

CRM, LOYALTY = checks.PLUGIN_CLASSES


def ids(messages: list[django_checks.CheckMessage]) -> list[str]:
    return [str(message.id).partition(".")[2] for message in messages]


def every_message_helps(messages: list[django_checks.CheckMessage]) -> bool:
    return all(message.hint and message.msg.endswith(".") for message in messages)


def test_a_good_installation_is_silent(settings: Any) -> None:
    settings.PLUGINS = [CRM, LOYALTY]
    assert [message for message in django_checks.run_checks() if str(message.id).startswith("saleor_crm")] == []


def test_all_are_registered() -> None:
    registered = django_checks.registry.registry.registered_checks
    ours = {getattr(check, "__name__", "") for check in registered if check.__module__ == checks.__name__}
    assert ours == {
        "check_saleor",
        "check_plugins_listed",
        "check_plugin_ids",
        "check_hooks",
        "check_schedule",
        "check_migrated",
        "check_redemption_form",
    }


class TestSaleor:
    @pytest.mark.parametrize("version", ["3.21.0", "3.21.69", "3.22.67", "3.23.28", "3.24.0-a.0"])
    def test_supported(self, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
        monkeypatch.setattr(compat, "saleor_version", lambda: version)
        assert checks.check_saleor() == []

    @pytest.mark.parametrize(
        ("version", "found"),
        [
            ("3.20.99", ["E002"]),
            ("2.11.0", ["E002"]),
            ("3.25.0", ["W001"]),
            ("4.0.0", ["W001"]),
            ("3.100.0", ["W001"]),
            ("unknown", ["W001"]),
        ],
    )
    def test_not_supported(self, monkeypatch: pytest.MonkeyPatch, version: str, found: list[str]) -> None:
        monkeypatch.setattr(compat, "saleor_version", lambda: version)
        messages = checks.check_saleor()
        assert ids(messages) == found
        assert version in messages[0].msg
        assert "3.21 to 3.24" in messages[0].msg
        assert every_message_helps(messages)

    def test_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compat, "saleor_is_installed", lambda: False)
        messages = checks.check_saleor()
        assert ids(messages) == ["E001"]
        assert every_message_helps(messages)
        assert checks.check_hooks() == checks.check_schedule() == []


class TestPlugins:
    @pytest.mark.parametrize(
        ("listed", "missing"),
        [([], []), ([CRM, LOYALTY], []), ([CRM], [LOYALTY]), ([LOYALTY], [CRM]), (["other.Plugin"], [CRM, LOYALTY])],
    )
    def test_both_are_listed_or_none_of_any(self, settings: Any, listed: list[str], missing: list[str]) -> None:
        settings.PLUGINS = listed
        messages = checks.check_plugins_listed()
        assert ids(messages) == ["E003"] * len(missing)
        assert [message.msg.partition(" ")[0] for message in messages] == missing
        assert every_message_helps(messages)

    def test_another_plugin_with_our_id(self, settings: Any) -> None:
        settings.PLUGINS = [CRM, LOYALTY, f"{__name__}.Impostor", f"{__name__}.Neighbour", "gone.away.Plugin"]
        messages = checks.check_plugin_ids()
        assert ids(messages) == ["E004"]
        assert "Impostor has the plugin id 'crm.loyalty'" in messages[0].msg
        assert every_message_helps(messages)

    def test_one_of_ours_that_cannot_be_imported(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(path: str) -> None:
            raise ImportError("cannot import name 'X' from 'saleor'.")

        monkeypatch.setattr(checks, "import_string", fail)
        settings.PLUGINS = [CRM, LOYALTY]
        assert ids(checks.check_plugin_ids()) == ["E005", "E005"]
        # Said once, not by two checks.
        assert checks.check_hooks() == []
        settings.PLUGINS = []
        messages = checks.check_hooks()
        assert ids(messages) == ["E005"]
        assert every_message_helps(messages)


class Impostor:
    PLUGIN_ID = "crm.loyalty"


class Neighbour:
    PLUGIN_ID = "crm.somebody.else"


def test_a_hook_that_saleor_no_longer_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    known = compat.hook_names()
    monkeypatch.setattr(compat, "hook_names", lambda: known - {"order_updated", "account_deleted"})
    messages = checks.check_hooks()
    assert ids(messages) == ["W002", "W002"]
    assert [message.msg.split()[-1] for message in messages] == ["account_deleted.", "order_updated."]
    assert every_message_helps(messages)


def test_a_replaced_schedule(settings: Any) -> None:
    assert checks.check_schedule() == []
    settings.CELERY_BEAT_SCHEDULE = {"crm-reconcile": tasks.PERIODIC_TASKS["crm-reconcile"]}
    messages = checks.check_schedule()
    assert ids(messages) == ["W003"]
    assert ", ".join(sorted(tasks.PERIODIC_TASKS.keys() - {"crm-reconcile"})) in messages[0].msg
    assert every_message_helps(messages)
    # A command for one of the tasks would leave the others undone.
    assert "crm_reconcile" not in messages[0].hint


class TestMigrations:
    def test_plain_check_asks_no_database(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        # Without the django_db mark any query fails the test.
        call_command("check")
        assert checks.check_migrated() == checks.check_migrated(databases=[]) == []

    @pytest.mark.django_db
    def test_all_were_run(self) -> None:
        assert checks.check_migrated(databases=["default"]) == []

    @pytest.mark.django_db
    def test_some_were_not(self) -> None:
        MigrationRecorder.Migration.objects.filter(app="saleor_crm_plugin").exclude(name="0001_initial").delete()
        messages = checks.check_migrated(databases=["default"])
        assert ids(messages) == ["W004"]
        assert "saleor_crm_plugin.0002_" in messages[0].msg
        assert "0001_initial" not in messages[0].msg
        assert messages[0].hint.startswith("Run `manage.py migrate saleor_crm_plugin`.")
        # An error would keep `migrate`, which runs this check first, from doing what it asks for.
        assert not messages[0].is_serious()

    @pytest.mark.django_db
    def test_a_database_that_is_away_is_for_django_to_report(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(connection: Any) -> None:
            raise DatabaseError("connection refused")

        monkeypatch.setattr(checks, "MigrationExecutor", fail)
        assert checks.check_migrated(databases=["default"]) == []


@pytest.mark.django_db
class TestRedemptionForm:
    @pytest.fixture(autouse=True)
    def saleor_321(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compat, "saleor_version", lambda: "3.21.69")

    def test_a_gift_card_beside_transactions(self) -> None:
        for slug, form in [("us", "gift card"), ("de", "gift card"), ("pl", "voucher")]:
            loyalty_settings(make_channel(slug, allow_unpaid_orders=False), point_value="0.01", redemption_form=form)
        messages = checks.check_redemption_form(databases=["default"])
        assert ids(messages) == ["W005"]
        assert "a gift card in de, us." in messages[0].msg
        assert "3.21.69" in messages[0].msg
        assert messages[0].hint
        assert not messages[0].is_serious()

    def test_plain_check_asks_no_database(self) -> None:
        loyalty_settings(make_channel(allow_unpaid_orders=False), point_value="0.01", redemption_form="gift card")
        assert checks.check_redemption_form() == checks.check_redemption_form(databases=[]) == []

    def test_orders_that_need_not_be_paid(self) -> None:
        loyalty_settings(make_channel(allow_unpaid_orders=True), point_value="0.01", redemption_form="gift card")
        assert checks.check_redemption_form(databases=["default"]) == []

    def test_nothing_can_be_spent(self) -> None:
        loyalty_settings(make_channel(allow_unpaid_orders=False), redemption_form="gift card")
        assert checks.check_redemption_form(databases=["default"]) == []

    def test_a_later_saleor(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loyalty_settings(make_channel(allow_unpaid_orders=False), point_value="0.01", redemption_form="gift card")
        monkeypatch.setattr(compat, "saleor_version", lambda: "3.22.0")
        assert checks.check_redemption_form(databases=["default"]) == []

    def test_before_saleors_tables_are_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise DatabaseError("no such table")

        monkeypatch.setattr("saleor_crm_plugin.ingestion.points_cards.load_settings", fail)
        assert checks.check_redemption_form(databases=["default"]) == []


class TestStart:
    def config(self) -> CRMConfig:
        found = apps.get_app_config("saleor_crm_plugin")
        assert isinstance(found, CRMConfig)
        return found

    def test_without_saleor_only_the_checks_remain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compat, "saleor_is_installed", lambda: False)
        monkeypatch.setattr("saleor_crm_plugin.apps._join_saleor", lambda: pytest.fail("must not be called"))
        self.config().ready()

    def test_a_saleor_that_lacks_what_we_need_starts_all_the_same(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail() -> None:
            raise ImportError("cannot import name 'allow_writer'")

        monkeypatch.setattr("saleor_crm_plugin.apps._join_saleor", fail)
        self.config().ready()
        [record] = caplog.records
        assert "Run `manage.py check`" in record.getMessage()

    def test_the_schema_extension_comes_before_anything_else_of_saleors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from saleor_crm_plugin.graphql import extension

        steps: list[str] = []
        monkeypatch.setattr(extension, "install", lambda: steps.append("schema"))
        monkeypatch.setattr(tasks, "schedule_periodic_tasks", lambda: steps.append("schedule"))
        self.config().ready()
        assert steps == ["schema", "schedule"]


class TestCompat:
    def test_fetching_a_checkout_before_and_since_3_23(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from promise import Promise
        from saleor.checkout import calculations

        def before(checkout_info: Any, manager: Any, lines: Any, force_update: bool = False, **kwargs: Any) -> Any:
            return checkout_info, (lines, sorted(kwargs))

        def since(checkout_info: Any, manager: Any, lines: Any, requestor: Any, **kwargs: Any) -> Any:
            return Promise.resolve((checkout_info, (lines, requestor, sorted(kwargs))))

        arguments = {"requestor": "who asks", "database_connection_name": "replica"}
        for fetch, result in [
            (before, ("info", ("lines", ["allow_sync_webhooks", "database_connection_name"]))),
            (since, ("info", ("lines", "who asks", ["allow_sync_webhooks", "database_connection_name"]))),
        ]:
            monkeypatch.setattr(calculations, "fetch_checkout_data", fetch, raising=False)
            assert compat.fetch_checkout_data("info", None, "lines", **arguments).get() == result

    @pytest.mark.parametrize(
        ("version", "minor"), [("3.22.67", (3, 22)), ("3.24.0-a.0", (3, 24)), ("3", None), ("", None)]
    )
    def test_versions(self, version: str, minor: tuple[int, int] | None) -> None:
        assert compat.minor_version(version) == minor

    def test_hooks_are_those_declared_by_saleor(self) -> None:
        assert {"order_created", "account_deleted"} <= compat.hook_names()
        assert compat.answered_hooks(SimpleNamespace) == frozenset()
