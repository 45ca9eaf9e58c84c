"""The plugin is switched off for a while, taken out and put in again, and brought up from its first tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from saleor.order.models import OrderLine

from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.profiles.models import ProfileMetrics
from tests.devshop.factories import make_customer, make_order
from tests.faults.harness.books import assert_nothing_lost_and_nothing_twice, points_by_order
from tests.faults.harness.broker import Broker
from tests.faults.harness.processes import Process
from tests.faults.harness.street import Shop
from tests.faults.harness.worker import Worker, send
from tests.shop_settings import crm_settings

APP = "saleor_crm_plugin"
# The first migrations that hold points, with the guards on them.
FIRST = "0002_ledger_guards"


@pytest.fixture
def migrated() -> Iterator[None]:
    """Whatever happens to the tables, the next test finds all of them."""
    yield
    call_command("migrate", APP, verbosity=0)


def test_orders_placed_while_the_plugin_was_off_earn_when_it_is_on_again(
    shop: Shop, worker: Worker, broker: Broker, tea: Any, ann: Any
) -> None:
    before = shop.buy(ann, tea)
    worker.finish()
    crm_settings(active=False)
    off = shop.buy(ann, tea)
    send(broker, "reconcile_task")
    worker.finish()
    assert points_by_order() == {before.pk: {"earn": 40}}

    crm_settings(active=True)
    after = shop.buy(ann, tea)
    send(broker, "reconcile_task")
    worker.finish()
    assert points_by_order() == {order.pk: {"earn": 40} for order in (before, off, after)}
    assert_nothing_lost_and_nothing_twice(shop.sold)


def test_a_shop_sells_without_our_tables_and_a_backfill_brings_everything_back(
    shop: Shop,
    worker: Worker,
    broker: Broker,
    tea: Any,
    ann: Any,
    run_command: Callable[..., Process],
    migrated: None,
) -> None:
    before = shop.buy(ann, tea)
    worker.finish()
    removed = run_command("migrate", APP, "zero")
    assert removed.result() == 0, removed.said()
    assert [name for name in connection.introspection.table_names() if name.startswith("crm_")] == []

    failed = len(worker.failures())
    without = shop.buy(ann, tea)
    send(broker, "reconcile_task")
    worker.finish()
    assert worker.failures()[failed:] == []
    assert "The tables of saleor_crm_plugin are missing or old" in worker.process.said()

    for arguments in (["migrate", APP], ["crm_backfill"]):
        again = run_command(*arguments)
        assert again.result() == 0, again.said()
    assert points_by_order() == {order.pk: {"earn": 40} for order in (before, without)}
    assert_nothing_lost_and_nothing_twice(shop.sold)


def test_points_of_the_first_version_are_still_right_after_all_migrations(
    shop: Shop, worker: Worker, broker: Broker, tea: Any, ann: Any, migrated: None
) -> None:
    order = make_order(ann, lines=[(tea, 1)], created_at=timezone.now() - timedelta(days=3))
    call_command("migrate", APP, FIRST, verbosity=0)
    account_id = earned_in_the_first_version(order.pk, ann.pk, 40)

    call_command("migrate", APP, verbosity=0)
    bought = shop.buy(make_customer("meanwhile@example.com"), tea)
    send(broker, "reconcile_task")
    worker.finish()

    assert points_by_order() == {order.pk: {"earn": 40}, bought.pk: {"earn": 40}}
    account = LoyaltyAccount.objects.get(pk=account_id)
    assert (account.active + account.pending, account.lifetime) == (40, 40)
    assert ProfileMetrics.objects.get(profile=account.profile_id).orders_count == 1
    assert_nothing_lost_and_nothing_twice(shop.sold)


def earned_in_the_first_version(order_id: UUID, user_id: int, points: int) -> int:
    """What the sync of an order wrote then, as the tables were; returns the account."""
    line = OrderLine.objects.get(order=order_id)
    breakdown = {
        "version": 2,
        "points_per_unit": "1",
        "net": False,
        "with_shipping": False,
        "gift_cards_earn": True,
        "sale_items_earn": True,
        "rules": [],
        "eligible": str(points),
        "parts": [{"key": str(line.pk), "amount": str(points), "points": points}],
    }
    models = MigrationExecutor(connection).loader.project_state([(APP, FIRST)]).apps
    now = timezone.now()

    def make(name: str, **fields: Any) -> Any:
        return models.get_model(APP, name)._default_manager.create(**fields)

    program = models.get_model(APP, "LoyaltyProgram")._default_manager.get_or_create(
        is_default=True, defaults={"slug": "default", "name": "Loyalty points"}
    )[0]
    profile = make("CustomerProfile", user_id=user_id)
    account = make("LoyaltyAccount", program=program, profile=profile, active=points, lifetime=points)
    entry = make(
        "PointsTransaction",
        account=account,
        type="earn",
        points=points,
        balance_after=points,
        order_id=order_id,
        idempotency_key=f"order:{order_id}:0",
        breakdown=breakdown,
        created_at=now,
    )
    make(
        "PointsLot",
        account=account,
        transaction=entry,
        amount=points,
        remaining=points,
        status="active",
        available_at=now,
    )
    return int(account.pk)
