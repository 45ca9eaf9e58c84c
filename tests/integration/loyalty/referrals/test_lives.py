"""Random lives of a referral: whatever happens to the friend's orders, and whenever we look, both end up with what the
orders say at the end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from saleor.order.models import Order

from saleor_crm_plugin.ingestion.referral_codes import apply_code, create_code
from saleor_crm_plugin.ingestion.referrals import settle
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.referrals.models import Referral
from tests.devshop.factories import make_address, make_customer, make_order, make_product
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.referrals.shop import APPLIED, BOUGHT, DUE, WINDOW, gifts

pytestmark = pytest.mark.django_db

PRICE = 60
LONG_AFTER = DUE + 100 * WINDOW
LOOKS = ("sync", "sync all", "settle", "settle later")

orders_of_one_life = st.integers(0, 2)
events = st.tuples(st.sampled_from(["buy", "refund", "refund part", "bounce", "cancel", *LOOKS]), orders_of_one_life)


class Life:
    def __init__(self) -> None:
        self.rita, self.fred = make_customer(), make_customer()
        self.referral: Referral = apply_code(self.fred, create_code(self.rita).code, APPLIED)
        self.orders: list[Order] = []

    def live(self, event: str, number: int) -> None:
        if event == "buy" and len(self.orders) < 3:
            home = make_address(last_name=self.fred.email, street_address_1=self.fred.email)
            placed_at = BOUGHT + timedelta(hours=len(self.orders))
            line = (make_product(price=PRICE), 1)
            self.orders.append(make_order(self.fred, lines=[line], created_at=placed_at, billing_address=home))
        elif event == "sync all":
            self.sync(*self.orders)
        elif event == "settle":
            settle(load_settings(), BOUGHT + timedelta(hours=1))
        elif event == "settle later":
            settle(load_settings(), LONG_AFTER)
        elif number < len(self.orders):
            order = self.orders[number]
            order.refresh_from_db()
            if event == "sync":
                self.sync(order)
            elif event == "cancel":
                order.status = "canceled"
                order.save()
            elif event == "refund":
                self.refund(order, PRICE)
            elif event == "refund part":
                self.refund(order, PRICE // 2)
            elif event == "bounce":
                self.refund(order, 0)

    def refund(self, order: Order, given_back: int) -> None:
        """So much of the order's money is back with the customer, from now on."""
        payment = order.payments.get()
        kind, amount = "refund", payment.captured_amount - (PRICE - given_back)
        if amount < 0:
            kind, amount = "refund_reversed", -amount
        if amount:
            payment.transactions.create(
                kind=kind, is_success=True, amount=amount, currency=order.currency, gateway_response={}
            )
        payment.captured_amount = order.total_charged_amount = PRICE - given_back
        payment.save()
        order.save()

    def sync(self, *orders: Order) -> None:
        assert not sync_orders([order.pk for order in orders]).failed

    def is_owed(self) -> bool:
        """The first order that was not cancelled is kept, in whole or in part."""
        for order in self.orders:
            order.refresh_from_db()
            if order.status != "canceled":
                return order.total_charged_amount > 0
        return False


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(events, min_size=3, max_size=20), st.randoms(use_true_random=False))
def test_the_end_depends_on_the_orders_only(happened, chance):
    life = Life()
    for event, number in happened:
        life.live(event, number)
    assert_ledger_adds_up()
    shuffled = chance.sample(life.orders, len(life.orders))
    for order in shuffled:
        life.sync(order)
    settle(load_settings(), LONG_AFTER)
    # What was taken back in the first run may be due to another order.
    settle(load_settings(), LONG_AFTER)
    owed = life.is_owed()
    assert (sum(gifts(life.rita)), sum(gifts(life.fred))) == ((500, 200) if owed else (0, 0))
    life.referral.refresh_from_db()
    assert (life.referral.status == "rewarded") is owed
    assert_ledger_adds_up()
    before = Referral.objects.values().get(pk=life.referral.pk)
    life.sync(*life.orders)
    assert settle(load_settings(), LONG_AFTER) == 0
    assert Referral.objects.values().get(pk=life.referral.pk) == before
