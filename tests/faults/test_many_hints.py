"""A queue full of hints: the worker was away, or somebody touched every order of the shop at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import cycle, islice
from typing import Any, Final
from uuid import uuid4

from django.utils import timezone

from tests.devshop.factories import make_customer, make_order
from tests.faults.form import LONG
from tests.faults.harness.books import assert_nothing_lost_and_nothing_twice, points_by_order
from tests.faults.harness.broker import Broker
from tests.faults.harness.street import Shop
from tests.faults.harness.worker import Worker, send, send_many

OLD_HINTS: Final = 1_000_000 if LONG else 2_000
FRESH_HINTS: Final = 10_000 if LONG else 50
ORDERS: Final = 10
# Of the worker and its process together, over what they had when they began.
MEMORY_BYTES: Final = 100 * 1024 * 1024
SECONDS: Final = 7_200 if LONG else 120


def test_a_queue_full_of_hints_is_worked_off_in_bounded_memory_and_old_ones_are_left_to_reconciliation(
    shop: Shop, broker: Broker, tea: Any, ann: Any, start_worker: Callable[..., Worker]
) -> None:
    orders = [make_order(make_customer(f"number{number}@example.com"), lines=[(tea, 1)]) for number in range(ORDERS)]
    told, untold = orders[: ORDERS // 2], orders[ORDERS // 2 :]
    yesterday = timezone.now() - timedelta(days=1)
    send_many(broker, "sync_order_task", _hints(untold, OLD_HINTS), at=yesterday)
    # Half of them are about orders that are gone.
    send_many(broker, "sync_order_task", _hints(told, FRESH_HINTS))
    send_many(broker, "sync_order_task", [[str(uuid4())] for _ in range(FRESH_HINTS)])
    bought = shop.buy(ann, tea)

    worker = start_worker("flooded")
    before = worker.process.memory_bytes()
    worker.finish(SECONDS)
    assert worker.process.memory_bytes() - before < MEMORY_BYTES
    assert worker.failures() == []
    # What was queued a day ago is dropped unread: reconciliation has found that long since, or will.
    assert points_by_order() == {order.pk: {"earn": 40} for order in [*told, bought]}

    send(broker, "reconcile_task")
    worker.finish()
    assert points_by_order() == {order.pk: {"earn": 40} for order in [*orders, bought]}
    assert_nothing_lost_and_nothing_twice(shop.sold)


def _hints(orders: list[Any], number: int) -> list[list[str]]:
    return [[str(order.pk)] for order in islice(cycle(orders), number)]
