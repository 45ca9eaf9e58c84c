"""Saleor deletes a channel, and its orders go to another one: `channelDelete` with a target channel."""

from __future__ import annotations

import pytest
from saleor.order.models import Order

from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.ingestion.train import train_now
from saleor_crm_plugin.profiles.models import ProfileOrder
from saleor_crm_plugin.recommendations.serving import RecommendationKind
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
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
