"""The jobs of time: the same number of statements however many accounts of a batch, and lots, are due, and safe to
repeat, stop and double.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleor_crm_plugin.loyalty import schedule
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsLot, PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.schedule import activate_due_lots, expire_due_lots
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.concurrently import at_once
from tests.integration.loyalty.audit import assert_ledger_adds_up

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DUE = NOW + timedelta(days=30)


def open_account() -> int:
    profile = CustomerProfile.objects.create()
    return ensure(default_program_id(), [profile.pk], "default")[profile.pk]


def give(account_id: int, *points: int, available_at: datetime = NOW, expires_at: datetime | None = DUE) -> None:
    with Ledger([account_id], now=NOW) as ledger:
        for number, each in enumerate(points):
            key = f"give:{account_id}:{available_at}:{expires_at}:{number}"
            ledger.award(account_id, each, Source(key=key), available_at=available_at, expires_at=expires_at)


def statements(job: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        job()
    return len(captured)


@pytest.mark.django_db
def test_an_account_costs_the_same_however_many_of_its_lots_are_due():
    give(open_account(), 10)
    one = statements(lambda: expire_due_lots(DUE))
    give(open_account(), *range(1, 21))
    assert statements(lambda: expire_due_lots(DUE)) == one
    assert PointsTransaction.objects.filter(type=TransactionType.EXPIRE).count() == 21
    assert_ledger_adds_up()


@pytest.mark.django_db
def test_points_of_a_checkout_that_applies_them_anew_expire_in_between():
    give(account_id := open_account(), 10)
    give(account_id, 5, expires_at=None)
    with Ledger([account_id], now=NOW) as ledger:
        ledger.wallets[account_id].hold(5)
    expire_due_lots(DUE)
    expired = PointsTransaction.objects.filter(type=TransactionType.EXPIRE)
    assert list(expired.values_list("points", flat=True)) == [-5]
    with Ledger([account_id], lots_of=[], now=DUE) as ledger:
        wallet = ledger.wallets[account_id]
        wallet.release(5)
        assert (ledger.expire_due([account_id]), ledger.expire_due([account_id])) == (1, 0)
        assert wallet.spendable == 5
    assert list(expired.order_by("pk").values_list("points", flat=True)) == [-5, -5]
    assert expire_due_lots(DUE) == 0
    assert_ledger_adds_up()


@pytest.mark.django_db
@pytest.mark.parametrize("job", [activate_due_lots, expire_due_lots])
def test_many_accounts_cost_what_one_does(job: Callable[[datetime], int]):
    soon = NOW + timedelta(days=1)
    ends = soon if job is expire_due_lots else None

    def due(accounts: int) -> None:
        for _ in range(accounts):
            give(open_account(), 10, 20, available_at=NOW if ends else soon, expires_at=ends)

    due(1)
    one = statements(lambda: job(soon))
    due(7)
    assert statements(lambda: job(soon)) == one
    assert job(soon) == 0
    assert_ledger_adds_up()


@pytest.mark.django_db
def test_activation_costs_the_same_however_many_of_its_lots_are_due():
    soon = NOW + timedelta(days=1)
    give(open_account(), 10, available_at=soon)
    one = statements(lambda: activate_due_lots(soon))
    give(open_account(), *range(1, 21), available_at=soon)
    assert statements(lambda: activate_due_lots(soon)) == one
    assert list(LoyaltyAccount.objects.order_by("pk").values_list("active", "pending")) == [(10, 0), (210, 0)]
    assert_ledger_adds_up()


@pytest.mark.django_db
def test_what_is_held_or_given_back_expires_later_under_a_key_of_its_own():
    """100 points: 60 held and 40 expire; 25 of them are spent, come back, and expire; then the other 35."""
    account_id = open_account()
    give(account_id, 100)
    spend = Source(key="spend")
    with Ledger([account_id], now=NOW) as ledger:
        ledger.wallets[account_id].hold(60)
    assert expire_due_lots(DUE) == 1
    with Ledger([account_id], now=DUE) as ledger:
        ledger.wallets[account_id].release(25)
        redeemed = ledger.redeem(account_id, 25, spend)
    assert expire_due_lots(DUE) == 0
    with Ledger([account_id], entries=[redeemed.pk], now=DUE) as ledger:
        ledger.undo_taking(account_id, 25, TransactionType.REDEEM_REVERSAL, Source(key="return", reverses=redeemed.pk))
    assert expire_due_lots(DUE) == 1
    with Ledger([account_id], now=DUE) as ledger:
        ledger.wallets[account_id].release(35)
    assert expire_due_lots(DUE) == 1
    expired = PointsTransaction.objects.filter(type=TransactionType.EXPIRE).order_by("pk")
    lot = PointsLot.objects.get()
    assert list(expired.values_list("points", "idempotency_key")) == [
        (-40, f"expire:{lot.pk}:0"),
        (-25, f"expire:{lot.pk}:3"),
        (-35, f"expire:{lot.pk}:4"),
    ]
    assert (lot.remaining, lot.status) == (0, "expired")
    assert_ledger_adds_up()


@pytest.mark.django_db
def test_a_run_that_was_cut_short_is_finished_by_the_next(monkeypatch):
    accounts = [open_account() for _ in range(3)]
    for account_id in accounts:
        give(account_id, 10)
    monkeypatch.setattr(schedule, "ACCOUNT_BATCH_SIZE", 1)
    with monkeypatch.context() as patched:
        patched.setattr(schedule, "_expire", dies_at(accounts[1]))
        with pytest.raises(KeyboardInterrupt):
            expire_due_lots(DUE)
    assert list(LoyaltyAccount.objects.order_by("pk").values_list("active", flat=True)) == [0, 10, 10]
    assert expire_due_lots(DUE) == 2
    assert_ledger_adds_up()


def dies_at(unlucky: int) -> Callable[[Sequence[int], datetime, str], int]:
    expire = schedule._expire

    def job(account_ids: Sequence[int], now: datetime, using: str) -> int:
        if unlucky in account_ids:
            raise KeyboardInterrupt
        return expire(account_ids, now, using)

    return job


@pytest.mark.django_db
def test_batches_of_accounts_leave_nobody_out(monkeypatch):
    monkeypatch.setattr(schedule, "ACCOUNT_BATCH_SIZE", 2)
    for _ in range(5):
        give(open_account(), 10, 20)
    assert expire_due_lots(DUE) == 10


@pytest.mark.django_db
def test_an_account_that_contradicts_itself_does_not_hold_up_the_others(caplog):
    broken, sound = open_account(), open_account()
    for account_id in (broken, sound):
        give(account_id, 10)
    # Somebody has tampered: an entry says that the lot has expired, and the lot does not.
    PointsTransaction.objects.create(
        account_id=broken,
        type=TransactionType.EXPIRE,
        points=-1,
        balance_after=0,
        idempotency_key=f"expire:{PointsLot.objects.get(account_id=broken).pk}:0",
        created_at=NOW,
    )
    assert expire_due_lots(DUE) == 1
    assert LoyaltyAccount.objects.get(pk=sound).active == 0
    assert LoyaltyAccount.objects.get(pk=broken).active == 10
    assert f"loyalty account {broken} cannot be brought up to date" in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rounds", [5])
def test_two_workers_at_once_do_each_lot_once(rounds):
    soon = NOW + timedelta(days=1)
    for _ in range(rounds):
        for _ in range(4):
            account_id = open_account()
            give(account_id, 10, 20)
            give(account_id, 5, available_at=soon)
        before = PointsTransaction.objects.filter(type=TransactionType.EXPIRE).count()
        assert sum(at_once([lambda: activate_due_lots(soon)] * 2)) == 4
        assert sum(at_once([lambda: expire_due_lots(DUE)] * 2)) == 12
        assert PointsTransaction.objects.filter(type=TransactionType.EXPIRE).count() == before + 12
    assert_ledger_adds_up()
