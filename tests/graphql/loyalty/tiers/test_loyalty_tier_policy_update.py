"""`loyaltyTierPolicyUpdate` and `loyaltyTierPolicy`."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from saleor_crm_plugin.loyalty.tiers.editing import update_tier
from saleor_crm_plugin.loyalty.tiers.models import TierPolicy
from tests.integration.loyalty.tiers.ladder import make_tiers

pytestmark = pytest.mark.django_db

FIELDS = "basis currency window windowDays windowMonths graceDays downgrade"
POLICY = f"{{ loyaltyTierPolicy {{ {FIELDS} }} }}"
UPDATE = f"""
mutation ($input: LoyaltyTierPolicyInput!) {{
  loyaltyTierPolicyUpdate(input: $input) {{ policy {{ {FIELDS} }} errors {{ field code }} }}
}}
"""
DEFAULTS = {
    "basis": "POINTS_EARNED",
    "currency": None,
    "window": "ROLLING",
    "windowDays": None,
    "windowMonths": 12,
    "graceDays": 0,
    "downgrade": "TO_QUALIFIED",
}


def update(api, **changes):
    return api.data(UPDATE, input=changes)["loyaltyTierPolicyUpdate"]


def test_what_holds_until_somebody_says_otherwise(shop, staff):
    assert staff.data(POLICY)["loyaltyTierPolicy"] == DEFAULTS
    assert not TierPolicy.objects.exists()


def test_what_is_left_out_stays(shop, staff):
    steps = [
        ({"graceDays": 30, "downgrade": "ONE_LEVEL"}, {"graceDays": 30, "downgrade": "ONE_LEVEL"}),
        ({"windowDays": 90}, {"windowDays": 90, "windowMonths": None}),
        ({"windowMonths": 6}, {"windowDays": None, "windowMonths": 6}),
        ({"basis": "NET_SPEND", "currency": "USD"}, {"basis": "NET_SPEND", "currency": "USD"}),
        ({"window": "CALENDAR_YEAR"}, {"window": "CALENDAR_YEAR", "windowMonths": None}),
        ({"window": "LIFETIME"}, {"window": "LIFETIME"}),
        ({"window": "ROLLING", "windowMonths": 3}, {"window": "ROLLING", "windowMonths": 3}),
        ({"basis": "POINTS_EARNED"}, {"basis": "POINTS_EARNED", "currency": None}),
    ]
    expected = DEFAULTS
    for given, changed in steps:
        expected = {**expected, **changed}
        assert update(staff, **given) == {"policy": expected, "errors": []}
        assert staff.data(POLICY)["loyaltyTierPolicy"] == expected
    assert TierPolicy.objects.get().version == len(steps) + 1


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"basis": "NET_SPEND"}, "currency", "REQUIRED"),
        ({"basis": "NET_SPEND", "currency": "XYZ"}, "currency", "INVALID"),
        ({"currency": "USD"}, "currency", "INVALID"),
        ({"windowDays": 0}, "windowDays", "INVALID"),
        ({"windowDays": 3661}, "windowDays", "INVALID"),
        ({"windowMonths": 121}, "windowMonths", "INVALID"),
        ({"windowDays": 30, "windowMonths": 1}, "windowMonths", "INVALID"),
        ({"window": "LIFETIME", "windowDays": 30}, "windowDays", "INVALID"),
        ({"window": "CALENDAR_YEAR", "windowMonths": 12}, "windowMonths", "INVALID"),
        ({"graceDays": -1}, "graceDays", "INVALID"),
        ({"graceDays": 367}, "graceDays", "INVALID"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(shop, staff, changes, field, code):
    update(staff, graceDays=1)
    before = TierPolicy.objects.values().get()
    assert update(staff, **changes) == {"policy": None, "errors": [{"field": field, "code": code}]}
    assert TierPolicy.objects.values().get() == before


def test_a_rolling_window_needs_a_length(shop, staff):
    update(staff, window="LIFETIME")
    assert update(staff, window="ROLLING")["errors"] == [{"field": "windowMonths", "code": "REQUIRED"}]


def test_points_are_whole(shop, staff):
    (bronze,) = make_tiers(100, policy={"basis": "net_spend", "currency": "USD"})
    update_tier(bronze.pk, {"threshold": D("99.50")})
    assert update(staff, basis="POINTS_EARNED")["errors"] == [{"field": "basis", "code": "INVALID"}]


def test_only_with_the_permission(shop, anonymous, as_ann, staff_with, app_with):
    for api in (anonymous, as_ann, staff_with("MANAGE_USERS")):
        assert "MANAGE_DISCOUNTS" in api.denied(UPDATE, input={"graceDays": 1})
        assert "MANAGE_DISCOUNTS" in api.denied(POLICY)
    assert app_with("MANAGE_DISCOUNTS").data(POLICY)["loyaltyTierPolicy"] == DEFAULTS
