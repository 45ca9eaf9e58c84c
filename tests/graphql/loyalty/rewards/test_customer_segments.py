"""Rewards for customer segments: what staff enter and see, and what shoppers are told."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.ingestion.sync import sync_customer
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.rewards.models import LoyaltyReward
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from tests.graphql.client import global_id
from tests.graphql.loyalty.segments import buyers_of_two, gone, id_of, shown

pytestmark = pytest.mark.django_db

SELECTION = "reward { segments customerSegments { id name slug } } errors { field code }"
CREATE = f"mutation ($input: LoyaltyRewardInput!) {{ loyaltyRewardCreate(input: $input) {{ {SELECTION} }} }}"
UPDATE = f"""
mutation ($id: ID!, $input: LoyaltyRewardInput!) {{ loyaltyRewardUpdate(id: $id, input: $input) {{ {SELECTION} }} }}
"""
REWARDS = """
query ($channel: String, $first: Int) {
  loyaltyRewards(channel: $channel, first: $first) {
    edges { node { canRedeem refusal customerSegments { id name slug } } }
  }
}
"""
TAKE = "mutation ($id: ID!) { loyaltyRewardRedeem(rewardId: $id) { redemption { status } errors { field code } } }"
TREAT = {"name": "Treat", "kind": "FREE_SHIPPING", "cost": 100, "isActive": True}


@pytest.fixture
def segment(shop):
    return buyers_of_two()


def create(api, **fields):
    return api.data(CREATE, input={**TREAT, **fields})["loyaltyRewardCreate"]


def rewards(api, **arguments):
    edges = api.data(REWARDS, **{"first": 100, **arguments})["loyaltyRewards"]["edges"]
    return [edge["node"] for edge in edges]


def test_staff_name_groups_and_segments(staff, segment):
    answer = create(staff, segments=["LOYAL"], customerSegments=[id_of(segment)])
    assert answer == {"reward": {"segments": ["LOYAL"], "customerSegments": [shown(segment)]}, "errors": []}
    assert LoyaltyReward.objects.get().segments == ["LOYAL", "twice"]


def test_an_update_replaces_the_kind_that_it_names(staff, segment):
    create(staff, segments=["LOYAL"], customerSegments=[id_of(segment)])
    reward_id = global_id("LoyaltyReward", LoyaltyReward.objects.get().pk)

    def update(**fields):
        answer = staff.data(UPDATE, id=reward_id, input=fields)["loyaltyRewardUpdate"]
        assert answer["errors"] == []
        return answer["reward"]

    assert update(cost=5) == {"segments": ["LOYAL"], "customerSegments": [shown(segment)]}
    assert update(segments=[]) == {"segments": [], "customerSegments": [shown(segment)]}
    segment.delete()
    assert update(segments=["CHAMPIONS"]) == {"segments": ["CHAMPIONS"], "customerSegments": [gone(segment)]}
    assert update(customerSegments=[]) == {"segments": ["CHAMPIONS"], "customerSegments": []}


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("nonsense", "GRAPHQL_ERROR"),
        (global_id("CustomerProfile", 1), "GRAPHQL_ERROR"),
        (global_id("CustomerSegment", 2**31 - 1), "NOT_FOUND"),
    ],
)
def test_what_is_no_segment_is_refused(staff, segment, named, code):
    answer = create(staff, customerSegments=[id_of(segment), named])
    assert answer == {"reward": None, "errors": [{"field": "customerSegments", "code": code}]}
    assert not LoyaltyReward.objects.exists()


@pytest.mark.parametrize("channel", ["default-channel", None])
def test_the_shopper_reads_what_redeeming_answers(shop, as_ann, as_ben, segment, make_reward, channel):
    reward = make_reward("twice", cost=100, segments=frozenset({"twice"}))
    reward_id = global_id("LoyaltyReward", reward.pk)
    assert rewards(as_ann, channel=channel) == [{"canRedeem": True, "refusal": None, "customerSegments": None}]
    answer = as_ann.data(TAKE, id=reward_id)["loyaltyRewardRedeem"]
    assert answer == {"redemption": {"status": "ISSUED"}, "errors": []}
    # Ben, without an account, is told the same as anybody who is not in it.
    (node,) = rewards(as_ben, channel=channel)
    assert (node["canRedeem"], node["refusal"]) == (False, "NOT_IN_SEGMENT")
    segment.delete()
    (node,) = rewards(as_ann, channel=channel)
    assert (node["canRedeem"], node["refusal"]) == (False, "NOT_IN_SEGMENT")
    answer = as_ann.data(TAKE, id=reward_id)["loyaltyRewardRedeem"]
    assert answer["errors"] == [{"field": "rewardId", "code": "NOT_IN_SEGMENT"}]


@pytest.mark.parametrize("channel", ["default-channel", None])
@pytest.mark.parametrize(
    ("asks", "code"),
    [
        ({"segments": frozenset({"new-here"})}, "INSUFFICIENT_POINTS"),
        ({"segments": frozenset({"PROSPECTS"})}, "INSUFFICIENT_POINTS"),
        ({"segments": frozenset({"CHAMPIONS"})}, "NOT_IN_SEGMENT"),
        ({"stock": 0}, "OUT_OF_STOCK"),
    ],
)
def test_who_has_no_points_account_reads_what_redeeming_answers(shop, as_ben, make_reward, channel, asks, code):
    CustomerSegment.objects.create(name="New here", slug="new-here", query="orders_count = 0")
    sync_customer(shop.ben.pk)
    assert not LoyaltyAccount.objects.filter(profile__user=shop.ben).exists()
    reward = make_reward(cost=100, **asks)
    (node,) = rewards(as_ben, channel=channel)
    assert (node["canRedeem"], node["refusal"]) == (False, code)
    answer = as_ben.data(TAKE, id=global_id("LoyaltyReward", reward.pk))["loyaltyRewardRedeem"]
    assert answer["errors"] == [{"field": "rewardId", "code": code}]


def test_which_segments_is_for_staff(staff, as_ann, anonymous, segment, make_reward):
    make_reward(segments=frozenset({"twice"}))
    assert rewards(staff)[0]["customerSegments"] == [shown(segment)]
    assert [rewards(api)[0]["customerSegments"] for api in (as_ann, anonymous)] == [None, None]


def test_any_number_of_rewards_in_the_same_number_of_statements(as_ann, staff, segment, make_reward):
    for number in range(6):
        make_reward(str(number), segments=frozenset({"twice", f"gone-{number}"}))
    for api in (as_ann, staff):
        few = api.statements(REWARDS, channel="default-channel", first=1)
        assert api.statements(REWARDS, channel="default-channel", first=6) == few


def test_one_statement_more_where_a_reward_asks(as_ann, segment, make_reward):
    reward = make_reward(segments=frozenset({"CHAMPIONS"}))
    without = as_ann.statements(REWARDS, channel="default-channel", first=5)
    reward.segments = ["twice"]
    reward.save()
    assert as_ann.statements(REWARDS, channel="default-channel", first=5) == without + 1
