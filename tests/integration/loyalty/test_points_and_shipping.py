"""Points pay for goods: an order with shipping earns the same in both forms, and a rule tried on it sees the same."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.utils import timezone
from saleor.checkout.models import Checkout, CheckoutLine
from saleor.graphql.checkout.mutations import utils as checkout_utils
from saleor.order import OrderStatus
from saleor.product.models import ProductType

from saleor_crm_plugin import compat
from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.redemption import release_timed_out_holds, remove_points
from saleor_crm_plugin.ingestion.refit import refit_hold
from saleor_crm_plugin.ingestion.rewards import expire_rewards
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.simulation import simulate
from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.queries import order_points
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Effect, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from saleor_crm_plugin.loyalty.rules.storage import LiveRule
from tests.devshop.factories import make_channel, pay_order, refund_order
from tests.devshop.flows import manager
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_redemption import apply, checkout_of, complete, customer_with_points
from tests.integration.loyalty.test_rewards import give_back, put_on, reward, take
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

DOUBLE = LiveRule(0, 1, "Double", RuleDefinition(Trigger.ORDER, Effect.MULTIPLIER, D(2)), is_dry_run=False)


def deliver(order, price: str):
    """The stand-in's checkouts know no shipping."""
    order.shipping_price_gross_amount = order.shipping_price_net_amount = order.base_shipping_price_amount = D(price)
    for total in ("total_gross_amount", "total_net_amount", "undiscounted_total_gross_amount"):
        setattr(order, total, getattr(order, total) + D(price))
    order.status = OrderStatus.UNFULFILLED
    order.save()
    return order


@pytest.mark.devshop("puts shipping on the order by hand")
@pytest.mark.parametrize("form", ["voucher", "gift card"])
@pytest.mark.parametrize(
    ("with_shipping", "earn", "earned", "after_refund"),
    # 54 of goods less 20 of points, and 66.19 of shipping; then 50.09 of the 100.19 go back.
    [(False, False, 34, 17), (True, False, 100, 50), (False, True, 54, 27), (True, True, 120, 60)],
)
# Of the price before points, which no form of them changes.
@pytest.mark.parametrize(("minimum", "more", "more_after_refund"), [("54", 100, 50), ("54.01", 0, 0)])
def test_both_forms_earn_the_same_with_shipping(
    form, with_shipping, earn, earned, after_refund, minimum, more, more_after_refund
):
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(
        channel,
        points_per_unit="1",
        earn_from="2026-01-01T00:00:00+00:00",
        point_value="0.01",
        redemption_form=form,
        points_earn=earn,
        include_shipping=with_shipping,
    )
    least = Conditions(minimum_subtotal=D(minimum))
    large = RuleDefinition(Trigger.ORDER, Effect.FIXED_POINTS, D(100), conditions=least)
    create_rule(default_program_id(), "Large orders", RuleStatus.LIVE, large, SYSTEM)
    checkout = checkout_of(customer_with_points(2000), channel, price=54)
    assert apply(checkout, 2000).amount == 20
    order = deliver(complete(checkout), "66.19")
    assert order.total_gross_amount == D("100.19")
    pay_order(order)
    sync_order(order.pk)
    points = order_points([order.pk], "default")[order.pk]
    assert (points.earned, points.redeemed) == (earned + more, 2000)

    tried = simulate(DOUBLE, order.created_at, timezone.now() + timedelta(minutes=1), using="default")
    (affected,) = tried.most_affected
    assert affected.points_before == earned + more

    refund_order(order, D("50.09"))
    sync_order(order.pk)
    assert order_points([order.pk], "default")[order.pk].earned == after_refund + more_after_refund
    assert_ledger_adds_up()


def deliver_from(checkout, price: int | None, up_to: int | None = None):
    """A way of delivery that baskets from this price on, or up to one, are entitled to."""
    shipping = pytest.importorskip("saleor.shipping.models", reason="the stand-in's checkouts know no shipping")
    zone = shipping.ShippingZone.objects.create(name="Everywhere", countries=["US"])
    zone.channels.add(checkout.channel)
    method = zone.shipping_methods.create(name="Free delivery", type="price")
    method.channel_listings.create(
        channel=checkout.channel,
        currency="USD",
        price_amount=0,
        minimum_order_price_amount=price,
        maximum_order_price_amount=up_to,
    )
    return method


def to_deliver(price: int | None, up_to: int | None = None):
    """A checkout over 40 of somebody with 2,000 points, and such a way of delivery."""
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01")
    checkout = checkout_of(customer_with_points(2000), channel, price=40)
    method = deliver_from(checkout, price, up_to)
    if not hasattr(checkout_utils, "update_checkout_shipping_method_if_invalid"):
        pytest.skip("from 3.23 Saleor asks for the ways of delivery anew")
    ProductType.objects.update(is_shipping_required=True)
    checkout.shipping_address = checkout.billing_address
    checkout.save()
    return checkout, method


@pytest.mark.parametrize(("points", "stays"), [(1000, False), (400, True)])
def test_a_way_of_delivery_that_the_cheaper_basket_is_not_entitled_to_goes(points, stays):
    checkout, method = to_deliver(35)
    checkout.shipping_method = method
    checkout.save()
    apply(checkout, points)
    checkout.refresh_from_db()
    assert (checkout.shipping_method is not None) == stays
    if stays:
        assert complete(checkout).total_gross_amount == 36
        return
    # Found out before the payment, and not by it.
    assert checkout.price_expiration <= timezone.now()
    remove_points(checkout.pk, checkout.user_id, manager=manager())
    Checkout.objects.filter(pk=checkout.pk).update(shipping_method=method)
    assert complete(checkout).total_gross_amount == 40


@pytest.mark.parametrize(("up_to", "stays"), [(35, False), (40, True)])
def test_a_way_of_delivery_goes_that_the_basket_is_too_dear_for_once_time_runs_out(up_to, stays):
    checkout, method = to_deliver(None, up_to)
    apply(checkout, 1000)
    Checkout.objects.update(shipping_method=method)
    assert release_timed_out_holds(timezone.now() + timedelta(minutes=61)) == 1
    checkout.refresh_from_db()
    assert (checkout.shipping_method is not None) == stays
    # Else Saleor refuses the order, when it has been paid.
    if stays:
        assert complete(checkout).total_gross_amount == 40


@pytest.mark.parametrize("way", ["given back", "expired"])
def test_a_way_of_delivery_goes_with_the_reward_without_which_the_basket_is_too_dear_for_it(way):
    checkout, method = to_deliver(None, 35)
    taken = take(reward(cost=1000, amount=D(10), valid_days=7), checkout.user)
    checkout.shipping_method = method
    checkout.save()
    put_on(checkout, taken.code)
    assert Checkout.objects.get().shipping_method == method
    if way == "given back":
        give_back(taken)
    else:
        assert expire_rewards(timezone.now() + timedelta(days=8)) == 1
    checkout.refresh_from_db()
    assert (checkout.voucher_code, checkout.shipping_method) == (None, None)


def test_a_delivery_that_cannot_be_reviewed_keeps_no_points(monkeypatch, caplog):
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01")
    user = customer_with_points(2000)
    for _ in range(2):
        apply(checkout_of(user, channel, price=40), 1000)

    def unreachable(*_arguments):
        raise ConnectionError

    monkeypatch.setattr(compat, "review_delivery", unreachable)
    assert release_timed_out_holds(timezone.now() + timedelta(minutes=61)) == 2
    assert [record.message.split(" (")[0] for record in caplog.records] == [
        "The delivery of a checkout is not reviewed"
    ] * 2
    assert_ledger_adds_up()


@pytest.mark.parametrize("way", ["put on", "taken off", "refitted", "timed out"])
def test_the_ways_of_delivery_are_asked_for_anew(way):
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01")
    checkout = checkout_of(customer_with_points(2000), channel, price=40)
    deliver_from(checkout, 35)
    if not hasattr(checkout_utils, "mark_checkout_deliveries_as_stale_if_needed"):
        pytest.skip("before 3.23 Saleor looks at the chosen way of delivery only")
    ProductType.objects.update(is_shipping_required=True)
    before = timezone.now()
    apply(checkout, 1000)
    if way == "taken off":
        before = timezone.now()
        remove_points(checkout.pk, checkout.user_id, manager=manager())
    elif way == "timed out":
        before = timezone.now()
        assert release_timed_out_holds(before + timedelta(minutes=61)) == 1
    elif way == "refitted":
        CheckoutLine.objects.update(quantity=2)
        loyalty_settings(channel, point_value="0.02")
        before = timezone.now()
        assert refit_hold(checkout.pk, load_settings())
    assert Checkout.objects.get().delivery_methods_stale_at >= before
