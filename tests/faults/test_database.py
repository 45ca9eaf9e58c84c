"""The database cuts connections, refuses transactions and makes people wait; and its replica falls behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from django.db import connection, connections
from psycopg import sql

from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.loyalty.models import HoldStatus, LoyaltyAccount, PointsHold
from tests.devshop.factories import make_customer, make_order
from tests.faults.form import some
from tests.faults.harness.books import assert_nothing_lost_and_nothing_twice, points_by_order
from tests.faults.harness.broker import Broker
from tests.faults.harness.points import connect, counting, stop_at
from tests.faults.harness.street import APPLY, RefusedError, Shop
from tests.faults.harness.waiting import until
from tests.faults.harness.worker import Worker, send
from tests.integration.loyalty.test_redemption import customer_with_points

SHORT: Final = 2
WAITS: Final = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE %s AND wait_event_type = 'Lock'"
BALANCE: Final = "{ me { loyaltyAccount { balance } } }"


@contextmanager
def database_setting(name: str, value: str) -> Iterator[None]:
    """For sessions that begin now: each task has one of its own."""
    database = sql.Identifier(str(connection.settings_dict["NAME"]))
    with connect() as session:
        session.execute(
            sql.SQL("ALTER DATABASE {} SET {} = {}").format(database, sql.Identifier(name), sql.Literal(value))
        )
        try:
            yield
        finally:
            session.execute(sql.SQL("ALTER DATABASE {} RESET {}").format(database, sql.Identifier(name)))


def test_a_connection_cut_in_the_middle_of_a_transaction_leaves_nothing_half_done(
    shop: Shop, worker: Worker, broker: Broker, stoppable: None, tea: Any
) -> None:
    orders = [make_order(make_customer(f"number{number}@example.com"), lines=[(tea, 1)]) for number in range(2)]
    for order in orders:
        with counting("worker") as undisturbed:
            send(broker, "sync_order_task", str(order.pk))
            worker.finish()

    for number in some(range(2, undisturbed.writes + 1), SHORT):
        order = make_order(make_customer(f"cut{number}@example.com"), lines=[(tea, 1)])
        with stop_at(number, "worker") as point:
            send(broker, "sync_order_task", str(order.pk))
            stopped = point.reached()
            orders.append(shop.buy(make_customer(f"meanwhile{number}@example.com"), tea))
            stopped.cut()
        worker.finish()
        send(broker, "reconcile_task")
        worker.finish()
        orders.append(order)
        assert points_by_order()[order.pk] == {"earn": 40}, f"cut at {stopped.before}"

    assert points_by_order() == {order.pk: {"earn": 40} for order in orders}
    assert_nothing_lost_and_nothing_twice(shop.sold)


def test_two_syncs_that_postgresql_cannot_serialize_give_the_points_of_both_once(
    shop: Shop, broker: Broker, stoppable: None, tea: Any, ann: Any, start_worker: Callable[..., Worker]
) -> None:
    first, second = make_order(ann, lines=[(tea, 1)]), make_order(ann, lines=[(tea, 2)])
    slow = start_worker("slow", 1)
    with database_setting("default_transaction_isolation", "serializable"), stop_at(4, "slow") as point:
        send(broker, "sync_order_task", str(first.pk))
        stopped = point.reached()
        slow.take_no_more()
        bought = shop.buy(ann, tea)
        other = start_worker("other", 1)
        send(broker, "sync_order_task", str(second.pk))
        with connect() as looking:
            until(
                lambda: looking.execute(WAITS, ["other:%"]).fetchone() or points_by_order().get(second.pk),
                "the other worker waits for the first, or has overtaken it",
            )
        stopped.let_go()
        slow.finish()
    refused = [failure for each in (slow, other) for failure in each.failures()]
    assert any("could not serialize" in failure for failure in refused), refused

    send(broker, "reconcile_task")
    slow.finish()
    other.finish()
    assert points_by_order() == {first.pk: {"earn": 40}, second.pk: {"earn": 80}, bought.pk: {"earn": 40}}
    assert_nothing_lost_and_nothing_twice(shop.sold)


def test_a_deadlock_and_a_lock_that_takes_too_long_are_made_up_for(
    shop: Shop, worker: Worker, broker: Broker, tea: Any, ann: Any
) -> None:
    first = make_order(ann, lines=[(tea, 1)])
    send(broker, "sync_order_task", str(first.pk))
    worker.finish()
    second = make_order(ann, lines=[(tea, 2)])

    with connect() as somebody, database_setting("lock_timeout", "100ms"):
        somebody.execute("BEGIN")
        somebody.execute("SELECT 1 FROM crm_loyalty_account FOR UPDATE")
        send(broker, "sync_order_task", str(second.pk))
        bought = shop.buy(ann, tea)
        worker.finish()
        somebody.execute("ROLLBACK")
    waiting = OrderSync.objects.exclude(error="").values_list("pk", flat=True)
    assert set(waiting) == {second.pk, bought.pk}

    third, failed = make_order(ann, lines=[(tea, 3)]), len(worker.failures())
    with connect() as somebody:
        # The worker looks for deadlocks first, and is the one that gives way.
        somebody.execute("SET deadlock_timeout = '1min'")
        somebody.execute("BEGIN")
        somebody.execute("SELECT 1 FROM crm_loyalty_account FOR UPDATE")
        send(broker, "sync_order_task", str(third.pk))
        waiting_for(somebody)
        somebody.execute("UPDATE crm_customer_profile SET created_at = created_at")
        somebody.execute("ROLLBACK")
    worker.finish()
    assert any("deadlock detected" in failure for failure in worker.failures()[failed:])

    send(broker, "reconcile_task")
    worker.finish()
    assert points_by_order() == {
        first.pk: {"earn": 40},
        second.pk: {"earn": 80},
        third.pk: {"earn": 120},
        bought.pk: {"earn": 40},
    }
    assert_nothing_lost_and_nothing_twice(shop.sold)


def waiting_for(session: Any) -> None:
    """Until somebody waits for a lock of this session."""
    backend = session.info.backend_pid
    with connect() as looking:
        until(
            lambda: looking.execute(
                "SELECT 1 FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))", [backend]
            ).fetchone(),
            "somebody waits for the lock",
        )


@pytest.fixture
def replica(shop: Shop, worker: Worker) -> Iterator[Callable[[], str]]:
    """Makes a replica that stops following at once, and says its name: what is written later never gets there."""
    name = f"{connection.settings_dict['NAME']}_replica"

    def drop(session: Any) -> None:
        session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def follow() -> str:
        connections.close_all()
        own = str(connection.settings_dict["NAME"])
        with connect(database="postgres") as session:
            drop(session)
            session.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [own])
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            session.execute(copy.format(sql.Identifier(name), sql.Identifier(own)))
        return name

    yield follow
    with connect(database="postgres") as session:
        drop(session)


def test_a_replica_that_lags_shows_old_points_and_lets_nobody_spend_them(
    shop: Shop, worker: Worker, broker: Broker, tea: Any, replica: Any, logs: Path, online: dict[str, str]
) -> None:
    ben = customer_with_points(1_000, "ben@example.com")
    lagging = Shop(logs, {**online, "CRM_FAULTS_REPLICA": replica()})
    try:
        checkout = lagging.fill(ben, tea, points=700)
        # A checkout made a moment ago is not on the replica, and the price of one comes from there.
        shop.pay(checkout)
        first = lagging.complete(ben, checkout)
        worker.finish()
        assert LoyaltyAccount.objects.get().active == 1_000 - 700 + 33
        # A page that is behind, and no error.
        assert lagging.ask(ben, BALANCE)["me"]["loyaltyAccount"] == {"balance": 1_000}

        # What it shows cannot be spent again: points are taken from the writer.
        checkout = lagging.fill(ben, tea)
        assert lagging.ask(ben, APPLY, id=checkout, points=1_000)["loyaltyPointsApply"]["appliedPoints"] == 333
        with pytest.raises(RefusedError, match="INSUFFICIENT_POINTS"):
            lagging.ask(ben, APPLY, id=lagging.fill(ben, tea), points=1)
        shop.pay(checkout)
        second = lagging.complete(ben, checkout)
        worker.finish()
    finally:
        lagging.process.stop()
    assert [points_by_order()[order.pk]["redeem"] for order in (first, second)] == [-700, -333]
    assert not PointsHold.objects.filter(status=HoldStatus.HELD).exists()
    assert_nothing_lost_and_nothing_twice(lagging.sold)
