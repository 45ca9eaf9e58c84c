"""`Order.loyalty`: the points of an order."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.ingestion.sync import sync_orders
from tests.devshop.factories import make_order
from tests.devshop.flows import refund_order
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

POINTS = """
query ($id: ID!) {
  order(id: $id) { loyalty { pointsEarned pointsPending pointsReversed pointsRedeemed availableAt } }
}
"""
OWN = "{ me { orders(first: 10) { edges { node { number loyalty { pointsEarned } } } } } }"


def loyalty(api, order):
    return api.data(POINTS, id=global_id("Order", order.pk))["order"]["loyalty"]


def test_what_an_order_has_earned(shop, as_ann):
    assert loyalty(as_ann, shop.second) == {
        "pointsEarned": 300,
        "pointsPending": 0,
        "pointsReversed": 0,
        "pointsRedeemed": 0,
        "availableAt": None,
    }


def test_what_a_refund_has_taken_back(shop, as_ann):
    refund_order(shop.second, 12)
    sync_orders([shop.second.pk])
    assert loyalty(as_ann, shop.second) == {
        "pointsEarned": 180,
        "pointsPending": 0,
        "pointsReversed": 120,
        "pointsRedeemed": 0,
        "availableAt": None,
    }


def test_an_order_that_moved_no_points_has_zeros(shop, staff_with):
    unseen = make_order(shop.ann, channel=shop.channel)
    assert set(loyalty(staff_with("MANAGE_ORDERS"), unseen).values()) == {0, None}


def test_the_owner_and_those_who_manage_orders_see_it(shop, as_ann, as_ben, anonymous, staff_with, app_with):
    order = global_id("Order", shop.first.pk)
    for requestor in (as_ann, staff_with("MANAGE_ORDERS"), app_with("MANAGE_ORDERS")):
        assert requestor.data(POINTS, id=order)["order"]["loyalty"]["pointsEarned"] == 200
    for requestor in (as_ben, anonymous, staff_with("MANAGE_USERS"), app_with("MANAGE_DISCOUNTS")):
        assert requestor.denied(POINTS, id=order) == {"OWNER", "MANAGE_ORDERS"}
        # The order itself stays readable, as Saleor has it.
        assert requestor.post(POINTS, id=order)["data"] == {"order": {"loyalty": None}}


def test_nobody_owns_an_order_of_a_guest(shop, as_ann, anonymous):
    order = global_id("Order", shop.of_guest.pk)
    for requestor in (as_ann, anonymous):
        assert requestor.denied(POINTS, id=order) == {"OWNER", "MANAGE_ORDERS"}


def test_the_own_orders(shop, as_ann):
    edges = as_ann.data(OWN)["me"]["orders"]["edges"]
    assert {(edge["node"]["number"], edge["node"]["loyalty"]["pointsEarned"]) for edge in edges} == {
        (str(shop.first.number), 200),
        (str(shop.second.number), 300),
    }
