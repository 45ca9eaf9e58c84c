"""`User.customerProfile`: what a customer has bought."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.rfm import refresh_rfm
from tests.devshop.factories import make_channel, make_order, make_product
from tests.devshop.flows import refund_order
from tests.graphql.client import global_id
from tests.graphql.conftest import APRIL, MARCH

pytestmark = pytest.mark.django_db

PROFILE = """
query ($currency: String) {
  me {
    customerProfile {
      id isGuest email ordersCount
      user { email }
      metrics(currency: $currency) {
        currency ordersCount
        grossSpent { amount currency } refunded { amount } netSpent { amount } averageOrderValue { amount }
        firstOrderAt lastOrderAt averageDaysBetweenOrders
        recencyScore frequencyScore monetaryScore rfmGroup
      }
    }
  }
}
"""


def profile(api, **arguments):
    return api.data(PROFILE, **arguments)["me"]["customerProfile"]


def test_a_customer_reads_the_own_profile(shop, as_ann):
    refund_order(shop.second, 12)
    sync_orders([shop.second.pk])
    found = profile(as_ann)
    assert found == {
        "id": global_id("CustomerProfile", CustomerProfile.objects.get(user=shop.ann).pk),
        "isGuest": False,
        "email": "ann@example.com",
        "ordersCount": 2,
        "user": {"email": "ann@example.com"},
        "metrics": {
            "currency": "USD",
            "ordersCount": 2,
            "grossSpent": {"amount": 50.0, "currency": "USD"},
            "refunded": {"amount": 12.0},
            "netSpent": {"amount": 38.0},
            "averageOrderValue": {"amount": 19.0},
            "firstOrderAt": MARCH.isoformat(),
            "lastOrderAt": APRIL.isoformat(),
            "averageDaysBetweenOrders": 31.0,
            "recencyScore": None,
            "frequencyScore": None,
            "monetaryScore": None,
            "rfmGroup": None,
        },
    }


def test_scores_and_group_after_the_nightly_run(shop, as_ann):
    refresh_rfm(365, APRIL)
    metrics = profile(as_ann)["metrics"]
    scores = [metrics[f"{name}Score"] for name in ("recency", "frequency", "monetary")]
    assert all(1 <= score <= 5 for score in scores)
    assert metrics["rfmGroup"] in {"CHAMPIONS", "LOYAL", "ACTIVE"}


def test_one_currency_at_a_time(shop, as_ann):
    euro = make_channel("euro", "EUR")
    sync_orders([make_order(shop.ann, channel=euro, lines=[(make_product(price=7, channel=euro), 1)]).pk])
    assert profile(as_ann)["ordersCount"] == 3
    # The one with most orders, unless another is asked for; however it is spelt.
    assert profile(as_ann)["metrics"]["currency"] == "USD"
    assert profile(as_ann, currency="eur")["metrics"]["netSpent"] == {"amount": 7.0}
    assert profile(as_ann, currency="JPY")["metrics"] is None


def test_there_is_a_profile_once_the_shop_has_taken_the_customer_in(shop, as_ben):
    assert profile(as_ben) is None
    sync_customer(shop.ben.pk)
    assert (profile(as_ben)["ordersCount"], profile(as_ben)["metrics"]) == (0, None)


def test_staff_and_apps_read_a_customers_profile(shop, staff_with, app_with):
    query = "query ($id: ID!) { user(id: $id) { customerProfile { email ordersCount } } }"
    ann = global_id("User", shop.ann.pk)
    for requestor in (staff_with("MANAGE_USERS"), app_with("MANAGE_USERS")):
        assert requestor.data(query, id=ann)["user"]["customerProfile"] == {
            "email": "ann@example.com",
            "ordersCount": 2,
        }
    answer = staff_with("MANAGE_ORDERS").post(query, id=ann)
    assert answer["data"] == {"user": {"customerProfile": None}}
    assert answer["errors"][0]["extensions"]["exception"]["code"] == "PermissionDenied"
