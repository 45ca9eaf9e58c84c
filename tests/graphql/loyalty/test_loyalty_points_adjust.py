"""`loyaltyPointsAdjust`: staff give points or take some away."""

from __future__ import annotations

import pytest
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM, ActorType
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.devshop.factories import make_customer, make_order
from tests.graphql.client import Api, global_id

pytestmark = pytest.mark.django_db

ADJUST = """
mutation ($user: ID, $email: String, $account: ID, $points: Int!, $reason: String!, $key: String, $channel: String) {
  loyaltyPointsAdjust(
    userId: $user, email: $email, accountId: $account,
    points: $points, reason: $reason, idempotencyKey: $key, channel: $channel
  ) {
    account { balance worth { amount } }
    transaction { type points balanceAfter reason order { id } }
    errors { field message code }
  }
}
"""


def adjust(api: Api, **arguments):
    return api.data(ADJUST, **{"reason": "Sorry for the delay", **arguments})["loyaltyPointsAdjust"]


def refused(api: Api, **arguments):
    answer = adjust(api, **arguments)
    assert (answer["account"], answer["transaction"]) == (None, None)
    (error,) = answer["errors"]
    assert error["message"]
    return error["field"], error["code"]


@pytest.fixture
def staff(staff_with):
    return staff_with("MANAGE_DISCOUNTS")


@pytest.fixture
def account(shop):
    return LoyaltyAccount.objects.get(profile__user=shop.ann)


def test_points_are_given_with_a_reason(shop, staff):
    answer = adjust(staff, user=global_id("User", shop.ann.pk), points=50, channel=shop.channel.slug)
    assert answer == {
        "account": {"balance": 550, "worth": {"amount": 5.5}},
        "transaction": {
            "type": "ADJUST",
            "points": 50,
            "balanceAfter": 550,
            "reason": "Sorry for the delay",
            "order": None,
        },
        "errors": [],
    }


def test_points_are_taken_away_but_never_more_than_there_are(shop, staff, account):
    whose = global_id("LoyaltyAccount", account.pk)
    assert adjust(staff, account=whose, points=-100)["account"]["balance"] == 400
    assert refused(staff, account=whose, points=-401) == ("points", "INSUFFICIENT_POINTS")
    account.refresh_from_db()
    assert account.active == 400


def test_whose_account(shop, staff):
    # Ben has none yet: it is opened. A guest is found by the address of the order.
    assert adjust(staff, user=global_id("User", shop.ben.pk), points=5)["account"]["balance"] == 5
    assert adjust(staff, email="guy@example.com", points=5)["account"]["balance"] == 105
    assert adjust(staff, email="ANN@example.com", points=5)["account"]["balance"] == 505


def test_who_did_it_is_kept(shop, staff, app_with):
    adjust(staff, user=global_id("User", shop.ann.pk), points=1)
    adjust(app_with("MANAGE_DISCOUNTS"), user=global_id("User", shop.ann.pk), points=1)
    kept = PointsTransaction.objects.filter(type="adjust").order_by("pk").values_list("actor_type", flat=True)
    assert list(kept) == [ActorType.STAFF, ActorType.APP]
    assert None not in PointsTransaction.objects.filter(type="adjust").values_list("actor_id", flat=True)


def test_the_same_key_changes_nothing_a_second_time(shop, staff):
    ann = global_id("User", shop.ann.pk)
    first = adjust(staff, user=ann, points=50, key="ticket-7")
    assert adjust(staff, user=ann, points=50, key="ticket-7") == first
    assert adjust(staff, user=ann, points=50)["account"]["balance"] == 600
    assert adjust(staff, user=ann, points=50)["account"]["balance"] == 650


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"points": 0}, ("points", "INVALID")),
        ({"reason": ""}, ("reason", "REQUIRED")),
        ({"reason": "  "}, ("reason", "REQUIRED")),
        ({"reason": "x" * 256}, ("reason", "INVALID")),
        ({"key": ""}, ("idempotencyKey", "INVALID")),
        ({"key": "x" * 65}, ("idempotencyKey", "INVALID")),
    ],
)
def test_wrong_values(shop, staff, account, arguments, expected):
    assert refused(staff, **{"user": global_id("User", shop.ann.pk), "points": 5, **arguments}) == expected
    account.refresh_from_db()
    assert account.active == 500


def test_wrong_persons(shop, staff, account):
    ann, hers = global_id("User", shop.ann.pk), global_id("LoyaltyAccount", account.pk)
    assert refused(staff, points=5) == (None, "GRAPHQL_ERROR")
    assert refused(staff, points=5, user=ann, account=hers) == (None, "GRAPHQL_ERROR")
    assert refused(staff, points=5, user=hers) == ("userId", "GRAPHQL_ERROR")
    assert refused(staff, points=5, account=ann) == ("accountId", "GRAPHQL_ERROR")
    assert refused(staff, points=5, user=global_id("User", 2**30)) == ("userId", "NOT_FOUND")
    assert refused(staff, points=5, account=global_id("LoyaltyAccount", 2**30)) == ("accountId", "NOT_FOUND")
    assert refused(staff, points=5, email="nobody@example.com") == ("email", "NOT_FOUND")


def test_a_closed_account(shop, staff, account):
    account.closed_at = account.created_at
    account.save()
    assert refused(staff, account=global_id("LoyaltyAccount", account.pk), points=5) == (None, "ACCOUNT_CLOSED")


def test_only_who_manages_discounts(shop, as_ann, anonymous, staff_with, app_with, account):
    arguments = {"account": global_id("LoyaltyAccount", account.pk), "points": 5, "reason": "Please"}
    for requestor in (as_ann, anonymous, staff_with("MANAGE_USERS", "MANAGE_ORDERS"), app_with("MANAGE_USERS")):
        assert requestor.denied(ADJUST, **arguments) == {"MANAGE_DISCOUNTS"}
    account.refresh_from_db()
    assert account.active == 500


def test_an_account_with_more_points_than_an_int_holds(shop, staff, as_ann, account):
    # Ann has 500 already.
    most = 2**31 - 1
    given = adjust(staff, account=global_id("LoyaltyAccount", account.pk), points=most)
    assert given["account"]["balance"] == given["transaction"]["balanceAfter"] == most
    account.refresh_from_db()
    assert account.active == most + 500
    LoyaltyAccount.objects.update(pending=2**31, lifetime=2**31, deficit=2**31)
    shown = as_ann.data("{ me { loyaltyAccount { balance pending lifetime deficit } } }")["me"]["loyaltyAccount"]
    assert shown == {"balance": most, "pending": most, "lifetime": most, "deficit": most}


def test_points_that_are_refused_open_no_account(shop, staff):
    nobody_yet = make_customer()
    assert refused(staff, user=global_id("User", nobody_yet.pk), points=-1) == ("points", "INSUFFICIENT_POINTS")
    assert not LoyaltyAccount.objects.filter(profile__user=nobody_yet).exists()


def test_a_key_stays_used_when_the_customer_is_merged_into_another(shop, staff):
    ben = global_id("User", shop.ben.pk)
    given = adjust(staff, user=ben, points=50, key="review 7")["transaction"]
    source, target = (CustomerProfile.objects.get(user=user).pk for user in (shop.ben, shop.ann))
    merge_customers(source, target, SYSTEM, timezone.now())
    again = adjust(staff, user=ben, points=50, key="review 7")
    assert (again["transaction"], again["account"]["balance"]) == (given, 550)


class TestAnAddress:
    def test_a_user_who_has_bought_nothing_yet(self, shop, staff):
        cay = make_customer("cay@example.com")
        assert adjust(staff, email="Cay@example.com", points=5)["errors"] == []
        assert adjust(staff, email="cay@example.com", points=6)["account"]["balance"] == 11
        assert LoyaltyAccount.objects.get(profile__user=cay).active == 11

    @pytest.mark.parametrize("is_confirmed", [True, False])
    def test_is_that_of_the_account_which_staff_are_shown(self, shop, staff, staff_with, is_confirmed):
        cay = make_customer("cay@example.com", is_confirmed=is_confirmed)
        sync_orders([make_order(None, email="cay@example.com", channel=shop.channel).pk])
        assert adjust(staff, email="cay@example.com", points=5)["account"]["balance"] == 105
        shown = staff_with("MANAGE_USERS").data('{ loyaltyAccount(email: "cay@example.com") { balance } }')
        assert shown == {"loyaltyAccount": {"balance": 105}}
        assert not LoyaltyAccount.objects.filter(profile__user=cay).exists()
        assert adjust(staff, user=global_id("User", cay.pk), points=7)["account"]["balance"] == 7

    def test_a_user_who_has_not_confirmed_it(self, shop, staff):
        cay = make_customer("cay@example.com", is_confirmed=False)
        assert adjust(staff, email="cay@example.com", points=5)["errors"] == []
        assert LoyaltyAccount.objects.get(profile__user=cay).active == 5
