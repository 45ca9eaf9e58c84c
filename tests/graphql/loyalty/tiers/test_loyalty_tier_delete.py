"""`loyaltyTierDelete`: a tier goes, and its members go to the next lower one."""

from __future__ import annotations

import pytest
from django.utils import timezone

from saleor_crm_plugin.ingestion.tier_facts import review_tiers
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier, TierMembership
from tests.graphql.client import global_id
from tests.integration.loyalty.tiers.ladder import make_tiers

pytestmark = pytest.mark.django_db

DELETE = """
mutation ($id: ID!) { loyaltyTierDelete(id: $id) { tier { name } errors { field code } } }
"""


def delete(api, tier):
    return api.data(DELETE, id=global_id("LoyaltyTier", tier.pk))["loyaltyTierDelete"]


def test_its_members_go_to_the_next_lower_one(shop, staff, anonymous):
    _, silver = make_tiers(100, 300, policy={"window": "lifetime"})
    review_tiers(timezone.now())
    assert sorted(TierMembership.objects.values_list("tier__name", flat=True)) == ["Bronze", "Silver"]
    assert delete(staff, silver) == {"tier": {"name": "Silver"}, "errors": []}
    assert anonymous.data("{ loyaltyTiers { name } }")["loyaltyTiers"] == [{"name": "Bronze"}]
    review_tiers(timezone.now())
    assert list(TierMembership.objects.values_list("tier__name", flat=True)) == ["Bronze", "Bronze"]
    assert delete(staff, silver) == {"tier": None, "errors": [{"field": "id", "code": "NOT_FOUND"}]}


def test_its_place_can_be_taken(shop, staff):
    _, silver = make_tiers(100, 300)
    delete(staff, silver)
    LoyaltyTier.objects.create(program_id=silver.program_id, name="Other", level=2, threshold=300)


def test_only_with_the_permission(shop, anonymous, as_ann, staff_with):
    (tier,) = make_tiers(100)
    for api in (anonymous, as_ann, staff_with("MANAGE_USERS")):
        assert "MANAGE_DISCOUNTS" in api.denied(DELETE, id=global_id("LoyaltyTier", tier.pk))
    assert LoyaltyTier.objects.get().deleted_at is None
