"""Many at once: real threads on a real PostgreSQL, and the ledger adds up after every round."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal as D
from functools import partial
from threading import Event

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from saleor.account.models import User
from saleor.checkout.models import Checkout
from saleor.discount.models import VoucherCode
from saleor.giftcard.models import GiftCard

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.exceptions import RedemptionError
from saleor_crm_plugin.ingestion.merging import merge_customers, separate_customers
from saleor_crm_plugin.ingestion.redemption import release_timed_out_holds, remove_points
from saleor_crm_plugin.ingestion.refit import refit_hold
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.corrections import void
from saleor_crm_plugin.loyalty.models import (
    HoldStatus,
    LoyaltyAccount,
    PointsHold,
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.privacy import close_accounts
from saleor_crm_plugin.loyalty.redemption import Limit
from saleor_crm_plugin.profiles.identity import UserPerson
from tests.concurrently import at_once, behind, no_errors
from tests.devshop.factories import make_channel, make_order, make_product
from tests.devshop.flows import manager
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_redemption import account, apply, checkout_of, complete, customer_with_points
from tests.integration.profiles.merging.shop import STAFF as SOMEBODY
from tests.integration.profiles.merging.shop import profile_of
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)

# About a hundred rounds.
CHECKOUT_ROUNDS = 3
SAME_CHECKOUT_ROUNDS = 12
TIME_OUT_ROUNDS = 35
SYNC_ROUNDS = 20
VOID_ROUNDS = 30

CHECKOUTS = 32
SAME_CHECKOUT_THREADS = 8
SYNC_THREADS = 8
# Connections of the tests themselves and of those who look on.
SPARE_CONNECTIONS = 8
# A release is quicker than a sync: give the order a start of up to six of these, so that either comes first.
STAGGER_SECONDS = 0.01
# Twice what PostgreSQL waits before it looks for a deadlock.
LONGEST_WAIT_SECONDS = 2

EARN_FROM = "2020-01-01T00:00:00Z"
STAFF = Actor(ActorType.STAFF, 1)


@pytest.fixture
def channel():
    with connection.cursor() as cursor:
        cursor.execute("SHOW max_connections")
        assert int(cursor.fetchone()[0]) >= CHECKOUTS + SPARE_CONNECTIONS
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01")
    return channel


def release_after(seconds: float, now: datetime) -> int:
    time.sleep(seconds)
    return release_timed_out_holds(now)


def held_points() -> list[int]:
    return list(PointsHold.objects.filter(status=HoldStatus.HELD).values_list("points", flat=True))


def test_many_checkouts_of_one_customer_never_hold_more_than_there_is(channel):
    balance, wanted = 1000, 100
    user = customer_with_points(balance)
    checkouts = [checkout_of(user, channel) for _ in range(CHECKOUTS)]
    for _ in range(CHECKOUT_ROUNDS):
        outcomes = at_once([lambda each=each: apply(each, wanted).points for each in checkouts])
        winners = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
        losers = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        no_errors([error for error in losers if not isinstance(error, RedemptionError)])
        assert {getattr(error, "code", error) for error in losers} == {"INSUFFICIENT_POINTS"}
        assert winners == [wanted] * (balance // wanted)
        assert held_points() == winners
        assert account().held == balance
        assert_ledger_adds_up()
        release_timed_out_holds(timezone.now() + timedelta(days=1))
        assert account().held == 0


def test_one_checkout_asked_for_many_times_has_one_hold(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    for _ in range(SAME_CHECKOUT_ROUNDS):
        calls = [lambda points=100 + n: apply(checkout, points).points for n in range(SAME_CHECKOUT_THREADS)]
        no_errors(at_once(calls))
        assert held_points() == [account().held]
        assert account().held >= 100
        checkout.refresh_from_db()
        assert checkout.voucher_code == PointsHold.objects.get(status=HoldStatus.HELD).code
        assert_ledger_adds_up()


def test_a_time_out_and_the_order_spend_the_points_once(channel):
    user = customer_with_points(100 * TIME_OUT_ROUNDS)
    product = make_product(price=40, channel=channel)
    for done in range(TIME_OUT_ROUNDS):
        checkout = checkout_of(user, channel)
        code = VoucherCode.objects.get(code=apply(checkout, 100).checkout.voucher_code)
        # As Saleor's completion does, in half of the rounds; in the others the code could still be killed.
        used = done % 2
        VoucherCode.objects.filter(pk=code.pk).update(used=used)
        order = make_order(user, channel=channel, lines=[(product, 1)], voucher_code=code, discount=1, paid=False)
        later = timezone.now() + timedelta(hours=2)
        outcomes = at_once(
            [partial(release_after, done % 7 * STAGGER_SECONDS, later), partial(sync_orders, [order.pk])]
        )
        no_errors(outcomes)
        released, synced = outcomes
        assert synced.synced == {order.pk}
        if used:
            assert released == 0
        hold = PointsHold.objects.get(code=code.code)
        assert (hold.status, hold.order_id) == (HoldStatus.COMMITTED, order.pk)
        spent = PointsTransaction.objects.filter(order_id=order.pk, type=TransactionType.REDEEM)
        assert list(spent.values_list("points", flat=True)) == [-100]
        assert (account().held, account().spendable) == (0, 100 * (TIME_OUT_ROUNDS - done - 1))
        assert_ledger_adds_up()


def test_a_time_out_and_a_completion_with_a_gift_card_spend_the_points_once(channel):
    """Real completions: either the card lives and the order spends it, or it dies and there is no order."""
    loyalty_settings(channel, point_value="0.01", redemption_form="gift card")
    user = customer_with_points(100 * TIME_OUT_ROUNDS)
    # How long a completion takes, so that the time-out comes before it, within it and after it.
    alone = checkout_of(user, channel)
    started = time.monotonic()
    complete(alone)
    step = (time.monotonic() - started) / 2
    balance, seen = 100 * TIME_OUT_ROUNDS, set()
    for done in range(TIME_OUT_ROUNDS):
        checkout = checkout_of(user, channel)
        apply(checkout, 100)
        hold = PointsHold.objects.get(status=HoldStatus.HELD)
        later = timezone.now() + timedelta(hours=2)
        calls = [
            partial(release_after, done % 7 * step, later),
            partial(complete, checkout),
            partial(refit_hold, checkout.pk, load_settings()),
        ]
        released, order, refitted = at_once(calls)
        no_errors([released, refitted])
        hold.refresh_from_db()
        if isinstance(order, Exception):
            assert isinstance(order, ValidationError), order
            assert (hold.status, released) == (HoldStatus.RELEASED, 1)
            seen.add("timed out")
        else:
            sync_orders([order.pk])
            hold.refresh_from_db()
            spent = PointsTransaction.objects.filter(order_id=order.pk, type=TransactionType.REDEEM)
            # A total that the card has lowered is paid for, and no other.
            paid = 100 if order.total_gross_amount == 39 else 0
            assert order.total_gross_amount in (39, 40)
            assert -sum(spent.values_list("points", flat=True)) == paid
            balance -= paid
            seen.add("ordered")
        assert (account().held, account().active) == (0, balance)
        assert not GiftCard.objects.filter(is_active=True).exists()
        assert_ledger_adds_up()
    assert seen == {"ordered", "timed out"}


def completing(code: str, checkout: Checkout, ours: Callable[[], object]) -> object:
    """Make a call while Saleor 3.21 completes the checkout: it locks the code, and then waits for the checkout."""
    has_locked, may_go_on = Event(), Event()

    def completion() -> None:
        with transaction.atomic():
            VoucherCode.objects.select_for_update().get(code=code)
            has_locked.set()
            may_go_on.wait(LONGEST_WAIT_SECONDS)
            Checkout.objects.filter(pk=checkout.pk).update(is_voucher_usage_increased=True)

    def ours_meanwhile() -> object:
        has_locked.wait(LONGEST_WAIT_SECONDS)
        try:
            return ours()
        finally:
            may_go_on.set()

    completed, outcome = at_once([completion, ours_meanwhile])
    no_errors([completed])
    return outcome


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (lambda checkout: refit_hold(checkout.pk, load_settings()), False),
        (lambda checkout: release_timed_out_holds(timezone.now() + timedelta(days=1)), 0),
        (lambda checkout: remove_points(checkout.pk, checkout.user_id, manager=manager()), "NOT_APPLICABLE"),
        (lambda checkout: apply(checkout, 100), "NOT_APPLICABLE"),
    ],
)
def test_nobody_waits_for_the_code_of_a_checkout_that_is_being_completed(channel, ours, expected):
    checkout = checkout_of(customer_with_points(1000), channel)
    code = apply(checkout, 700).checkout.voucher_code
    outcome = completing(code, checkout, lambda: ours(checkout))
    assert getattr(outcome, "code", outcome) == expected
    assert (PointsHold.objects.get().status, account().held) == (HoldStatus.HELD, 700)


def join(source, target):
    profiles = [profile_of(UserPerson(user.pk)) for user in (source, target)]
    return merge_customers(*profiles, SOMEBODY, timezone.now())


def separating(**points: int) -> tuple[User, User, Callable[[], object]]:
    """Two customers with points, the second merged into the first, and what takes that back."""
    target, source = (customer_with_points(number, f"{name}@example.com") for name, number in points.items())
    merge = join(source, target)
    return target, source, lambda: separate_customers(merge.pk, SOMEBODY, timezone.now())


def active_points() -> dict[User, int]:
    return {each.profile.user: each.active for each in LoyaltyAccount.objects.all()}


def test_points_that_are_asked_for_while_two_are_separated_are_those_of_who_asked(channel):
    ann, ben, separate = separating(ann=1000, ben=50)
    applied = behind(separate, partial(apply, checkout_of(ben, channel), 700))
    assert (applied.points, applied.amount, applied.limit) == (50, D("0.50"), Limit.BALANCE)
    assert active_points() == {ann: 1000, ben: 50}
    assert {each.account.profile.user: each.points for each in PointsHold.objects.all()} == {ben: 50}
    assert_ledger_adds_up()


def test_points_that_are_asked_for_while_two_are_merged_are_those_of_both(channel):
    ann, ben = customer_with_points(200, "ann@example.com"), customer_with_points(200, "ben@example.com")
    assert behind(partial(join, ben, ann), partial(apply, checkout_of(ben, channel), 700)).points == 400
    assert PointsHold.objects.get().account.profile.user == ann
    assert_ledger_adds_up()


def test_no_points_of_an_account_that_an_erasure_has_just_closed_are_put_on_a_checkout(channel):
    ann = customer_with_points(1000)
    checkout = checkout_of(ann, channel)
    close = partial(close_accounts, [account().profile_id], timezone.now(), "default")
    with pytest.raises(RedemptionError) as caught:
        behind(close, partial(apply, checkout, 700))
    assert caught.value.code == "INSUFFICIENT_POINTS"
    assert not PointsHold.objects.exists()
    assert not VoucherCode.objects.exists()
    assert (account().held, account().active) == (0, 1000)


def test_an_order_synced_by_many_earns_once(channel):
    loyalty_settings(channel, points_per_unit="1", earn_from=EARN_FROM)
    customer = customer_with_points(1)
    product = make_product(price=40, channel=channel)
    for _ in range(SYNC_ROUNDS):
        order = make_order(customer, channel=channel, lines=[(product, 1)])
        outcomes = at_once([partial(sync_orders, [order.pk])] * SYNC_THREADS)
        no_errors(outcomes)
        assert all(outcome.synced == {order.pk} for outcome in outcomes)
        earned = PointsTransaction.objects.filter(order_id=order.pk)
        assert list(earned.values_list("type", "points")) == [(TransactionType.EARN, 40)]
        assert_ledger_adds_up()


def test_two_staff_void_an_entry_once(channel):
    customer_with_points(100)
    account_id = LoyaltyAccount.objects.get().pk
    for done in range(VOID_ROUNDS):
        entry = adjust(account_id, 50, "Sorry", STAFF, f"give-{done}")
        outcomes = at_once([partial(void, entry.pk, "Wrong", STAFF)] * 2)
        no_errors(outcomes)
        voids = PointsTransaction.objects.filter(reverses=entry.pk)
        assert list(voids.values_list("type", "points")) == [(TransactionType.VOID, -50)]
        assert outcomes == [voids.get()] * 2
        assert account().active == 100
        assert_ledger_adds_up()
