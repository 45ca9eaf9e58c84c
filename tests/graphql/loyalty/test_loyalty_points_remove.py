"""`loyaltyPointsRemove`: points come off the checkout and back to the customer."""

from __future__ import annotations

import pytest

from tests.graphql.client import global_id
from tests.graphql.loyalty.test_loyalty_points_apply import apply, balance

pytestmark = pytest.mark.django_db

REMOVE = """
mutation ($id: ID!) {
  loyaltyPointsRemove(checkoutId: $id) {
    checkout { totalPrice { gross { amount } } loyalty { appliedPoints discount { amount } } }
    errors { field message code }
  }
}
"""
WITHOUT_POINTS = {
    "checkout": {"totalPrice": {"gross": {"amount": 20.0}}, "loyalty": {"appliedPoints": 0, "discount": None}},
    "errors": [],
}


def remove(api, checkout_id):
    return api.data(REMOVE, id=checkout_id)["loyaltyPointsRemove"]


def test_the_points_come_back(shop, as_ann, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    apply(as_ann, checkout_id, 300)
    assert remove(as_ann, checkout_id) == WITHOUT_POINTS
    assert balance(as_ann) == 500


def test_a_repeated_call_changes_nothing(shop, as_ann, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    for _ in range(2):
        assert remove(as_ann, checkout_id) == WITHOUT_POINTS


def test_only_the_owner_who_is_logged_in(shop, as_ann, as_ben, anonymous, app_with, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    apply(as_ann, checkout_id, 300)
    answer = remove(as_ben, checkout_id)
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [("checkoutId", "NOT_FOUND")]
    for requestor in (anonymous, app_with("MANAGE_USERS")):
        assert requestor.denied(REMOVE, id=checkout_id) == {"AUTHENTICATED_USER"}
    assert balance(as_ann) == 200


def test_a_wrong_id(shop, as_ann):
    answer = remove(as_ann, global_id("Order", shop.first.pk))
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [("checkoutId", "GRAPHQL_ERROR")]
