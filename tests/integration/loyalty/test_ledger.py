"""The ledger's promises: append-only, exact under concurrency, each key once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.exceptions import AccountClosedError, InsufficientPointsError, LedgerError, LoyaltyInputError
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import (
    LotConsumption,
    LoyaltyAccount,
    PointsLot,
    PointsTransaction,
)
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.schedule import activate_due_lots, expire_due_lots
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.integration.loyalty.audit import assert_ledger_adds_up

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 1, tzinfo=UTC)
STAFF = Actor(ActorType.STAFF, 7)


def open_account() -> int:
    profile = CustomerProfile.objects.create()
    return ensure(default_program_id(), [profile.pk], "default")[profile.pk]


@pytest.fixture
def account_id() -> int:
    return open_account()


def give(account_id: int, points: int, key: str, **lot: datetime | None) -> None:
    with Ledger([account_id], now=NOW) as ledger:
        ledger.award(
            account_id,
            points,
            Source(key=key),
            available_at=lot.get("available_at") or NOW,
            expires_at=lot.get("expires_at"),
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE crm_points_transaction SET points = 1000000",
        "UPDATE crm_points_transaction SET points = 1000000, reason = ''",
        "UPDATE crm_points_transaction SET reason = 'something else'",
        "DELETE FROM crm_points_transaction",
        "UPDATE crm_lot_consumption SET points = points + 1",
        "DELETE FROM crm_lot_consumption",
    ],
)
def test_the_database_refuses_to_change_history(account_id, statement):
    give(account_id, 100, "a")
    adjust(account_id, -40, "Returned goods", STAFF, "b")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_reason_can_be_blanked_for_erasure(account_id):
    adjust(account_id, 40, "Called Ms Smith on the phone", STAFF, "a")
    PointsTransaction.objects.update(reason="")
    assert PointsTransaction.objects.get().reason == ""


@pytest.mark.parametrize(
    "changes",
    [{"active": -1}, {"pending": -1}, {"deficit": -1}, {"held": 101}, {"held": -1}],
    ids=lambda changes: next(iter(changes)),
)
def test_the_database_refuses_impossible_balances(account_id, changes):
    give(account_id, 100, "a")
    with pytest.raises(IntegrityError), transaction.atomic():
        LoyaltyAccount.objects.update(**changes)


def test_a_repeated_adjustment_is_done_once_and_answers_the_same(account_id):
    first = adjust(account_id, 250, "Apology for late parcel", STAFF, "ticket-9")
    again = adjust(account_id, 250, "Apology for late parcel", STAFF, "ticket-9")
    assert (first.pk, first.points, first.actor_id) == (again.pk, 250, 7)
    assert LoyaltyAccount.objects.get().active == 250
    # Nor does it matter that the points have been spent since.
    adjust(account_id, -250, "Booked on the wrong account", STAFF, "ticket-10")
    assert adjust(account_id, -250, "Booked on the wrong account", STAFF, "ticket-10").balance_after == 0
    assert_ledger_adds_up()


@pytest.mark.parametrize(
    ("points", "reason", "key", "error"),
    [
        (0, "Reason", "k", LedgerError),
        (2**31, "Reason", "k", LedgerError),
        (10, "  ", "k", LoyaltyInputError),
        (10, "x" * 256, "k", LoyaltyInputError),
        (10, "Reason", "", LedgerError),
        (-1, "Reason", "k", InsufficientPointsError),
    ],
)
def test_bad_adjustments_write_nothing(account_id, points, reason, key, error):
    with pytest.raises(error):
        adjust(account_id, points, reason, STAFF, key)
    assert not PointsTransaction.objects.exists()


def test_a_closed_account_takes_no_adjustment(account_id):
    LoyaltyAccount.objects.update(closed_at=NOW)
    with pytest.raises(AccountClosedError):
        adjust(account_id, 10, "Reason", STAFF, "k")


def test_an_unknown_account_is_named():
    with pytest.raises(LedgerError, match="no loyalty account with id 987654"):
        adjust(987654, 10, "Reason", STAFF, "k")


def test_an_error_inside_writes_nothing(account_id):
    def stumble() -> None:
        with Ledger([account_id]) as ledger:
            ledger.award(account_id, 10, Source(key="k"), available_at=NOW, expires_at=None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stumble()
    assert not PointsTransaction.objects.exists()
    assert LoyaltyAccount.objects.get().active == 0


def test_time_makes_points_spendable_and_then_takes_them(account_id):
    give(account_id, 100, "a", available_at=NOW + timedelta(days=14), expires_at=NOW + timedelta(days=30))
    give(account_id, 50, "b")
    assert activate_due_lots(NOW + timedelta(days=13)) == 0
    assert activate_due_lots(NOW + timedelta(days=14)) == 1
    assert activate_due_lots(NOW + timedelta(days=14)) == 0
    assert LoyaltyAccount.objects.get().active == 150
    adjust(account_id, -30, "Correction", STAFF, "c")
    assert expire_due_lots(NOW + timedelta(days=31)) == 1
    assert expire_due_lots(NOW + timedelta(days=31)) == 0
    assert PointsTransaction.objects.latest("pk").points == -70
    assert LoyaltyAccount.objects.get().active == 50
    assert set(PointsLot.objects.values_list("status", "remaining")) == {("expired", 0), ("active", 50)}
    assert_ledger_adds_up()


def test_points_that_a_checkout_holds_expire_only_when_it_lets_go(account_id):
    give(account_id, 100, "a", expires_at=NOW + timedelta(days=1))
    with Ledger([account_id]) as ledger:
        ledger.wallets[account_id].hold(60)
    later = NOW + timedelta(days=2)
    assert expire_due_lots(later) == 1
    assert LoyaltyAccount.objects.get().active == 60
    with Ledger([account_id]) as ledger:
        ledger.wallets[account_id].release(60)
    assert expire_due_lots(later) == 1
    assert LoyaltyAccount.objects.get().active == 0
    assert_ledger_adds_up_without_holds()


def test_a_checkout_holds_the_points_that_expire_first(account_id):
    give(account_id, 50, "a", expires_at=NOW + timedelta(days=1))
    give(account_id, 50, "b", expires_at=NOW + timedelta(days=365))
    with Ledger([account_id]) as ledger:
        ledger.wallets[account_id].hold(30)
    later = NOW + timedelta(days=2)
    assert expire_due_lots(later) == 1
    assert PointsTransaction.objects.latest("pk").points == -20
    with Ledger([account_id], now=later) as ledger:
        ledger.wallets[account_id].release(30)
        ledger.redeem(account_id, 30, Source(key="order"))
    assert expire_due_lots(later) == 0
    assert dict(PointsLot.objects.values_list("transaction__idempotency_key", "remaining")) == {"a": 0, "b": 50}
    assert LoyaltyAccount.objects.values_list("active", "held").get() == (50, 0)


def assert_ledger_adds_up_without_holds() -> None:
    assert LoyaltyAccount.objects.get().held == 0
    assert_ledger_adds_up()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_never_spend_more_than_there_is():
    account_id = open_account()
    adjust(account_id, 1000, "Opening balance", STAFF, "open")
    outcomes: list[str] = []

    def spend(number: int) -> None:
        try:
            adjust(account_id, -100, "Correction", STAFF, f"spend-{number}")
            outcomes.append("spent")
        except InsufficientPointsError:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 6 + ["spent"] * 10
    assert LoyaltyAccount.objects.get().active == 0
    assert LotConsumption.objects.count() == 10
    assert_ledger_adds_up()
