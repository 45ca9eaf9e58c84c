"""Two accounts of one person become one and two again: each case with its numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal as D
from functools import partial
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from saleor_crm_plugin.actors import SYSTEM, Actor, ActorType
from saleor_crm_plugin.config import EarnedPointsPolicy, Expiry
from saleor_crm_plugin.exceptions import AccountClosedError, InsufficientPointsError, LoyaltyInputError
from saleor_crm_plugin.loyalty import corrections, entry_points
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.audit import findings
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.merging import merge, merge_many
from saleor_crm_plugin.loyalty.models import (
    AccountMerge,
    LotStatus,
    LoyaltyAccount,
    LoyaltyProgram,
    PointsLot,
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.orders import bring_in_line
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.queries import order_points
from saleor_crm_plugin.loyalty.rules.definition import Effect, Limits, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from saleor_crm_plugin.loyalty.schedule import activate_due_lots, expire_due_lots
from saleor_crm_plugin.loyalty.separating import Unmerged, unmerge
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.concurrently import behind
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_ledger_audit import tamper
from tests.integration.loyalty.test_order_points import NOW, TERMS, facts, hold, sync

pytestmark = pytest.mark.django_db

STAFF = Actor(ActorType.STAFF, 7)
UNTIL = NOW + timedelta(days=30)
SOON = NOW + timedelta(days=10)


def open_account(program_id: int | None = None) -> int:
    profile = CustomerProfile.objects.create()
    return ensure(program_id or default_program_id(), [profile.pk], "default")[profile.pk]


@pytest.fixture
def guest() -> int:
    return open_account()


@pytest.fixture
def user() -> int:
    return open_account()


@pytest.fixture(autouse=True)
def audited():
    yield
    assert_ledger_adds_up()


def profile_of(account_id: int) -> int:
    return LoyaltyAccount.objects.get(pk=account_id).profile_id


def give(
    account_id: int,
    points: int,
    expires_at: datetime | None = None,
    pending: bool = False,
    kind: TransactionType = TransactionType.IMPORT,
) -> PointsTransaction:
    with Ledger([account_id], now=NOW) as ledger:
        entry = ledger.credit(
            account_id,
            points,
            kind,
            Source(key=f"give:{uuid4()}"),
            available_at=NOW + timedelta(days=14) if pending else NOW,
            expires_at=expires_at,
        )
    assert entry is not None
    return entry


def owe(account_id: int, points: int) -> None:
    with Ledger([account_id], now=NOW) as ledger:
        ledger.redeem(account_id, points, Source(key=f"owe:{uuid4()}", order_id=uuid4()))


def sums(account_id: int) -> tuple[int, int, int]:
    """Active, pending, deficit."""
    account = LoyaltyAccount.objects.get(pk=account_id)
    return account.active, account.pending, account.deficit


def lots(account_id: int) -> list[tuple[int, str, datetime | None]]:
    rows = PointsLot.objects.filter(account_id=account_id, remaining__gt=0).order_by("pk")
    return list(rows.values_list("remaining", "status", "expires_at"))


def entries(account_id: int) -> list[tuple[str, int, str]]:
    rows = PointsTransaction.objects.filter(account_id=account_id).order_by("pk")
    return list(rows.values_list("type", "points", "reason"))


def join(source_id: int, target_id: int) -> AccountMerge:
    return merge(source_id, target_id, STAFF, NOW, undo_until=UNTIL)


def test_every_lot_moves_with_its_dates(guest, user):
    give(guest, 100, SOON)
    give(guest, 40, pending=True)
    give(user, 7)
    done = join(guest, user)
    assert (sums(guest), sums(user)) == ((0, 0, 0), (107, 40, 0))
    assert lots(user) == [
        (7, LotStatus.ACTIVE, None),
        (100, LotStatus.ACTIVE, SOON),
        (40, LotStatus.PENDING, None),
    ]
    assert entries(user)[1:] == [("merge_in", 100, "Accounts merged"), ("merge_in", 40, "Accounts merged")]
    account = LoyaltyAccount.objects.get(pk=guest)
    assert (account.merged_into_id, account.closed_at) == (user, NOW)
    assert (done.source_id, done.target_id, done.actor_type, done.actor_id) == (guest, user, ActorType.STAFF, 7)


def test_a_second_time_changes_nothing(guest, user):
    give(guest, 100)
    assert join(guest, user) == join(guest, user)
    assert len(entries(user)) == 1


def test_what_one_owes_the_other_pays_and_gets_back(guest, user):
    give(user, 100, SOON)
    give(user, 50)
    owe(guest, 30)
    done = join(guest, user)
    assert (sums(guest), sums(user)) == ((0, 0, 0), (120, 0, 0))
    assert unmerge(done.pk, STAFF, NOW) == Unmerged(points=0, debt=30)
    assert (sums(guest), sums(user)) == ((0, 0, 30), (150, 0, 0))
    assert lots(user) == [(100, LotStatus.ACTIVE, SOON), (50, LotStatus.ACTIVE, None)]


def test_points_that_paid_the_others_debt_come_back(guest, user):
    give(guest, 80, SOON)
    owe(user, 50)
    done = join(guest, user)
    assert sums(user) == (30, 0, 0)
    assert unmerge(done.pk, STAFF, NOW) == Unmerged(points=80, debt=0)
    assert (sums(guest), sums(user)) == ((80, 0, 0), (0, 0, 50))
    assert lots(guest) == [(80, LotStatus.ACTIVE, SOON)]


def test_points_spent_meanwhile_stay_spent(guest, user):
    give(guest, 100, SOON)
    give(user, 50)
    done = join(guest, user)
    owe(user, 70)
    assert unmerge(done.pk, STAFF, NOW) == Unmerged(points=30, debt=0)
    assert (sums(guest), sums(user)) == ((30, 0, 0), (50, 0, 0))


@pytest.mark.parametrize("first_out", [0, 1])
def test_two_who_paid_the_same_debt_leave_in_any_order(user, first_out):
    owe(user, 110)
    people = [open_account(), open_account()]
    for account_id, points in zip(people, (161, 107), strict=True):
        give(account_id, points)
    merges = [join(account_id, user) for account_id in people]
    assert sums(user) == (158, 0, 0)
    unmerge(merges[first_out].pk, STAFF, NOW)
    # Whoever stays pays what is owed again, and gets that back in turn.
    assert sums(user) == ((0, 0, 3) if first_out == 0 else (51, 0, 0))
    unmerge(merges[1 - first_out].pk, STAFF, NOW)
    assert [sums(account_id) for account_id in (*people, user)] == [(161, 0, 0), (107, 0, 0), (0, 0, 110)]


def test_a_debt_that_later_points_paid_stays_paid(guest, user):
    owe(guest, 30)
    done = join(guest, user)
    give(user, 20)
    assert sums(user) == (0, 0, 10)
    assert unmerge(done.pk, STAFF, NOW) == Unmerged(points=0, debt=10)
    assert (sums(guest), sums(user)) == ((0, 0, 10), (0, 0, 0))


def test_pending_points_that_became_active_meanwhile_return_as_active(guest, user):
    give(guest, 40, pending=True)
    done = join(guest, user)
    activate_due_lots(NOW + timedelta(days=15))
    unmerge(done.pk, STAFF, NOW + timedelta(days=15))
    assert sums(guest) == (40, 0, 0)


def test_pending_points_return_as_pending(guest, user):
    give(guest, 40, pending=True)
    unmerge(join(guest, user).pk, STAFF, NOW)
    assert (sums(guest), sums(user)) == ((0, 40, 0), (0, 0, 0))
    assert lots(guest) == [(40, LotStatus.PENDING, None)]


def test_merged_again_after_it_was_undone_only_the_second_merge_counts(guest, user):
    give(guest, 100)
    owe(user, 20)
    unmerge(join(guest, user).pk, STAFF, NOW)
    unmerge(join(guest, user).pk, STAFF, NOW)
    assert (sums(guest), sums(user)) == ((100, 0, 0), (0, 0, 20))


def test_a_chain_of_merges_is_undone_from_its_end(guest, user):
    last = open_account()
    give(guest, 100, SOON)
    first, second = join(guest, user), join(user, last)
    assert (sums(guest), sums(user), sums(last)) == ((0, 0, 0), (0, 0, 0), (100, 0, 0))
    with pytest.raises(LoyaltyInputError, match="Undo that first"):
        unmerge(first.pk, STAFF, NOW)
    unmerge(second.pk, STAFF, NOW)
    unmerge(first.pk, STAFF, NOW)
    assert lots(guest) == [(100, LotStatus.ACTIVE, SOON)]


class TestOrders:
    """Of a guest (`facts` of the guest's profile), whose account is merged while orders still change."""

    def test_an_award_is_not_made_a_second_time(self, guest, user):
        order = facts(profile_of(guest))
        sync(order)
        join(guest, user)
        assert sync(replace(order, profile_id=profile_of(user))) == 0
        assert sums(user) == (100, 0, 0)
        assert LoyaltyAccount.objects.get(pk=user).lifetime == 100

    def test_a_refund_takes_the_orders_own_points(self, guest, user):
        order = facts(profile_of(guest), settings=replace(TERMS, expiry=Expiry("months", 12)))
        sync(order)
        give(user, 500, SOON)
        join(guest, user)
        part = replace(order.earning, refunded_gross=order.earning.total_gross * 4 / 10)
        sync(replace(order, profile_id=profile_of(user), earning=part))
        assert sums(user) == (560, 0, 0)
        assert [points for points, *_ in lots(user)] == [500, 60]
        assert entries(user)[-1] == ("merge_out", -40, "Order refunded")
        assert entries(guest)[-1] == ("earn_reversal", -40, "Order refunded")
        assert order_points([order.order_id], "default")[order.order_id].earned == 60

    def test_what_the_order_spent_returns_with_its_expiry(self, guest, user):
        give(guest, 100, SOON)
        spent = hold(guest, 100)
        order = facts(profile_of(guest), carried={spent.code: None})
        sync(order)
        join(guest, user)
        sync(replace(order, profile_id=profile_of(user), is_purchase=False, is_closed=True))
        assert lots(user) == [(100, LotStatus.ACTIVE, SOON)]
        expire_due_lots(SOON)
        assert sums(user) == (0, 0, 0)

    def test_what_is_missing_is_owed_or_waived_by_whoever_has_the_points_now(self, guest, user):
        waived, owed = (
            facts(profile_of(guest), settings=replace(TERMS, earned_points_policy=policy))
            for policy in (EarnedPointsPolicy.REVERSE_WITHIN_BALANCE, EarnedPointsPolicy.REVERSE_INTO_DEFICIT)
        )
        sync(waived, owed)
        join(guest, user)
        owe(user, 170)
        closed = {"profile_id": profile_of(user), "is_purchase": False, "is_closed": True}
        sync(replace(waived, **closed))
        assert sums(user) == (0, 0, 0)
        assert entries(guest)[-1] == ("waiver", 70, "Already spent; not charged")
        sync(replace(owed, **closed))
        assert (sums(guest), sums(user)) == ((0, 0, 0), (0, 0, 100))

    def test_pending_points_of_the_order_are_still_its_own(self, guest, user):
        policy = EarnedPointsPolicy.REVERSE_PENDING_ONLY
        order = facts(profile_of(guest), settings=replace(TERMS, pending_days=14, earned_points_policy=policy))
        sync(order)
        give(user, 500)
        join(guest, user)
        assert order_points([order.order_id], "default")[order.order_id].pending == 100
        sync(replace(order, profile_id=profile_of(user), is_purchase=False, is_closed=True))
        assert sums(user) == (500, 0, 0)

    def test_after_it_was_undone_the_order_is_the_guests_again(self, guest, user):
        order = facts(profile_of(guest))
        sync(order)
        done = join(guest, user)
        part = replace(order.earning, refunded_gross=order.earning.total_gross * 4 / 10)
        sync(replace(order, profile_id=profile_of(user), earning=part))
        unmerge(done.pk, STAFF, NOW)
        assert (sums(guest), sums(user)) == ((60, 0, 0), (0, 0, 0))
        assert sync(replace(order, earning=part)) == 0
        sync(replace(order, is_purchase=False, is_closed=True))
        assert sums(guest) == (0, 0, 0)
        assert [LoyaltyAccount.objects.get(pk=pk).lifetime for pk in (guest, user)] == [0, 0]

    def test_an_order_that_goes_to_somebody_else_takes_its_points_along(self, guest, user):
        order, other = facts(profile_of(guest)), open_account()
        sync(order)
        join(guest, user)
        sync(replace(order, profile_id=profile_of(other)))
        assert (sums(user), sums(other)) == ((0, 0, 0), (100, 0, 0))
        assert entries(guest)[-1][2] == "Order belongs to another customer"

    def test_what_the_guest_has_used_of_a_rule_counts(self, guest, user):
        once = RuleDefinition(Trigger.ORDER, Effect.FIXED_POINTS, D(50), limits=Limits(uses_per_customer=1))
        create_rule(default_program_id(), "Welcome", RuleStatus.LIVE, once, SYSTEM)
        order = facts(profile_of(guest))
        sync(order)
        join(guest, user)
        sync(facts(profile_of(user)), facts(profile_of(user)))
        assert sums(user) == (350, 0, 0)

    def test_a_code_of_the_guest_that_turns_up_late_debits_the_user(self, guest, user):
        give(guest, 100)
        late = hold(guest, 30)
        with Ledger([guest]) as ledger:
            ledger.wallets[guest].release(30)
        late.status = "released"
        late.save()
        join(guest, user)
        sync(facts(profile_of(user), carried={late.code: late.amount}, settings=replace(TERMS, points_per_unit=None)))
        assert sums(user) == (70, 0, 0)


class TestCorrections:
    def test_a_gift_by_staff_is_taken_from_its_own_points(self, guest, user):
        entry = adjust(guest, 50, "Sorry", STAFF, "a")
        give(user, 500, SOON)
        join(guest, user)
        corrections.void(entry.pk, "Wrong", STAFF)
        assert lots(user) == [(500, LotStatus.ACTIVE, SOON)]

    def test_it_is_not_owed_if_the_user_has_spent_it(self, guest, user):
        entry = adjust(guest, 50, "Sorry", STAFF, "a")
        join(guest, user)
        owe(user, 20)
        with pytest.raises(InsufficientPointsError) as error:
            corrections.void(entry.pk, "Wrong", STAFF)
        assert error.value.available == 30

    def test_points_taken_return_with_their_expiry(self, guest, user):
        give(guest, 100, SOON)
        entry = adjust(guest, -100, "Mistake", STAFF, "a")
        join(guest, user)
        corrections.void(entry.pk, "It was none", STAFF)
        assert lots(user) == [(100, LotStatus.ACTIVE, SOON)]

    def test_expired_points_are_given_back_to_the_user(self, guest, user):
        give(guest, 80, SOON)
        expire_due_lots(SOON)
        join(guest, user)
        corrections.reinstate(PointsTransaction.objects.get(type="expire").pk, "Long illness", STAFF)
        assert (sums(guest), sums(user)) == ((0, 0, 0), (80, 0, 0))

    def test_nobody_adjusts_a_merged_account(self, guest, user):
        join(guest, user)
        with pytest.raises(AccountClosedError):
            adjust(guest, 50, "Sorry", STAFF, "a")


def merged_while_points_expire(guest: int, user: int, when: str) -> int:
    """The guest's points of a date expire with the user, or with a third account; returns who comes last.

    That one has 100 others.
    """
    join(guest, user)
    head = user
    if when == "before the user was merged, too":
        expire_due_lots(SOON)
    if when != "with the user":
        join(user, head := open_account())
    expire_due_lots(SOON)
    give(head, 100)
    return head


@pytest.mark.parametrize("when", ["with the user", "before the user was merged, too", "with who comes last"])
class TestWhatExpiredAfterTheMergeIsNotTakenTwice:
    def test_of_a_referral(self, guest, user, when):
        entry = give(guest, 100, SOON, kind=TransactionType.REFERRAL)
        head = merged_while_points_expire(guest, user, when)
        with Ledger([guest], entries=[entry.pk], now=SOON) as ledger:
            undone = Source(key="undone", reverses=entry.pk)
            ledger.take_back(guest, 100, TransactionType.EARN_REVERSAL, undone, waive=True)
        assert sums(head) == (100, 0, 0)
        assert entries(guest)[-1] == ("waiver", 100, "Already expired; not charged")

    def test_of_a_gift_by_staff(self, guest, user, when):
        with Ledger([guest], now=NOW) as ledger:
            entry = ledger.adjust(guest, 100, Source(key="gift", reason="Sorry"), expires_at=SOON)
        head = merged_while_points_expire(guest, user, when)
        owe(head, 70)
        corrections.void(entry.pk, "Wrong", STAFF)
        assert sums(head) == (30, 0, 0)

    def test_of_an_order(self, guest, user, when):
        order = facts(profile_of(guest))
        sync(order)
        PointsLot.objects.update(expires_at=SOON)
        head = merged_while_points_expire(guest, user, when)
        sync(replace(order, profile_id=profile_of(head), is_purchase=False, is_closed=True), now=SOON)
        assert sums(head) == (100, 0, 0)


def test_what_is_refused(guest, user):
    other_program = LoyaltyProgram.objects.create(slug="b", name="B")
    elsewhere, third = open_account(other_program.pk), open_account()
    give(guest, 100)
    hold(guest, 40)
    for source, target, code, field in (
        (guest, guest, "INVALID", "targetId"),
        (guest, elsewhere, "INVALID", "targetId"),
        (guest, user, "NOT_APPLICABLE", "sourceId"),
    ):
        with pytest.raises(LoyaltyInputError) as error:
            join(source, target)
        assert (error.value.code, error.value.field) == (code, field)
    join(user, third)
    for source, target, code, field in (
        (user, guest, "ACCOUNT_CLOSED", "sourceId"),
        (third, user, "INVALID", "targetId"),
    ):
        with pytest.raises(LoyaltyInputError) as error:
            join(source, target)
        assert (error.value.code, error.value.field) == (code, field)
    assert AccountMerge.objects.count() == 1
    assert sums(guest) == (100, 0, 0)


def test_what_cannot_be_undone(guest, user):
    give(guest, 100)
    done = join(guest, user)
    refused = {"There is no such merge": (done.pk + 1, NOW), "too late": (done.pk, UNTIL + timedelta(seconds=1))}
    for why, (merge_id, now) in refused.items():
        with pytest.raises(LoyaltyInputError, match=why):
            unmerge(merge_id, STAFF, now)
    hold(user, 40)
    with pytest.raises(LoyaltyInputError, match="holds points"):
        unmerge(done.pk, STAFF, NOW)
    with Ledger([user]) as ledger:
        ledger.wallets[user].release(40)
    user_account = LoyaltyAccount.objects.get(pk=user)
    user_account.holds.update(status="released")
    unmerge(done.pk, STAFF, NOW)
    with pytest.raises(LoyaltyInputError, match="separated before"):
        unmerge(done.pk, STAFF, NOW)
    for_good = merge(guest, user, STAFF, NOW)
    with pytest.raises(LoyaltyInputError, match="too late"):
        unmerge(for_good.pk, STAFF, NOW)


@pytest.mark.parametrize("statement", ["active = 5", "closed_at = NULL"])
def test_the_database_refuses_a_merged_account_that_is_open_or_has_points(guest, user, statement):
    join(guest, user)
    with (
        pytest.raises(IntegrityError, match="crm_account_merged_means_closed_and_empty"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE crm_loyalty_account SET {statement} WHERE id = %s", [guest])


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (
            "UPDATE crm_points_transaction SET points = 90, balance_after = 90 WHERE type = 'merge_in'",
            "between accounts adds up to -10 points",
        ),
        ("UPDATE crm_points_transaction SET type = 'adjust' WHERE type = 'merge_out'", "adds up to 100 points"),
        ("UPDATE crm_points_lot SET expires_at = NULL WHERE origin_id IS NOT NULL", "expires at another time"),
        ("UPDATE crm_loyalty_account SET merged_into_id = NULL", "but the record of merges says"),
    ],
)
def test_the_audit_finds_a_merge_that_was_tampered_with(guest, user, statement, what):
    give(guest, 100, SOON)
    join(guest, user)
    with transaction.atomic():
        tamper(statement)
        found = [finding.what for finding in findings("merges")]
        transaction.set_rollback(True)
    assert len(found) == 1
    assert what in found[0]


@pytest.mark.parametrize("people", [1, 20])
def test_any_number_of_merges_takes_the_same_number_of_statements(people):
    pairs = [(open_account(), open_account()) for _ in range(people)]
    for source, target in pairs:
        give(source, 100, pending=True)
        owe(source, 30)
        give(target, 50)
    with CaptureQueriesContext(connection) as statements:
        assert merge_many(pairs, SYSTEM, NOW) == people
    # Read: accounts, lots, newest entries, accounts merged before, points for tiers. Written: merges, keys of entries
    # and lots, what the ledger has posted with all that follows from it, accounts that are closed.
    assert len([query for query in statements if "SAVEPOINT" not in query["sql"]]) == 9
    assert {sums(target) for _, target in pairs} == {(20, 100, 0)}


def reach(account_id: int, tier_id: int, points: int) -> PointsTransaction:
    with Ledger([account_id], now=NOW) as ledger:
        source = Source(key=entry_points.key(account_id, tier_id), reason="Reached Silver")
        entry = ledger.credit(account_id, points, TransactionType.TIER_GIFT, source)
    assert entry is not None
    return entry


def test_a_tier_that_both_have_reached_gives_its_points_once(guest, user):
    """Silver by both, Gold by the guest alone; a merge undone is as if it had not been."""
    reach(guest, 1, 100)
    reach(guest, 2, 300)
    give(guest, 7)
    reach(user, 1, 100)
    before = (sums(guest), sums(user), lots(guest), lots(user))

    for _ in range(2):
        done = merge(guest, user, STAFF, NOW, undo_until=UNTIL)
        assert (sums(guest), sums(user)) == ((0, 0, 0), (407, 0, 0))
        void = PointsTransaction.objects.filter(type=TransactionType.VOID).latest("pk")
        assert (void.account_id, void.points, void.reason, void.actor_id) == (guest, -100, "Accounts merged", 7)
        assert unmerge(done.pk, STAFF, NOW) == Unmerged(407, 0)
        assert (sums(guest), sums(user), lots(guest), lots(user)) == before


def test_of_points_for_a_tier_only_what_is_left_is_taken_back(guest, user):
    reach(guest, 1, 100)
    owe(guest, 60)
    reach(user, 1, 100)
    done = merge(guest, user, STAFF, NOW, undo_until=UNTIL)
    assert sums(user) == (100, 0, 0)
    unmerge(done.pk, STAFF, NOW)
    assert (sums(guest), sums(user)) == ((40, 0, 0), (100, 0, 0))


def test_points_for_a_tier_that_came_by_a_merge_before_count(guest, user):
    first = open_account()
    reach(first, 1, 100)
    merge(first, user, STAFF, NOW)
    reach(guest, 1, 100)
    merge(guest, user, STAFF, NOW)
    assert sums(user) == (100, 0, 0)


def test_points_for_a_tier_that_the_source_got_by_a_merge_before_count(guest, user):
    first = open_account()
    reach(first, 1, 100)
    give(guest, 7)
    merge(first, guest, STAFF, NOW)
    reach(user, 1, 100)
    before = (sums(guest), sums(user), lots(guest), lots(user))
    for _ in range(2):
        done = join(guest, user)
        assert (sums(guest), sums(user)) == ((0, 0, 0), (107, 0, 0))
        void = PointsTransaction.objects.filter(type=TransactionType.VOID).latest("pk")
        assert (void.account_id, void.points, void.reverses.account_id) == (guest, -100, first)
        assert unmerge(done.pk, STAFF, NOW) == Unmerged(107, 0)
        assert (sums(guest), sums(user), lots(guest), lots(user)) == before


def test_of_points_for_a_tier_that_came_by_merges_in_a_row_what_is_left_is_taken_back(guest, user):
    first, second = open_account(), open_account()
    reach(first, 1, 100)
    first_merge = join(first, second)
    second_merge = join(second, guest)
    owe(guest, 60)
    give(guest, 7)
    reach(user, 1, 100)
    third_merge = join(guest, user)
    assert sums(user) == (107, 0, 0)
    for done in (third_merge, second_merge, first_merge):
        unmerge(done.pk, STAFF, NOW)
    assert (sums(first), sums(guest), sums(user)) == ((40, 0, 0), (7, 0, 0), (100, 0, 0))


def test_points_for_a_tier_count_that_were_given_to_whom_the_target_was_merged_into(guest, user):
    head = open_account()
    reach(head, 1, 100)
    merge(user, head, STAFF, NOW)
    reach(guest, 1, 100)
    merge(guest, user, STAFF, NOW)
    assert sums(head) == (100, 0, 0)


def test_an_account_that_was_never_merged_costs_no_statement_more(user):
    with CaptureQueriesContext(connection) as statements, Ledger([user]):
        pass
    assert len([query for query in statements if "SAVEPOINT" not in query["sql"]]) == 2


@pytest.mark.django_db(transaction=True)
def test_refunds_that_come_in_while_the_accounts_merge_are_taken_once(guest, user):
    orders = [facts(profile_of(guest)) for _ in range(6)]
    sync(*orders)
    refunded = [
        replace(order, earning=replace(order.earning, refunded_gross=order.earning.total_gross / 2)) for order in orders
    ]
    together = threading.Barrier(len(orders) + 1)

    def run(job: Callable[[], object]) -> None:
        try:
            together.wait(timeout=30)
            job()
        finally:
            connection.close()

    jobs: list[Callable[[], object]] = [lambda: join(guest, user)]
    jobs += [partial(bring_in_line, [order], default_program_id(), NOW, "default") for order in refunded]
    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(run, jobs))
    assert (sums(guest), sums(user)) == ((0, 0, 0), (300, 0, 0))
    assert sync(*(replace(order, profile_id=profile_of(user)) for order in refunded)) == 0


@pytest.mark.django_db(transaction=True)
def test_an_adjustment_that_is_repeated_while_the_accounts_merge_is_made_once(guest, user):
    made = adjust(guest, 5, "Sorry", STAFF, "a")
    again = behind(partial(join, guest, user), partial(adjust, user, 5, "Sorry", STAFF, "a"))
    assert again == made
    assert (sums(guest), sums(user)) == ((0, 0, 0), (5, 0, 0))
