"""Many at once: stock, points and limits are never exceeded, and a code is either used or given back."""

from __future__ import annotations

from functools import partial

import pytest
from django.db.models import F
from saleor.checkout.models import Checkout
from saleor.discount.models import VoucherCode
from saleor.giftcard.models import GiftCard

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.rewards.definition import RewardKind
from saleor_crm_plugin.loyalty.rewards.models import RewardRedemption
from tests.concurrently import at_once, behind, no_errors
from tests.devshop.factories import make_channel
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_redemption import account, checkout_of, complete, customer_with_points
from tests.integration.loyalty.test_redemption_races import active_points, completing, join, separating
from tests.integration.loyalty.test_rewards import give_back, put_on, reward, take
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 16
STOCK_ROUNDS = 3
USE_ROUNDS = 15
PRICE = 40


@pytest.fixture
def channel():
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01")
    return channel


def refusals(outcomes) -> list[str]:
    no_errors([outcome for outcome in outcomes if not isinstance(outcome, LoyaltyInputError)])
    return [outcome.code for outcome in outcomes if isinstance(outcome, LoyaltyInputError)]


def test_sixteen_customers_take_the_last_three(channel):
    users = [customer_with_points(1000, f"c{number}@example.com") for number in range(THREADS)]
    for _ in range(STOCK_ROUNDS):
        treat = reward(stock=3)
        outcomes = at_once([partial(take, treat, user) for user in users])
        assert refusals(outcomes) == ["OUT_OF_STOCK"] * (THREADS - 3)
        treat.refresh_from_db()
        assert (treat.redeemed_count, treat.redemptions.count()) == (3, 3)
        assert_ledger_adds_up()
    assert sum(LoyaltyAccount.objects.values_list("active", flat=True)) == THREADS * 1000 - STOCK_ROUNDS * 3 * 300


def test_one_customer_in_sixteen_places_spends_no_more_than_there_is_and_takes_no_more_than_the_limit(channel):
    user = customer_with_points(1000)
    limited, free = reward(limit_per_customer=2), reward()
    outcomes = at_once([partial(take, limited, user) for _ in range(THREADS)])
    assert refusals(outcomes) == ["LIMIT_REACHED"] * (THREADS - 2)
    outcomes = at_once([partial(take, free, user) for _ in range(THREADS)])
    assert refusals(outcomes) == ["INSUFFICIENT_POINTS"] * (THREADS - 1)
    assert account().active == 100
    assert_ledger_adds_up()


def test_a_key_that_is_sent_sixteen_times_takes_one(channel):
    user = customer_with_points(1000)
    first, second = reward(), reward()
    outcomes = at_once([partial(take, first, user, key="same") for _ in range(THREADS)])
    no_errors(outcomes)
    assert len({redemption.pk for redemption in outcomes}) == 1
    # The same key for two rewards: one of them gets it.
    outcomes = at_once([partial(take, each, user, key="other") for each in (first, second)])
    assert refusals(outcomes) == ["INVALID"]
    assert account().active == 400
    assert_ledger_adds_up()


def test_given_back_sixteen_times_at_once_the_points_come_back_once(channel):
    user = customer_with_points(1000)
    taken = take(reward(stock=1), user)
    no_errors(at_once([partial(give_back, taken) for _ in range(THREADS)]))
    assert account().active == 1000
    assert taken.reward.redemptions.count() == 1
    taken.reward.refresh_from_db()
    assert taken.reward.redeemed_count == 0
    assert_ledger_adds_up()


@pytest.mark.parametrize("kind", [RewardKind.VOUCHER_FIXED, RewardKind.GIFT_CARD])
def test_a_code_is_used_by_the_order_or_given_back_and_paid_for_if_used(channel, kind):
    user = customer_with_points(300 * USE_ROUNDS)
    treat = reward(kind)
    spent = 0
    for _ in range(USE_ROUNDS):
        taken = take(treat, user)
        checkout = checkout_of(user, channel, price=PRICE)
        put_on(checkout, taken.code)
        order, _back = at_once([partial(complete, checkout), partial(give_back, taken)])
        orders = [] if isinstance(order, Exception) else [order.pk]
        assert not sync_orders(orders).failed
        taken.refresh_from_db()
        discounted = bool(orders) and order.total_gross_amount < PRICE
        assert taken.status == ("used" if discounted else "returned")
        spent += 300 * discounted
        assert account().active == 300 * USE_ROUNDS - spent
        assert_ledger_adds_up()
        Checkout.objects.all().delete()


def test_a_reward_that_is_asked_for_while_two_are_separated_is_paid_by_who_asked(channel):
    ann, ben, separate = separating(ann=1000, ben=400)
    taken = behind(separate, partial(take, reward(), ben))
    assert (taken.account.profile.user, taken.cost) == (ben, 300)
    assert active_points() == {ann: 1000, ben: 100}
    assert_ledger_adds_up()


def test_a_reward_that_is_asked_for_while_two_are_merged_is_paid_by_both(channel):
    ann, ben = customer_with_points(200, "ann@example.com"), customer_with_points(200, "ben@example.com")
    taken = behind(partial(join, ben, ann), partial(take, reward(), ben))
    assert taken.account.profile.user == ann
    assert active_points() == {ann: 100, ben: 0}
    assert_ledger_adds_up()


def test_nobody_waits_for_the_code_of_a_checkout_that_is_being_completed(channel):
    user = customer_with_points(1000)
    taken = take(reward(), user)
    checkout = checkout_of(user, channel, price=PRICE)
    put_on(checkout, taken.code)
    outcome = completing(taken.code, checkout, partial(give_back, taken))
    assert refusals([outcome]) == ["ALREADY_USED"]
    taken.refresh_from_db()
    assert (taken.status, account().active) == ("issued", 700)


def test_an_order_that_is_synced_while_its_reward_is_given_back_never_deadlocks(channel):
    user = customer_with_points(300 * USE_ROUNDS)
    treat = reward()
    for _ in range(USE_ROUNDS):
        taken = take(treat, user)
        checkout = checkout_of(user, channel, price=PRICE)
        put_on(checkout, taken.code)
        order = complete(checkout)
        # As if the completion had counted its use a moment late.
        VoucherCode.objects.filter(code=taken.code).update(used=F("used") - 1)
        outcomes = at_once([partial(sync_orders, [order.pk]), partial(give_back, taken)])
        refusals(outcomes)
        assert not sync_orders([order.pk]).failed
        taken.refresh_from_db()
        assert taken.status == "used"
        assert_ledger_adds_up()
    assert account().balance == 0
    assert RewardRedemption.objects.filter(status="used").count() == USE_ROUNDS
    assert sum(PointsTransaction.objects.filter(type__startswith="redeem").values_list("points", flat=True)) == (
        -300 * USE_ROUNDS
    )
    assert not GiftCard.objects.exists()
