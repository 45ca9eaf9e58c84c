"""`loyaltyRewardCreate`: what staff enter is what is offered, and what is wrong is named."""

from __future__ import annotations

import pytest
from django.utils import timezone

from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.rewards.models import LoyaltyReward
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier
from tests.devshop.factories import make_channel
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

CREATE = """
mutation ($input: LoyaltyRewardInput!) {
  loyaltyRewardCreate(input: $input) {
    reward {
      name description kind cost percentage amount { amount currency } currency minimumSpend { amount }
      productVariantId channelIds stock remaining limitPerCustomer startsAt endsAt validDays
      minimumTier { id name level } segments isActive
    }
    errors { field message code }
  }
}
"""
FIVE = {"name": "Five off", "kind": "VOUCHER_FIXED", "cost": 300, "amount": 5, "currency": "USD"}
GONE = 999_999


def create(api, **changes):
    return api.data(CREATE, input={**FIVE, **changes})["loyaltyRewardCreate"]


def test_what_staff_enter_is_what_is_offered(shop, staff):
    channel = global_id("Channel", shop.channel.pk)
    tier = LoyaltyTier.objects.create(program_id=default_program_id(), name="Gold", level=2)
    answer = create(
        staff,
        description="For next time.",
        amount=5.5,
        minimumSpend=20.1,
        channelIds=[channel],
        stock=10,
        limitPerCustomer=2,
        startsAt="2026-05-01T00:00:00+00:00",
        endsAt="2026-06-01T00:00:00+00:00",
        validDays=90,
        minimumTierId=global_id("LoyaltyTier", tier.pk),
        segments=["CHAMPIONS"],
        isActive=True,
    )
    assert answer == {
        "reward": {
            "name": "Five off",
            "description": "For next time.",
            "kind": "VOUCHER_FIXED",
            "cost": 300,
            "percentage": None,
            "amount": {"amount": 5.5, "currency": "USD"},
            "currency": "USD",
            "minimumSpend": {"amount": 20.1},
            "productVariantId": None,
            "channelIds": [channel],
            "stock": 10,
            "remaining": 10,
            "limitPerCustomer": 2,
            "startsAt": "2026-05-01T00:00:00+00:00",
            "endsAt": "2026-06-01T00:00:00+00:00",
            "validDays": 90,
            "minimumTier": {"id": global_id("LoyaltyTier", tier.pk), "name": "Gold", "level": tier.level},
            "segments": ["CHAMPIONS"],
            "isActive": True,
        },
        "errors": [],
    }


def test_a_new_reward_is_offered_to_nobody_unless_it_says_so(shop, staff):
    assert create(staff)["reward"]["isActive"] is False


def test_a_product(shop, staff):
    variant = global_id("ProductVariant", shop.apple.default_variant.pk)
    given = {"name": "Apple", "kind": "PRODUCT", "cost": 100, "productVariantId": variant}
    answer = staff.data(CREATE, input=given)["loyaltyRewardCreate"]
    assert answer["errors"] == []
    assert (answer["reward"]["productVariantId"], answer["reward"]["currency"]) == (variant, None)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"name": None}, "REQUIRED", "name"),
        ({"name": "  "}, "INVALID", "name"),
        ({"kind": None}, "REQUIRED", "kind"),
        ({"cost": None}, "REQUIRED", "cost"),
        ({"cost": 0}, "INVALID", "cost"),
        ({"cost": -5}, "INVALID", "cost"),
        ({"amount": None}, "REQUIRED", "amount"),
        ({"amount": 0}, "INVALID", "amount"),
        ({"amount": 5.005}, "INVALID", "amount"),
        ({"amount": 1e300}, "INVALID", "amount"),
        ({"minimumSpend": -1}, "INVALID", "minimumSpend"),
        ({"currency": None}, "REQUIRED", "currency"),
        ({"currency": "XXX"}, "NOT_FOUND", "currency"),
        ({"percentage": 10}, "INVALID", "percentage"),
        ({"kind": "VOUCHER_PERCENTAGE", "amount": None, "percentage": 100.5}, "INVALID", "percentage"),
        ({"kind": "VOUCHER_PERCENTAGE", "amount": None}, "REQUIRED", "percentage"),
        ({"kind": "PRODUCT", "amount": None}, "REQUIRED", "productVariantId"),
        ({"stock": -1}, "INVALID", "stock"),
        ({"limitPerCustomer": 0}, "INVALID", "limitPerCustomer"),
        ({"validDays": 0}, "INVALID", "validDays"),
        ({"startsAt": "2026-05-02T00:00:00Z", "endsAt": "2026-05-01T00:00:00Z"}, "INVALID", "endsAt"),
        ({"channelIds": [global_id("Channel", GONE)]}, "NOT_FOUND", "channelIds"),
        ({"channelIds": ["x"]}, "GRAPHQL_ERROR", "channelIds"),
        (
            {"kind": "PRODUCT", "amount": None, "productVariantId": global_id("ProductVariant", GONE)},
            "NOT_FOUND",
            "productVariantId",
        ),
        ({"productVariantId": global_id("Product", 1)}, "GRAPHQL_ERROR", "productVariantId"),
        ({"minimumTierId": global_id("LoyaltyTier", GONE)}, "NOT_FOUND", "minimumTierId"),
        ({"minimumTierId": global_id("Channel", 1)}, "GRAPHQL_ERROR", "minimumTierId"),
        ({"minimumTierId": ""}, "GRAPHQL_ERROR", "minimumTierId"),
    ],
)
def test_what_is_wrong_is_named(shop, staff, changes, code, field):
    answer = create(staff, **changes)
    assert answer["reward"] is None
    (error,) = answer["errors"]
    assert (error["code"], error["field"]) == (code, field)
    assert error["message"]
    assert not LoyaltyReward.objects.exists()


def test_a_channel_of_another_currency_and_a_tier_that_is_gone(shop, staff):
    euros = make_channel("euros", "EUR")
    (error,) = create(staff, channelIds=[global_id("Channel", euros.pk)])["errors"]
    assert (error["code"], error["field"]) == ("INVALID", "channelIds")
    tier = LoyaltyTier.objects.create(program_id=default_program_id(), name="Old", level=1, deleted_at=timezone.now())
    (error,) = create(staff, minimumTierId=global_id("LoyaltyTier", tier.pk))["errors"]
    assert (error["code"], error["field"]) == ("NOT_FOUND", "minimumTierId")


def test_a_yen_has_no_cents(shop, staff):
    make_channel("yen", "JPY")
    (error,) = create(staff, currency="JPY", amount=500.5)["errors"]
    assert (error["code"], error["field"]) == ("INVALID", "amount")
    assert create(staff, currency="JPY", amount=500)["errors"] == []


def test_only_who_manages_discounts(shop, anonymous, as_ann, staff_with, app_with):
    for api in (anonymous, as_ann, staff_with("MANAGE_USERS", "MANAGE_ORDERS")):
        assert "MANAGE_DISCOUNTS" in api.denied(CREATE, input=FIVE)
    assert create(app_with("MANAGE_DISCOUNTS"))["errors"] == []
