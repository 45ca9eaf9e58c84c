"""`loyaltyRewardRedeem` and `loyaltyRewardReturn`: only with one's own points, and only one's own rewards."""

from __future__ import annotations

import pytest
from django.utils import timezone
from saleor.discount.models import VoucherCode

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.rewards import redeem_reward
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.rewards.definition import RewardKind
from saleor_crm_plugin.loyalty.rewards.models import RewardRedemption
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from tests.devshop.factories import make_order
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

REDEEM = """
mutation ($id: ID!, $channel: String, $key: String) {
  loyaltyRewardRedeem(rewardId: $id, channel: $channel, idempotencyKey: $key) {
    redemption { id status code name cost kind amount { amount currency } expiresAt reward { name remaining } }
    account { balance }
    errors { field message code }
  }
}
"""
RETURN = """
mutation ($id: ID!) {
  loyaltyRewardReturn(redemptionId: $id) {
    redemption { status returnedAt code }
    account { balance }
    errors { field code }
  }
}
"""


def redeem(api, reward, channel="default-channel", key=None):
    answer = api.data(REDEEM, id=global_id("LoyaltyReward", reward.pk), channel=channel, key=key)
    return answer["loyaltyRewardRedeem"]


def give_back(api, redemption):
    return api.data(RETURN, id=global_id("RewardRedemption", redemption.pk))["loyaltyRewardReturn"]


def test_points_become_a_code(as_ann, make_reward):
    answer = redeem(as_ann, make_reward(stock=2))
    row = RewardRedemption.objects.get()
    assert answer == {
        "redemption": {
            "id": global_id("RewardRedemption", row.pk),
            "status": "ISSUED",
            "code": row.code,
            "name": "Five off",
            "cost": 200,
            "kind": "VOUCHER_FIXED",
            "amount": {"amount": 5.0, "currency": "USD"},
            "expiresAt": None,
            "reward": {"name": "Five off", "remaining": 1},
        },
        "account": {"balance": 300},
        "errors": [],
    }
    assert VoucherCode.objects.filter(code=row.code).exists()


def test_a_repeated_key_takes_nothing_more(as_ann, make_reward):
    reward = make_reward()
    assert redeem(as_ann, reward, key="k") == redeem(as_ann, reward, key="k")
    assert RewardRedemption.objects.count() == 1


def test_a_repeated_key_takes_nothing_more_after_a_merge(shop, as_ann, make_reward):
    reward = make_reward()
    first = redeem(as_ann, reward, key="k")["redemption"]
    persons = [UserPerson(user.pk) for user in (shop.ann, shop.ben)]
    profiles = resolve_profiles(persons)
    merge_customers(*(profiles[person] for person in persons), SYSTEM, timezone.now())
    again = redeem(as_ann, reward, key="k")
    assert (again["redemption"]["code"], again["account"]["balance"]) == (first["code"], 300)
    assert RewardRedemption.objects.count() == 1


def test_too_few_points_and_other_refusals(as_ann, as_ben, make_reward):
    def refusal(api, reward, **arguments):
        answer = redeem(api, reward, **arguments)
        assert (answer["redemption"], answer["account"]) == (None, None)
        (error,) = answer["errors"]
        return error["code"], error["field"], error["message"]

    assert refusal(as_ann, make_reward(cost=501)) == (
        "INSUFFICIENT_POINTS",
        "rewardId",
        "The reward costs 501 points; 1 more are needed.",
    )
    assert refusal(as_ben, make_reward())[:2] == ("INSUFFICIENT_POINTS", "rewardId")
    assert refusal(as_ann, make_reward(stock=0))[:2] == ("OUT_OF_STOCK", "rewardId")
    assert refusal(as_ann, make_reward(is_active=False))[:2] == ("NOT_AVAILABLE", "rewardId")
    assert refusal(as_ann, make_reward(), channel="nowhere")[:2] == ("NOT_FOUND", "channel")
    assert refusal(as_ann, make_reward(), key="")[:2] == ("INVALID", "idempotencyKey")
    answer = as_ann.data(REDEEM, id=global_id("LoyaltyReward", 999))["loyaltyRewardRedeem"]
    assert [(error["code"], error["field"]) for error in answer["errors"]] == [("NOT_FOUND", "rewardId")]
    answer = as_ann.data(REDEEM, id="nonsense")["loyaltyRewardRedeem"]
    assert [(error["code"], error["field"]) for error in answer["errors"]] == [("GRAPHQL_ERROR", "rewardId")]
    assert not RewardRedemption.objects.exists()
    assert not PointsTransaction.objects.filter(type="redeem").exists()


def test_nobody_redeems_without_being_the_customer(anonymous, app_with, make_reward):
    identity = global_id("LoyaltyReward", make_reward().pk)
    assert "AUTHENTICATED_USER" in anonymous.denied(REDEEM, id=identity)
    assert "AUTHENTICATED_USER" in app_with("MANAGE_DISCOUNTS", "MANAGE_USERS").denied(REDEEM, id=identity)


def test_the_owner_gives_back(shop, as_ann, as_ben, make_reward):
    redemption = redeem_reward(make_reward().pk, shop.ann, None, None)
    foreign = give_back(as_ben, redemption)
    assert foreign == {
        "redemption": None,
        "account": None,
        "errors": [{"field": "redemptionId", "code": "NOT_FOUND"}],
    }
    answer = give_back(as_ann, redemption)
    assert (answer["redemption"]["status"], answer["account"]["balance"], answer["errors"]) == ("RETURNED", 500, [])
    entry = PointsTransaction.objects.latest("pk")
    assert (entry.actor_type, entry.actor_id) == ("customer", shop.ann.pk)
    assert give_back(as_ann, redemption) == answer
    assert LoyaltyAccount.objects.get(profile__user=shop.ann).active == 500


def test_staff_and_apps_give_back_for_anybody(shop, anonymous, staff, staff_with, app_with, make_reward):
    reward = make_reward()
    first, second = (redeem_reward(reward.pk, shop.ann, None, None) for _ in range(2))
    assert "MANAGE_DISCOUNTS" in anonymous.denied(RETURN, id=global_id("RewardRedemption", first.pk))
    refused = give_back(staff_with("MANAGE_USERS"), first)
    assert refused["errors"] == [{"field": "redemptionId", "code": "NOT_FOUND"}]
    assert give_back(staff, first)["account"]["balance"] == 300
    assert give_back(app_with("MANAGE_DISCOUNTS"), second)["account"]["balance"] == 500
    actors = PointsTransaction.objects.filter(type="redeem_reversal").order_by("pk")
    assert list(actors.values_list("actor_type", flat=True)) == ["staff", "app"]


def test_what_is_used_or_nobodys_is_refused(shop, as_ann, staff, make_reward):
    redemption = redeem_reward(make_reward().pk, shop.ann, None, None)
    VoucherCode.objects.filter(code=redemption.code).update(used=1)
    make_order(shop.ann, voucher_code=VoucherCode.objects.get(code=redemption.code))
    for api in (as_ann, staff):
        assert give_back(api, redemption)["errors"] == [{"field": "redemptionId", "code": "ALREADY_USED"}]
    redemption.pk = 999
    for api in (as_ann, staff):
        assert give_back(api, redemption)["errors"] == [{"field": "redemptionId", "code": "NOT_FOUND"}]
    answer = as_ann.data(RETURN, id=global_id("LoyaltyReward", 1))["loyaltyRewardReturn"]
    assert answer["errors"] == [{"field": "redemptionId", "code": "GRAPHQL_ERROR"}]


def test_a_gift_card(shop, as_ann, make_reward):
    answer = redeem(as_ann, make_reward(kind=RewardKind.GIFT_CARD, valid_days=30))
    assert answer["errors"] == []
    assert len(answer["redemption"]["code"]) == 16
    assert answer["redemption"]["expiresAt"].endswith("T00:00:00+00:00")
    assert shop.ann.gift_cards.get().code == answer["redemption"]["code"]


def test_the_account_in_the_answer_is_the_one_that_the_points_are_in(shop, as_ann, make_reward):
    redemption = redeem_reward(make_reward().pk, shop.ann, None, None)
    profiles = resolve_profiles([UserPerson(shop.ann.pk), UserPerson(shop.ben.pk)])
    source, target = profiles[UserPerson(shop.ann.pk)], profiles[UserPerson(shop.ben.pk)]
    merge_customers(source, target, SYSTEM, timezone.now())
    answer = give_back(as_ann, redemption)
    assert (answer["errors"], answer["account"]) == ([], {"balance": 500})
    assert give_back(as_ann, redemption) == answer
