"""An order that is sent in place of goods of another one, which Saleor makes from it: the customer bought once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from saleor.order import FulfillmentStatus, OrderOrigin

from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.ingestion.train import train_now
from saleor_crm_plugin.profiles.models import ProfileMetrics
from saleor_crm_plugin.recommendations.serving import RecommendationKind
from saleor_crm_plugin.recommendations.tracking.attribution import Attributed, attributed
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.integration.recommendations.tracking.visits import CLICKED, SESSION, event, send
from tests.recommending import for_customer

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def channel():
    return make_channel()


@pytest.fixture
def tea(channel):
    tea = make_product("Tea", 20, channel, stock=None)
    tea.channel_listings.update(published_at=NOW - timedelta(days=9))
    return tea


@pytest.fixture
def replaced(channel, tea):
    """A click, the order after it, and the replacement, with the metadata of the order as Saleor copies it."""
    ann = make_customer()
    send(event(CLICKED, tea), channel=channel, at=NOW - timedelta(days=3))
    placed = {"channel": channel, "lines": [(tea, 1)], "metadata": {"crm_session": SESSION}}
    order = make_order(ann, created_at=NOW - timedelta(days=2), **placed)
    order.fulfillments.create(status=FulfillmentStatus.REPLACED).lines.create(order_line=order.lines.get(), quantity=1)
    other = make_order(ann, created_at=NOW - timedelta(days=1), origin=OrderOrigin.REISSUE, paid=False, **placed)
    assert not sync_orders([order.pk, other.pk]).failed
    return order


def test_it_is_no_purchase_in_the_numbers_of_the_customer(replaced):
    metrics = ProfileMetrics.objects.get()
    assert (metrics.orders_count, metrics.items_count, metrics.net_spent) == (1, 1, Decimal(20))
    assert metrics.last_order_at == replaced.created_at


def test_it_is_no_revenue_of_recommendations(channel, replaced):
    found = attributed(channel.pk, NOW - timedelta(days=9), NOW, timedelta(days=7))
    assert found["for_you"] == Attributed(1, 1, 1, Decimal(20))


def test_it_is_not_bought_again(channel, tea, replaced):
    assert train_now().training_data["orders"] == 1
    profile_id = ProfileMetrics.objects.get().profile_id
    (first,) = for_customer(profile_id, channel.pk, 1, RecommendationKind.BUY_AGAIN)
    assert (first.product_id, first.reason.text) == (tea.pk, "You have bought this before")
