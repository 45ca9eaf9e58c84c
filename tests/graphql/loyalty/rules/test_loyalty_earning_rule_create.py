"""`loyaltyEarningRuleCreate`: what staff enter is what is stored, and what is wrong is named."""

from __future__ import annotations

import pytest
from django.db import connection

from saleor_crm_plugin.actors import ActorType
from saleor_crm_plugin.loyalty.rules import editing
from saleor_crm_plugin.loyalty.rules.models import EarningRule, EarningRuleVersion
from saleor_crm_plugin.loyalty.tiers.editing import delete_tier
from tests.devshop.factories import make_category
from tests.graphql.client import global_id
from tests.integration.loyalty.tiers.ladder import make_tiers

pytestmark = pytest.mark.django_db

CREATE = """
mutation ($input: LoyaltyEarningRuleInput!) {
  loyaltyEarningRuleCreate(input: $input) {
    rule {
      name status version trigger effect value channelIds startsAt endsAt weekdays priority stackable
      conditions { productIds categoryIds minimumSubtotal segments buyerType tierIds }
      limits { pointsPerOrder pointsPerCustomer usesPerCustomer pointsInTotal period }
      uses { points customers dryRunPoints }
    }
    errors { field message code }
  }
}
"""
DOUBLE = {"name": "Double", "effect": "MULTIPLIER", "value": 2}
FOR_FRIENDS = {"trigger": "REFERRAL", "effect": "FIXED_POINTS", "value": 200, "referralSide": "FRIEND"}


def create(api, **changes):
    return api.data(CREATE, input={**DOUBLE, **changes})["loyaltyEarningRuleCreate"]


def test_what_staff_enter_is_what_the_rule_says(shop, staff):
    category = global_id("Category", make_category("Tea").pk)
    channel = global_id("Channel", shop.channel.pk)
    tier = global_id("LoyaltyTier", make_tiers(100)[0].pk)
    product = global_id("Product", shop.apple.pk)
    answer = create(
        staff,
        status="LIVE",
        value=1.5,
        channelIds=[channel],
        startsAt="2026-05-01T00:00:00+00:00",
        endsAt="2026-06-01T00:00:00+00:00",
        weekdays=[5, 6],
        conditions={
            "productIds": [product],
            "categoryIds": [category],
            "minimumSubtotal": 20.5,
            "segments": ["CHAMPIONS"],
            "buyerType": "CONSUMER",
            "tierIds": [tier],
        },
        limits={"pointsPerCustomer": 100, "period": "MONTH"},
        priority=5,
        stackable=False,
    )
    assert answer == {
        "rule": {
            "name": "Double",
            "status": "LIVE",
            "version": 1,
            "trigger": "ORDER",
            "effect": "MULTIPLIER",
            "value": 1.5,
            "channelIds": [channel],
            "startsAt": "2026-05-01T00:00:00+00:00",
            "endsAt": "2026-06-01T00:00:00+00:00",
            "weekdays": [5, 6],
            "priority": 5,
            "stackable": False,
            "conditions": {
                "productIds": [product],
                "categoryIds": [category],
                "minimumSubtotal": 20.5,
                "segments": ["CHAMPIONS"],
                "buyerType": "CONSUMER",
                "tierIds": [tier],
            },
            "limits": {
                "pointsPerOrder": None,
                "pointsPerCustomer": 100,
                "usesPerCustomer": None,
                "pointsInTotal": None,
                "period": "MONTH",
            },
            "uses": {"points": 0, "customers": 0, "dryRunPoints": 0},
        },
        "errors": [],
    }
    version = EarningRuleVersion.objects.get()
    assert (version.version, version.actor_type) == (1, ActorType.STAFF)


def test_a_rule_for_referrals(shop, staff):
    query = CREATE.replace("trigger effect", "trigger referralSide expiresAfterMonths inForceSince effect")
    input_ = {**DOUBLE, **FOR_FRIENDS, "expiresAfterMonths": 6, "status": "LIVE"}
    rule = staff.data(query, input=input_)["loyaltyEarningRuleCreate"]["rule"]
    assert (rule["trigger"], rule["referralSide"], rule["expiresAfterMonths"]) == ("REFERRAL", "FRIEND", 6)
    assert rule["inForceSince"] == EarningRule.objects.get().in_force_since.isoformat()


def test_a_new_rule_is_off_until_someone_switches_it_on(shop, staff):
    assert create(staff)["rule"]["status"] == "OFF"


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": " "}, "name", "INVALID"),
        ({"name": "x" * 129}, "name", "INVALID"),
        ({"effect": None}, "effect", "REQUIRED"),
        ({"value": None}, "value", "REQUIRED"),
        ({"value": 1}, "value", "INVALID"),
        ({"value": 1e30}, "value", "INVALID"),
        ({"startsAt": "2026-05-01T00:00:00+00:00", "endsAt": "2026-05-01T00:00:00+00:00"}, "endsAt", "INVALID"),
        ({"weekdays": [7]}, "weekdays", "INVALID"),
        ({"conditions": {"productIds": []}}, "productIds", "INVALID"),
        ({"conditions": {"segments": []}}, "segments", "INVALID"),
        ({"conditions": {"productIds": ["nonsense"]}}, "productIds", "GRAPHQL_ERROR"),
        ({"conditions": {"categoryIds": [global_id("Product", 1)]}}, "categoryIds", "GRAPHQL_ERROR"),
        ({"conditions": {"categoryIds": [global_id("Category", 999_999)]}}, "categoryIds", "NOT_FOUND"),
        ({"channelIds": [global_id("Channel", 999_999)]}, "channelIds", "NOT_FOUND"),
        ({"conditions": {"tierIds": []}}, "tierIds", "INVALID"),
        ({"conditions": {"tierIds": [global_id("LoyaltyTier", 999_999)]}}, "tierIds", "NOT_FOUND"),
        ({"conditions": {"minimumSubtotal": 1e30}}, "minimumSubtotal", "INVALID"),
        ({"conditions": {"minimumSubtotal": 0}}, "minimumSubtotal", "INVALID"),
        ({"limits": {"pointsPerOrder": 0}}, "pointsPerOrder", "INVALID"),
        ({"limits": {"period": "DAY"}}, "period", "INVALID"),
        ({"trigger": "SIGN_UP"}, "effect", "INVALID"),
        ({**FOR_FRIENDS, "conditions": {"minimumSubtotal": 5}}, "minimumSubtotal", "INVALID"),
        ({**FOR_FRIENDS, "trigger": "BIRTHDAY"}, "referralSide", "INVALID"),
        ({"expiresAfterMonths": 3}, "expiresAfterMonths", "INVALID"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(shop, staff, changes, field, code):
    answer = create(staff, **changes)
    assert answer["rule"] is None
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [(field, code)]
    assert not EarningRule.objects.exists()
    assert not EarningRuleVersion.objects.exists()
    connection.check_constraints()


def test_there_is_an_end_to_it(shop, staff, monkeypatch):
    monkeypatch.setattr(editing, "MAX_RULES", 1)
    assert create(staff)["errors"] == []
    (error,) = create(staff)["errors"]
    assert (error["field"], error["code"]) == (None, "INVALID")


def test_only_with_the_permission(shop, as_ann, staff_with):
    for api in (as_ann, staff_with("MANAGE_USERS")):
        assert api.denied(CREATE, input=DOUBLE)
    assert not EarningRule.objects.exists()


def test_a_deleted_tier_is_no_tier(shop, staff):
    (bronze,) = make_tiers(100)
    delete_tier(bronze.pk)
    (error,) = create(staff, conditions={"tierIds": [global_id("LoyaltyTier", bronze.pk)]})["errors"]
    assert (error["field"], error["code"]) == ("tierIds", "NOT_FOUND")
