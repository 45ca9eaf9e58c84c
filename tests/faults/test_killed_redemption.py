"""kill -9 while points are being spent: of the web server that holds them, and of the worker that books them."""

from __future__ import annotations

import urllib.error
from http.client import RemoteDisconnected
from threading import Thread
from typing import Any, Final

import pytest
from saleor.checkout.models import Checkout

from saleor_crm_plugin.loyalty.models import HoldStatus, LoyaltyAccount, PointsHold
from tests.devshop.factories import make_customer
from tests.faults.form import some
from tests.faults.harness.books import assert_nothing_lost_and_nothing_twice, points_by_order
from tests.faults.harness.broker import Broker
from tests.faults.harness.points import counting, stop_at
from tests.faults.harness.street import APPLY, Shop
from tests.faults.harness.worker import Worker, send
from tests.integration.loyalty.test_redemption import customer_with_points

SHORT_WEB: Final = 2
SHORT_WORKER: Final = 3
# Enough for a purchase at each write of the long form.
BALANCE: Final = 100_000
SPENT: Final = 700
NO_ANSWER: Final = (urllib.error.URLError, RemoteDisconnected, ConnectionError)


class Buyer(Thread):
    """Presses a button and waits for the answer, which may never come."""

    def __init__(self, press: Any) -> None:
        super().__init__(daemon=True)
        self._press = press
        self.error: Exception | None = None
        self.start()

    def is_done(self) -> bool:
        return not self.is_alive()

    def run(self) -> None:
        try:
            self._press()
        except Exception as error:
            self.error = error


@pytest.fixture
def ben(channel: Any) -> Any:
    return customer_with_points(BALANCE, "ben@example.com")


def test_a_web_server_killed_while_points_are_put_on_a_checkout_leaves_them_free(
    shop: Shop, worker: Worker, broker: Broker, stoppable: None, tea: Any, ben: Any
) -> None:
    def put_on(checkout: str) -> None:
        shop.ask(ben, APPLY, id=checkout, points=SPENT)

    with counting("web") as undisturbed:
        put_on(shop.fill(ben, tea))
    held = SPENT
    assert undisturbed.writes > SHORT_WEB

    for number in some(range(1, undisturbed.writes + 1), SHORT_WEB):
        checkout = shop.fill(ben, tea)
        with stop_at(number, "web") as point:
            buyer = Buyer(lambda checkout=checkout: put_on(checkout))
            stopped = point.reached_unless(buyer.is_done)
            if stopped is None:
                held += SPENT
                break
            stopped.kill()
        buyer.join()
        assert isinstance(buyer.error, NO_ANSWER), buyer.error
        assert LoyaltyAccount.objects.get().held == held, f"killed at {stopped.before}"
        shop.process.kill()
        shop.start()

        # The buyer presses the button again, and pays.
        put_on(checkout)
        shop.pay(checkout)
        assert shop.complete(ben, checkout).total_gross_amount == 33
        worker.finish()
        assert LoyaltyAccount.objects.get().held == held, f"killed at {stopped.before}"

    assert [each["redeem"] for each in points_by_order().values() if "redeem" in each] == [-SPENT] * len(shop.sold)
    assert PointsHold.objects.filter(status=HoldStatus.HELD).count() == held // SPENT
    assert_nothing_lost_and_nothing_twice(shop.sold)


def test_a_web_server_killed_while_a_paid_order_is_made_spends_the_points_once(
    shop: Shop, worker: Worker, broker: Broker, stoppable: None, tea: Any, ben: Any
) -> None:
    def ready() -> str:
        checkout = shop.fill(ben, tea, points=SPENT)
        shop.pay(checkout)
        return checkout

    checkout = ready()
    with counting("web") as undisturbed:
        shop.complete(ben, checkout)
    for number in some(range(1, undisturbed.writes + 1), SHORT_WEB):
        checkout = ready()
        with stop_at(number, "web") as point:
            buyer = Buyer(lambda checkout=checkout: shop.complete(ben, checkout))
            stopped = point.reached_unless(buyer.is_done)
            if stopped is None:
                break
            stopped.kill()
        buyer.join()
        shop.process.kill()
        shop.start()
        order = shop.complete(ben, checkout)
        send(broker, "reconcile_task")
        worker.finish()
        assert points_by_order()[order.pk] == {"redeem": -SPENT, "earn": 33}, f"killed at {stopped.before}"

    assert not Checkout.objects.exists()
    assert LoyaltyAccount.objects.get().held == 0
    assert_nothing_lost_and_nothing_twice(shop.sold)


def test_a_worker_killed_while_it_books_spent_points_spends_them_once(
    shop: Shop, worker: Worker, broker: Broker, stoppable: None, tea: Any, ben: Any
) -> None:
    with counting("worker") as undisturbed:
        shop.buy(ben, tea, points=SPENT)
        worker.finish()
    assert undisturbed.writes > SHORT_WORKER

    for number in some(range(1, undisturbed.writes + 1), SHORT_WORKER):
        with stop_at(number, "worker") as point:
            order = shop.buy(ben, tea, points=SPENT)
            stopped = point.reached_unless(worker.is_idle)
            if stopped is None:
                break
            # All hints of this order go with the worker; other customers buy on.
            broker.empty()
            shop.buy(make_customer(f"meanwhile{number}@example.com"), tea)
            stopped.kill()
        send(broker, "reconcile_task")
        worker.finish()
        assert points_by_order()[order.pk] == {"redeem": -SPENT, "earn": 33}, f"killed at {stopped.before}"

    account = LoyaltyAccount.objects.get(profile__user=ben)
    assert (account.held, PointsHold.objects.filter(status=HoldStatus.HELD).count()) == (0, 0)
    assert_nothing_lost_and_nothing_twice(shop.sold)
