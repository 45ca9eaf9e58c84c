"""`Checkout.loyalty`: what a checkout earns, and how many points it can take."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone
from graphql_relay import from_global_id
from saleor.checkout.complete_checkout import complete_checkout
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.models import Checkout
from saleor.core.exceptions import CircularSubscriptionSyncEvent
from saleor.giftcard.models import GiftCard
from saleor.order import OrderStatus
from saleor.permission.enums import CheckoutPermissions
from saleor.product import ProductTypeKind
from saleor.product.models import ProductType

from saleor_crm_plugin.graphql.loyalty import checkout_points
from saleor_crm_plugin.ingestion.readers import read_orders
from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.loyalty.queries import order_points
from tests.devshop.factories import make_address, make_app, make_channel, make_product, make_voucher, pay_order
from tests.devshop.flows import manager
from tests.graphql.client import global_id
from tests.graphql.conftest import BEGINNING
from tests.graphql.payloads import answer_to, request_of
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

PLUGINS = ["saleor_crm_plugin.plugin.CRMPlugin", "saleor_crm_plugin.plugin.LoyaltySettingsPlugin"]

LOYALTY = """
query ($id: ID!) {
  checkout(id: $id) {
    loyalty {
      pointsToEarn
      breakdown { name points reason }
      maxApplicablePoints
      appliedPoints
      discount { amount currency }
    }
  }
}
"""

SET_QUANTITY = """
mutation ($id: ID!, $variant: ID!, $quantity: Int!) {
  checkoutLinesUpdate(id: $id, lines: [{variantId: $variant, quantity: $quantity}]) { errors { code } }
}
"""


def loyalty(api, checkout_id):
    return api.data(LOYALTY, id=checkout_id)["checkout"]["loyalty"]


def test_what_the_checkout_will_earn(shop, as_ann, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.apple, 2), (shop.plum, 1)])
    assert loyalty(as_ann, checkout_id) == {
        "pointsToEarn": 450,
        "breakdown": [
            {"name": "Apple", "points": 400, "reason": "10 points for each USD 1 of USD 40.00 with tax."},
            {"name": "Plum", "points": 50, "reason": "10 points for each USD 1 of USD 5.00 with tax."},
        ],
        "maxApplicablePoints": 500,
        "appliedPoints": 0,
        "discount": None,
    }


def test_no_more_points_than_the_checkout_costs(shop, as_ann, checkout_of):
    assert loyalty(as_ann, checkout_of(as_ann, [(shop.plum, 1)]))["maxApplicablePoints"] == 500
    loyalty_settings(
        shop.channel, points_per_unit="10", earn_from=BEGINNING, point_value="0.01", maximum_share_percent="50"
    )
    assert loyalty(as_ann, checkout_of(as_ann, [(shop.plum, 1)]))["maxApplicablePoints"] == 250


def test_one_point_is_not_points(shop, as_ann, checkout_of):
    loyalty_settings(shop.channel, points_per_unit="1", earn_from=BEGINNING)
    found = loyalty(as_ann, checkout_of(as_ann, [(shop.plum, 1)]))
    assert found["breakdown"][0]["reason"] == "1 point for each USD 1 of USD 5.00 with tax."


def test_fewer_points_than_must_be_spent_at_once_are_none(shop, as_ann, checkout_of):
    loyalty_settings(shop.channel, point_value="0.01", minimum_points_to_spend="501")
    assert loyalty(as_ann, checkout_of(as_ann, [(shop.apple, 1)]))["maxApplicablePoints"] == 0


def test_another_voucher_leaves_no_room_for_points(shop, as_ann, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    make_voucher("FIVE-OFF", 5, shop.channel)
    add = 'mutation ($id: ID!) { checkoutAddPromoCode(id: $id, promoCode: "FIVE-OFF") { errors { code } } }'
    assert as_ann.data(add, id=checkout_id) == {"checkoutAddPromoCode": {"errors": []}}
    found = loyalty(as_ann, checkout_id)
    # And the discount lowers what is earned.
    assert (found["maxApplicablePoints"], found["pointsToEarn"]) == (0, 150)


def test_a_name_on_a_checkout_is_not_its_owner(shop, as_ann, as_ben, anonymous, checkout_of):
    """Anybody may put Ann's address on a checkout; only Ann's login opens her wallet."""
    checkout_id = checkout_of(anonymous, [(shop.apple, 1)], email="ann@example.com")
    for requestor in (as_ann, as_ben, anonymous):
        assert loyalty(requestor, checkout_id)["maxApplicablePoints"] == 0
    of_ann = checkout_of(as_ann, [(shop.apple, 1)])
    assert loyalty(as_ann, of_ann)["maxApplicablePoints"] == 500
    for requestor in (as_ben, anonymous):
        assert loyalty(requestor, of_ann) == {
            "pointsToEarn": 200,
            "breakdown": [
                {"name": "Apple", "points": 200, "reason": "10 points for each USD 1 of USD 20.00 with tax."}
            ],
            "maxApplicablePoints": 0,
            "appliedPoints": 0,
            "discount": None,
        }


def test_a_channel_without_points(shop, as_ann, checkout_of):
    loyalty_settings(shop.channel)
    assert loyalty(as_ann, checkout_of(as_ann, [(shop.apple, 1)])) == {
        "pointsToEarn": 0,
        "breakdown": [],
        "maxApplicablePoints": 0,
        "appliedPoints": 0,
        "discount": None,
    }


def test_nothing_is_promised_before_orders_earn(shop, as_ann, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    for earn_from, points, parts in ((-1, 200, 1), (1, 0, 0)):
        moment = timezone.now() + timedelta(days=earn_from)
        loyalty_settings(shop.channel, points_per_unit="10", earn_from=moment.isoformat())
        found = loyalty(as_ann, checkout_id)
        assert (found["pointsToEarn"], len(found["breakdown"])) == (points, parts)


def test_an_empty_checkout(shop, as_ann, checkout_of):
    found = loyalty(as_ann, checkout_of(as_ann, []))
    assert (found["pointsToEarn"], found["breakdown"], found["maxApplicablePoints"]) == (0, [], 0)


def test_a_checkout_that_is_gone(shop, as_ann):
    gone = global_id("Checkout", "00000000-0000-0000-0000-000000000000")
    assert as_ann.data(LOYALTY, id=gone) == {"checkout": None}


def test_a_currency_without_cents_and_a_rate_with_them(site, as_ann, checkout_of):
    yen = make_channel("yen", "JPY")
    loyalty_settings(yen, points_per_unit="0.50", earn_from=BEGINNING, basis="net")
    tea = make_product("Tea", 1501, yen, stock=None)
    found = loyalty(as_ann, checkout_of(as_ann, [(tea, 1)], channel="yen"))
    assert found["pointsToEarn"] == 750
    assert found["breakdown"] == [
        {"name": "Tea", "points": 750, "reason": "0.5 points for each JPY 1 of JPY 1501 without tax."}
    ]


def complete(checkout_id):
    checkout = Checkout.objects.get(pk=from_global_id(checkout_id)[1])
    checkout.billing_address = make_address()
    checkout.save()
    lines, _unavailable = fetch_checkout_lines(checkout)
    info = fetch_checkout_info(checkout, lines, manager())
    order = complete_checkout(manager(), info, lines, {}, False, checkout.user, None)[0]
    order.status = OrderStatus.UNFULFILLED
    order.save()
    return order


@pytest.mark.devshop("completes the checkout by a call that a real shop surrounds with payment steps")
@pytest.mark.parametrize(("earn", "points"), [(True, 450), (False, 300)])
def test_what_gift_cards_pay_earns_as_the_channel_says(shop, as_ann, checkout_of, earn, points):
    """The order earns what its checkout said."""
    loyalty_settings(shop.channel, points_per_unit="10", earn_from=BEGINNING, gift_cards_earn=earn)
    checkout_id = checkout_of(as_ann, [(shop.apple, 2), (shop.plum, 1)])
    for code, balance in (("GIFT-1", 5), ("GIFT-2", 10)):
        GiftCard.objects.create(
            code=code, currency="USD", initial_balance_amount=balance, current_balance_amount=balance
        )
        add = """mutation ($id: ID!, $code: String!) {
          checkoutAddPromoCode(id: $id, promoCode: $code) { errors { code } }
        }"""
        assert as_ann.data(add, id=checkout_id, code=code) == {"checkoutAddPromoCode": {"errors": []}}

    assert loyalty(as_ann, checkout_id)["pointsToEarn"] == points
    order = complete(checkout_id)
    assert (order.total_gross_amount, read_orders([order.pk])[order.pk].gift_cards) == (30, 15)
    pay_order(order)
    sync_order(order.pk)
    assert order_points([order.pk], "default")[order.pk].earned == points


@pytest.mark.devshop("sets the reduced price by hand, which a real shop computes from its promotion rules")
@pytest.mark.parametrize(("earn", "points"), [(True, 350), (False, 50)])
def test_sale_items_earn_as_the_channel_says(shop, as_ann, checkout_of, earn, points):
    """The order earns what its checkout said. A voucher puts nothing on sale."""
    loyalty_settings(shop.channel, points_per_unit="10", earn_from=BEGINNING, sale_items_earn=earn)
    shop.apple.default_variant.channel_listings.update(discounted_price_amount=15)
    checkout_id = checkout_of(as_ann, [(shop.apple, 2), (shop.plum, 1)])

    assert loyalty(as_ann, checkout_id)["pointsToEarn"] == points
    order = complete(checkout_id)
    pay_order(order)
    sync_order(order.pk)
    assert order_points([order.pk], "default")[order.pk].earned == points


APPLY = """
mutation ($id: ID!, $points: Int!) {
  loyaltyPointsApply(checkoutId: $id, points: $points) {
    appliedPoints discount { amount currency } checkout { totalPrice { gross { amount } } } errors { field code }
  }
}
"""


@pytest.mark.devshop("completes the checkout by a call that a real shop surrounds with payment steps")
@pytest.mark.parametrize("form", ["voucher", "gift card"])
@pytest.mark.parametrize("share", ["100", "40"])
@pytest.mark.parametrize("earn", [True, False])
@pytest.mark.parametrize("cards_earn", [True, False])
@pytest.mark.parametrize("basis", ["gross", "net"])
def test_what_points_pay_earns_as_the_channel_says(shop, as_ann, checkout_of, form, share, earn, cards_earn, basis):
    """The order earns what its checkout said, in either form, and with a gift card of the customer's own beside."""
    loyalty_settings(
        shop.channel,
        points_per_unit="10",
        earn_from=BEGINNING,
        point_value="0.01",
        maximum_share_percent=share,
        redemption_form=form,
        points_earn=earn,
        gift_cards_earn=cards_earn,
        basis=basis,
    )
    checkout_id = checkout_of(as_ann, [(shop.plum, 1)])
    GiftCard.objects.create(code="OWN-1", currency="USD", initial_balance_amount=1, current_balance_amount=1)
    add = 'mutation ($id: ID!) { checkoutAddPromoCode(id: $id, promoCode: "OWN-1") { errors { code } } }'
    assert as_ann.data(add, id=checkout_id) == {"checkoutAddPromoCode": {"errors": []}}
    applied = as_ann.data(APPLY, id=checkout_id, points=500)["loyaltyPointsApply"]
    assert applied["errors"] == []
    paid = applied["discount"]["amount"]
    # 5 dollars of plums. A voucher is taken off the price, a gift card off what the customer's own card leaves.
    assert paid == (2 if share == "40" else 5 if form == "voucher" else 4)
    own_card = min(1, 5 - paid)

    found = loyalty(as_ann, checkout_id)
    expected = 5 - (0 if earn else paid) - (0 if cards_earn else own_card)
    assert (found["pointsToEarn"], found["appliedPoints"]) == (10 * expected, applied["appliedPoints"])
    assert applied["checkout"]["totalPrice"]["gross"]["amount"] == 5 - paid - own_card
    order = complete(checkout_id)
    assert order.total_gross_amount == 5 - paid - own_card
    pay_order(order)
    sync_order(order.pk)
    points = order_points([order.pk], "default")[order.pk]
    assert (points.earned, points.redeemed) == (10 * expected, applied["appliedPoints"])


def test_a_gift_card_of_points_leaves_room_for_a_voucher(shop, as_ann, checkout_of):
    loyalty_settings(shop.channel, point_value="0.01", redemption_form="gift card")
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    make_voucher("FIVE-OFF", 17, shop.channel)
    add = 'mutation ($id: ID!) { checkoutAddPromoCode(id: $id, promoCode: "FIVE-OFF") { errors { code } } }'
    assert as_ann.data(add, id=checkout_id) == {"checkoutAddPromoCode": {"errors": []}}
    assert loyalty(as_ann, checkout_id)["maxApplicablePoints"] == 300
    applied = as_ann.data(APPLY, id=checkout_id, points=200)["loyaltyPointsApply"]
    assert (applied["appliedPoints"], applied["checkout"]["totalPrice"]["gross"]["amount"]) == (200, 1)
    found = loyalty(as_ann, checkout_id)
    assert (found["maxApplicablePoints"], found["appliedPoints"], found["discount"]["amount"]) == (300, 200, 2)


@pytest.fixture
def hooked(settings, django_capture_on_commit_callbacks):
    """Call it where hooks shall lead to their tasks, as after a commit."""
    settings.PLUGINS = PLUGINS
    return partial(django_capture_on_commit_callbacks, execute=True)


@pytest.mark.parametrize("form", ["voucher", "gift card"])
def test_points_follow_the_lines_of_the_checkout(shop, as_ann, checkout_of, form, hooked):
    loyalty_settings(shop.channel, point_value="0.01", redemption_form=form, maximum_share_percent="50")
    checkout_id = checkout_of(as_ann, [(shop.plum, 2)])
    as_ann.data(APPLY, id=checkout_id, points=400)
    for quantity, points in ((1, 250), (2, 400), (0, 0)):
        variant = global_id("ProductVariant", shop.plum.default_variant.pk)
        with hooked():
            as_ann.data(SET_QUANTITY, id=checkout_id, variant=variant, quantity=quantity)
        assert loyalty(as_ann, checkout_id)["appliedPoints"] == points


@pytest.mark.parametrize("form", ["voucher", "gift card"])
def test_points_follow_a_checkout_whose_user_has_signed_out(shop, as_ann, anonymous, checkout_of, form, hooked):
    loyalty_settings(shop.channel, point_value="0.01", redemption_form=form, maximum_share_percent="50")
    checkout_id = checkout_of(as_ann, [(shop.plum, 2)])
    as_ann.data(APPLY, id=checkout_id, points=400)
    # As `checkoutCustomerDetach` does.
    Checkout.objects.update(user=None)
    variant = global_id("ProductVariant", shop.plum.default_variant.pk)
    with hooked():
        anonymous.data(SET_QUANTITY, id=checkout_id, variant=variant, quantity=1)
    found = loyalty(anonymous, checkout_id)
    assert (found["appliedPoints"], found["discount"]["amount"]) == (250, 2.5)


@pytest.mark.parametrize("is_guests", [False, True])
def test_the_voucher_of_points_comes_off_another_checkout(shop, as_ann, anonymous, checkout_of, hooked, is_guests):
    loyalty_settings(shop.channel, point_value="0.01", maximum_share_percent="50")
    checkout_id = checkout_of(as_ann, [(shop.plum, 2)])
    as_ann.data(APPLY, id=checkout_id, points=500)
    buyer = anonymous if is_guests else as_ann
    other_id = checkout_of(buyer, [(shop.plum, 1)])
    show = "query ($id: ID!) { checkout(id: $id) { voucherCode totalPrice { gross { amount } } } }"
    code = as_ann.data(show, id=checkout_id)["checkout"]["voucherCode"]
    add = """mutation ($id: ID!, $code: String!) {
      checkoutAddPromoCode(id: $id, promoCode: $code) { errors { code } }
    }"""
    with hooked():
        assert buyer.data(add, id=other_id, code=code) == {"checkoutAddPromoCode": {"errors": []}}
    whole = {"voucherCode": None, "totalPrice": {"gross": {"amount": 5}}}
    assert buyer.data(show, id=other_id)["checkout"] == whole
    found = loyalty(as_ann, checkout_id)
    assert (found["appliedPoints"], found["discount"]["amount"]) == (500, 5)


def gift_card_for_sale(shop):
    card = make_product("Gift card", 50, shop.channel, stock=None)
    card.product_type = ProductType.objects.create(
        name="Gift card", slug="gift-card", kind=ProductTypeKind.GIFT_CARD, is_shipping_required=False
    )
    card.save()
    return card


def test_goods_that_points_pay_promise_nothing_beside_a_gift_card(shop, as_ann, checkout_of):
    loyalty_settings(
        shop.channel, points_per_unit="10", earn_from=BEGINNING, point_value="0.01", redemption_form="gift card"
    )
    checkout_id = checkout_of(as_ann, [(shop.plum, 1), (gift_card_for_sale(shop), 1)])
    assert loyalty(as_ann, checkout_id)["pointsToEarn"] == 50
    for points, earned in ((200, 30), (500, 0)):
        assert as_ann.data(APPLY, id=checkout_id, points=points)["loyaltyPointsApply"]["appliedPoints"] == points
        assert loyalty(as_ann, checkout_id)["pointsToEarn"] == earned


def test_the_most_points_of_a_checkout_are_for_its_goods_without_gift_cards(shop, as_ann, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.plum, 1), (gift_card_for_sale(shop), 1)])
    for form, points in (("gift card", 250), ("voucher", 500)):
        loyalty_settings(shop.channel, point_value="0.01", redemption_form=form, maximum_share_percent="50")
        assert loyalty(as_ann, checkout_id)["maxApplicablePoints"] == points


@pytest.mark.devshop("sets the price by hand")
@pytest.mark.parametrize("form", ["voucher", "gift card"])
def test_points_follow_a_price_that_changed_by_itself(shop, as_ann, checkout_of, form, hooked):
    loyalty_settings(shop.channel, point_value="0.01", redemption_form=form)
    checkout_id = checkout_of(as_ann, [(shop.plum, 1)])
    as_ann.data(APPLY, id=checkout_id, points=400)
    shop.plum.default_variant.channel_listings.update(price_amount=3, discounted_price_amount=3)
    Checkout.objects.update(price_expiration=timezone.now())
    # No hook tells of it. Who reads finds out, and the next reader sees what follows.
    with hooked():
        assert loyalty(as_ann, checkout_id)["appliedPoints"] == 400
    assert loyalty(as_ann, checkout_id)["appliedPoints"] == 300


def test_an_app_that_is_asked_for_prices_gets_no_points_that_need_them(shop, as_ann, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    app, _ = make_app(permissions=[CheckoutPermissions.MANAGE_CHECKOUTS])
    asked = answer_to(request_of(app, {}, sync_event=True), LOYALTY, id=checkout_id)
    (error,) = asked.errors
    assert isinstance(error.original_error, CircularSubscriptionSyncEvent)
    assert asked.data["checkout"]["loyalty"] is None
    told = answer_to(request_of(app, {}), LOYALTY, id=checkout_id)
    assert (told.errors, told.data["checkout"]["loyalty"]["pointsToEarn"]) == (None, 200)


def test_a_list_of_checkouts_asks_no_app(shop, as_ann, checkout_of, monkeypatch):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    asked = []
    fetch = checkout_points.fetch_checkout_data

    def watched(checkout_info, *arguments, **options):
        asked.append((checkout_info.allow_sync_webhooks, options["allow_sync_webhooks"]))
        return fetch(checkout_info, *arguments, **options)

    monkeypatch.setattr(checkout_points, "fetch_checkout_data", watched)
    of_one = f'{{ checkout(id: "{checkout_id}") {{ loyalty {{ pointsToEarn }} }} }}'
    of_all = "{ me { checkouts(first: 1) { edges { node { id loyalty { pointsToEarn } } } } } }"
    for query, allowed in [(of_all, False), (of_one, True)]:
        as_ann.data(query)
        assert asked.pop() == (allowed, allowed)
