"""Points beside a promotion of the whole order, which Saleor takes off a checkout while a voucher is in it.

A customer never pays more with points than without.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.utils import timezone
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.models import Checkout
from saleor.discount.models import CheckoutDiscount, PromotionRule

from saleor_crm_plugin.compat import fetch_checkout_data
from saleor_crm_plugin.ingestion.order_promotions import taken_off_without_voucher
from saleor_crm_plugin.ingestion.redemption import release_timed_out_holds, remove_points
from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.loyalty.models import PointsHold
from tests.devshop.factories import make_channel, make_order_promotion, make_product
from tests.devshop.flows import manager
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_redemption import (
    account,
    apply,
    checkout_of,
    complete,
    customer_with_points,
    pay,
    refused,
)
from tests.integration.loyalty.test_refit import changed, refit
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

# What a gift is worth is for Saleor to say, and the stand-in has none.
no_gifts = pytest.mark.skipif(not hasattr(PromotionRule, "gifts"), reason="needs a Saleor whose promotions give gifts")


@pytest.fixture
def channel():
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01")
    return channel


@pytest.fixture
def checkout(channel):
    """A product at 40, and 2000 points to spend."""
    return checkout_of(customer_with_points(2000), channel, price=40)


def price_of(checkout: Checkout) -> D:
    """What the buyer sees now."""
    checkout = Checkout.objects.get(pk=checkout.pk)
    lines, _ = fetch_checkout_lines(checkout)
    info = fetch_checkout_info(checkout, lines, manager())
    fetch_checkout_data(info, manager(), lines, requestor=None, database_connection_name="default").get()
    return Checkout.objects.get(pk=checkout.pk).total_gross_amount


@pytest.mark.parametrize("points", [300, 800])
def test_points_worth_no_more_than_the_promotion_are_refused_and_it_stays(channel, checkout, points):
    make_order_promotion(8, channel=channel)
    changed(checkout, 1)
    assert price_of(checkout) == 32
    with refused("PROMOTION_WORTH_MORE", "points") as caught:
        apply(checkout, points)
    assert "USD 8.00" in str(caught.value)
    assert (price_of(checkout), account().held) == (32, 0)
    assert not PointsHold.objects.exists()


def test_points_worth_more_take_its_place_and_the_answer_says_of_what(channel, checkout):
    make_order_promotion(8, channel=channel)
    applied = apply(checkout, 900)
    assert (applied.points, applied.amount, applied.replaced) == (900, D(9), D(8))
    assert price_of(checkout) == 31
    order = complete(checkout)
    assert order.total_gross_amount == 31
    sync_order(order.pk)
    assert (account().active, account().held) == (1100, 0)
    assert_ledger_adds_up()


def test_a_refused_change_leaves_the_points_that_were_applied(channel, checkout):
    make_order_promotion(8, channel=channel)
    apply(checkout, 900)
    with refused("PROMOTION_WORTH_MORE", "points"):
        apply(checkout, 700)
    assert (price_of(checkout), account().held) == (31, 900)


def test_without_points_the_promotion_is_back(channel, checkout):
    make_order_promotion(8, channel=channel)
    apply(checkout, 900)
    remove_points(checkout.pk, checkout.user.pk, manager=manager())
    assert price_of(checkout) == 32


def test_after_the_time_out_the_promotion_is_back(channel, checkout):
    make_order_promotion(8, channel=channel)
    apply(checkout, 900)
    assert price_of(checkout) == 31
    assert release_timed_out_holds(timezone.now() + timedelta(minutes=61)) == 1
    assert price_of(checkout) == 32


def test_points_give_way_to_a_promotion_that_begins_later_and_is_worth_more(channel, checkout):
    apply(checkout, 300)
    make_order_promotion(8, channel=channel)
    changed(checkout, 1)
    assert price_of(checkout) == 37
    assert refit(checkout)
    assert (price_of(checkout), account().held, account().spendable) == (32, 0, 2000)
    assert not refit(checkout)
    assert_ledger_adds_up()


def test_a_checkout_that_is_paid_keeps_its_price_when_a_promotion_begins(channel, checkout):
    apply(checkout, 300)
    assert price_of(checkout) == 37
    pay(checkout, 37)
    make_order_promotion(8, channel=channel)
    assert not refit(checkout)
    assert complete(checkout).total_gross_amount == 37


def test_points_give_way_once_the_checkout_reaches_what_the_promotion_asks_for(channel, checkout):
    make_order_promotion(8, least=80, channel=channel)
    assert apply(checkout, 300).replaced == 0
    changed(checkout, quantity=2)
    assert refit(checkout)
    assert (price_of(checkout), account().held) == (72, 0)


def test_points_worth_more_stay(channel, checkout):
    apply(checkout, 900)
    make_order_promotion(8, channel=channel)
    changed(checkout, 1)
    assert not refit(checkout)
    assert (price_of(checkout), account().held) == (31, 900)


def test_as_a_gift_card_points_pay_beside_the_promotion(channel, checkout):
    loyalty_settings(channel, point_value="0.01", redemption_form="gift card")
    make_order_promotion(8, channel=channel)
    changed(checkout, 1)
    applied = apply(checkout, 300)
    assert (applied.points, applied.replaced) == (300, 0)
    assert complete(checkout).total_gross_amount == 29


@no_gifts
def test_a_gift_counts_with_its_price(channel, checkout):
    gift = make_product(price=8, channel=channel).default_variant
    make_order_promotion(0, channel=channel, gift=gift)
    changed(checkout, 1)
    with refused("PROMOTION_WORTH_MORE", "points"):
        apply(checkout, 800)
    assert checkout.lines.filter(is_gift=True).count() == 1
    assert apply(checkout, 900).replaced == 8
    assert not checkout.lines.filter(is_gift=True).exists()


def test_where_no_promotion_can_be_it_costs_one_statement(channel, checkout, django_assert_num_queries):
    make_order_promotion(8, channel=channel, end_date=timezone.now() - timedelta(days=1))
    make_order_promotion(8, channel=channel, start_date=timezone.now() + timedelta(days=1))
    make_order_promotion(8, channel=make_channel("another"))
    checkout = Checkout.objects.get(pk=checkout.pk)
    with django_assert_num_queries(1):
        assert taken_off_without_voucher(checkout, manager()) == 0


def test_asking_changes_nothing(channel, checkout):
    make_order_promotion(8, channel=channel)
    checkout = Checkout.objects.get(pk=checkout.pk)
    before = Checkout.objects.values().get(pk=checkout.pk)
    assert taken_off_without_voucher(checkout, manager()) == 8
    assert Checkout.objects.values().get(pk=checkout.pk) == before
    assert not CheckoutDiscount.objects.exists()
