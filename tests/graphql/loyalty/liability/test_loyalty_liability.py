"""`loyaltyLiability`: the report as staff and apps read it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.posting import Source

pytestmark = pytest.mark.django_db

LIABILITY = """
query ($asOf: DateTime, $from: DateTime, $to: DateTime) {
  loyaltyLiability(asOf: $asOf, from: $from, to: $to) {
    asOf points pendingPoints worth { amount currency } pendingWorth { amount currency }
    deficitPoints deficitAccounts closedPoints pointValues { currency value }
    months { month points pendingPoints worth { amount currency } pendingWorth { amount currency } }
    breakage {
      status rate lots expiredPoints spentPoints expectedPoints expectedWorth { amount currency }
    }
    movements { from to opening byType { type given taken entries } closing }
  }
}
"""
LONG_AGO = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def staff(staff_with):
    return staff_with("MANAGE_DISCOUNTS")


def test_what_the_shop_owes(shop, staff):
    """Ann has earned 500 points and the guest 100; Ann has spent 150."""
    account_id = LoyaltyAccount.objects.get(profile__user_id=shop.ann.pk).pk
    with Ledger([account_id]) as ledger:
        ledger.redeem(account_id, 150, Source(key="spend"))
    found = staff.data(LIABILITY, **{"from": LONG_AGO})["loyaltyLiability"]
    now = found.pop("asOf")
    dollars = [{"amount": 4.5, "currency": "USD"}]
    nothing = [{"amount": 0.0, "currency": "USD"}]
    assert found == {
        "points": 450,
        "pendingPoints": 0,
        "worth": dollars,
        "pendingWorth": nothing,
        "deficitPoints": 0,
        "deficitAccounts": 0,
        "closedPoints": 0,
        "pointValues": [{"currency": "USD", "value": 0.01}],
        "months": [{"month": None, "points": 450, "pendingPoints": 0, "worth": dollars, "pendingWorth": nothing}],
        "breakage": {
            "status": "INSUFFICIENT_DATA",
            "rate": None,
            "lots": 0,
            "expiredPoints": 0,
            "spentPoints": 0,
            "expectedPoints": None,
            "expectedWorth": [],
        },
        "movements": {
            "from": LONG_AGO,
            "to": now,
            "opening": 0,
            "byType": [
                {"type": "EARN", "given": 600, "taken": 0, "entries": 3},
                {"type": "REDEEM", "given": 0, "taken": 150, "entries": 1},
            ],
            "closing": 450,
        },
    }
    before = PointsTransaction.objects.order_by("pk").first().created_at.isoformat()
    assert staff.data(LIABILITY, asOf=before)["loyaltyLiability"]["points"] == 0


def test_more_points_than_an_int_holds(shop, staff):
    accounts = LoyaltyAccount.objects.values_list("pk", flat=True)
    with Ledger(accounts) as ledger:
        for account_id in accounts:
            key = Source(key=f"rich:{account_id}")
            ledger.award(account_id, 2_000_000_000, key, available_at=timezone.now(), expires_at=None)
    found = staff.data(LIABILITY)["loyaltyLiability"]
    assert found["points"] == 4_000_000_600
    assert found["worth"] == [{"amount": 40_000_006.0, "currency": "USD"}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"asOf": "2099-01-01T00:00:00+00:00"}, "`asOf`: The future is not known"),
        ({"to": "2099-01-01T00:00:00+00:00"}, "`to`: The future is not known"),
        ({"from": LONG_AGO, "to": LONG_AGO}, "`from`: The time must end after it begins"),
    ],
)
def test_what_is_wrong_is_named(shop, staff, arguments, message):
    (error,) = staff.post(LIABILITY, **arguments)["errors"]
    assert message in error["message"]


def test_only_with_the_permission(shop, anonymous, as_ann, staff_with, app_with):
    for api in (anonymous, as_ann, staff_with("MANAGE_USERS", "MANAGE_ORDERS"), app_with("MANAGE_USERS")):
        assert "MANAGE_DISCOUNTS" in api.denied(LIABILITY)
    assert app_with("MANAGE_DISCOUNTS").data(LIABILITY)["loyaltyLiability"]["points"] == 600
