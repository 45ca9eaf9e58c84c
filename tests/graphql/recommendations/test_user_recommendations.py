"""`User.recommendations`: products for a customer."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.graphql.client import global_id
from tests.graphql.recommendations.conftest import names
from tests.integration.recommendations.shop import publish
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

FOR_ME = """
query ($kind: RecommendationKindEnum, $first: Int, $channel: String!) {
  me {
    recommendations(channel: $channel, kind: $kind, first: $first) {
      product { name slug pricing { priceRange { start { gross { amount } } } } }
      score
      reason { kind text messageId arguments { name value } value expectedAt products { name } }
    }
  }
}
"""


def for_me(api, channel="default-channel", **arguments):
    return api.data(FOR_ME, channel=channel, **arguments)["me"]["recommendations"]


def test_what_to_recommend_and_why(shop, model, as_ann):
    pear, plum, apple = for_me(as_ann)
    assert pear == {
        "product": {
            "name": "Pear",
            "slug": shop.pear.slug,
            "pricing": {"priceRange": {"start": {"gross": {"amount": 30.0}}}},
        },
        "score": 1.0,
        "reason": {
            "kind": "BOUGHT_BEFORE",
            "text": "You have bought this 2 times",
            "messageId": "bought_often",
            "arguments": [{"name": "count", "value": "2"}],
            "value": 2.0,
            "expectedAt": None,
            "products": [{"name": "Pear"}],
        },
    }
    assert plum["reason"] == {
        "kind": "BOUGHT_TOGETHER",
        "text": "Because you bought Pear",
        "messageId": "because_you_bought",
        "arguments": [{"name": "product", "value": "Pear"}],
        "value": 0.5,
        "expectedAt": None,
        "products": [{"name": "Pear"}],
    }
    assert (apple["product"]["name"], apple["reason"]["kind"]) == ("Apple", "POPULAR")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (None, ["Pear", "Plum", "Apple"]),
        ("FOR_YOU", ["Pear", "Plum", "Apple"]),
        ("BUY_AGAIN", ["Pear", "Apple", "Plum"]),
        ("DISCOVER", ["Plum", "Apple"]),
        ("BESTSELLERS", ["Pear", "Apple", "Plum"]),
    ],
)
def test_the_kinds_of_lists(model, as_ann, kind, expected):
    assert names(for_me(as_ann, kind=kind)) == expected


def test_how_many(model, as_ann):
    assert names(for_me(as_ann, first=1)) == ["Pear"]
    # An explicit null is as good as nothing said.
    assert len(for_me(as_ann, first=None)) == 3
    for first in (0, -1, 101):
        assert as_ann.error(FOR_ME, channel="default-channel", first=first) == (
            "GraphQLError",
            "Argument `first` must be between 1 and 100.",
        )


def test_kinds_that_are_about_products_are_refused(model, as_ann):
    for kind in ("SIMILAR", "FREQUENTLY_BOUGHT_TOGETHER"):
        code, message = as_ann.error(FOR_ME, channel="default-channel", kind=kind)
        assert (code, kind in message) == ("GraphQLError", True)


def test_a_customer_without_history_gets_what_sells_most(model, as_ben):
    assert names(for_me(as_ben, first=2)) == ["Pear", "Apple"]


def test_where_nothing_is_sold_or_wanted_the_list_is_empty(shop, model, as_ann):
    assert for_me(as_ann, channel="no-such-channel") == []
    crm_settings(recommendations_enabled=False)
    assert for_me(as_ann) == []
    crm_settings(recommendations_enabled=True)
    assert for_me(as_ann) != []
    crm_settings(active=False)
    assert for_me(as_ann) == []
    crm_settings()
    shop.channel.is_active = False
    shop.channel.save()
    assert for_me(as_ann) == []


def test_a_product_that_left_the_channel_after_the_training(shop, model, as_ann):
    shop.pear.channel_listings.all().delete()
    plum, apple = for_me(as_ann)
    assert (plum["product"]["name"], apple["product"]["name"]) == ("Plum", "Apple")
    assert plum["reason"] | {"value": None} == {
        "kind": "BOUGHT_TOGETHER",
        "text": "Goes well with what you bought",
        "messageId": "bought_together",
        "arguments": [],
        "value": None,
        "expectedAt": None,
        "products": [],
    }


def test_staff_and_apps_see_what_a_customer_would_get(shop, model, staff_with, app_with):
    query = """
      query ($id: ID!) { user(id: $id) { recommendations(channel: "default-channel", first: 1) { product { name } } } }
    """
    ann = global_id("User", shop.ann.pk)
    for requestor in (staff_with("MANAGE_USERS"), app_with("MANAGE_USERS")):
        assert names(requestor.data(query, id=ann)["user"]["recommendations"]) == ["Pear"]
    answer = staff_with("MANAGE_ORDERS").post(query, id=ann)
    assert answer["data"] == {"user": {"recommendations": None}}
    assert answer["errors"][0]["extensions"]["exception"]["code"] == "PermissionDenied"


def test_when_a_customer_is_expected_to_buy_again(shop, as_ann):
    ann = CustomerProfile.objects.get(user=shop.ann).pk
    trained = timezone.now() - timedelta(hours=6)
    publish(again={ann: [shop.apple, shop.pear]}, due={shop.pear: (1.0, 21.0)}, data_until=trained)

    apple, pear = for_me(as_ann, kind="BUY_AGAIN", first=2)

    assert (apple["reason"]["expectedAt"], apple["reason"]["messageId"]) == (None, "bought_often")
    assert pear["reason"]["text"] == "Due about now: you buy it every 21 days"
    assert pear["reason"]["arguments"] == [{"name": "days", "value": "21"}]
    assert datetime.fromisoformat(pear["reason"]["expectedAt"]) == trained + timedelta(days=1)


def test_only_what_is_in_stock_unless_the_shop_wants_all(shop, model, as_ann):
    variant = shop.pear.default_variant
    variant.track_inventory = True
    variant.save()
    assert names(for_me(as_ann)) == ["Plum", "Apple"]
    crm_settings(recommend_only_in_stock=False)
    assert names(for_me(as_ann)) == ["Pear", "Plum", "Apple"]
