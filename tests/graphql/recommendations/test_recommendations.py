"""`recommendations`: for whoever asks, or to go with given products."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.recommendations.kinds import PRODUCT_KINDS, RecommendationKind
from tests.devshop.factories import make_category
from tests.graphql.client import global_id
from tests.graphql.recommendations.conftest import names

pytestmark = pytest.mark.django_db

RECOMMENDED = """
query (
  $kind: RecommendationKindEnum, $products: [ID!], $first: Int, $offset: Int, $exclude: [ID!], $category: ID
) {
  recommendations(
    channel: "default-channel", kind: $kind, productIds: $products, first: $first, offset: $offset, exclude: $exclude,
    category: $category
  ) {
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
        ({"kind": "BUY_AGAIN", "products": [apple]}, "does not take `productIds`"),
        ({"kind": "BESTSELLERS", "products": [apple]}, "does not take `productIds`"),
        ({"products": [apple] * 101}, "up to 100 IDs"),
        ({"products": [global_id("Order", shop.first.pk)]}, "Product"),
        ({"products": ["nonsense"]}, "Product"),
        ({"first": 101}, "between 1 and 100"),
        ({"offset": -1}, "`offset` must be between 0 and 1000"),
        ({"offset": 1001}, "`offset` must be between 0 and 1000"),
        ({"exclude": [apple] * 101}, "`exclude` takes up to 100 IDs"),
        ({"exclude": [global_id("Category", 1)]}, "Product"),
        ({"category": apple}, "Category"),
        ({"category": global_id("Category", 2**70)}, "not the ID of a Category"),
    ):
        code, message = anonymous.error(RECOMMENDED, **arguments)
        assert code == "GraphQLError"
        assert part in message


def test_the_next_page_and_what_to_leave_out(shop, model, anonymous):
    assert names(recommended(anonymous)) == ["Pear", "Apple", "Plum"]
    assert names(recommended(anonymous, first=1, offset=1)) == ["Apple"]
    assert names(recommended(anonymous, first=2, offset=2)) == ["Plum"]
    assert recommended(anonymous, offset=3) == []
    pear, nobody = global_id("Product", shop.pear.pk), global_id("Product", 2**31 - 1)
    assert names(recommended(anonymous, exclude=[pear, nobody])) == ["Apple", "Plum"]
    # An explicit null is as good as nothing said.
    assert names(recommended(anonymous, offset=None, exclude=None, category=None, first=1)) == ["Pear"]


def test_a_category_comes_first(shop, model, anonymous):
    fruit = make_category("Stone fruit")
    shop.plum.category = fruit
    shop.plum.save()

    found = recommended(anonymous, kind="BESTSELLERS", category=global_id("Category", fruit.pk))

    assert names(found) == ["Plum", "Pear", "Apple"]
    assert [one["reason"]["kind"] for one in found] == ["NEW", "POPULAR", "POPULAR"]
    unknown = recommended(anonymous, kind="BESTSELLERS", category=global_id("Category", 2**31 - 1))
    assert names(unknown) == ["Pear", "Apple", "Plum"]


@pytest.mark.parametrize("kind", ["FOR_YOU", "DISCOVER"])
def test_the_cart_of_somebody_unknown(shop, model, anonymous, kind):
    (pear, _plum) = recommended(anonymous, kind=kind, products=[global_id("Product", shop.apple.pk)])
    assert pear == {
        "product": {"name": "Pear"},
        "reason": {"kind": "BOUGHT_TOGETHER", "products": [{"name": "Apple"}]},
    }


def test_a_customers_cart_and_what_the_customer_bought(shop, model, as_ann):
    cart = [global_id("Product", shop.apple.pk)]
    # Pear: bought before, 1; goes with apples, 1. Plum: goes with pears, 1/2.
    assert names(recommended(as_ann, kind="FOR_YOU", products=cart)) == ["Pear", "Plum"]
    assert names(recommended(as_ann, kind="DISCOVER", products=cart)) == ["Plum"], "pears are no discovery"


@pytest.mark.parametrize("kind", [kind.name for kind in RecommendationKind if kind not in PRODUCT_KINDS])
def test_every_kind_has_something_for_everybody(shop, anonymous, as_ben, kind):
    """Without any training at all."""
    for requestor in (anonymous, as_ben):
        assert sorted(names(recommended(requestor, kind=kind))) == ["Apple", "Pear", "Plum"]
