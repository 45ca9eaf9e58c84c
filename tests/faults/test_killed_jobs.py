"""kill -9 of what runs on the clock, and of the backfill: points that fall due, recommendations, history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest
from django.utils import timezone

from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.recommendations.models import ModelStatus, PersonalRecommendations, RecommendationModel
from tests.devshop.factories import make_customer, make_order, make_product
from tests.faults.form import LONG, some
from tests.faults.harness.books import assert_nothing_lost_and_nothing_twice, points_by_order
from tests.faults.harness.broker import Broker
from tests.faults.harness.points import counting, stop_at
from tests.faults.harness.processes import Process
from tests.faults.harness.street import Shop
from tests.faults.harness.worker import Worker, send
from tests.integration.loyalty.audit import assert_ledger_adds_up

ACCOUNTS: Final = 4
SHORT: Final = 3
HISTORY: Final = 400 if LONG else 20
POINTS: Final = 100


def points_that_fall_due() -> list[int]:
    """Accounts with points that become spendable a moment before they expire, both a while ago."""
    profiles = [CustomerProfile.objects.create().pk for _ in range(ACCOUNTS)]
    accounts = sorted(ensure(default_program_id(), profiles, "default").values())
    now = timezone.now()
    with Ledger(accounts, now=now - timedelta(days=60)) as ledger:
        for account_id in accounts:
            ledger.award(
                account_id,
                POINTS,
                Source(key=f"drill:{account_id}"),
                available_at=now - timedelta(days=30),
                expires_at=now - timedelta(days=1),
            )
    return accounts


@pytest.mark.parametrize(
    ("task", "before", "after"),
    [
        ("activate_points_task", [], (POINTS, 0, 0)),
        ("expire_points_task", ["activate_points_task"], (0, 0, 1)),
    ],
)
def test_a_job_of_time_that_is_killed_is_finished_by_the_next_run(
    shop: Shop,
    worker: Worker,
    broker: Broker,
    stoppable: None,
    tea: Any,
    ann: Any,
    task: str,
    before: list[str],
    after: tuple[int, int, int],
) -> None:
    def run(*tasks: str) -> None:
        for name in tasks:
            send(broker, name)
        worker.finish()

    def seen(accounts: list[int]) -> set[tuple[int, int, int]]:
        expired = PointsTransaction.objects.filter(type=TransactionType.EXPIRE)
        return {
            (account.active, account.pending, expired.filter(account=account, points=-POINTS).count())
            for account in LoyaltyAccount.objects.filter(pk__in=accounts)
        }

    accounts = points_that_fall_due()
    run(*before)
    with counting("worker") as undisturbed:
        run(task)
    assert seen(accounts) == {after}

    for number in some(range(1, undisturbed.writes + 1), SHORT):
        accounts = points_that_fall_due()
        run(*before)
        with stop_at(number, "worker") as point:
            send(broker, task)
            stopped = point.reached()
            stopped.kill()
        run(task)
        assert seen(accounts) == {after}, f"killed at {stopped.before}"
    order = shop.buy(ann, tea)
    worker.finish()
    assert points_by_order()[order.pk] == {"earn": 40}
    assert_ledger_adds_up()


def test_a_training_that_is_killed_leaves_what_is_served_and_the_next_one_clears_away(
    shop: Shop, worker: Worker, broker: Broker, stoppable: None, tea: Any, channel: Any
) -> None:
    products = [tea, *(make_product(f"Product {number}", 10, channel, stock=None) for number in range(3))]
    orders = [
        make_order(
            make_customer(f"number{number}@example.com"), lines=[(product, 1) for product in products[: number % 3 + 2]]
        )
        for number in range(12)
    ]
    sync_orders([order.pk for order in orders])
    with counting("worker") as undisturbed:
        send(broker, "train_recommendations_task")
        worker.finish()
    published = RecommendationModel.objects.get(status=ModelStatus.PUBLISHED)

    # The second one finds an older one to put away, and writes a little more.
    for number in some(range(1, undisturbed.writes + 1), SHORT):
        with stop_at(number, "worker") as point:
            send(broker, "train_recommendations_task")
            stopped = point.reached()
            stopped.kill()
        assert RecommendationModel.objects.get(status=ModelStatus.PUBLISHED).pk == published.pk, stopped.before
        assert PersonalRecommendations.objects.filter(model=published).exists()
        shop.buy(make_customer(f"meanwhile{number}@example.com"), tea)

        send(broker, "train_recommendations_task")
        worker.finish()
        newest = RecommendationModel.objects.get(status=ModelStatus.PUBLISHED)
        assert newest.pk > published.pk, f"killed at {stopped.before}"
        published = newest
        assert not RecommendationModel.objects.filter(status=ModelStatus.TRAINING).exists()
    assert_nothing_lost_and_nothing_twice(shop.sold)


def test_a_backfill_that_is_killed_goes_on_where_it_stopped(
    shop: Shop, worker: Worker, stoppable: None, tea: Any, run_command: Callable[..., Process]
) -> None:
    customers = [make_customer(f"number{number}@example.com") for number in range(HISTORY // 3)]
    orders = [
        make_order(
            customers[number % len(customers)],
            lines=[(tea, 1)],
            created_at=timezone.now() - timedelta(days=HISTORY - number),
        )
        for number in range(HISTORY)
    ]
    half_way = 10 + HISTORY // 2
    with stop_at(half_way, "command") as point:
        command = run_command("crm_backfill", "--batch-size", "5")
        stopped = point.reached()
        meanwhile = shop.buy(make_customer("meanwhile@example.com"), tea)
        stopped.kill()
    assert command.result() < 0
    worker.finish()
    assert 0 < len(points_by_order()) < HISTORY + 1

    again = run_command("crm_backfill", "--batch-size", "5")
    assert again.result() == 0, again.said()
    assert points_by_order() == {order.pk: {"earn": 40} for order in [*orders, meanwhile]}
    assert_nothing_lost_and_nothing_twice(shop.sold)
