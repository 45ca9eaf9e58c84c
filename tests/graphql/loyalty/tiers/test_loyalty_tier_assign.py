"""`loyaltyTierAssign`: a tier by hand, with an end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from saleor_crm_plugin.actors import ActorType
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.tiers.models import TierChange, TierMembership
from tests.graphql.client import global_id
from tests.integration.loyalty.tiers.ladder import make_tiers

pytestmark = pytest.mark.django_db

ASSIGN = """
mutation ($userId: ID, $email: String, $accountId: ID, $tierId: ID, $until: DateTime, $reason: String!) {
  loyaltyTierAssign(
    userId: $userId, email: $email, accountId: $accountId, tierId: $tierId, until: $until, reason: $reason
  ) {
    account { tier { name } tierProgress { keepUntil } }
    errors { field message code }
  }
}
"""


def assign(api, user=None, **changes):
    whose = {"userId": global_id("User", user.pk)} if user else {}
    return api.data(ASSIGN, **{"reason": "Press", **whose, **changes})["loyaltyTierAssign"]


def later(days: int) -> str:
    return (timezone.now() + timedelta(days=days)).isoformat()


@pytest.fixture
def gold(shop):
    _, _, gold = make_tiers(1_000, 2_000, 3_000)
    return global_id("LoyaltyTier", gold.pk)


def test_a_customer_is_put_into_a_tier_and_out_again(shop, staff, gold):
    until = later(30)
    answer = assign(staff, shop.ben, tierId=gold, until=until)
    assert answer == {"account": {"tier": {"name": "Gold"}, "tierProgress": {"keepUntil": until}}, "errors": []}
    change = TierChange.objects.get()
    assert (change.cause, change.actor_type, change.reason) == ("assigned", ActorType.STAFF, "Press")
    ended = assign(staff, shop.ben, reason="Left the paper")
    assert ended == {"account": {"tier": None, "tierProgress": {"keepUntil": None}}, "errors": []}
    assert list(TierChange.objects.order_by("pk").values_list("from_tier__name", "to_tier__name", "reason")) == [
        (None, "Gold", "Press"),
        ("Gold", None, "Left the paper"),
    ]
    assert not TierMembership.objects.exists()


def test_what_staff_do_is_told_also_if_nothing_changes(shop, staff, gold):
    until = later(30)
    for _ in range(2):
        assert assign(staff, shop.ben, tierId=gold, until=until)["errors"] == []
    assert list(TierChange.objects.order_by("pk").values_list("from_tier__name", "to_tier__name")) == [
        (None, "Gold"),
        ("Gold", "Gold"),
    ]


def test_by_email_and_by_account(shop, staff, gold):
    assert assign(staff, email="guy@example.com", tierId=gold, until=later(1))["account"]["tier"] == {"name": "Gold"}
    account = LoyaltyAccount.objects.get(profile__user=shop.ann)
    of_ann = global_id("LoyaltyAccount", account.pk)
    assert assign(staff, accountId=of_ann, tierId=gold, until=later(1))["account"]["tier"] == {"name": "Gold"}


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"until": None}, "until", "REQUIRED"),
        ({"until": "2026-01-01T00:00:00+00:00"}, "until", "INVALID"),
        ({"reason": " "}, "reason", "INVALID"),
        ({"reason": "x" * 256}, "reason", "INVALID"),
        ({"tierId": global_id("LoyaltyTier", 999_999)}, "tierId", "NOT_FOUND"),
        ({"tierId": global_id("Product", 1)}, "tierId", "GRAPHQL_ERROR"),
        ({"tierId": ""}, "tierId", "GRAPHQL_ERROR"),
        ({"userId": global_id("User", 999_999)}, "userId", "NOT_FOUND"),
        ({"userId": None}, None, "GRAPHQL_ERROR"),
        ({"email": "ann@example.com"}, None, "GRAPHQL_ERROR"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(shop, staff, gold, changes, field, code):
    accounts = LoyaltyAccount.objects.count()
    answer = assign(staff, shop.ben, **{"tierId": gold, "until": later(1), **changes})
    assert answer["account"] is None
    assert LoyaltyAccount.objects.count() == accounts
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [(field, code)]
    assert not TierChange.objects.exists()
    assert not TierMembership.objects.exists()


def test_a_blank_tier_takes_none_away(shop, staff, gold):
    assert assign(staff, shop.ben, tierId=gold, until=later(30))["errors"] == []
    (error,) = assign(staff, shop.ben, tierId="")["errors"]
    assert (error["field"], error["code"]) == ("tierId", "GRAPHQL_ERROR")
    assert TierMembership.objects.get().tier.name == "Gold"


def test_a_shop_without_tiers(shop, staff):
    answer = assign(staff, shop.ann, tierId=global_id("LoyaltyTier", 1), until=later(1))
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [("tierId", "NOT_FOUND")]
    nothing_to_end = {"account": {"tier": None, "tierProgress": None}, "errors": []}
    assert assign(staff, shop.ann) == nothing_to_end
    (error,) = assign(staff, shop.ann, reason=" ")["errors"]
    assert (error["field"], error["code"]) == ("reason", "INVALID")


def test_a_closed_account(shop, staff, gold):
    LoyaltyAccount.objects.update(closed_at=timezone.now())
    answer = assign(staff, shop.ann, tierId=gold, until=later(1))
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [(None, "ACCOUNT_CLOSED")]


def test_an_app_may(shop, app_with, gold):
    assert assign(app_with("MANAGE_DISCOUNTS"), shop.ann, tierId=gold, until=later(1))["errors"] == []
    assert TierChange.objects.get().actor_type == ActorType.APP


def test_only_with_the_permission(shop, anonymous, as_ann, staff_with, gold):
    asked = {"userId": global_id("User", shop.ann.pk), "tierId": gold, "until": later(1), "reason": "Me"}
    for api in (anonymous, as_ann, staff_with("MANAGE_USERS")):
        assert "MANAGE_DISCOUNTS" in api.denied(ASSIGN, **asked)
    assert not TierChange.objects.exists()
