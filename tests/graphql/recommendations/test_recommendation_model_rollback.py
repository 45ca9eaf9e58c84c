"""`recommendationModelRollback`: back to an earlier version, served from the next answer on."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.recommendations.models import PopularProducts
from tests.graphql.client import global_id
from tests.integration.recommendations.shop import publish

pytestmark = pytest.mark.django_db

ROLL_BACK = """
mutation ($id: ID) { recommendationModelRollback(id: $id) { model { id status withdrawnAt } errors { field code } } }
"""
BESTSELLER = '{ recommendations(channel: "%s", kind: BESTSELLERS, first: 1) { product { name } } }'


@pytest.fixture
def versions(shop):
    return [publish(popular={shop.channel: [product]}) for product in (shop.pear, shop.plum)]


def roll_back(api, model=None):
    variables = {} if model is None else {"id": global_id("RecommendationModel", model.pk)}
    return api.data(ROLL_BACK, **variables)["recommendationModelRollback"]


def bestseller(api, shop):
    return api.data(BESTSELLER % shop.channel.slug)["recommendations"][0]["product"]["name"]


def served(model):
    return {
        "model": {"id": global_id("RecommendationModel", model.pk), "status": "PUBLISHED", "withdrawnAt": None},
        "errors": [],
    }


def test_the_version_before_is_served_at_once(shop, versions, staff_with, anonymous):
    first, second = versions
    staff = staff_with("MANAGE_PRODUCTS")
    assert bestseller(anonymous, shop) == shop.plum.name
    assert roll_back(staff) == served(first)
    assert bestseller(anonymous, shop) == shop.pear.name
    assert roll_back(staff, second) == served(second)
    assert bestseller(anonymous, shop) == shop.plum.name


def test_again_is_done_already(versions, app_with):
    first, _ = versions
    app = app_with("MANAGE_PRODUCTS")
    assert roll_back(app, first) == roll_back(app, first) == served(first)


@pytest.mark.parametrize(
    ("id", "code"),
    [
        (global_id("RecommendationModel", 987654321), "NOT_FOUND"),
        (global_id("RecommendationModel", 0), "NOT_FOUND"),
        (global_id("RecommendationModel", 2**70), "GRAPHQL_ERROR"),
        (global_id("RecommendationModel", "x"), "GRAPHQL_ERROR"),
        (global_id("Product", 1), "GRAPHQL_ERROR"),
        ("nonsense", "GRAPHQL_ERROR"),
        ("", "GRAPHQL_ERROR"),
    ],
)
def test_ids_that_are_none(versions, staff_with, id, code):
    answer = staff_with("MANAGE_PRODUCTS").data(ROLL_BACK, id=id)["recommendationModelRollback"]
    assert answer == {"model": None, "errors": [{"field": "id", "code": code}]}


def test_nothing_to_go_back_to(db, staff_with):
    assert roll_back(staff_with("MANAGE_PRODUCTS")) == {"model": None, "errors": [{"field": None, "code": "NOT_FOUND"}]}


def test_what_is_not_kept(shop, versions, staff_with, anonymous):
    first, _ = versions
    PopularProducts.objects.filter(model=first).delete()
    answer = roll_back(staff_with("MANAGE_PRODUCTS"), first)
    assert answer == {"model": None, "errors": [{"field": "id", "code": "NOT_KEPT"}]}
    assert bestseller(anonymous, shop) == shop.plum.name


def test_only_who_manages_products(shop, versions, anonymous, as_ann, staff_with, app_with):
    for requestor in (anonymous, as_ann, staff_with("MANAGE_DISCOUNTS", "MANAGE_USERS"), app_with("MANAGE_PLUGINS")):
        assert requestor.denied(ROLL_BACK) == {"MANAGE_PRODUCTS"}
    assert bestseller(anonymous, shop) == shop.plum.name
