"""`loyaltyPointsApply`: points pay for a part of the customer's own checkout."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.loyalty.models import HoldStatus, LoyaltyAccount, PointsHold
from tests.devshop.factories import make_order_promotion, make_voucher
from tests.graphql.client import global_id
from tests.graphql.conftest import BEGINNING
from tests.shop_settings import crm_settings, loyalty_settings

pytestmark = pytest.mark.django_db

APPLY = """
mutation ($id: ID!, $points: Int!) {
  loyaltyPointsApply(checkoutId: $id, points: $points) {
    appliedPoints
    limitedBy
    discount { amount currency }
    replacedPromotion { amount currency }
    checkout {
      totalPrice { gross { amount } }
      loyalty { pointsToEarn appliedPoints maxApplicablePoints discount { amount } }
    }
    errors { field message code }
  }
}
"""
BEFORE = """
query ($id: ID!) {
  checkout(id: $id) {
    totalPrice { gross { amount } }
    loyalty { maxApplicablePoints replacedPromotion { amount currency } }
  }
}
"""
BALANCE = "{ me { loyaltyAccount { balance } } }"


def apply(api, checkout_id, points):
    return api.data(APPLY, id=checkout_id, points=points)["loyaltyPointsApply"]


def refused(api, checkout_id, points):
    answer = apply(api, checkout_id, points)
    assert (answer["appliedPoints"], answer["checkout"], answer["discount"]) == (None, None, None)
    (error,) = answer["errors"]
    assert error["message"]
    return error["field"], error["code"]


def balance(api):
    return api.data(BALANCE)["me"]["loyaltyAccount"]["balance"]


def test_points_take_their_worth_off_the_price_and_are_set_aside(shop, as_ann, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    assert apply(as_ann, checkout_id, 300) == {
        "appliedPoints": 300,
        "limitedBy": None,
        "discount": {"amount": 3.0, "currency": "USD"},
        "replacedPromotion": None,
        "checkout": {
            "totalPrice": {"gross": {"amount": 17.0}},
            "loyalty": {
                "pointsToEarn": 170,
                "appliedPoints": 300,
                "maxApplicablePoints": 500,
                "discount": {"amount": 3.0},
            },
        },
        "errors": [],
    }
    assert balance(as_ann) == 200


def test_a_second_call_replaces_the_first(shop, as_ann, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    for points in (300, 100, 100):
        assert apply(as_ann, checkout_id, points)["appliedPoints"] == points
    assert balance(as_ann) == 400
    assert PointsHold.objects.filter(status=HoldStatus.HELD).count() == 1


def test_fewer_are_applied_where_more_are_not_possible_and_it_says_why(shop, as_ann, checkout_of):
    assert apply(as_ann, checkout_of(as_ann, [(shop.apple, 1)]), 9999)["limitedBy"] == "BALANCE"
    loyalty_settings(shop.channel, point_value="0.05", points_per_unit="10", earn_from=BEGINNING)
    LoyaltyAccount.objects.update(held=0)
    answer = apply(as_ann, checkout_of(as_ann, [(shop.plum, 1)]), 400)
    assert (answer["appliedPoints"], answer["limitedBy"], answer["discount"]["amount"]) == (100, "CHECKOUT_TOTAL", 5.0)


@pytest.mark.parametrize("points", [0, -5])
def test_points_out_of_range(shop, as_ann, checkout_of, points):
    assert refused(as_ann, checkout_of(as_ann, [(shop.apple, 1)]), points) == ("points", "INVALID")
    assert balance(as_ann) == 500


def test_more_points_than_graphql_can_count(shop, as_ann, checkout_of):
    answer = as_ann.post(APPLY, id=checkout_of(as_ann, [(shop.apple, 1)]), points=2**31)
    assert "data" not in answer or answer["data"] == {"loyaltyPointsApply": None}
    assert answer["errors"]


def test_without_points(shop, as_ben, checkout_of):
    assert refused(as_ben, checkout_of(as_ben, [(shop.apple, 1)]), 10) == ("points", "INSUFFICIENT_POINTS")


def test_below_the_minimum(shop, as_ann, checkout_of):
    loyalty_settings(shop.channel, point_value="0.01", minimum_points_to_spend="100")
    assert refused(as_ann, checkout_of(as_ann, [(shop.apple, 1)]), 99) == ("points", "BELOW_MINIMUM")


def test_an_empty_checkout(shop, as_ann, checkout_of):
    assert refused(as_ann, checkout_of(as_ann, []), 10) == ("checkoutId", "CHECKOUT_EMPTY")


def test_beside_another_voucher(shop, as_ann, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    make_voucher("FIVE-OFF", 5, shop.channel)
    add = 'mutation ($id: ID!) { checkoutAddPromoCode(id: $id, promoCode: "FIVE-OFF") { errors { code } } }'
    as_ann.data(add, id=checkout_id)
    assert refused(as_ann, checkout_id, 10) == ("checkoutId", "VOUCHER_ALREADY_APPLIED")


def test_in_place_of_a_promotion_of_the_order(shop, as_ann, anonymous, checkout_of):
    """Only where they are worth more, and with what they replace."""
    make_order_promotion(4, channel=shop.channel)
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    loyalty = {"maxApplicablePoints": 500, "replacedPromotion": {"amount": 4.0, "currency": "USD"}}
    checkout = as_ann.data(BEFORE, id=checkout_id)["checkout"]
    assert checkout == {"totalPrice": {"gross": {"amount": 16.0}}, "loyalty": loyalty}
    # Who cannot spend her points need not choose.
    checkout = anonymous.data(BEFORE, id=checkout_id)["checkout"]
    assert checkout["loyalty"] == {"maxApplicablePoints": 0, "replacedPromotion": None}
    assert refused(as_ann, checkout_id, 400) == ("points", "PROMOTION_WORTH_MORE")
    answer = apply(as_ann, checkout_id, 450)
    assert answer["replacedPromotion"] == loyalty["replacedPromotion"]
    assert answer["checkout"]["totalPrice"]["gross"]["amount"] == 15.5
    assert as_ann.data(BEFORE, id=checkout_id)["checkout"]["loyalty"]["replacedPromotion"] is None


def test_no_points_are_offered_where_a_promotion_takes_off_as_much(shop, as_ann, checkout_of):
    make_order_promotion(5, channel=shop.channel)
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    loyalty = as_ann.data(BEFORE, id=checkout_id)["checkout"]["loyalty"]
    assert loyalty == {"maxApplicablePoints": 0, "replacedPromotion": {"amount": 5.0, "currency": "USD"}}
    # A gift card pays beside it.
    loyalty_settings(shop.channel, point_value="0.01", redemption_form="gift card")
    loyalty = as_ann.data(BEFORE, id=checkout_id)["checkout"]["loyalty"]
    assert loyalty == {"maxApplicablePoints": 500, "replacedPromotion": None}


@pytest.mark.parametrize("spending", [{}, {"point_value": "0.01", "maximum_share_percent": "0"}])
def test_where_points_cannot_be_spent(shop, as_ann, checkout_of, spending):
    make_order_promotion(5, channel=shop.channel)
    loyalty_settings(shop.channel, points_per_unit="10", earn_from=BEGINNING, **spending)
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    assert refused(as_ann, checkout_id, 10) == ("checkoutId", "LOYALTY_DISABLED")
    loyalty = as_ann.data(BEFORE, id=checkout_id)["checkout"]["loyalty"]
    assert loyalty == {"maxApplicablePoints": 0, "replacedPromotion": None}


def test_while_the_whole_plugin_is_switched_off_no_points_are_spent(shop, as_ann, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    crm_settings(active=False)
    assert as_ann.data(BEFORE, id=checkout_id)["checkout"]["loyalty"]["maxApplicablePoints"] == 0
    assert refused(as_ann, checkout_id, 10) == ("checkoutId", "LOYALTY_DISABLED")
    assert not PointsHold.objects.exists()


def test_a_wrong_id(shop, as_ann):
    assert refused(as_ann, global_id("Order", shop.first.pk), 10) == ("checkoutId", "GRAPHQL_ERROR")
    assert refused(as_ann, "nonsense", 10) == ("checkoutId", "GRAPHQL_ERROR")
    assert refused(as_ann, global_id("Checkout", 7), 10) == ("checkoutId", "GRAPHQL_ERROR")


def test_only_the_owner_who_is_logged_in_spends_points(
    shop, as_ann, as_ben, anonymous, staff_with, app_with, checkout_of
):
    of_ann = checkout_of(as_ann, [(shop.apple, 1)])
    in_her_name = checkout_of(anonymous, [(shop.apple, 1)], email="ann@example.com")
    gone = global_id("Checkout", "00000000-0000-0000-0000-000000000000")
    # A foreign checkout looks like one that does not exist.
    for requestor, checkout_id in ((as_ben, of_ann), (as_ann, in_her_name), (as_ann, gone)):
        assert refused(requestor, checkout_id, 10) == ("checkoutId", "NOT_FOUND")
    assert refused(staff_with("MANAGE_DISCOUNTS", "MANAGE_USERS"), of_ann, 10) == ("checkoutId", "NOT_FOUND")
    for requestor in (anonymous, app_with("MANAGE_DISCOUNTS", "MANAGE_USERS")):
        assert requestor.denied(APPLY, id=of_ann, points=10) == {"AUTHENTICATED_USER"}
    assert balance(as_ann) == 500


def test_each_of_several_mutations_in_a_request_answers_what_is_so_after_it(shop, as_ann, checkout_of):
    answer = """{
      checkout { totalPrice { gross { amount } } loyalty { appliedPoints maxApplicablePoints discount { amount } } }
    }"""
    mutation = f"""
    mutation ($id: ID!) {{
      first: loyaltyPointsApply(checkoutId: $id, points: 300) {answer}
      none: loyaltyPointsRemove(checkoutId: $id) {answer}
      again: loyaltyPointsApply(checkoutId: $id, points: 100) {answer}
    }}
    """
    answers = as_ann.data(mutation, id=checkout_of(as_ann, [(shop.apple, 1)]))
    said = {
        name: (
            found["checkout"]["totalPrice"]["gross"]["amount"],
            found["checkout"]["loyalty"]["appliedPoints"],
            found["checkout"]["loyalty"]["maxApplicablePoints"],
        )
        for name, found in answers.items()
    }
    assert said == {"first": (17, 300, 500), "none": (20, 0, 500), "again": (19, 100, 500)}
