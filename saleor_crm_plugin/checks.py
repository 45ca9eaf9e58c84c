"""System checks: what is wrong with the installation, and what to do about it.

`manage.py check` runs them without a database; `manage.py check --database default` and `manage.py migrate` also look
for our tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core import checks as django_checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string

from saleor_crm_plugin import compat, config

APP = "saleor_crm_plugin"
PLUGIN_CLASSES = (f"{APP}.plugin.CRMPlugin", f"{APP}.plugin.LoyaltySettingsPlugin")

SALEOR_MISSING = f"{APP}.E001"
SALEOR_TOO_OLD = f"{APP}.E002"
PLUGIN_NOT_LISTED = f"{APP}.E003"
PLUGIN_ID_TAKEN = f"{APP}.E004"
IMPORT_FAILED = f"{APP}.E005"
SALEOR_UNTESTED = f"{APP}.W001"
HOOK_UNKNOWN = f"{APP}.W002"
NOT_SCHEDULED = f"{APP}.W003"
NOT_MIGRATED = f"{APP}.W004"
GIFT_CARDS_DO_NOT_PAY = f"{APP}.W005"


def register_all() -> None:
    for check in (check_saleor, check_plugins_listed, check_plugin_ids, check_hooks, check_schedule):
        register(check, Tags.compatibility)
    register(check_migrated, Tags.database)
    register(check_redemption_form, Tags.database)


def check_saleor(**kwargs: Any) -> list[CheckMessage]:
    if not compat.saleor_is_installed():
        return [
            Error(
                "Saleor is not installed in this environment.",
                hint="Install saleor-crm-plugin into the Python environment of your Saleor shop.",
                id=SALEOR_MISSING,
            )
        ]
    version = compat.saleor_version()
    minor = compat.minor_version(version)
    supported = f"{_dotted(compat.OLDEST_SUPPORTED)} to {_dotted(compat.NEWEST_SUPPORTED)}"
    if minor is not None and minor < compat.OLDEST_SUPPORTED:
        return [
            Error(
                f"Saleor {version} is too old for saleor-crm-plugin, which works with {supported}.",
                hint="Upgrade Saleor, or remove the plugin.",
                id=SALEOR_TOO_OLD,
            )
        ]
    if minor is None or minor > compat.NEWEST_SUPPORTED:
        return [
            django_checks.Warning(
                f"saleor-crm-plugin is tested with Saleor {supported}, not with {version}.",
                hint="Try it on a copy of the shop first, or look for a newer release of saleor-crm-plugin.",
                id=SALEOR_UNTESTED,
            )
        ]
    return []


def check_plugins_listed(**kwargs: Any) -> list[CheckMessage]:
    # Saleor's own test settings list none, and then nothing of ours is called.
    if not settings_plugins():
        return []
    return [
        Error(
            f"{path} is not in settings.PLUGINS.",
            hint="Saleor lists it by itself once the package is installed with pip; reinstall saleor-crm-plugin, or "
            "add the path to PLUGINS if your settings replace the list.",
            id=PLUGIN_NOT_LISTED,
        )
        for path in PLUGIN_CLASSES
        if path not in settings_plugins()
    ]


def check_plugin_ids(**kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for path in settings_plugins():
        try:
            plugin_id = import_string(path).PLUGIN_ID
        except (ImportError, AttributeError) as error:
            # A plugin of somebody else that cannot be imported is theirs to report.
            if path in PLUGIN_CLASSES:
                messages.append(_import_failed(path, error))
            continue
        if path not in PLUGIN_CLASSES and plugin_id in (config.CRM_PLUGIN_ID, config.LOYALTY_PLUGIN_ID):
            messages.append(
                Error(
                    f"{path} has the plugin id {plugin_id!r}, which belongs to saleor-crm-plugin.",
                    hint="Both would share one row of settings. Remove one of the two plugins.",
                    id=PLUGIN_ID_TAKEN,
                )
            )
    return messages


def check_hooks(**kwargs: Any) -> list[CheckMessage]:
    """Each hook that we answer is still one that Saleor calls."""
    if not compat.saleor_is_installed():
        return []
    try:
        known = compat.hook_names()
        ours = compat.answered_hooks(import_string(PLUGIN_CLASSES[0]))
    except ImportError as error:
        return [] if PLUGIN_CLASSES[0] in settings_plugins() else [_import_failed(PLUGIN_CLASSES[0], error)]
    return [
        django_checks.Warning(
            f"This Saleor does not know the plugin hook {name}.",
            hint="What it reported is now found by reconciliation only, some minutes later. Look for a newer release "
            "of saleor-crm-plugin.",
            id=HOOK_UNKNOWN,
        )
        for name in sorted(ours - known)
    ]


def check_schedule(**kwargs: Any) -> list[CheckMessage]:
    if not compat.saleor_is_installed():
        return []
    try:
        from saleor_crm_plugin.ingestion.tasks import unscheduled_tasks
    except ImportError as error:
        return [_import_failed(f"{APP}.ingestion.tasks", error)]
    missing = unscheduled_tasks()
    if not missing:
        return []
    return [
        django_checks.Warning(
            f"Celery beat does not know the periodic tasks {', '.join(missing)}.",
            hint="Something replaced the schedule after start. Let Celery read CELERY_BEAT_SCHEDULE of the Django "
            "settings, where the plugin puts them.",
            id=NOT_SCHEDULED,
        )
    ]


def check_migrated(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Our tables are there and current. A warning: an error would keep `manage.py migrate` from creating them."""
    if settings.DATABASE_CONNECTION_DEFAULT_NAME not in (databases or ()):
        return []
    # Some of Saleor's migrations import its GraphQL modules, which can be imported in some orders only.
    import_module(settings.ROOT_URLCONF)
    try:
        executor = MigrationExecutor(connections[settings.DATABASE_CONNECTION_DEFAULT_NAME])
        targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] == APP]
        pending = [str(migration) for migration, _ in executor.migration_plan(targets) if migration.app_label == APP]
    except DatabaseError:
        # An unreachable database is for Django to report.
        return []
    if not pending:
        return []
    return [
        django_checks.Warning(
            f"saleor-crm-plugin has migrations that were not run: {', '.join(pending)}.",
            hint=f"Run `manage.py migrate {APP}`. Until then no profiles, points or recommendations are kept.",
            id=NOT_MIGRATED,
        )
    ]


def check_redemption_form(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Points pay as a gift card only where Saleor counts gift cards beside transactions."""
    if settings.DATABASE_CONNECTION_DEFAULT_NAME not in (databases or ()) or compat.transactions_know_gift_cards():
        return []
    try:
        from saleor_crm_plugin.ingestion.points_cards import channels_with_full_payment

        slugs = channels_with_full_payment()
    except (ImportError, DatabaseError):
        # Before the first `migrate`, or reported by another check.
        return []
    if not slugs:
        return []
    return [
        django_checks.Warning(
            f"Points pay as a gift card in {', '.join(slugs)}. Saleor {compat.saleor_version()} does not complete a "
            "checkout that is paid in part by gift card and in part by transactions: CHECKOUT_NOT_FULLY_PAID.",
            hint="Let points pay as a voucher there, or upgrade to Saleor 3.22. Where no payment app takes money by "
            "transactions, all is well: add this id to SILENCED_SYSTEM_CHECKS.",
            id=GIFT_CARDS_DO_NOT_PAY,
        )
    ]


def settings_plugins() -> list[str]:
    return list(getattr(settings, "PLUGINS", []))


def _import_failed(path: str, error: Exception) -> CheckMessage:
    return Error(
        f"{path} cannot be imported: {error}",
        hint="The plugin expects something of Saleor that this version does not have. Look for another release of "
        "saleor-crm-plugin, or remove it.",
        id=IMPORT_FAILED,
    )


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
