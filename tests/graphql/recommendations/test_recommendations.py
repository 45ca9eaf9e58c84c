"""`recommendations`: for whoever asks, or to go with given products."""

from __future__ import annotations

import pytest

from tests.graphql.client import global_id
from tests.graphql.recommendations.conftest import names

pytestmark = pytest.mark.django_db

RECOMMENDED = """
query ($kind: RecommendationKindEnum, $products: [ID!], $first: Int) {
  recommendations(channel: "default-channel", kind: $kind, productIds: $products, first: $first) {
    product { name }
    reason { kind products { name } }
  }
}
"""


def recommended(api, **arguments):
    return api.data(RECOMMENDED, **arguments)["recommendations"]


def test_for_whoever_asks(model, as_ann, as_ben, anonymous, app_with):
    assert names(recommended(as_ann)) == ["Pear", "Plum", "Apple"]
    assert names(recommended(as_ann, kind="DISCOVER")) == ["Plum", "Apple"]
    for unknown in (as_ben, anonymous, app_with("MANAGE_USERS")):
        assert names(recommended(unknown, first=2)) == ["Pear", "Apple"]
        assert names(recommended(unknown, kind="BUY_AGAIN", first=2)) == ["Pear", "Apple"]


def test_to_go_with_products(shop, model, anonymous):
    basket = [global_id("Product", shop.apple.pk)]
    for kind in (None, "FREQUENTLY_BOUGHT_TOGETHER"):
        (pear, plum) = recommended(anonymous, products=basket, kind=kind)
        assert pear == {
            "product": {"name": "Pear"},
            "reason": {"kind": "BOUGHT_TOGETHER", "products": [{"name": "Apple"}]},
        }
        assert plum["reason"]["kind"] == "NEW"
    both = [global_id("Product", shop.apple.pk), global_id("Product", shop.pear.pk)]
    assert names(recommended(anonymous, products=both)) == ["Plum"]
    assert names(recommended(anonymous, products=[global_id("Product", shop.pear.pk)], kind="SIMILAR"))[0] == "Plum"


def test_products_that_do_not_exist(model, anonymous):
    assert names(recommended(anonymous, products=[global_id("Product", 2**31 - 1)], first=2)) == ["Pear", "Apple"]


def test_wrong_arguments(shop, model, anonymous):
    apple = global_id("Product", shop.apple.pk)
    for arguments, part in (
        ({"kind": "SIMILAR"}, "needs `productIds`"),
        ({"kind": "FOR_YOU", "products": [apple]}, "does not take `productIds`"),
        ({"kind": "BESTSELLERS", "products": [apple]}, "does not take `productIds`"),
        ({"products": [apple] * 101}, "up to 100 IDs"),
        ({"products": [global_id("Order", shop.first.pk)]}, "Product"),
        ({"products": ["nonsense"]}, "Product"),
        ({"first": 101}, "between 1 and 100"),
    ):
        code, message = anonymous.error(RECOMMENDED, **arguments)
        assert code == "GraphQLError"
        assert part in message
