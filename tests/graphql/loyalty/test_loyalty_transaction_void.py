"""`loyaltyTransactionVoid` and `loyaltyTransactionReinstate`: staff correct, with a trail."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from saleor_crm_plugin.actors import ActorType
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.schedule import expire_due_lots
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

VOID = """
mutation ($id: ID!, $reason: String!, $owe: Boolean) {
  loyaltyTransactionVoid(transactionId: $id, reason: $reason, allowDeficit: $owe) {
    transaction { type points reason balanceAfter }
    account { balance deficit }
    errors { field code }
  }
}
"""
REINSTATE = """
mutation ($id: ID!, $until: DateTime) {
  loyaltyTransactionReinstate(transactionId: $id, reason: "Long illness", expiresAt: $until) {
    transaction { type points }
    account { balance expiringSoon { points } }
    errors { field code }
  }
}
"""


@pytest.fixture
def staff(staff_with):
    return staff_with("MANAGE_DISCOUNTS")


@pytest.fixture
def account(shop) -> LoyaltyAccount:
    return LoyaltyAccount.objects.get(profile__user=shop.ann)


@pytest.fixture
def given(account) -> PointsTransaction:
    with Ledger([account.pk]) as ledger:
        entry = ledger.adjust(account.pk, 70, Source(key="given", reason="Sorry"))
    assert entry is not None
    return entry


def entry_id(entry: PointsTransaction) -> str:
    return global_id("PointsTransaction", entry.pk)


def void(api, entry, **changes):
    return api.data(VOID, **{"id": entry_id(entry), "reason": "Wrong customer", "owe": False, **changes})[
        "loyaltyTransactionVoid"
    ]


def test_an_entry_is_taken_back_once(shop, staff, given):
    expected = {
        "transaction": {"type": "VOID", "points": -70, "reason": "Wrong customer", "balanceAfter": 500},
        "account": {"balance": 500, "deficit": 0},
        "errors": [],
    }
    assert void(staff, given) == expected
    assert void(staff, given, reason="Again") == expected
    assert PointsTransaction.objects.get(type=TransactionType.VOID).actor_type == ActorType.STAFF


def test_what_cannot_be_voided_is_said(shop, staff, account, given):
    award = PointsTransaction.objects.filter(account=account, type=TransactionType.EARN).first()
    refused = [
        (void(staff, award), "transactionId", "NOT_APPLICABLE"),
        (void(staff, given, id=global_id("PointsTransaction", 10**9)), "transactionId", "NOT_FOUND"),
        (void(staff, given, id=global_id("User", 1)), "transactionId", "GRAPHQL_ERROR"),
        (void(staff, given, reason=" "), "reason", "INVALID"),
    ]
    for answer, field, code in refused:
        assert (answer["transaction"], answer["errors"]) == (None, [{"field": field, "code": code}])


def test_spent_points_are_owed_only_if_staff_say_so(shop, staff, account, given):
    with Ledger([account.pk]) as ledger:
        ledger.redeem(account.pk, 540, Source(key="spent"))
    assert void(staff, given)["errors"] == [{"field": "points", "code": "INSUFFICIENT_POINTS"}]
    assert void(staff, given, owe=True)["account"] == {"balance": 0, "deficit": 40}


def test_expired_points_are_given_back(shop, staff, account):
    with Ledger([account.pk]) as ledger:
        ledger.adjust(account.pk, 30, Source(key="old"), expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    expire_due_lots(timezone.now())
    expired = PointsTransaction.objects.get(type=TransactionType.EXPIRE)
    answer = staff.data(REINSTATE, id=entry_id(expired), until="2099-01-01T00:00:00+00:00")
    assert answer["loyaltyTransactionReinstate"] == {
        "transaction": {"type": "REINSTATE", "points": 30},
        "account": {"balance": 530, "expiringSoon": {"points": 30}},
        "errors": [],
    }


def test_only_with_the_permission(shop, as_ann, staff_with, given):
    for api in (as_ann, staff_with("MANAGE_USERS")):
        assert api.denied(VOID, id=entry_id(given), reason="Why")
        assert api.denied(REINSTATE, id=entry_id(given))
    assert PointsTransaction.objects.filter(type=TransactionType.VOID).count() == 0
