"""Points pay for goods: an order with shipping earns the same in both forms, and a rule tried on it sees the same."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.utils import timezone
from saleor.order import OrderStatus

from saleor_crm_plugin.ingestion.simulation import simulate
from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.loyalty.queries import order_points
from saleor_crm_plugin.loyalty.rules.definition import Effect, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.storage import LiveRule
from tests.devshop.factories import make_channel, pay_order, refund_order
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_redemption import apply, checkout_of, complete, customer_with_points
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

DOUBLE = LiveRule(1, 1, "Double", RuleDefinition(Trigger.ORDER, Effect.MULTIPLIER, D(2)), is_dry_run=False)


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
def test_both_forms_earn_the_same_with_shipping(form, with_shipping, earn, earned, after_refund):
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
    checkout = checkout_of(customer_with_points(2000), channel, price=54)
    assert apply(checkout, 2000).amount == 20
    order = deliver(complete(checkout), "66.19")
    assert order.total_gross_amount == D("100.19")
    pay_order(order)
    sync_order(order.pk)
    points = order_points([order.pk], "default")[order.pk]
    assert (points.earned, points.redeemed) == (earned, 2000)

    tried = simulate(DOUBLE, order.created_at, timezone.now() + timedelta(minutes=1), using="default")
    (affected,) = tried.most_affected
    assert affected.points_before == earned

    refund_order(order, D("50.09"))
    sync_order(order.pk)
    assert order_points([order.pk], "default")[order.pk].earned == after_refund
    assert_ledger_adds_up()
