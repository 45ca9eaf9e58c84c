"""What a shopkeeper would tell, through Saleor's own hooks from purchase to refund. Exact numbers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.utils import timezone

from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.queries import OrderPoints, order_points
from saleor_crm_plugin.profiles.models import ProfileMetrics
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.devshop.flows import announce_order, cancel_order, fulfill_order, pay_order, refund_order
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)

YESTERDAY = (timezone.now() - timedelta(days=1)).isoformat()


@pytest.fixture(autouse=True)
def crm(settings):
    settings.PLUGINS = ["saleor_crm_plugin.plugin.CRMPlugin", "saleor_crm_plugin.plugin.LoyaltySettingsPlugin"]


@pytest.fixture
def channel():
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="2", earn_from=YESTERDAY)
    return channel


def buy(channel, amount: int, user=None, email: str = "", paid: bool = False, **kwargs):
    product = make_product(price=amount, channel=channel)
    order = make_order(user, email, channel, [(product.default_variant, 1)], paid=False, **kwargs)
    announce_order(order)
    if paid:
        pay_order(order)
    return order


def points(order) -> OrderPoints:
    return order_points([order.pk], "default").get(order.pk, OrderPoints())


def entries() -> list[tuple[str, int, int]]:
    assert_ledger_adds_up()
    return list(PointsTransaction.objects.order_by("pk").values_list("type", "points", "balance_after"))


def test_ann_buys_pays_sends_half_back_and_then_all_of_it(channel):
    ann = make_customer("ann@example.com")
    order = buy(channel, 60, ann)
    assert entries() == []
    pay_order(order)
    assert entries() == [("earn", 120, 120)]
    refund_order(order, D(30))
    assert entries() == [("earn", 120, 120), ("earn_reversal", -60, 60)]
    refund_order(order)
    assert entries()[-1] == ("earn_reversal", -60, 0)
    metrics = ProfileMetrics.objects.get()
    assert (metrics.orders_count, metrics.gross_spent, metrics.refunded, metrics.net_spent) == (1, 60, 60, 0)


def test_ben_cancels_and_keeps_nothing(channel):
    order = buy(channel, 25, make_customer("ben@example.com"), paid=True)
    cancel_order(order)
    assert entries() == [("earn", 50, 50), ("earn_reversal", -50, 0)]
    assert points(order) == OrderPoints(earned=0, reversed=50)


def test_cleo_pays_in_two_charges_and_earns_once(channel):
    order = buy(channel, 50, make_customer("cleo@example.com"))
    pay_order(order, D(20))
    assert entries() == []
    pay_order(order, D(30))
    assert entries() == [("earn", 100, 100)]


def test_dora_earns_when_the_parcel_leaves_where_the_shop_wants_it_so(channel):
    loyalty_settings(channel, points_per_unit="2", earn_from=YESTERDAY, award_when="fulfilled", pending_days="14")
    order = buy(channel, 50, make_customer("dora@example.com"), paid=True)
    assert entries() == []
    fulfill_order(order)
    assert entries() == [("earn", 100, 100)]
    account = LoyaltyAccount.objects.get()
    assert (account.active, account.pending) == (0, 100)
    assert points(order).available_at - order.fulfillments.get().created_at == timedelta(days=14)


def test_a_guests_points_wait_and_follow_when_the_order_gets_an_owner(channel):
    order = buy(channel, 10, email="Eve@Example.com", paid=True)
    guest = LoyaltyAccount.objects.get()
    assert (guest.profile.user_id, guest.active) == (None, 20)
    eve = make_customer("eve@example.com")
    # Saleor attaches a guest's orders silently, with an update and no hook.
    type(order).objects.filter(pk=order.pk).update(user=eve)
    sync_order(order.pk)
    assert list(LoyaltyAccount.objects.order_by("pk").values_list("profile__user_id", "active")) == [
        (None, 0),
        (eve.pk, 20),
    ]
    assert_ledger_adds_up()


def test_points_are_counted_in_a_currency_without_decimals_too(channel):
    tokyo = make_channel("tokyo", currency="JPY")
    loyalty_settings(tokyo, points_per_unit="0.01", earn_from=YESTERDAY)
    buy(tokyo, 1999, make_customer("fumi@example.com"), paid=True)
    assert entries() == [("earn", 19, 19)]


def test_imported_history_earns_nothing_unless_the_shop_says_so(channel):
    user = make_customer("gil@example.com")
    order = buy(channel, 10, user, paid=True, origin="bulk_create")
    assert entries() == []
    loyalty_settings(channel, points_per_unit="2", earn_from=YESTERDAY, award_imported_orders=True)
    sync_order(order.pk)
    assert entries() == [("earn", 20, 20)]
