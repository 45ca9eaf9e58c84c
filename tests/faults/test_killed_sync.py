"""kill -9 of a worker in the middle of a sync, at every point at which it writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from saleor.order.models import Order

from saleor_crm_plugin.loyalty.tiers.models import TierMembership, TierPolicy
from saleor_crm_plugin.loyalty.tiers.review import REVIEW_ALL_EVERY
from tests.devshop.factories import make_customer, make_order
from tests.faults.form import some
from tests.faults.harness.books import assert_nothing_lost_and_nothing_twice, points_by_order
from tests.faults.harness.broker import Broker
from tests.faults.harness.points import counting, stop_at
from tests.faults.harness.street import Shop
from tests.faults.harness.waiting import until
from tests.faults.harness.worker import Worker, send
from tests.integration.loyalty.tiers.ladder import make_tiers

# How many points of the sync are tried in the short form.
SHORT = 4


@pytest.fixture
def gold(channel: Any) -> Any:
    return make_tiers(30)[0]


def order_of(name: str, product: Any) -> Order:
    return make_order(make_customer(f"{name}@example.com"), lines=[(product, 1)])


def a_day_passes() -> None:
    """For the review of tiers, which then looks at everybody."""
    TierPolicy.objects.update(reviewed_at=F("reviewed_at") - REVIEW_ALL_EVERY - timedelta(minutes=1))


def test_a_sync_that_is_killed_at_any_write_is_made_up_for_by_the_next_reconciliation(
    shop: Shop, worker: Worker, broker: Broker, stoppable: None, tea: Any, gold: Any
) -> None:
    # The very first sync of a shop also writes what there is once.
    for name in ("first", "second"):
        with counting("worker") as undisturbed:
            send(broker, "sync_order_task", str(order_of(name, tea).pk))
            worker.finish()
    assert undisturbed.writes > SHORT

    killed = {}
    for number in some(range(1, undisturbed.writes + 1), SHORT):
        placed = order_of(f"number{number}", tea)
        with stop_at(number, "worker") as point:
            send(broker, "sync_order_task", str(placed.pk))
            stopped = point.reached()
            if not killed:
                shop.buy(make_customer("meanwhile@example.com"), tea)
            stopped.kill()
        killed[placed.pk] = f"killed at write {number}, {stopped.before}"
        send(broker, "reconcile_task")
        worker.finish()
        assert points_by_order()[placed.pk] == {"earn": 40}, killed[placed.pk]

    a_day_passes()
    send(broker, "review_tiers_task")
    worker.finish()
    assert_nothing_lost_and_nothing_twice(shop.sold)
    for order in Order.objects.all():
        assert points_by_order()[order.pk] == {"earn": 40}, killed.get(order.pk)
        reached = TierMembership.objects.filter(account__profile__user=order.user).values_list("tier", flat=True)
        assert list(reached) == [gold.pk], killed.get(order.pk)


def test_a_whole_worker_that_is_killed_gives_its_hints_back_to_the_broker(
    shop: Shop, broker: Broker, stoppable: None, tea: Any, start_worker: Callable[..., Worker]
) -> None:
    placed = order_of("placed", tea)
    doomed = start_worker("doomed", CRM_FAULTS_VISIBILITY_SECONDS="1")
    with stop_at(3, "doomed") as point:
        send(broker, "sync_order_task", str(placed.pk))
        stopped = point.reached()
        doomed.process.kill()
        stopped.let_go()
    bought = shop.buy(make_customer("meanwhile@example.com"), tea)
    assert broker.taken() >= 1

    successor = start_worker("successor", CRM_FAULTS_VISIBILITY_SECONDS="1")
    until(lambda: {placed.pk, bought.pk} <= points_by_order().keys(), "both orders have earned")
    successor.finish()
    successor.process.stop()

    assert points_by_order() == {placed.pk: {"earn": 40}, bought.pk: {"earn": 40}}
    assert_nothing_lost_and_nothing_twice(shop.sold)
