"""A checkout whose completion has failed: Saleor has counted its voucher as used, and no order has it.

So it is, too, between the two transactions of a completion without a `Payment`, which is no failure.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from decimal import Decimal as D

import pytest
from django.db import transaction
from django.utils import timezone
from saleor.checkout import complete_checkout
from saleor.checkout.models import Checkout
from saleor.discount.models import VoucherCode
from saleor.order.models import Order

from saleor_crm_plugin.exceptions import LoyaltyInputError, RedemptionError
from saleor_crm_plugin.ingestion import redemption
from saleor_crm_plugin.ingestion.redemption import release_timed_out_holds, remove_points
from saleor_crm_plugin.ingestion.refit import refit_hold
from saleor_crm_plugin.ingestion.rewards import expire_rewards
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsHold, PointsTransaction
from saleor_crm_plugin.loyalty.rewards.definition import RewardKind
from tests.devshop.factories import make_channel
from tests.devshop.flows import manager
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_redemption import (
    account,
    apply,
    checkout_of,
    complete,
    customer_with_points,
    lines_changed,
    refused,
)
from tests.integration.loyalty.test_rewards import give_back, order_with, put_on, reward, status, take
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def audited():
    yield
    assert_ledger_adds_up()


@pytest.fixture
def channel():
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01", maximum_share_percent="50")
    return channel


def later() -> datetime:
    return timezone.now() + timedelta(minutes=61)


def fail(checkout: Checkout, *, completing: bool = False) -> None:
    """As Saleor leaves a checkout whose payment was declined, or, with `completing`, is being made just now."""
    checkout.refresh_from_db()
    VoucherCode.objects.filter(code=checkout.voucher_code).update(used=1)
    started = timezone.now() if completing else None
    Checkout.objects.filter(pk=checkout.pk).update(is_voucher_usage_increased=True, completing_started_at=started)


class TestPoints:
    @pytest.fixture
    def checkout(self, channel) -> Checkout:
        checkout = checkout_of(customer_with_points(1000), channel)
        apply(checkout, 700)
        fail(checkout)
        return checkout

    def test_are_free_when_time_runs_out(self, checkout):
        assert release_timed_out_holds(later()) == 1
        assert (account().spendable, account().held) == (1000, 0)
        checkout.refresh_from_db()
        assert (checkout.voucher_code, checkout.is_voucher_usage_increased) == (None, False)
        code = VoucherCode.objects.get(code=PointsHold.objects.get().code)
        assert (code.used, code.is_active) == (0, False)

    def test_are_free_when_the_checkout_is_gone(self, checkout):
        checkout.delete()
        assert release_timed_out_holds(later()) == 1
        assert account().spendable == 1000

    def test_can_be_taken_off_and_put_on_again(self, checkout):
        remove_points(checkout.pk, checkout.user_id, manager=manager())
        assert account().spendable == 1000
        assert apply(checkout, 500).points == 500
        order = complete(checkout)
        sync_order(order.pk)
        assert account().active == 500

    def test_follow_the_checkout(self, checkout):
        checkout.lines.update(quantity=0)
        checkout.lines.all().delete()
        lines_changed(checkout)
        assert refit_hold(checkout.pk, load_settings())
        assert account().spendable == 1000

    def test_pay_at_the_second_try(self, checkout):
        order = complete(checkout)
        assert order.total_gross_amount == 33
        assert release_timed_out_holds(later()) == 0
        sync_order(order.pk)
        assert (account().active, account().held) == (300, 0)

    def test_stay_while_the_order_is_being_made(self, checkout):
        fail(checkout, completing=True)
        assert release_timed_out_holds(later()) == 0
        with refused("NOT_APPLICABLE", "checkoutId"):
            remove_points(checkout.pk, checkout.user_id, manager=manager())
        assert account().held == 700


class TestHoldsThatStay:
    def test_keep_no_other_from_being_released(self, channel, monkeypatch):
        monkeypatch.setattr(redemption, "RELEASE_BATCH_SIZE", 1)
        user = customer_with_points(1000)
        checkouts = [checkout_of(user, channel) for _ in range(3)]
        for checkout in checkouts:
            apply(checkout, 200)
        complete(checkouts[0])
        assert release_timed_out_holds(later()) == 2
        assert (account().held, PointsHold.objects.filter(status="held").count()) == (200, 1)

    def test_not_even_if_one_cannot_be(self, channel, caplog):
        broken, fine = (checkout_of(customer_with_points(1000, email), channel) for email in ("a@x.org", "b@x.org"))
        apply(broken, 200)
        apply(fine, 200)
        LoyaltyAccount.objects.filter(profile__user=broken.user).update(held=0)
        assert release_timed_out_holds(later()) == 1
        assert LoyaltyAccount.objects.get(profile__user=fine.user).held == 0
        assert "cannot be released" in caplog.text
        # For the audit at the end.
        LoyaltyAccount.objects.filter(profile__user=broken.user).update(held=200)


class TestACheckoutThatPassesToSomebodyElse:
    @pytest.fixture
    def bob(self):
        return customer_with_points(100, "bob@example.com")

    @pytest.fixture
    def checkout(self, channel, bob) -> Checkout:
        """Ann has put 300 points on it, and has left it to Bob."""
        checkout = checkout_of(customer_with_points(1000), channel)
        apply(checkout, 300)
        Checkout.objects.filter(pk=checkout.pk).update(user=bob)
        checkout.refresh_from_db()
        return checkout

    def held(self) -> dict[str, tuple[int, int]]:
        rows = LoyaltyAccount.objects.values_list("profile__user__email", "active", "held")
        return {email: (active, held) for email, active, held in rows}

    def test_takes_points_of_whoever_puts_them_on(self, checkout):
        assert apply(checkout, 100).points == 100
        assert self.held() == {"ann@example.com": (1000, 0), "bob@example.com": (100, 100)}
        order = complete(checkout)
        sync_order(order.pk)
        assert self.held() == {"ann@example.com": (1000, 0), "bob@example.com": (0, 0)}

    def test_gives_the_first_ones_points_back_when_it_changes(self, checkout):
        assert refit_hold(checkout.pk, load_settings())
        assert self.held() == {"ann@example.com": (1000, 0), "bob@example.com": (100, 0)}

    def test_gives_them_back_when_time_runs_out(self, checkout):
        assert release_timed_out_holds(later()) == 1
        assert self.held() == {"ann@example.com": (1000, 0), "bob@example.com": (100, 0)}


class TestRewards:
    def test_a_voucher_can_be_given_back(self, channel):
        redemption = take(reward(), customer_with_points(1000))
        checkout = checkout_of(redemption.account.profile.user, channel)
        put_on(checkout, redemption.code)
        fail(checkout)
        give_back(redemption)
        assert (status(redemption), account().spendable) == ("returned", 1000)

    def test_a_voucher_runs_out(self, channel):
        redemption = take(reward(valid_days=1), customer_with_points(1000))
        checkout = checkout_of(redemption.account.profile.user, channel)
        put_on(checkout, redemption.code)
        fail(checkout)
        assert expire_rewards(timezone.now() + timedelta(days=2)) == 1

    def test_a_code_that_an_order_carries_is_used_also_where_saleor_has_not_counted_it(self, channel):
        redemption = take(reward(), customer_with_points(1000))
        order = order_with(redemption, channel)
        # The checkout had counted another code before.
        VoucherCode.objects.filter(code=redemption.code).update(used=0)
        sync_order(order.pk)
        assert status(redemption) == "used"
        assert VoucherCode.objects.get(code=redemption.code).used == 1

    def test_a_gift_card_stays_while_an_order_is_being_made(self, channel):
        redemption = take(reward(RewardKind.GIFT_CARD, amount=D(5)), customer_with_points(1000))
        checkout = checkout_of(redemption.account.profile.user, channel)
        put_on(checkout, redemption.code)
        Checkout.objects.filter(pk=checkout.pk).update(completing_started_at=timezone.now())
        with pytest.raises(LoyaltyInputError) as refusal:
            give_back(redemption)
        assert refusal.value.code == "ALREADY_USED"
        assert status(redemption) == "issued"


def test_an_order_with_a_voucher_and_a_gift_card_of_points_spends_both(channel):
    user = customer_with_points(1000)
    first = checkout_of(user, channel)
    apply(first, 300)
    code = PointsHold.objects.get().code
    loyalty_settings(channel, point_value="0.01", redemption_form="gift card")
    second = checkout_of(user, channel)
    apply(second, 400)
    put_on(second, code)
    order = complete(second)
    assert sync_order(order.pk).failed == set()
    assert (account().active, account().held) == (300, 0)
    assert PointsTransaction.objects.filter(order_id=order.pk, type="redeem").count() == 2


class TestBetweenTheTwoTransactions:
    @pytest.fixture
    def between(self, monkeypatch) -> Callable[[Callable[[], object]], None]:
        """Let something happen after the first transaction of the next completion, before the second."""

        def install(action: Callable[[], object]) -> None:
            waiting = [action]

            class Transaction:
                @contextmanager
                def atomic(self, *args, **kwargs):
                    with transaction.atomic(*args, **kwargs):
                        yield
                    if waiting:
                        waiting.pop()()

                def __getattr__(self, name):
                    return getattr(transaction, name)

            monkeypatch.setattr(complete_checkout, "transaction", Transaction())

        return install

    @pytest.fixture
    def checkout(self, channel) -> Checkout:
        checkout = checkout_of(customer_with_points(1000), channel)
        apply(checkout, 700)
        return checkout

    def assert_what_was_taken_off_is_paid(self, order: Order) -> None:
        sync_order(order.pk)
        spent = -sum(PointsTransaction.objects.filter(order_id=order.pk).values_list("points", flat=True))
        assert (order.total_gross_amount, spent, account().active) in [(33, 700, 300), (40, 0, 1000)]

    def test_points_are_taken_off(self, checkout, between):
        def remove() -> None:
            with suppress(RedemptionError):
                remove_points(checkout.pk, checkout.user_id, manager=manager())

        between(remove)
        self.assert_what_was_taken_off_is_paid(complete(checkout))

    def test_their_time_runs_out(self, checkout, between):
        between(lambda: release_timed_out_holds(later()))
        self.assert_what_was_taken_off_is_paid(complete(checkout))

    def test_a_reward_is_given_back(self, channel, between):
        redemption = take(reward(), customer_with_points(1000))
        checkout = checkout_of(redemption.account.profile.user, channel)
        put_on(checkout, redemption.code)

        def back() -> None:
            with suppress(LoyaltyInputError):
                give_back(redemption)

        between(back)
        order = complete(checkout)
        sync_order(order.pk)
        redemption.refresh_from_db()
        assert (order.total_gross_amount < 40, redemption.status) in [(True, "used"), (False, "returned")]
        assert account().active == (700 if redemption.status == "used" else 1000)
