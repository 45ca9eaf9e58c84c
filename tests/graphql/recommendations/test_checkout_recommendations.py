"""`Checkout.recommendations`: what goes with the products in a checkout."""

from __future__ import annotations

import pytest

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
