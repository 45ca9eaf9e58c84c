"""`User.loyaltyAccount`: a customer's points."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from tests.devshop.factories import make_channel, make_order
from tests.graphql.client import global_id
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

ACCOUNT = """
query ($channel: String) {
  me {
    loyaltyAccount(channel: $channel) {
      id balance pending lifetime deficit
      worth { amount currency }
      expiringSoon { points expiresAt }
      nextActivation { points availableAt }
    }
  }
}
"""
OF_USER = "query ($id: ID!) { user(id: $id) { loyaltyAccount { balance } } }"


def test_a_customer_reads_the_own_points(shop, as_ann):
    account = LoyaltyAccount.objects.get(profile__user=shop.ann)
    assert as_ann.data(ACCOUNT, channel=shop.channel.slug)["me"]["loyaltyAccount"] == {
        "id": global_id("LoyaltyAccount", account.pk),
        "balance": 500,
        "pending": 0,
        "lifetime": 500,
        "deficit": 0,
        "worth": {"amount": 5.0, "currency": "USD"},
        "expiringSoon": None,
        "nextActivation": None,
    }


def test_there_is_no_account_before_the_first_points(shop, as_ben):
    assert as_ben.data(ACCOUNT)["me"]["loyaltyAccount"] is None


def test_a_known_customer_may_have_no_account_yet(shop, as_ben):
    # Bought where nothing is earned: a profile, and no account.
    loyalty_settings(shop.channel)
    sync_orders([make_order(shop.ben, channel=shop.channel).pk])
    assert as_ben.data(ACCOUNT)["me"]["loyaltyAccount"] is None


def test_a_customer_who_has_bought_but_earned_nothing_has_none_either(shop, as_ben):
    loyalty_settings(shop.channel)
    sync_orders([make_order(shop.ben, channel=shop.channel, lines=[(shop.apple, 1)]).pk])
    query = "{ me { loyaltyAccount { balance } customerProfile { ordersCount } } }"
    assert as_ben.data(query) == {"me": {"loyaltyAccount": None, "customerProfile": {"ordersCount": 1}}}


def test_points_have_no_worth_without_a_channel_or_where_they_cannot_be_spent(shop, as_ann):
    assert as_ann.data(ACCOUNT)["me"]["loyaltyAccount"]["worth"] is None
    assert as_ann.data(ACCOUNT, channel="no-such-channel")["me"]["loyaltyAccount"]["worth"] is None
    for spending in ({}, {"point_value": "0.01", "maximum_share_percent": "0"}):
        loyalty_settings(shop.channel, points_per_unit="10", earn_from="2026-01-01T00:00:00+00:00", **spending)
        assert as_ann.data(ACCOUNT, channel=shop.channel.slug)["me"]["loyaltyAccount"]["worth"] is None


@pytest.mark.parametrize(
    ("currency", "value", "worth"), [("USD", "0.00599", 2.99), ("JPY", "0.0075", 3.0), ("JPY", "0.001", 0.0)]
)
def test_points_are_worth_no_more_than_they_pay(shop, as_ann, currency, value, worth):
    """500 of them are 2.995 dollars, 3.75 yen and half a yen."""
    channel = make_channel("other", currency)
    loyalty_settings(channel, point_value=value)
    account = as_ann.data(ACCOUNT, channel="other")["me"]["loyaltyAccount"]
    assert account["worth"] == {"amount": worth, "currency": currency}


def test_points_that_wait_and_points_that_expire(shop, as_ben):
    today = timezone.now()
    loyalty_settings(
        shop.channel,
        points_per_unit="10",
        earn_from="2026-01-01T00:00:00+00:00",
        point_value="0.01",
        pending_days="14",
        expiry="12 months",
    )
    ripe = make_order(shop.ben, channel=shop.channel, lines=[(shop.apple, 1)], created_at=today - timedelta(days=20))
    green = make_order(shop.ben, channel=shop.channel, lines=[(shop.plum, 1)], created_at=today - timedelta(days=4))
    sync_orders([ripe.pk, green.pk])
    account = as_ben.data(ACCOUNT, channel=shop.channel.slug)["me"]["loyaltyAccount"]
    assert (account["balance"], account["pending"], account["lifetime"]) == (200, 50, 250)
    assert account["worth"] == {"amount": 2.0, "currency": "USD"}
    assert account["nextActivation"]["points"] == 50
    assert account["nextActivation"]["availableAt"][:10] == (green.created_at + timedelta(days=14)).date().isoformat()
    assert account["expiringSoon"]["points"] == 200
    assert account["expiringSoon"]["expiresAt"] > today.isoformat()


def test_staff_and_apps_read_a_customers_points(shop, staff_with, app_with):
    ann = global_id("User", shop.ann.pk)
    for requestor in (staff_with("MANAGE_USERS"), app_with("MANAGE_USERS")):
        assert requestor.data(OF_USER, id=ann) == {"user": {"loyaltyAccount": {"balance": 500}}}


def test_staff_who_may_see_the_user_but_not_manage_users_see_no_points(shop, staff_with):
    # Saleor lets MANAGE_ORDERS read a customer.
    answer = staff_with("MANAGE_ORDERS").post(OF_USER, id=global_id("User", shop.ann.pk))
    assert answer["data"] == {"user": {"loyaltyAccount": None}}
    assert answer["errors"][0]["extensions"]["exception"]["code"] == "PermissionDenied"
