"""`Checkout.recommendations`: what goes with the products in a checkout."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.graphql.client import global_id
from tests.graphql.recommendations.conftest import names
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

OF_CHECKOUT = """
query ($id: ID!, $first: Int) {
  checkout(id: $id) { recommendations(first: $first) { product { name } reason { kind } } }
}
"""


def of_checkout(api, checkout_id, **arguments):
    return api.data(OF_CHECKOUT, id=checkout_id, **arguments)["checkout"]["recommendations"]


def test_what_goes_with_the_products_and_is_not_in_the_checkout_yet(shop, model, anonymous, checkout_of):
    checkout_id = checkout_of(anonymous, [(shop.apple, 1), (shop.plum, 2)])
    assert of_checkout(anonymous, checkout_id) == [{"product": {"name": "Pear"}, "reason": {"kind": "BOUGHT_TOGETHER"}}]
    everything = checkout_of(anonymous, [(shop.apple, 1), (shop.plum, 2), (shop.pear, 1)])
    assert of_checkout(anonymous, everything) == []


def test_an_empty_checkout_gets_what_sells_most(model, anonymous, checkout_of):
    assert names(of_checkout(anonymous, checkout_of(anonymous, []), first=2)) == ["Pear", "Apple"]


def test_switched_off(shop, model, anonymous, checkout_of):
    crm_settings(recommendations_enabled=False)
    assert of_checkout(anonymous, checkout_of(anonymous, [(shop.apple, 1)])) == []


def test_how_many(shop, model, anonymous, checkout_of):
    checkout_id = checkout_of(anonymous, [(shop.apple, 1)])
    assert anonymous.error(OF_CHECKOUT, id=checkout_id, first=0)[1] == "Argument `first` must be between 1 and 100."


def test_what_the_owner_bought_before_counts_for_the_owner_alone(shop, model, as_ann, as_ben, anonymous, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    own = of_checkout(as_ann, checkout_id)
    # Pears go with apples; plums, because she bought pears.
    assert [(one["product"]["name"], one["reason"]["kind"]) for one in own] == [
        ("Pear", "BOUGHT_TOGETHER"),
        ("Plum", "BOUGHT_TOGETHER"),
    ]
    for other in (as_ben, anonymous):
        assert [(one["product"]["name"], one["reason"]["kind"]) for one in of_checkout(other, checkout_id)] == [
            ("Pear", "BOUGHT_TOGETHER"),
            ("Plum", "NEW"),
        ]


def test_a_guest_checkout_with_the_address_of_a_customer_shows_nothing_of_the_customer(
    shop, model, anonymous, checkout_of
):
    checkout_id = checkout_of(anonymous, [(shop.apple, 1)], email="ann@example.com")
    assert [one["reason"]["kind"] for one in of_checkout(anonymous, checkout_id)] == ["BOUGHT_TOGETHER", "NEW"]


def test_an_owner_who_refuses_is_served_like_anybody(shop, model, as_ann, checkout_of):
    checkout_id = checkout_of(as_ann, [(shop.apple, 1)])
    CustomerProfile.objects.filter(user=shop.ann).update(recommendations_allowed=False)
    assert [one["reason"]["kind"] for one in of_checkout(as_ann, checkout_id)] == ["BOUGHT_TOGETHER", "NEW"]


def test_the_next_page_and_what_to_leave_out(shop, model, anonymous, checkout_of):
    checkout_id = checkout_of(anonymous, [(shop.apple, 1)])
    query = """query ($id: ID!, $exclude: [ID!], $offset: Int) {
      checkout(id: $id) { recommendations(exclude: $exclude, offset: $offset) { product { name } } }
    }"""

    def names_with(**arguments):
        return names(anonymous.data(query, id=checkout_id, **arguments)["checkout"]["recommendations"])

    assert names_with(offset=1) == ["Plum"]
    assert names_with(exclude=[global_id("Product", shop.pear.pk)]) == ["Plum"]
