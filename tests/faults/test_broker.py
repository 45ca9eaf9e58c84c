"""The broker is gone, comes back, is emptied; and messages come twice, late and in another order."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.devshop.factories import make_customer, make_order
from tests.devshop.flows import cancel_order, refund_order
from tests.faults.form import LONG
from tests.faults.harness.books import assert_nothing_lost_and_nothing_twice, points_by_order
from tests.faults.harness.broker import Broker
from tests.faults.harness.street import Shop
from tests.faults.harness.worker import Worker, send, send_many
from tests.integration.loyalty.test_redemption import customer_with_points

ORDERS = 100 if LONG else 6


@pytest.fixture
def ben(channel: Any) -> Any:
    return customer_with_points(1_000, "ben@example.com")


def test_the_shop_sells_without_a_broker_and_the_orders_are_found_when_it_is_back(
    shop: Shop, worker: Worker, broker: Broker, tea: Any, ann: Any, ben: Any
) -> None:
    broker.stop()
    without = [shop.buy(ann, tea), shop.buy(ben, tea, points=700)]

    # As empty as a new one, on the old address: worker and web server find it by themselves.
    broker.start()
    after = shop.buy(ann, tea)
    send(broker, "reconcile_task")
    worker.finish()

    assert points_by_order()[without[0].pk] == points_by_order()[after.pk] == {"earn": 40}
    assert points_by_order()[without[1].pk] == {"redeem": -700, "earn": 33}
    assert_nothing_lost_and_nothing_twice(shop.sold)


def test_an_emptied_broker_loses_hints_and_no_points(
    shop: Shop, worker: Worker, broker: Broker, tea: Any, ann: Any, ben: Any
) -> None:
    worker.process.pause()
    bought = [shop.buy(ann, tea), shop.buy(ben, tea, points=700)]
    broker.empty()
    worker.process.go_on()
    send(broker, "reconcile_task")
    worker.finish()

    assert points_by_order()[bought[0].pk] == {"earn": 40}
    assert points_by_order()[bought[1].pk] == {"redeem": -700, "earn": 33}
    assert_nothing_lost_and_nothing_twice(shop.sold)


def test_hints_that_come_twice_late_and_out_of_order_lead_to_the_same_points(
    shop: Shop, worker: Worker, broker: Broker, tea: Any, ann: Any
) -> None:
    orders = [make_order(ann, lines=[(tea, 2)]) for _ in range(ORDERS)]
    hints = [str(order.pk) for order in orders]
    send_many(broker, "sync_order_task", [[order_id] for order_id in hints])
    worker.finish()

    for number, order in enumerate(orders):
        # Every step gives a hint.
        for step in [lambda order: refund_order(order, 40), cancel_order][: number % 3]:
            step(order)
            hints.append(str(order.pk))
    told = hints * 2
    random.Random(6).shuffle(told)
    half = len(told) // 2
    send_many(broker, "sync_order_task", [[order_id] for order_id in told[:half]])
    bought = shop.buy(make_customer("meanwhile@example.com"), tea)
    # These have lain about for half an hour.
    late = timezone.now() - timedelta(minutes=30)
    send_many(broker, "sync_order_task", [[order_id] for order_id in told[half:]], at=late)
    send(broker, "sync_orders_task", sorted(set(hints)))
    worker.finish()

    points = {pk: sum(kinds.values()) for pk, kinds in points_by_order().items()}
    assert [points[order.pk] for order in orders] == [(80, 40, 0)[number % 3] for number in range(ORDERS)]
    assert points[bought.pk] == 40
    assert_nothing_lost_and_nothing_twice(shop.sold)
