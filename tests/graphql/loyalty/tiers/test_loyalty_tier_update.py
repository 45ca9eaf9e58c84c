"""`loyaltyTierUpdate`: what is left out stays."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier, TierPolicy
from tests.graphql.client import global_id
from tests.integration.loyalty.tiers.ladder import make_tiers

pytestmark = pytest.mark.django_db

UPDATE = """
mutation ($id: ID!, $input: LoyaltyTierInput!) {
  loyaltyTierUpdate(id: $id, input: $input) {
    tier { name level threshold earningMultiplier entryPoints }
    errors { field code }
  }
}
"""


def update(api, tier, **changes):
    return api.data(UPDATE, id=global_id("LoyaltyTier", tier.pk), input=changes)["loyaltyTierUpdate"]


def test_what_is_left_out_stays(shop, staff):
    _, silver = make_tiers(100, 300, earning_multiplier=D("1.5"), entry_points=10)
    version = TierPolicy.objects.get().version
    assert update(staff, silver, name="Argent", threshold=301) == {
        "tier": {"name": "Argent", "level": 2, "threshold": 301, "earningMultiplier": 1.5, "entryPoints": 10},
        "errors": [],
    }
    # Everybody is reviewed by it.
    assert TierPolicy.objects.get().version == version + 1


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": ""}, "name", "INVALID"),
        ({"threshold": 300}, "threshold", "OVERLAPPING"),
        ({"level": 2}, "level", "OVERLAPPING"),
        ({"level": 3}, "threshold", "OVERLAPPING"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(shop, staff, changes, field, code):
    bronze, _ = make_tiers(100, 300)
    before = LoyaltyTier.objects.values().get(pk=bronze.pk)
    assert update(staff, bronze, **changes) == {"tier": None, "errors": [{"field": field, "code": code}]}
    assert LoyaltyTier.objects.values().get(pk=bronze.pk) == before


def test_there_is_no_such_tier(shop, staff):
    (tier,) = make_tiers(100)
    tier.delete()
    tier.pk = 999_999
    assert update(staff, tier, name="x")["errors"] == [{"field": "id", "code": "NOT_FOUND"}]
    wrong = staff.data(UPDATE, id=global_id("Product", 1), input={})["loyaltyTierUpdate"]
    assert wrong["errors"] == [{"field": "id", "code": "GRAPHQL_ERROR"}]


def test_only_with_the_permission(shop, anonymous, as_ann, staff_with):
    (tier,) = make_tiers(100)
    for api in (anonymous, as_ann, staff_with("MANAGE_USERS")):
        assert "MANAGE_DISCOUNTS" in api.denied(UPDATE, id=global_id("LoyaltyTier", tier.pk), input={"name": "x"})
