"""The Celery tasks: what each calls, when it runs, and what happens when it cannot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

import pytest
import time_machine
from celery.schedules import crontab
from django.db import OperationalError, ProgrammingError, connections, transaction
from django.utils.module_loading import import_string
from saleor.celeryconf import app
from saleor.core.db.connection import restrict_writer
from saleor.core.tasks import RestrictWriterDBTask
from saleor.plugins.models import PluginConfiguration

from saleor_crm_plugin.exceptions import ForecastError, TrainingError
from saleor_crm_plugin.ingestion import logs, tasks
from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.reconcile import FULL_SWEEP_EVERY
from saleor_crm_plugin.ingestion.settings import ShopSettings
from saleor_crm_plugin.profiles.models import ProfileMetrics
from tests.devshop.factories import make_order

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
ORDER_ID = UUID("00000000-0000-4000-8000-000000000001")
INGESTION = "saleor_crm_plugin.ingestion"
DEFAULTS = ShopSettings()

pytestmark = pytest.mark.django_db

CALLS: list[tuple[Any, list[Any], str, tuple[Any, ...], dict[str, Any]]] = [
    (tasks.sync_order_task, [str(ORDER_ID)], f"{INGESTION}.sync.sync_orders", ([ORDER_ID],), {"settings": DEFAULTS}),
    (
        tasks.sync_orders_task,
        [[str(ORDER_ID)]],
        f"{INGESTION}.sync.sync_orders",
        ([ORDER_ID],),
        {"settings": DEFAULTS},
    ),
    (tasks.sync_customer_task, [7], f"{INGESTION}.sync.sync_customer", (7,), {"settings": DEFAULTS}),
    (tasks.reconcile_task, [], f"{INGESTION}.reconcile.reconcile", (), {}),
    (tasks.activate_points_task, [], "saleor_crm_plugin.loyalty.schedule.activate_due_lots", (NOW,), {}),
    (tasks.expire_points_task, [], "saleor_crm_plugin.loyalty.schedule.expire_due_lots", (NOW,), {}),
    (tasks.release_holds_task, [], f"{INGESTION}.redemption.release_timed_out_holds", (NOW,), {}),
    (tasks.release_holds_task, [], f"{INGESTION}.changed_checkouts.refit_changed_holds", (DEFAULTS, NOW), {}),
    (tasks.settle_referrals_task, [], f"{INGESTION}.referrals.settle", (DEFAULTS, NOW), {}),
    (tasks.award_birthdays_task, [], f"{INGESTION}.actions.award_birthdays", (DEFAULTS, NOW), {}),
    (tasks.review_tiers_task, [], f"{INGESTION}.tier_facts.review_tiers", (NOW,), {}),
    (tasks.expire_rewards_task, [], f"{INGESTION}.rewards.expire_rewards", (NOW,), {}),
    (tasks.apply_consent_policy_task, [], f"{INGESTION}.consents.apply_consent_policy", (False,), {}),
    (tasks.refresh_rfm_task, [], "saleor_crm_plugin.profiles.rfm.refresh_rfm", (365, NOW), {}),
    (tasks.refresh_lifecycle_task, [], f"{INGESTION}.lifecycle.refresh_all_stages", (DEFAULTS.crm, NOW), {}),
    (tasks.refresh_customer_types_task, [], f"{INGESTION}.customer_types.refresh_all_types", (DEFAULTS.crm, NOW), {}),
    (tasks.refresh_segments_task, [], f"{INGESTION}.segments.refresh_segments", (NOW,), {}),
    (tasks.refresh_segment_task, [7], f"{INGESTION}.segments.refresh_segment", (7, NOW), {}),
    (tasks.forecast_task, [], f"{INGESTION}.forecasts.forecast_now", (DEFAULTS.crm, NOW), {}),
    (tasks.train_recommendations_task, [], f"{INGESTION}.train.train_now", (), {}),
]
EACH_TASK = pytest.mark.parametrize(("task", "arguments", "called", "args", "kwargs"), CALLS)

Calls = list[tuple[tuple[Any, ...], dict[str, Any]]]
Stub = Callable[..., Calls]


@pytest.fixture(autouse=True)
def nothing_logged_yet() -> Iterator[None]:
    logs.forget_logged()
    yield
    logs.forget_logged()


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    """Replace a function, by its full name; returns the list of its calls."""

    def replace(path: str, error: Exception | None = None) -> Calls:
        calls: Calls = []

        def record(*args: Any, **kwargs: Any) -> None:
            calls.append((args, kwargs))
            if error:
                raise error

        module, _, name = path.rpartition(".")
        assert callable(getattr(import_module(module), name))
        monkeypatch.setattr(path, record)
        return calls

    return replace


def of_ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("saleor_crm_plugin")]


@EACH_TASK
@time_machine.travel(NOW, tick=False)
def test_each_task_calls_its_job(
    stub: Stub, task: Any, arguments: list[Any], called: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    calls = stub(called)
    task.apply_async(arguments, throw=True)
    assert calls == [(args, kwargs)]


@EACH_TASK
def test_a_switched_off_plugin_does_nothing(
    stub: Stub, task: Any, arguments: list[Any], called: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    PluginConfiguration.objects.create(identifier="crm", active=False, configuration=[])
    calls = stub(called)
    task.apply_async(arguments, throw=True)
    assert calls == []


@EACH_TASK
def test_a_forgotten_migrate_is_said_once(
    stub: Stub,
    caplog: pytest.LogCaptureFixture,
    task: Any,
    arguments: list[Any],
    called: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    missing = ProgrammingError('relation "crm_order_sync" does not exist\nLINE 1: SELECT …')
    missing.__cause__ = _DriverError("42P01")
    stub(called, missing)
    task.apply_async(arguments, throw=True)
    task.apply_async(arguments, throw=True)
    [message] = of_ours(caplog)
    assert message.startswith("The tables of saleor_crm_plugin are missing or old: run `manage.py migrate")
    assert message.endswith('(relation "crm_order_sync" does not exist)')


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (OperationalError("server closed the connection"), "57P01"),
        (ProgrammingError('relation "order_order" does not exist'), "42P01"),
        (ProgrammingError('syntax error near "crm_order_sync"'), "42601"),
    ],
)
def test_any_other_failure_is_left_to_celery(stub: Stub, error: Exception, state: str) -> None:
    error.__cause__ = _DriverError(state)
    stub(f"{INGESTION}.reconcile.reconcile", error)
    with pytest.raises(type(error)):
        tasks.reconcile_task.apply_async(throw=True)


class _DriverError(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("statement", "ours"),
    [
        ("SELECT 1 FROM crm_no_such_table", True),
        ("SELECT crm_order_sync.no_such_column FROM crm_order_sync", True),
        ("SELECT 1 FROM no_such_table, crm_order_sync", False),
        ("SELECT 1 FROM crm_order_sync WHERE", False),
    ],
)
def test_postgresqls_words_for_a_missing_table_are_understood(statement: str, ours: bool) -> None:
    with pytest.raises(ProgrammingError) as raised, transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute(statement)
    assert tasks.our_tables_are_missing(raised.value) is ours


def test_a_shop_with_nothing_to_learn_from_is_no_fault(stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    stub(f"{INGESTION}.train.train_now", TrainingError("There are no orders yet."))
    tasks.train_recommendations_task.apply_async(throw=True)
    assert of_ours(caplog) == ["No recommendations were trained: There are no orders yet."]
    assert [record.levelname for record in caplog.records if record.name.startswith("saleor_crm")] == ["INFO"]


def test_two_forecasts_at_once_are_no_fault(stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    stub(f"{INGESTION}.forecasts.forecast_now", ForecastError("Another forecast is running."))
    tasks.forecast_task.apply_async(throw=True)
    assert of_ours(caplog) == ["No forecast was made: Another forecast is running."]


def test_what_is_switched_off_is_not_computed(stub: Stub) -> None:
    PluginConfiguration.objects.create(
        identifier="crm",
        active=True,
        configuration=[
            {"name": "profiles_enabled", "value": False},
            {"name": "recommendations_enabled", "value": False},
        ],
    )
    rfm = stub("saleor_crm_plugin.profiles.rfm.refresh_rfm")
    forecast = stub(f"{INGESTION}.forecasts.forecast_now")
    train = stub(f"{INGESTION}.train.train_now")
    tasks.refresh_rfm_task.apply_async(throw=True)
    tasks.forecast_task.apply_async(throw=True)
    tasks.train_recommendations_task.apply_async(throw=True)
    assert rfm == forecast == train == []


def test_a_shop_that_trains_elsewhere_trains_here_only_if_somebody_asks(stub: Stub) -> None:
    PluginConfiguration.objects.create(
        identifier="crm", active=True, configuration=[{"name": "nightly_training", "value": False}]
    )
    calls = stub(f"{INGESTION}.train.train_now")
    tasks.train_recommendations_task.apply_async(throw=True)
    assert calls == []
    tasks.train_recommendations_task.apply_async(kwargs={"asked": True}, throw=True)
    assert len(calls) == 1


def test_the_rfm_window_is_the_setting(stub: Stub) -> None:
    PluginConfiguration.objects.create(
        identifier="crm", active=True, configuration=[{"name": "rfm_window_days", "value": "90"}]
    )
    calls = stub("saleor_crm_plugin.profiles.rfm.refresh_rfm")
    tasks.refresh_rfm_task.apply_async(throw=True)
    assert calls[0][0][0] == 90


def test_every_job_runs_under_the_guard_on_the_writer(customer: Any, settings: Any) -> None:
    """For real, and with Saleor's guard, which raises at a query to the writer that nobody allowed."""
    assert import_string(settings.CELERY_RESTRICT_WRITER_METHOD) is restrict_writer
    placed = make_order(customer)
    for task, arguments in [
        (tasks.sync_order_task, [str(placed.pk)]),
        (tasks.sync_orders_task, [[str(placed.pk)]]),
        (tasks.sync_customer_task, [customer.pk]),
        *[(app.tasks[entry["task"]], []) for entry in tasks.PERIODIC_TASKS.values()],
    ]:
        task.apply_async(arguments, throw=True)
    assert OrderSync.objects.get().order_id == placed.pk
    assert ProfileMetrics.objects.get().orders_count == 1


def test_hints_are_given_back_by_a_dying_worker_and_nobody_keeps_results() -> None:
    ours = [task for name, task in app.tasks.items() if name.startswith("saleor_crm_plugin.")]
    hints = 5
    assert len(ours) == hints + len(tasks.PERIODIC_TASKS)
    assert all(isinstance(task, RestrictWriterDBTask) for task in ours)
    assert all(task.ignore_result for task in ours)
    assert {task.name.rpartition(".")[2] for task in ours if task.acks_late} == {
        "sync_order_task",
        "sync_orders_task",
        "sync_customer_task",
        "refit_hold_task",
        "refresh_segment_task",
    }


def test_a_hint_that_waited_for_longer_than_a_full_sweep_is_dropped() -> None:
    for task in (tasks.sync_order_task, tasks.sync_orders_task, tasks.sync_customer_task, tasks.refit_hold_task):
        assert task.expires == FULL_SWEEP_EVERY.total_seconds()


class TestSchedule:
    def test_celery_knows_our_jobs_and_when(self) -> None:
        ours = {name: entry for name, entry in app.conf.beat_schedule.items() if name.startswith("crm-")}
        prefix = f"{INGESTION}.tasks"
        assert ours == {
            "crm-reconcile": {"task": f"{prefix}.reconcile_task", "schedule": timedelta(minutes=5)},
            "crm-activate-points": {"task": f"{prefix}.activate_points_task", "schedule": timedelta(minutes=5)},
            "crm-expire-points": {"task": f"{prefix}.expire_points_task", "schedule": timedelta(minutes=15)},
            "crm-release-holds": {"task": f"{prefix}.release_holds_task", "schedule": timedelta(minutes=2)},
            "crm-send-reminders": {
                "task": f"{prefix}.send_reminders_task",
                "schedule": crontab(hour="7", minute="40"),
            },
            "crm-settle-referrals": {"task": f"{prefix}.settle_referrals_task", "schedule": timedelta(minutes=5)},
            "crm-award-birthdays": {
                "task": f"{prefix}.award_birthdays_task",
                "schedule": crontab(hour="1", minute="20"),
            },
            "crm-review-tiers": {"task": f"{prefix}.review_tiers_task", "schedule": timedelta(hours=1)},
            "crm-expire-rewards": {"task": f"{prefix}.expire_rewards_task", "schedule": timedelta(minutes=15)},
            "crm-apply-consent-policy": {
                "task": f"{prefix}.apply_consent_policy_task",
                "schedule": crontab(hour="1", minute="40"),
            },
            "crm-scan-checkouts": {"task": f"{prefix}.scan_checkouts_task", "schedule": timedelta(minutes=10)},
            "crm-blank-old-details": {
                "task": f"{prefix}.blank_old_details_task",
                "schedule": crontab(hour="4", minute="20"),
            },
            "crm-delete-old-events": {
                "task": f"{prefix}.delete_old_events_task",
                "schedule": crontab(hour="4", minute="10"),
            },
            "crm-refresh-rfm": {"task": f"{prefix}.refresh_rfm_task", "schedule": crontab(hour="2", minute="20")},
            "crm-refresh-lifecycle": {
                "task": f"{prefix}.refresh_lifecycle_task",
                "schedule": crontab(hour="3", minute="5"),
            },
            "crm-refresh-customer-types": {
                "task": f"{prefix}.refresh_customer_types_task",
                "schedule": crontab(hour="1", minute="50"),
            },
            "crm-refresh-segments": {
                "task": f"{prefix}.refresh_segments_task",
                "schedule": crontab(hour="4", minute="40"),
            },
            "crm-forecast": {"task": f"{prefix}.forecast_task", "schedule": crontab(hour="2", minute="40")},
            "crm-train-recommendations": {
                "task": f"{prefix}.train_recommendations_task",
                "schedule": crontab(hour="3", minute="20"),
            },
        }
        for entry in ours.values():
            assert entry["task"] in app.tasks

    def test_a_job_that_found_no_worker_expires_before_the_next(self) -> None:
        for name, entry in tasks.PERIODIC_TASKS.items():
            schedule = entry["schedule"]
            interval = schedule.total_seconds() if isinstance(schedule, timedelta) else 24 * 3600
            assert 0 < app.tasks[entry["task"]].expires <= interval, name

    def test_an_entry_of_the_operator_stays(self, settings: Any) -> None:
        own = {"task": f"{INGESTION}.tasks.reconcile_task", "schedule": timedelta(hours=1)}
        settings.CELERY_BEAT_SCHEDULE = {"crm-reconcile": own, "theirs": {"task": "theirs"}}
        tasks.schedule_periodic_tasks()
        tasks.schedule_periodic_tasks()
        assert settings.CELERY_BEAT_SCHEDULE["crm-reconcile"] == own
        assert set(settings.CELERY_BEAT_SCHEDULE) == {"theirs", *tasks.PERIODIC_TASKS}

    def test_settings_without_a_schedule_get_one(self, settings: Any) -> None:
        del settings.CELERY_BEAT_SCHEDULE
        tasks.schedule_periodic_tasks()
        assert set(settings.CELERY_BEAT_SCHEDULE) == set(tasks.PERIODIC_TASKS)
        assert set(app.conf.beat_schedule) == set(tasks.PERIODIC_TASKS)
