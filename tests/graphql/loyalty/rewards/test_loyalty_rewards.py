"""`loyaltyRewards` and `LoyaltyAccount.redemptions`: who sees what, and in how many statements."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from saleor.permission.enums import GiftcardPermissions

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.rewards import redeem_reward, return_reward
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.rewards.definition import RewardKind
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier
from tests.devshop.factories import make_channel, make_product, make_staff
from tests.graphql.client import Api, global_id
from tests.shop_settings import crm_settings, loyalty_settings

pytestmark = pytest.mark.django_db

REWARDS = """
query ($channel: String, $first: Int, $after: String) {
  loyaltyRewards(channel: $channel, first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges { node { name canRedeem missingPoints refusal minimumTier { name } segments } }
  }
}
"""
REDEMPTIONS = """
query ($user: ID, $first: Int, $last: Int, $before: String, $after: String) {
  loyaltyAccount(userId: $user) {
    redemptions(first: $first, last: $last, before: $before, after: $after) {
      totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      edges { node { name code status reward { name } order { id } } }
    }
  }
}
"""


def rewards(api, channel=None, first=100):
    connection = api.data(REWARDS, channel=channel, first=first)["loyaltyRewards"]
    return [edge["node"] for edge in connection["edges"]]


def names(api, channel=None):
    return [node["name"] for node in rewards(api, channel)]


def redemptions(api, **arguments):
    return api.data(REDEMPTIONS, **arguments)["loyaltyAccount"]["redemptions"]


def test_shoppers_see_what_is_on_offer_and_staff_see_all(anonymous, as_ann, staff, make_reward):
    now = timezone.now()
    make_reward("open")
    make_reward("off", is_active=False)
    make_reward("early", starts_at=now + timedelta(days=1))
    make_reward("late", ends_at=now - timedelta(days=1))
    make_reward("sold out", stock=0)
    gone = make_reward("gone")
    gone.deleted_at = now
    gone.save()
    assert names(anonymous) == names(as_ann) == ["open", "sold out"]
    assert names(staff) == ["open", "off", "early", "late", "sold out"]


def test_the_channel_chooses(anonymous, shop, make_reward):
    euros = make_channel("euros", "EUR")
    make_reward("dollars")
    make_reward("anywhere", RewardKind.FREE_SHIPPING)
    make_reward("here", RewardKind.FREE_SHIPPING, channel_ids=frozenset({shop.channel.pk}))
    make_reward("there", RewardKind.FREE_SHIPPING, channel_ids=frozenset({euros.pk}))
    assert names(anonymous, "default-channel") == ["dollars", "anywhere", "here"]
    assert names(anonymous, "euros") == ["anywhere", "there"]
    assert names(anonymous, "nowhere") == []
    assert len(names(anonymous)) == 4


def test_the_shopper_reads_what_redeeming_would_answer(as_ann, as_ben, anonymous, shop, make_reward):
    gold = LoyaltyTier.objects.create(program_id=default_program_id(), name="Gold", level=2)
    once = make_reward("once", cost=100, limit_per_customer=1)
    redeem_reward(once.pk, shop.ann, None, None)
    make_reward("cheap", cost=400)
    make_reward("dear", cost=450)
    make_reward("gold", tier_id=gold.pk)
    make_reward("champions", segments=frozenset({"CHAMPIONS"}))
    make_reward("sold out", stock=0)
    assert [tuple(node.values()) for node in rewards(as_ann, "default-channel")] == [
        ("once", False, 0, "LIMIT_REACHED", None, None),
        ("cheap", True, 0, None, None, None),
        ("dear", False, 50, "INSUFFICIENT_POINTS", None, None),
        ("gold", False, 0, "TIER_TOO_LOW", {"name": "Gold"}, None),
        ("champions", False, 0, "NOT_IN_SEGMENT", None, None),
        ("sold out", False, 0, "OUT_OF_STOCK", None, None),
    ]
    assert [tuple(node.values())[1:4] for node in rewards(as_ben)][:3] == [
        (False, 100, "INSUFFICIENT_POINTS"),
        (False, 400, "INSUFFICIENT_POINTS"),
        (False, 450, "INSUFFICIENT_POINTS"),
    ]
    assert {tuple(node.values())[1:4] for node in rewards(anonymous)} == {(None, None, None)}


def test_nothing_can_be_taken_while_the_whole_plugin_is_switched_off(as_ann, shop, make_reward):
    make_reward()
    crm_settings(active=False)
    (here,) = rewards(as_ann, "default-channel")
    assert (here["canRedeem"], here["refusal"]) == (False, "LOYALTY_DISABLED")


def test_nothing_can_be_taken_where_loyalty_is_switched_off(as_ann, shop, make_reward):
    make_reward()
    make_reward("elsewhere", RewardKind.FREE_SHIPPING, channel_ids=frozenset({make_channel("euros", "EUR").pk}))
    loyalty_settings(shop.channel, active=False)
    (here,) = rewards(as_ann, "default-channel")
    assert (here["canRedeem"], here["missingPoints"], here["refusal"]) == (False, 0, "LOYALTY_DISABLED")
    (there,) = rewards(as_ann, "euros")
    assert (there["canRedeem"], there["refusal"]) == (True, None)


def test_a_product_that_is_not_sold_in_the_channel_cannot_be_taken_there(as_ann, shop, make_reward):
    def treat(name):
        product = make_product(name, 20, shop.channel)
        make_reward(name, RewardKind.PRODUCT, variant_id=product.default_variant.pk)
        return product

    treat("sold")
    treat("deleted").default_variant.delete()
    treat("without a price").default_variant.channel_listings.all().delete()
    treat("unpublished").channel_listings.update(is_published=False)
    treat("not for purchase").channel_listings.update(available_for_purchase_at=None)
    assert [(node["name"], node["canRedeem"], node["refusal"]) for node in rewards(as_ann, "default-channel")] == [
        ("sold", True, None),
        ("deleted", False, "NOT_APPLICABLE"),
        ("without a price", False, "NOT_APPLICABLE"),
        ("unpublished", False, "NOT_APPLICABLE"),
        ("not for purchase", False, "NOT_APPLICABLE"),
    ]
    # What only a channel can tell is not looked at without one.
    assert {node["canRedeem"] for node in rewards(as_ann)} == {True}


def test_segments_are_for_staff(staff, as_ann, make_reward):
    make_reward(segments=frozenset({"CHAMPIONS", "LOYAL"}))
    assert rewards(staff)[0]["segments"] == ["CHAMPIONS", "LOYAL"]
    assert rewards(as_ann)[0]["segments"] is None


def test_any_number_of_rewards_in_the_same_number_of_statements(as_ann, shop, make_reward):
    gold = LoyaltyTier.objects.create(program_id=default_program_id(), name="Gold", level=2)
    for number in range(12):
        make_reward(str(number), tier_id=gold.pk, segments=frozenset({"CHAMPIONS"}))
    few = as_ann.statements(REWARDS, channel="default-channel", first=2)
    assert as_ann.statements(REWARDS, channel="default-channel", first=12) == few


def test_any_number_of_products_in_the_same_number_of_statements(as_ann, shop, make_reward):
    for number in range(12):
        product = make_product(str(number), 20, shop.channel)
        make_reward(str(number), RewardKind.PRODUCT, variant_id=product.default_variant.pk)
    few = as_ann.statements(REWARDS, channel="default-channel", first=2)
    assert as_ann.statements(REWARDS, channel="default-channel", first=12) == few


def test_pages(as_ann, make_reward):
    for number in range(3):
        make_reward(str(number))
    first = as_ann.data(REWARDS, first=2)["loyaltyRewards"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    rest = as_ann.data(REWARDS, first=2, after=first["pageInfo"]["endCursor"])["loyaltyRewards"]
    assert [edge["node"]["name"] for edge in rest["edges"]] == ["2"]
    assert "first" in as_ann.post(REWARDS, first=101)["errors"][0]["message"]
    assert as_ann.post(REWARDS)["errors"]


def test_an_account_shows_what_was_taken_newest_first(as_ann, shop, make_reward):
    for name in ("a", "b", "c"):
        redeem_reward(make_reward(name, cost=100).pk, shop.ann, None, None)
    page = redemptions(as_ann, first=2)
    assert [edge["node"]["name"] for edge in page["edges"]] == ["c", "b"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, True)
    rest = redemptions(as_ann, first=2, after=page["pageInfo"]["endCursor"])
    assert [edge["node"]["name"] for edge in rest["edges"]] == ["a"]
    last = redemptions(as_ann, last=1)
    assert [edge["node"]["name"] for edge in last["edges"]] == ["a"]
    before = redemptions(as_ann, last=1, before=last["pageInfo"]["startCursor"])
    assert [edge["node"]["name"] for edge in before["edges"]] == ["b"]
    assert as_ann.post(REDEMPTIONS, first=101)["errors"]
    assert as_ann.post(REDEMPTIONS)["errors"]


def test_a_code_is_for_its_owner_and_for_who_manages_such_codes(shop, as_ann, as_ben, staff_with, make_reward):
    voucher = redeem_reward(make_reward().pk, shop.ann, None, None)
    card = redeem_reward(make_reward("Card", RewardKind.GIFT_CARD).pk, shop.ann, None, None)
    ann = global_id("User", shop.ann.pk)

    def codes(api):
        return [edge["node"]["code"] for edge in redemptions(api, user=ann, first=5)["edges"]]

    assert codes(as_ann) == [card.code, voucher.code]
    assert codes(staff_with("MANAGE_USERS")) == [None, None]
    assert codes(staff_with("MANAGE_USERS", "MANAGE_DISCOUNTS")) == [None, voucher.code]
    cards = make_staff(permissions=[GiftcardPermissions.MANAGE_GIFT_CARD])
    assert as_ben.denied(REDEMPTIONS, user=ann, first=5) == {"OWNER", "MANAGE_USERS"}
    assert Api(cards).denied(REDEMPTIONS, user=ann, first=5) == {"OWNER", "MANAGE_USERS"}


def test_any_number_of_redemptions_in_the_same_number_of_statements(as_ann, shop, make_reward):
    for _ in range(6):
        redemption = redeem_reward(make_reward(cost=100).pk, shop.ann, None, None)
        return_reward(redemption.pk, SYSTEM)
    few = as_ann.statements(REDEMPTIONS, first=1)
    assert as_ann.statements(REDEMPTIONS, first=6) == few
