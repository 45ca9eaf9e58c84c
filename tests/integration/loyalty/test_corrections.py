"""Staff take back what staff did, and give back what time took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM, Actor, ActorType
from saleor_crm_plugin.exceptions import InsufficientPointsError, LoyaltyInputError
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.corrections import reinstate, void
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import (
    LoyaltyAccount,
    PointsLot,
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.schedule import expire_due_lots
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.integration.loyalty.audit import assert_ledger_adds_up

pytestmark = pytest.mark.django_db

STAFF = Actor(ActorType.STAFF, 7)


@pytest.fixture
def account() -> LoyaltyAccount:
    return LoyaltyAccount.objects.create(program_id=default_program_id(), profile=CustomerProfile.objects.create())


@pytest.fixture(autouse=True)
def audited():
    yield
    assert_ledger_adds_up()


def give(account, points, key="1", expires_at=None) -> PointsTransaction:
    with Ledger([account.pk]) as ledger:
        entry = ledger.adjust(account.pk, points, Source(key=f"give:{key}", reason="Sorry"), expires_at=expires_at)
    assert entry is not None
    return entry


def sums(account) -> tuple[int, int]:
    account.refresh_from_db()
    return account.active, account.deficit


def test_points_given_are_taken_from_their_own_lot(account):
    soon = timezone.now() + timedelta(days=1)
    first, second = give(account, 100, "1", soon), give(account, 50, "2")
    entry = void(second.pk, "Wrong customer", STAFF)
    assert (entry.type, entry.points, entry.reverses_id) == (TransactionType.VOID, -50, second.pk)
    assert (entry.actor_type, entry.actor_id, entry.reason) == (ActorType.STAFF, 7, "Wrong customer")
    assert dict(PointsLot.objects.values_list("transaction_id", "remaining")) == {first.pk: 100, second.pk: 0}


def test_a_second_time_changes_nothing(account):
    given = give(account, 100)
    assert void(given.pk, "Wrong", STAFF) == void(given.pk, "Wrong again", STAFF)
    assert sums(account) == (0, 0)


def test_points_taken_go_back_to_their_lots(account):
    soon = timezone.now() + timedelta(days=1)
    given = give(account, 100, "1", soon)
    taken = adjust(account.pk, -60, "Mistake", STAFF, "a")
    void(taken.pk, "It was none", STAFF)
    lot = PointsLot.objects.get()
    assert (lot.transaction_id, lot.remaining, lot.expires_at) == (given.pk, 100, soon)


def test_what_has_been_spent_is_not_owed_unless_said_so(account):
    given = give(account, 100)
    adjust(account.pk, -30, "Used in the store", STAFF, "a")
    with pytest.raises(InsufficientPointsError):
        void(given.pk, "Wrong", STAFF)
    assert sums(account) == (70, 0)
    void(given.pk, "Wrong", STAFF, allow_deficit=True)
    assert sums(account) == (0, 30)


def test_points_held_by_a_checkout_are_left_alone(account):
    given = give(account, 100)
    with Ledger([account.pk]) as ledger:
        ledger.wallets[account.pk].hold(40)
    with pytest.raises(InsufficientPointsError):
        void(given.pk, "Wrong", STAFF)
    with Ledger([account.pk]) as ledger:
        ledger.wallets[account.pk].release(40)


def test_a_gift_that_has_expired_takes_no_other_points_with_it(account):
    gift = give(account, 80, expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    give(account, 50, "2")
    expire_due_lots(timezone.now())
    assert sums(account) == (50, 0)
    void(gift.pk, "A mistake", STAFF)
    assert sums(account) == (50, 0)


def test_expired_points_come_back_once_until_a_new_date(account):
    give(account, 80, expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    expire_due_lots(timezone.now())
    expired = PointsTransaction.objects.get(type=TransactionType.EXPIRE)
    until = timezone.now() + timedelta(days=30)
    entry = reinstate(expired.pk, "Long illness", STAFF, until)
    assert reinstate(expired.pk, "Again", STAFF, until) == entry
    assert (entry.type, entry.points, entry.lot.expires_at) == (TransactionType.REINSTATE, 80, until)
    assert sums(account) == (80, 0)
    void(entry.pk, "It was none", STAFF)
    assert sums(account) == (0, 0)


def test_a_repeated_call_returns_the_entry_of_then_though_its_date_has_passed(account):
    give(account, 80, expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    expire_due_lots(timezone.now())
    expired = PointsTransaction.objects.get(type=TransactionType.EXPIRE)
    until = timezone.now() + timedelta(days=30)
    entry = reinstate(expired.pk, "Long illness", STAFF, until)
    with time_machine.travel(until + timedelta(days=1), tick=False):
        assert reinstate(expired.pk, "Long illness", STAFF, until) == entry
    assert sums(account) == (80, 0)


def test_points_come_back_until_a_date_in_the_future(account):
    give(account, 80, expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    expire_due_lots(timezone.now())
    expired = PointsTransaction.objects.get(type=TransactionType.EXPIRE)
    with pytest.raises(LoyaltyInputError) as error:
        reinstate(expired.pk, "Why", STAFF, timezone.now())
    assert (error.value.field, error.value.code) == ("expiresAt", "INVALID")
    assert sums(account) == (0, 0)


@pytest.mark.parametrize(
    ("act", "field", "code"),
    [
        (lambda entry: void(entry.pk + 1000, "Why", STAFF), "transactionId", "NOT_FOUND"),
        (lambda entry: void(entry.pk, " ", STAFF), "reason", "INVALID"),
        (lambda entry: void(entry.pk, "x" * 256, STAFF), "reason", "INVALID"),
        (lambda entry: reinstate(entry.pk, "Why", STAFF), "transactionId", "NOT_APPLICABLE"),
    ],
)
def test_what_is_refused(account, act, field, code):
    entry = give(account, 10)
    with pytest.raises(LoyaltyInputError) as error:
        act(entry)
    assert (error.value.field, error.value.code) == (field, code)
    assert sums(account) == (10, 0)


def test_entries_of_orders_follow_their_order(account):
    with Ledger([account.pk]) as ledger:
        entry = ledger.award(account.pk, 10, Source(key="o"), available_at=ledger.now, expires_at=None)
    with pytest.raises(LoyaltyInputError, match="follow their order"):
        void(entry.pk, "Why", SYSTEM)
