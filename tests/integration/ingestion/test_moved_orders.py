"""Saleor deletes a channel, and its orders go to another one: `channelDelete` with a target channel."""

from __future__ import annotations

import pytest
from django.utils import timezone
from saleor.order.models import Order
from saleor.plugins.models import PluginConfiguration

from saleor_crm_plugin.config import LOYALTY_PLUGIN_ID
from saleor_crm_plugin.ingestion.audit import order_findings
from saleor_crm_plugin.ingestion.backfill import backfill
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.ingestion.train import train_now
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback
from saleor_crm_plugin.profiles.models import ProfileOrder
from saleor_crm_plugin.recommendations.serving import RecommendationKind
from tests.devshop.factories import make_channel, make_customer, make_order, make_product, pay_order, refund_order
from tests.integration.ingestion.state import configure_loyalty, points_of
from tests.recommending import for_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return make_channel()


@pytest.fixture
def kiosk(shop):
    return make_channel("kiosk")


def order_in(channel, product):
    order = make_order(make_customer(), channel=channel, lines=[(product, 1)])
    assert not sync_orders([order.pk]).failed
    return order


def delete(channel, target) -> None:
    """As Saleor does it: no hook, and `updated_at` stays."""
    Order.objects.filter(channel=channel).update(channel=target)
    channel.delete()


def test_its_orders_count_where_they_have_come_to(shop, kiosk):
    tea = make_product("Tea", channel=[shop, kiosk])
    make_product("Newer", channel=shop)
    for _ in range(3):
        order_in(kiosk, tea)
    delete(kiosk, shop)

    reconcile(full=True, batch_size=2)

    assert set(ProfileOrder.objects.values_list("channel_id", flat=True)) == {shop.pk}
    train_now()
    (first,) = for_customer(None, shop.pk, 1, RecommendationKind.BESTSELLERS)
    assert first.product_id == tea.pk


def test_orders_of_other_channels_stay_where_they_are(shop, kiosk):
    stays = order_in(shop, make_product(channel=shop))
    gone = order_in(kiosk, make_product(channel=kiosk))
    elsewhere = make_channel("elsewhere")
    delete(kiosk, elsewhere)
    reconcile(full=True)
    facts = dict(ProfileOrder.objects.values_list("order_id", "channel_id"))
    assert facts == {stays.pk: shop.pk, gone.pk: elsewhere.pk}


def test_what_customers_say_of_them_comes_along(shop, kiosk):
    gone, stays = (order_in(channel, make_product(channel=channel)) for channel in (kiosk, shop))
    for order in (gone, stays):
        fact = ProfileOrder.objects.get(pk=order.pk)
        OrderFeedback.objects.create(
            order_id=order.pk,
            profile_id=fact.profile_id,
            channel_id=fact.channel_id,
            score=9,
            created_at=timezone.now(),
            scored_at=timezone.now(),
        )
    elsewhere = make_channel("elsewhere")
    delete(kiosk, elsewhere)
    reconcile(full=True)
    answers = dict(OrderFeedback.objects.values_list("order_id", "channel_id"))
    assert answers == {gone.pk: elsewhere.pk, stays.pk: shop.pk}


class TestPoints:
    """The settings of the channel are deleted with it, and those of the other one were never saved."""

    @pytest.fixture(params=["sync", "sweep", "backfill"])
    def seen(self, request):
        """Whichever way an order is seen again, and once more by a sync."""

        def see(order) -> None:
            if request.param == "sweep":
                reconcile(full=True)
            elif request.param == "backfill":
                backfill()
            for _ in range(2):
                assert not sync_orders([order.pk]).failed

        return see

    @pytest.fixture
    def order(self, kiosk):
        configure_loyalty(kiosk, points_per_unit="1", earn_from="2020-01-01")
        order = make_order(make_customer(), channel=kiosk, lines=[(make_product(price=30, channel=kiosk), 1)])
        assert not sync_orders([order.pk]).failed
        assert points_of(order.pk) == {"earn": 30}
        return order

    def test_a_refund_takes_them_back(self, shop, kiosk, order):
        delete(kiosk, shop)
        assert not PluginConfiguration.objects.filter(identifier=LOYALTY_PLUGIN_ID).exists()
        refund_order(order)
        sync_orders([order.pk])
        assert points_of(order.pk) == {"earn": 30, "earn_reversal": -30}
        assert list(order_findings(lambda _done: None)) == []

    def test_one_that_earned_nothing_where_it_was_placed_earns_nothing_elsewhere(self, shop, kiosk, seen):
        configure_loyalty(shop, points_per_unit="1", earn_from="2020-01-01")
        order = order_in(kiosk, make_product(price=30, channel=kiosk))
        delete(kiosk, shop)
        assert list(order_findings(lambda _done: None)) == []
        seen(order)
        assert points_of(order.pk) == {}
        assert list(order_findings(lambda _done: None)) == []
        # What is placed there earns.
        here = order_in(shop, make_product(price=30, channel=shop))
        assert points_of(here.pk) == {"earn": 30}

    def test_nor_does_one_that_was_not_paid_yet(self, shop, kiosk, seen):
        for channel in (shop, kiosk):
            configure_loyalty(channel, points_per_unit="1", earn_from="2020-01-01")
        lines = [(make_product(price=30, channel=kiosk), 1)]
        order = make_order(make_customer(), channel=kiosk, lines=lines, paid=False)
        assert not sync_orders([order.pk]).failed
        delete(kiosk, shop)
        pay_order(Order.objects.get(pk=order.pk))
        seen(order)
        assert points_of(order.pk) == {}

    def test_one_that_was_awarded_follows_what_it_was_awarded_on(self, shop, order, kiosk, seen):
        configure_loyalty(shop, points_per_unit="5", earn_from="2020-01-01")
        delete(kiosk, shop)
        seen(order)
        assert points_of(order.pk) == {"earn": 30}
        refund_order(order)
        seen(order)
        assert points_of(order.pk) == {"earn": 30, "earn_reversal": -30}

    def test_without_a_refund_they_stay(self, shop, kiosk, order):
        delete(kiosk, shop)
        sync_orders([order.pk])
        assert points_of(order.pk) == {"earn": 30}
