"""`loyaltyTierCreate`: what staff enter is what customers see, and what is wrong is named."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.loyalty.tiers import editing
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier, TierPolicy
from tests.integration.loyalty.tiers.ladder import make_tiers

pytestmark = pytest.mark.django_db

CREATE = """
mutation ($input: LoyaltyTierInput!) {
  loyaltyTierCreate(input: $input) {
    tier { name description level threshold earningMultiplier entryPoints }
    errors { field message code }
  }
}
"""
GOLD = {"name": " Gold ", "level": 2, "threshold": 500}


def create(api, **changes):
    return api.data(CREATE, input={**GOLD, **changes})["loyaltyTierCreate"]


def test_what_staff_enter_is_what_customers_see(shop, staff, anonymous):
    answer = create(staff, description="Free shipping", threshold=250, earningMultiplier=1.1, entryPoints=50)
    gold = {
        "name": "Gold",
        "description": "Free shipping",
        "level": 2,
        "threshold": 250,
        "earningMultiplier": 1.1,
        "entryPoints": 50,
    }
    assert answer == {"tier": gold, "errors": []}
    bronze = create(staff, name="Bronze", level=1, threshold=0)["tier"]
    assert bronze == {
        "name": "Bronze",
        "description": "",
        "level": 1,
        "threshold": 0,
        "earningMultiplier": 1,
        "entryPoints": 0,
    }
    listed = "{ loyaltyTiers { name description level threshold earningMultiplier entryPoints } }"
    assert anonymous.data(listed)["loyaltyTiers"] == [bronze, gold]


def test_without_tiers_the_list_is_empty(shop, anonymous):
    assert anonymous.data("{ loyaltyTiers { id } }") == {"loyaltyTiers": []}


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": None}, "name", "REQUIRED"),
        ({"name": " "}, "name", "INVALID"),
        ({"name": "x" * 129}, "name", "INVALID"),
        ({"description": "x" * 1001}, "description", "INVALID"),
        ({"level": None}, "level", "REQUIRED"),
        ({"level": 0}, "level", "INVALID"),
        ({"level": 1001}, "level", "INVALID"),
        ({"threshold": None}, "threshold", "REQUIRED"),
        ({"threshold": -1}, "threshold", "INVALID"),
        ({"threshold": 1e30}, "threshold", "INVALID"),
        ({"threshold": 499.5}, "threshold", "INVALID"),
        ({"earningMultiplier": 0.9}, "earningMultiplier", "INVALID"),
        ({"earningMultiplier": 101}, "earningMultiplier", "INVALID"),
        ({"entryPoints": -1}, "entryPoints", "INVALID"),
        ({"entryPoints": 1_000_001}, "entryPoints", "INVALID"),
        # Level 1 needs 100, level 3 needs 1000.
        ({"level": 1}, "level", "OVERLAPPING"),
        ({"threshold": 100}, "threshold", "OVERLAPPING"),
        ({"threshold": 50}, "threshold", "OVERLAPPING"),
        ({"threshold": 1000}, "threshold", "OVERLAPPING"),
        ({"threshold": 2000}, "threshold", "OVERLAPPING"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(shop, staff, changes, field, code):
    make_tiers(100, 300, 1000)
    editing.delete_tier(LoyaltyTier.objects.get(level=2).pk)
    version = TierPolicy.objects.get().version
    answer = create(staff, **changes)
    assert answer["tier"] is None
    assert [(error["field"], error["code"]) for error in answer["errors"]] == [(field, code)]
    assert (LoyaltyTier.objects.count(), TierPolicy.objects.get().version) == (3, version)


def test_the_message_says_what_it_overlaps_with(shop, staff):
    make_tiers(100)
    (error,) = create(staff, threshold=100)["errors"]
    assert error["message"] == "“Bronze” (level 1) needs 100: level 2 must need more."


def test_there_is_an_end_to_it(shop, staff, monkeypatch):
    monkeypatch.setattr(editing, "MAX_TIERS", 1)
    assert create(staff)["errors"] == []
    (error,) = create(staff, level=3, threshold=900)["errors"]
    assert (error["field"], error["code"]) == (None, "INVALID")


def test_an_app_may(shop, app_with):
    assert create(app_with("MANAGE_DISCOUNTS"))["errors"] == []


def test_only_with_the_permission(shop, anonymous, as_ann, staff_with, app_with):
    for api in (anonymous, as_ann, staff_with("MANAGE_USERS"), app_with("MANAGE_USERS")):
        assert "MANAGE_DISCOUNTS" in api.denied(CREATE, input=GOLD)
    assert not LoyaltyTier.objects.exists()
