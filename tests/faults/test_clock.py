"""Clocks that are wrong, hours that do not exist or come twice, and jobs that are started twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
import time_machine
from celery.schedules import crontab
from saleor.celeryconf import app

from saleor_crm_plugin.ingestion.tasks import PERIODIC_TASKS
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsLot
from tests.devshop.factories import make_customer, make_order
from tests.faults.harness.books import assert_nothing_lost_and_nothing_twice, points_by_order
from tests.faults.harness.broker import Broker
from tests.faults.harness.processes import Process
from tests.faults.harness.street import Shop
from tests.faults.harness.waiting import until
from tests.faults.harness.worker import Worker, send
from tests.shop_settings import loyalty_settings

YEAR: Final = 365 * 24 * 3600


def test_a_worker_whose_clock_was_a_year_ahead_hides_no_order_from_those_that_are_right(
    shop: Shop, broker: Broker, tea: Any, ann: Any, start_worker: Callable[..., Worker]
) -> None:
    wrong = start_worker("wrong", CRM_FAULTS_CLOCK_SECONDS=str(YEAR))
    send(broker, "reconcile_task", expires=2 * YEAR)
    first = shop.buy(ann, tea)
    wrong.finish()
    wrong.process.stop()

    # Their hints are lost.
    second = shop.buy(ann, tea)
    broker.empty()
    right = start_worker("right")
    send(broker, "reconcile_task")
    right.finish()
    assert points_by_order() == {first.pk: {"earn": 40}, second.pk: {"earn": 40}}
    assert_nothing_lost_and_nothing_twice(shop.sold)


def test_a_worker_whose_clock_is_behind_makes_up_for_it_later(
    shop: Shop, broker: Broker, tea: Any, ann: Any, start_worker: Callable[..., Worker]
) -> None:
    behind = start_worker("behind", CRM_FAULTS_CLOCK_SECONDS=str(-YEAR))
    first = shop.buy(ann, tea)
    send(broker, "reconcile_task")
    behind.finish()
    assert points_by_order() == {first.pk: {"earn": 40}}
    behind.process.stop()

    right = start_worker("right")
    second = shop.buy(ann, tea)
    for task in ("activate_points_task", "reconcile_task"):
        send(broker, task)
    right.finish()
    assert points_by_order() == {first.pk: {"earn": 40}, second.pk: {"earn": 40}}
    assert LoyaltyAccount.objects.get().active == 80
    assert_nothing_lost_and_nothing_twice(shop.sold)


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "UTC"]
)
def test_every_nightly_job_runs_on_the_nights_when_the_clock_is_changed(zone: str) -> None:
    """Beat's own schedule, looked at every few minutes. A job may come twice then, which does no harm; none may be left
    out.
    """
    for night in _nights_of_change(ZoneInfo(zone)) or [date(2026, 3, 29)]:
        runs: Counter[str] = Counter()
        begin = datetime.combine(night, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
        nightly = {
            name: entry["schedule"] for name, entry in PERIODIC_TASKS.items() if isinstance(entry["schedule"], crontab)
        }
        last = dict.fromkeys(nightly, begin)
        for minute in range(0, 9 * 60, 5):
            moment = begin + timedelta(minutes=minute)
            with time_machine.travel(moment, tick=False):
                for name, schedule in nightly.items():
                    local = crontab(
                        hour=schedule._orig_hour,
                        minute=schedule._orig_minute,
                        nowfun=lambda moment=moment: moment.astimezone(ZoneInfo(zone)),
                        app=app,
                    )
                    local.tz = ZoneInfo(zone)
                    if local.is_due(last[name].astimezone(ZoneInfo(zone))).is_due:
                        runs[name] += 1
                        last[name] = moment
        assert set(runs) == set(nightly), night
        assert set(runs.values()) <= {1, 2}


def _nights_of_change(zone: ZoneInfo) -> list[date]:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]
    midnights = [datetime.combine(day, datetime.min.time(), zone) for day in days]
    return [
        day
        for day, first, second in zip(days, midnights, midnights[1:], strict=False)
        if first.utcoffset() != second.utcoffset()
    ]


def test_points_of_a_leap_day_expire_on_the_last_of_february(
    shop: Shop, worker: Worker, broker: Broker, channel: Any, tea: Any, ann: Any
) -> None:
    loyalty_settings(channel, points_per_unit="1", earn_from="2000-01-01T00:00:00+00:00", expiry="12 months")
    leap_day = datetime(2024, 2, 29, 12, tzinfo=UTC)
    order = make_order(ann, lines=[(tea, 1)], created_at=leap_day)
    shop.buy(make_customer("meanwhile@example.com"), tea)
    send(broker, "sync_order_task", str(order.pk))
    worker.finish()
    assert PointsLot.objects.get(account__profile__user=ann).expires_at.date() == date(2025, 2, 28)

    send(broker, "activate_points_task")
    send(broker, "expire_points_task")
    worker.finish()
    assert points_by_order()[order.pk] == {"earn": 40}
    assert points_by_order()[None] == {"expire": -40}
    assert_nothing_lost_and_nothing_twice(shop.sold)


def test_two_beats_and_two_workers_do_everything_once(
    shop: Shop,
    broker: Broker,
    tea: Any,
    ann: Any,
    start_worker: Callable[..., Worker],
    online: dict[str, str],
    tmp_path: Path,
) -> None:
    often = {**online, "CRM_FAULTS_RECONCILE_SECONDS": "0.5"}
    beats = [
        Process.of_ours(
            "beat", str(tmp_path / f"schedule{number}"), log=tmp_path / f"beat{number}.log", environment=often
        )
        for number in range(2)
    ]
    try:
        orders = [make_order(make_customer(f"number{number}@example.com"), lines=[(tea, 1)]) for number in range(30)]
        worker = start_worker("both", 2)
        bought = shop.buy(ann, tea)
        until(lambda: all(beat.said().count("crm-reconcile") >= 2 for beat in beats), "both beats have sent twice")
        for entry in PERIODIC_TASKS.values():
            for _ in range(2):
                send(broker, entry["task"].rpartition(".")[2])
    finally:
        for beat in beats:
            beat.stop()
    worker.finish()
    assert worker.failures() == []
    assert points_by_order() == {order.pk: {"earn": 40} for order in [*orders, bought]}
    assert_nothing_lost_and_nothing_twice(shop.sold)
