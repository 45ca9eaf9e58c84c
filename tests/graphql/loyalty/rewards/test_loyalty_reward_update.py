"""`loyaltyRewardUpdate` and `loyaltyRewardDelete`: what is left out stays, and so does what was taken."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.ingestion.rewards import redeem_reward
from saleor_crm_plugin.loyalty.rewards.models import LoyaltyReward
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

UPDATE = """
mutation ($id: ID!, $input: LoyaltyRewardInput!) {
  loyaltyRewardUpdate(id: $id, input: $input) {
    reward { name cost amount { amount } stock remaining limitPerCustomer endsAt isActive }
    errors { field code }
  }
}
"""
DELETE = """
mutation ($id: ID!) { loyaltyRewardDelete(id: $id) { reward { name isActive } errors { field code } } }
"""


def update(api, reward, **changes):
    return api.data(UPDATE, id=global_id("LoyaltyReward", reward.pk), input=changes)["loyaltyRewardUpdate"]


def test_what_is_left_out_stays_and_null_takes_a_limit_away(staff, make_reward):
    reward = make_reward(stock=5, limit_per_customer=2)
    assert update(staff, reward, cost=250, stock=None) == {
        "reward": {
            "name": "Five off",
            "cost": 250,
            "amount": {"amount": 5.0},
            "stock": None,
            "remaining": None,
            "limitPerCustomer": 2,
            "endsAt": None,
            "isActive": True,
        },
        "errors": [],
    }


def test_no_less_in_stock_than_was_taken(shop, staff, make_reward):
    reward = make_reward(stock=5)
    redeem_reward(reward.pk, shop.ann, None, None)
    redeem_reward(reward.pk, shop.ann, None, None)
    assert update(staff, reward, stock=1)["errors"] == [{"field": "stock", "code": "INVALID"}]
    answer = update(staff, reward, stock=2)
    assert (answer["reward"]["stock"], answer["reward"]["remaining"]) == (2, 0)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"kind": "GIFT_CARD"}, "INVALID", "kind"),
        ({"cost": 0}, "INVALID", "cost"),
        ({"amount": None}, "REQUIRED", "amount"),
        ({"currency": "XXX"}, "NOT_FOUND", "currency"),
        ({"name": ""}, "INVALID", "name"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_changed(staff, make_reward, changes, code, field):
    reward = make_reward()
    assert update(staff, reward, description="New", **changes) == {
        "reward": None,
        "errors": [{"field": field, "code": code}],
    }
    reward.refresh_from_db()
    assert (reward.description, reward.cost) == ("", 200)


def test_deleted_it_is_gone_and_its_codes_are_not(shop, staff, make_reward):
    reward = make_reward()
    taken = redeem_reward(reward.pk, shop.ann, None, None)
    identity = global_id("LoyaltyReward", reward.pk)
    answer = staff.data(DELETE, id=identity)["loyaltyRewardDelete"]
    assert answer == {"reward": {"name": "Five off", "isActive": False}, "errors": []}
    taken.refresh_from_db()
    assert taken.status == "issued"
    gone = [{"field": "id", "code": "NOT_FOUND"}]
    assert staff.data(DELETE, id=identity)["loyaltyRewardDelete"]["errors"] == gone
    assert update(staff, reward, cost=1)["errors"] == gone
    assert LoyaltyReward.objects.count() == 1


def test_only_who_manages_discounts(make_reward, anonymous, as_ann, staff_with):
    identity = global_id("LoyaltyReward", make_reward().pk)
    for api in (anonymous, as_ann, staff_with("MANAGE_USERS")):
        assert "MANAGE_DISCOUNTS" in api.denied(UPDATE, id=identity, input={"cost": 1})
        assert "MANAGE_DISCOUNTS" in api.denied(DELETE, id=identity)
    for mutation in (UPDATE, DELETE):
        answer = staff_with("MANAGE_DISCOUNTS").data(
            mutation, id=global_id("User", 1), **({"input": {}} if mutation == UPDATE else {})
        )
        (errors,) = [each["errors"] for each in answer.values()]
        assert errors == [{"field": "id", "code": "GRAPHQL_ERROR"}]
