"""`Product.similarProducts` and `Product.frequentlyBoughtTogether`."""

from __future__ import annotations

import pytest

from tests.graphql.client import global_id
from tests.graphql.recommendations.conftest import names

pytestmark = pytest.mark.django_db

OF_PRODUCT = """
query ($id: ID!, $channel: String, $first: Int) {
  product(id: $id, channel: $channel) {
    similarProducts(first: $first) { product { name } reason { kind text } }
    frequentlyBoughtTogether(first: $first) { product { name } reason { kind text } }
  }
}
"""


def of_product(api, product, channel="default-channel", **arguments):
    return api.data(OF_PRODUCT, id=global_id("Product", product.pk), channel=channel, **arguments)["product"]


def test_what_goes_with_a_product_and_what_is_like_it(shop, model, anonymous):
    apple = of_product(anonymous, shop.apple, first=1)
    assert apple["frequentlyBoughtTogether"] == [
        {
            "product": {"name": "Pear"},
            "reason": {"kind": "BOUGHT_TOGETHER", "text": "Bought together in 100 % of baskets with Apple"},
        }
    ]
    pear = of_product(anonymous, shop.pear, first=1)
    assert pear["similarProducts"] == [
        {"product": {"name": "Plum"}, "reason": {"kind": "SIMILAR", "text": "Similar to Pear"}}
    ]


def test_a_list_never_holds_the_product_itself_and_is_filled_up(shop, model, anonymous):
    for product in (shop.apple, shop.pear, shop.plum):
        found = of_product(anonymous, product)
        for recommended in found.values():
            assert sorted([*names(recommended), product.name]) == ["Apple", "Pear", "Plum"]


def test_in_a_list_of_products(shop, model, anonymous):
    query = """{ products(channel: "default-channel", first: 10) {
        edges { node { name frequentlyBoughtTogether(first: 1) { product { name } } } }
    } }"""
    edges = anonymous.data(query)["products"]["edges"]
    found = {edge["node"]["name"]: names(edge["node"]["frequentlyBoughtTogether"]) for edge in edges}
    assert found == {"Apple": ["Pear"], "Pear": ["Apple"], "Plum": ["Pear"]}


def test_the_channel_is_the_one_of_the_product(shop, model, anonymous, staff_with):
    # As for Saleor's own pricing: without a channel there is nothing to buy.
    assert of_product(staff_with("MANAGE_PRODUCTS"), shop.apple, channel=None) == {
        "similarProducts": [],
        "frequentlyBoughtTogether": [],
    }


def test_how_many(shop, model, anonymous):
    for first in (0, 101):
        answer = anonymous.post(
            OF_PRODUCT, id=global_id("Product", shop.apple.pk), channel="default-channel", first=first
        )
        assert {error["message"] for error in answer["errors"]} == {"Argument `first` must be between 1 and 100."}
        assert answer["data"] == {"product": {"similarProducts": None, "frequentlyBoughtTogether": None}}
