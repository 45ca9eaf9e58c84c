"""Rewards taken, used, given back and run out: points and codes change together, and the ledger adds up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.models import Checkout
from saleor.checkout.utils import add_promo_code_to_checkout, invalidate_checkout
from saleor.discount.models import Voucher, VoucherCode
from saleor.giftcard.models import GiftCard, GiftCardEvent
from saleor.order.models import Order
from saleor.plugins.models import PluginConfiguration
from saleor.product.models import Collection

from saleor_crm_plugin.actors import SYSTEM, Actor, ActorType
from saleor_crm_plugin.exceptions import AccountClosedError, LoyaltyInputError
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.reward_restrictions import COLLECTION_SLUG, restrict, restrict_again
from saleor_crm_plugin.ingestion.rewards import expire_rewards, redeem_reward, return_reward
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.ingestion.tier_facts import net_spend
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.audit import findings
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import (
    LoyaltyAccount,
    PointsLot,
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.rewards.definition import Reward, RewardKind
from saleor_crm_plugin.loyalty.rewards.editing import create_reward, delete_reward, update_reward
from saleor_crm_plugin.loyalty.rewards.models import LoyaltyReward, RedemptionStatus, RewardRedemption
from saleor_crm_plugin.loyalty.schedule import expire_due_lots
from saleor_crm_plugin.loyalty.tiers.assignment import assign
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics, RFMGroup
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.devshop.flows import cancel_order, manager
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_redemption import account, checkout_of, complete, customer_with_points
from tests.integration.loyalty.tiers.ladder import make_tiers
from tests.shop_settings import crm_settings, loyalty_settings

pytestmark = pytest.mark.django_db

STAFF = Actor(ActorType.STAFF, 1)
TOMORROW = timezone.now() + timedelta(days=1)


@pytest.fixture
def channel():
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01")
    return channel


def reward(kind: RewardKind = RewardKind.VOUCHER_FIXED, cost: int = 300, **fields) -> LoyaltyReward:
    worth = {
        RewardKind.VOUCHER_FIXED: {"amount": D("5"), "currency": "USD"},
        RewardKind.GIFT_CARD: {"amount": D("25"), "currency": "USD"},
        RewardKind.VOUCHER_PERCENTAGE: {"percentage": D("10")},
    }.get(kind, {})
    return create_reward(
        default_program_id(),
        Reward(**{"name": "Treat", "kind": kind, "cost": cost, "is_active": True, **worth, **fields}),
    )


def customer():
    return account().profile.user


def take(of: LoyaltyReward, user=None, channel="default-channel", key=None, **kwargs) -> RewardRedemption:
    return redeem_reward(of.pk, user or customer(), channel, key, **kwargs)


def refused(of: LoyaltyReward, user=None, channel="default-channel", **kwargs) -> tuple[str, str | None]:
    before = PointsTransaction.objects.count(), VoucherCode.objects.count(), GiftCard.objects.count()
    with pytest.raises(LoyaltyInputError) as caught:
        take(of, user, channel, **kwargs)
    assert before == (PointsTransaction.objects.count(), VoucherCode.objects.count(), GiftCard.objects.count())
    return caught.value.code, caught.value.field


def give_back(redemption: RewardRedemption, **kwargs) -> RewardRedemption:
    return return_reward(redemption.pk, STAFF, **kwargs)


def status(redemption: RewardRedemption) -> str:
    redemption.refresh_from_db()
    return redemption.status


def order_with(redemption: RewardRedemption, channel, **fields):
    """An order as a completed checkout with the code would leave it."""
    code = VoucherCode.objects.get(code=redemption.code)
    VoucherCode.objects.filter(pk=code.pk).update(used=1)
    lines = [(make_product(price=40, channel=channel), 1)]
    return make_order(customer(), channel=channel, lines=lines, voucher_code=code, discount=5, **fields)


def put_on(checkout: Checkout, code: str) -> None:
    lines, _ = fetch_checkout_lines(checkout)
    info = fetch_checkout_info(checkout, lines, manager())
    add_promo_code_to_checkout(manager(), info, lines, code)
    invalidate_checkout(info, lines, manager(), recalculate_discount=False, save=True)


def entries() -> list[tuple[str, int]]:
    return list(PointsTransaction.objects.order_by("pk").values_list("type", "points"))


def test_a_voucher_costs_points_and_the_order_that_carries_its_code_uses_it(channel):
    user = customer_with_points(1000)
    treat = reward(minimum_spend=D("20"), valid_days=30)
    now = timezone.now()
    taken = take(treat, user, now=now)
    assert (account().active, taken.status, taken.cost) == (700, "issued", 300)
    entry = taken.entry
    assert (entry.type, entry.points, entry.order_id, entry.reason) == ("redeem", -300, None, "Reward: Treat")
    assert (entry.actor_type, entry.actor_id) == ("customer", user.pk)
    code = VoucherCode.objects.get(code=taken.code)
    voucher = code.voucher
    assert (voucher.type, voucher.discount_value_type, voucher.usage_limit) == ("entire_order", "fixed", 1)
    assert (voucher.name, voucher.start_date, voucher.end_date) == ("Treat", now, now + timedelta(days=30))
    listing = voucher.channel_listings.get()
    assert (listing.channel_id, listing.discount_value, listing.currency) == (channel.pk, D("5"), "USD")
    assert listing.min_spent_amount == D("20")
    treat.refresh_from_db()
    assert treat.redeemed_count == 1

    checkout = checkout_of(user, channel)
    put_on(checkout, taken.code)
    order = complete(checkout)
    assert order.total_gross_amount == D("35.00")
    assert not sync_orders([order.pk]).failed
    assert status(taken) == "used"
    assert taken.order_id == order.pk
    assert account().active == 700
    assert_ledger_adds_up()

    # Saleor does not revive the code, and a used reward does not come back by itself.
    cancel_order(order)
    assert not sync_orders([order.pk]).failed
    assert status(taken) == "used"
    assert entries()[1:] == [("redeem", -300)]


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        (RewardKind.VOUCHER_PERCENTAGE, {"percentage": D("12.5")}, ("entire_order", "percentage", D("12.5"), False)),
        (RewardKind.FREE_SHIPPING, {}, ("shipping", "percentage", D("100"), False)),
    ],
)
def test_the_voucher_is_of_the_kind_of_the_reward(channel, kind, fields, expected):
    customer_with_points(1000)
    voucher = VoucherCode.objects.get(code=take(reward(kind, **fields)).code).voucher
    value = voucher.channel_listings.get().discount_value
    assert (voucher.type, voucher.discount_value_type, value, voucher.apply_once_per_order) == expected
    assert voucher.end_date is None


def test_a_product_is_free_once_in_an_order(channel):
    customer_with_points(1000)
    variant = make_product(price=12, channel=channel).default_variant
    voucher = VoucherCode.objects.get(code=take(reward(RewardKind.PRODUCT, variant_id=variant.pk)).code).voucher
    assert (voucher.type, voucher.apply_once_per_order) == ("specific_product", True)
    assert list(voucher.variants.all()) == [variant]
    assert voucher.channel_listings.get().discount_value == 100


def test_the_code_of_a_product_that_is_deleted_is_still_for_nothing_else_and_can_be_given_back(channel):
    customer_with_points(1000)
    cup, plate = (make_product(price=12, channel=channel) for _ in range(2))
    taken, other = (take(reward(RewardKind.PRODUCT, variant_id=product.default_variant.pk)) for product in (cup, plate))
    voucher = VoucherCode.objects.get(code=taken.code).voucher
    cup.delete()
    # Saleor takes a voucher that names nothing for one for everything.
    assert not voucher.variants.exists()
    (named,) = voucher.collections.all()
    assert not named.products.exists()
    assert list(VoucherCode.objects.get(code=other.code).voucher.collections.all()) == [named]
    assert give_back(taken).status == "returned"
    assert account().active == 700


def test_a_product_voucher_gets_back_what_restricts_it(channel, django_assert_num_queries):
    """As of before there was the collection, or once staff have deleted it."""
    customer_with_points(1500)
    variant = make_product(price=12, channel=channel).default_variant
    treat = reward(RewardKind.PRODUCT, variant_id=variant.pk)
    open_to_all, restricted, returned = (VoucherCode.objects.get(code=take(treat).code) for _ in range(3))
    take(reward())
    give_back(RewardRedemption.objects.get(code=returned.code))
    Collection.objects.get().delete()
    variant.delete()
    restrict(restricted.voucher)
    expire_rewards()
    collection = Collection.objects.get()
    assert collection.slug == COLLECTION_SLUG
    assert set(collection.voucher_set.all()) == {open_to_all.voucher, restricted.voucher}
    with django_assert_num_queries(1):
        restrict_again(500)
    # In a shop with no such reward there is no such collection.
    RewardRedemption.objects.all().delete()
    Collection.objects.all().delete()
    expire_rewards()
    assert not Collection.objects.exists()


def test_a_product_that_the_channel_does_not_sell_is_refused(channel):
    customer_with_points(1000)
    elsewhere = make_channel("elsewhere")
    variant = make_product(price=12, channel=elsewhere).default_variant
    treat = reward(RewardKind.PRODUCT, variant_id=variant.pk)
    assert refused(treat) == ("NOT_APPLICABLE", "channel")
    assert account().active == 1000
    assert take(treat, channel="elsewhere").channel_id == elsewhere.pk


@pytest.mark.parametrize(
    "change",
    [
        {"is_published": False},
        {"published_at": TOMORROW},
        {"available_for_purchase_at": None},
        {"available_for_purchase_at": TOMORROW},
    ],
)
def test_a_product_that_saleor_puts_into_no_checkout_is_refused(channel, change):
    customer_with_points(1000)
    elsewhere = make_channel("elsewhere")
    product = make_product(price=12, channel=[channel, elsewhere])
    product.channel_listings.filter(channel=channel).update(**change)
    treat = reward(RewardKind.PRODUCT, variant_id=product.default_variant.pk)
    assert refused(treat, channel=channel.slug) == ("NOT_APPLICABLE", "channel")
    assert account().active == 1000
    assert take(treat, channel="elsewhere").channel_id == elsewhere.pk


def test_a_gift_card_is_the_customers_and_its_use_is_seen(channel):
    user = customer_with_points(1000)
    now = datetime(2026, 5, 10, 15, tzinfo=UTC)
    taken = take(reward(RewardKind.GIFT_CARD, valid_days=30), user, now=now)
    card = GiftCard.objects.get(code=taken.code)
    assert (card.initial_balance_amount, card.current_balance_amount, card.currency) == (D("25"), D("25"), "USD")
    assert (card.is_active, card.created_by, card.used_by) == (True, user, user)
    # From 3.23 on, nobody else can pay with it.
    assert getattr(card, "assigned_to", user) == user
    # The last day is the customer's in full, in the clock that Saleor uses.
    assert card.expiry_date.isoformat() == "2026-06-09"
    assert taken.expires_at == datetime(2026, 6, 10, tzinfo=UTC)
    assert len(card.code) == 16
    (event,) = GiftCardEvent.objects.filter(gift_card=card)
    assert (event.type, D(str(event.parameters["balance"]["initial_balance"]))) == ("issued", D("25"))

    GiftCard.objects.filter(pk=card.pk).update(expiry_date=None)
    checkout = checkout_of(user, channel, price=10)
    checkout.gift_cards.add(card)
    order = complete(checkout)
    assert not sync_orders([order.pk]).failed
    assert (status(taken), taken.order_id) == ("used", order.pk)
    with pytest.raises(LoyaltyInputError) as caught:
        give_back(taken)
    assert caught.value.code == "ALREADY_USED"
    card.refresh_from_db()
    assert (card.is_active, card.current_balance_amount) == (True, D("15"))
    assert_ledger_adds_up()


def test_a_gift_card_stays_the_customers_when_somebody_else_has_the_address_next(channel):
    """Saleor shows a card's code to whoever it was used by."""
    user = customer_with_points(1000)
    taken = take(reward(RewardKind.GIFT_CARD), user)
    address, user.email = user.email, "ann@new.example.com"
    user.save(update_fields=["email"])
    other = make_customer(address)
    # What Saleor does when an account is confirmed, or gets the address.
    GiftCard.objects.filter(used_by_email=address).update(used_by=other)
    GiftCard.objects.filter(created_by_email=address).update(created_by=other)
    card = GiftCard.objects.get(code=taken.code)
    assert (card.used_by, card.created_by) == (user, user)
    # Asking to send the card again, without an address, sends it to one of these.
    assert (card.used_by_email, card.created_by_email) == (None, None)

    checkout = checkout_of(user, channel, price=10)
    put_on(checkout, taken.code)
    assert list(checkout.gift_cards.all()) == [card]


@pytest.mark.parametrize("balance", [0, 5, D("24.99")])
def test_a_gift_card_that_staff_have_written_down_is_not_given_back_and_still_runs_out(channel, balance):
    taken = take(reward(RewardKind.GIFT_CARD, valid_days=30), customer_with_points(1000))
    # As Saleor does when staff set its balance, after a purchase at the till.
    GiftCard.objects.update(current_balance_amount=balance, initial_balance_amount=balance)
    with pytest.raises(LoyaltyInputError) as caught:
        give_back(taken)
    assert caught.value.code == "ALREADY_USED"
    card = GiftCard.objects.get()
    assert (status(taken), card.is_active, card.current_balance_amount) == ("issued", True, balance)
    assert expire_rewards(taken.expires_at) == 1
    card.refresh_from_db()
    assert (status(taken), card.is_active, account().active) == ("expired", False, 700)
    assert_ledger_adds_up()


def test_a_gift_card_that_staff_have_topped_up_can_be_given_back(channel):
    taken = take(reward(RewardKind.GIFT_CARD), customer_with_points(1000))
    GiftCard.objects.update(current_balance_amount=30, initial_balance_amount=30)
    assert (give_back(taken).status, account().active) == ("returned", 1000)


def test_given_back_the_points_of_an_order_that_was_refunded_since_are_gone(channel):
    loyalty_settings(channel, point_value="0.01", points_per_unit="1", earn_from="2020-01-01")
    user = make_customer("ann@example.com")
    order = make_order(user, channel=channel, lines=[(make_product(price=300, channel=channel), 1)])
    sync_orders([order.pk])
    taken = take(reward(), user)
    cancel_order(order)
    sync_orders([order.pk])
    assert account().balance == 0
    assert give_back(taken).status == "returned"
    assert account().balance == 0
    assert_ledger_adds_up()


def test_given_back_the_points_are_in_their_lots_with_their_expiry(channel):
    user = customer_with_points(100)
    soon, later = timezone.now() + timedelta(days=5), timezone.now() + timedelta(days=50)
    with Ledger([account().pk]) as ledger:
        for key, points, until in (("b", 150, later), ("a", 100, soon)):
            ledger.credit(account().pk, points, TransactionType.IMPORT, Source(key=key), expires_at=until)
    before = list(PointsLot.objects.order_by("pk").values_list("remaining", "expires_at", "status"))
    treat = reward(stock=1)
    taken = take(treat, user)
    assert list(PointsLot.objects.order_by("pk").values_list("remaining", flat=True)) == [50, 0, 0]
    assert refused(treat) == ("OUT_OF_STOCK", "rewardId")

    back = give_back(taken)
    assert (back.status, account().active) == ("returned", 350)
    assert list(PointsLot.objects.order_by("pk").values_list("remaining", "expires_at", "status")) == before
    entry = PointsTransaction.objects.latest("pk")
    assert (entry.type, entry.points, entry.reverses_id) == ("redeem_reversal", 300, taken.entry_id)
    assert not VoucherCode.objects.get(code=taken.code).is_active
    assert_ledger_adds_up()
    # Once only, and there is one in stock again.
    assert give_back(taken).returned_at == back.returned_at
    assert account().active == 350
    assert take(treat, user).status == "issued"


def test_points_of_a_lot_that_has_expired_meanwhile_expire_at_the_next_run(channel):
    user = customer_with_points(200)
    soon = timezone.now() + timedelta(days=5)
    with Ledger([account().pk]) as ledger:
        ledger.credit(account().pk, 100, TransactionType.IMPORT, Source(key="soon"), expires_at=soon)
    taken = take(reward(), user)
    later = soon + timedelta(days=1)
    give_back(taken, now=later)
    assert account().active == 300
    expire_due_lots(later)
    assert account().active == 200
    assert_ledger_adds_up()


def test_points_past_their_time_buy_nothing_though_no_job_has_run(channel):
    user = customer_with_points(200)
    with Ledger([account().pk]) as ledger:
        past = timezone.now() - timedelta(hours=1)
        ledger.credit(account().pk, 500, TransactionType.IMPORT, Source(key="past"), expires_at=past)
    assert account().active == 700
    assert refused(reward(), user) == ("INSUFFICIENT_POINTS", "rewardId")
    take(reward(cost=150), user)
    assert account().active == 50
    assert entries()[-2:] == [("expire", -500), ("redeem", -150)]
    assert_ledger_adds_up()


def test_a_used_code_cannot_be_given_back_before_or_after_its_order_was_seen(channel):
    user = customer_with_points(1000)
    taken = take(reward(), user)
    order = order_with(taken, channel)
    for _ in range(2):
        with pytest.raises(LoyaltyInputError) as caught:
            give_back(taken)
        assert (caught.value.code, caught.value.field) == ("ALREADY_USED", "redemptionId")
        sync_orders([order.pk])
    assert (status(taken), account().active) == ("used", 700)


def test_staff_give_back_a_voucher_whose_order_was_cancelled(channel):
    user = customer_with_points(1000)
    taken = take(reward(), user)
    order = order_with(taken, channel)
    sync_orders([order.pk])
    cancel_order(order)
    with pytest.raises(LoyaltyInputError):
        give_back(taken)
    assert give_back(taken, by_staff=True).status == "returned"
    assert account().active == 1000
    # The cancelled order still carries the code, and takes nothing for it.
    assert not sync_orders([order.pk]).failed
    assert (status(taken), account().active) == ("returned", 1000)
    assert_ledger_adds_up()


def test_staff_give_back_a_voucher_whose_order_expired_and_the_code_that_saleor_freed_is_dead(channel):
    user = customer_with_points(1000)
    taken = take(reward(), user)
    order = order_with(taken, channel, paid=False)
    sync_orders([order.pk])
    Order.objects.filter(pk=order.pk).update(status="expired", expired_at=timezone.now())
    VoucherCode.objects.filter(code=taken.code).update(used=0)
    checkout = checkout_of(user, channel)
    put_on(checkout, taken.code)
    # The order's expiry has not been seen yet.
    assert give_back(taken, by_staff=True).status == "returned"
    assert not VoucherCode.objects.get(code=taken.code).is_active
    assert complete(checkout).total_gross_amount == D("40.00")
    assert not sync_orders(Order.objects.values_list("pk", flat=True)).failed
    assert (status(taken), account().active) == ("returned", 1000)
    assert_ledger_adds_up()


def test_a_code_that_was_used_although_it_had_been_given_back_is_paid_for_again(channel):
    user = customer_with_points(1000)
    treat = reward(stock=1)
    taken = take(treat, user)
    give_back(taken)
    other = take(treat, user)
    VoucherCode.objects.filter(code=taken.code).update(is_active=True)
    order = order_with(taken, channel)
    for _ in range(2):
        assert not sync_orders([order.pk]).failed
        assert (status(taken), taken.order_id, taken.returned_at) == ("used", order.pk, None)
        assert account().active == 400
    treat.refresh_from_db()
    assert (treat.redeemed_count, treat.stock) == (2, 2)
    assert entries()[1:] == [("redeem", -300), ("redeem_reversal", 300), ("redeem", -300), ("redeem", -300)]
    assert_ledger_adds_up()
    cancel_order(order)
    assert give_back(taken, by_staff=True).status == "returned"
    assert give_back(other).status == "returned"
    assert account().active == 1000
    assert_ledger_adds_up()


def test_an_order_that_expires_unpaid_frees_the_code_as_saleor_does(channel):
    user = customer_with_points(1000)
    taken = take(reward(), user)
    order = order_with(taken, channel, paid=False)
    sync_orders([order.pk])
    assert status(taken) == "used"
    order.status = "expired"
    order.save(update_fields=["status"])
    VoucherCode.objects.filter(code=taken.code).update(used=0)
    sync_orders([order.pk])
    assert (status(taken), taken.order_id, account().active) == ("issued", None, 700)
    again = order_with(taken, channel)
    sync_orders([order.pk, again.pk])
    assert (status(taken), taken.order_id) == ("used", again.pk)
    assert_ledger_adds_up()


def test_a_code_that_is_used_again_before_its_expired_order_is_seen_is_that_of_the_second_order(channel):
    user = customer_with_points(1000)
    taken = take(reward(), user)
    order = order_with(taken, channel, paid=False)
    sync_orders([order.pk])
    Order.objects.filter(pk=order.pk).update(status="expired", expired_at=timezone.now())
    again = order_with(taken, channel)
    # Before and after the second order is seen.
    for used_by in (order.pk, again.pk):
        with pytest.raises(LoyaltyInputError) as caught:
            give_back(taken, by_staff=True)
        assert caught.value.code == "ALREADY_USED"
        assert (status(taken), taken.order_id) == ("used", used_by)
        sync_orders([again.pk])
    sync_orders([order.pk])
    assert (status(taken), taken.order_id, account().active) == ("used", again.pk, 700)
    cancel_order(again)
    assert give_back(taken, by_staff=True).status == "returned"
    assert_ledger_adds_up()


def test_a_gift_card_that_is_given_back_leaves_the_checkouts(channel):
    user = customer_with_points(1000)
    taken = take(reward(RewardKind.GIFT_CARD), user)
    card = GiftCard.objects.get(code=taken.code)
    checkout = checkout_of(user, channel)
    checkout.gift_cards.add(card)
    give_back(taken)
    card.refresh_from_db()
    assert (card.is_active, list(checkout.gift_cards.all()), account().active) == (False, [], 1000)
    # A transaction that has been promised money from it asks for its balance only.
    assert card.current_balance_amount == 0
    assert complete(checkout).total_gross_amount == D("40.00")
    assert list(card.events.values_list("type", flat=True)) == ["issued", "deactivated"]


def test_what_is_not_used_in_time_runs_out_and_its_points_stay_spent(channel):
    user = customer_with_points(1000)
    now = timezone.now()
    in_time, used, endless = (take(reward(valid_days=days), user, now=now) for days in (10, 10, None))
    order_with(used, channel)
    over = now + timedelta(days=10)
    assert expire_rewards(over - timedelta(seconds=1)) == 0
    with pytest.raises(LoyaltyInputError) as caught:
        give_back(in_time, now=over)
    assert caught.value.code == "NOT_AVAILABLE"
    assert expire_rewards(over) == 1
    assert expire_rewards(over) == 0
    assert [status(each) for each in (in_time, used, endless)] == ["expired", "issued", "issued"]
    assert account().active == 100
    with pytest.raises(LoyaltyInputError) as caught:
        give_back(in_time)
    assert caught.value.code == "NOT_AVAILABLE"
    assert_ledger_adds_up()
    # An order that was placed in time and seen late.
    order = order_with(in_time, channel)
    sync_orders([order.pk])
    assert status(in_time) == "used"


def test_dead_vouchers_are_cleared_away_a_day_later(channel):
    user = customer_with_points(1000)
    now = timezone.now()
    returned, _expired, issued = (take(reward(valid_days=days), user, now=now) for days in (90, 10, 90))
    give_back(returned, now=now)
    expire_rewards(now + timedelta(days=10))
    assert Voucher.objects.count() == 2
    expire_rewards(now + timedelta(days=12))
    assert list(VoucherCode.objects.values_list("code", flat=True)) == [issued.code]


def test_a_repeated_key_takes_nothing_more(channel):
    user = customer_with_points(1000)
    treat = reward()
    first = take(treat, user, key="k")
    delete_reward(treat.pk)
    assert take(treat, user, key="k").pk == first.pk
    assert (account().active, VoucherCode.objects.count()) == (700, 1)
    assert refused(reward(), user, key="k") == ("INVALID", "idempotencyKey")
    assert refused(reward(), user, key="x" * 65) == ("INVALID", "idempotencyKey")
    assert refused(reward(), user, key="") == ("INVALID", "idempotencyKey")


def test_an_edit_changes_nothing_that_was_taken(channel):
    user = customer_with_points(1000)
    treat = reward()
    taken = take(treat, user)
    update_reward(treat.pk, lambda before: replace(before, cost=500, name="New", amount=D("9")))
    assert take(treat, user).cost == 500
    give_back(taken)
    taken.refresh_from_db()
    assert (taken.cost, taken.name, taken.amount, account().active) == (300, "Treat", D("5"), 500)
    assert_ledger_adds_up()


def test_who_may_not_have_it(channel):
    user = customer_with_points(1000)
    now = timezone.now()
    for fields, expected in (
        ({"is_active": False}, ("NOT_AVAILABLE", "rewardId")),
        ({"starts_at": now + timedelta(hours=1)}, ("NOT_AVAILABLE", "rewardId")),
        ({"ends_at": now}, ("NOT_AVAILABLE", "rewardId")),
        ({"stock": 0}, ("OUT_OF_STOCK", "rewardId")),
        ({"segments": frozenset({"CHAMPIONS"})}, ("NOT_IN_SEGMENT", "rewardId")),
        ({"cost": 1001}, ("INSUFFICIENT_POINTS", "rewardId")),
    ):
        assert refused(reward(**fields), user, now=now) == expected, fields
    # All of the points, and not one more.
    assert take(reward(cost=1000), user).status == "issued"


def test_points_that_a_checkout_holds_are_not_there(channel):
    user = customer_with_points(1000)
    LoyaltyAccount.objects.update(held=701)
    assert refused(reward(), user) == ("INSUFFICIENT_POINTS", "rewardId")
    LoyaltyAccount.objects.update(held=700)
    assert take(reward(), user).cost == 300


def test_a_tier_from_which_it_can_be_had(channel):
    user = customer_with_points(1000)
    silver, gold = make_tiers(100, 500)
    treat = reward(tier_id=gold.pk)
    assert refused(treat, user) == ("TIER_TOO_LOW", "rewardId")
    until = timezone.now() + timedelta(days=1)
    for tier, is_enough in ((silver, False), (gold, True)):
        assign(account().pk, tier.pk, until, "For the test", SYSTEM, net_spend)
        if not is_enough:
            assert refused(treat, user) == ("TIER_TOO_LOW", "rewardId")
    assert take(treat, user).status == "issued"
    assert take(reward(tier_id=silver.pk), user).status == "issued"


def test_a_segment_counts_in_the_currency_of_the_channel(channel):
    user = customer_with_points(1000)
    euros = make_channel("euros", "EUR")
    make_order(user, channel=euros)
    crm_settings()
    sync_orders(Order.objects.values_list("pk", flat=True))
    ProfileMetrics.objects.filter(currency="EUR").update(rfm_group=RFMGroup.CHAMPIONS)
    treat = reward(RewardKind.FREE_SHIPPING, segments=frozenset({"CHAMPIONS", "LOYAL"}))
    assert refused(treat, user) == ("NOT_IN_SEGMENT", "rewardId")
    assert take(treat, user, channel="euros").channel_id == euros.pk


def test_the_limit_for_a_customer_counts_what_was_taken_in_an_account_merged_into_it(channel):
    one, two = customer_with_points(1000), make_customer("two@example.com")
    treat = reward(limit_per_customer=1)
    take(treat, one)
    source = CustomerProfile.objects.get(user=one).pk
    target = resolve_profiles([UserPerson(two.pk)])[UserPerson(two.pk)]
    merge_customers(source, target, SYSTEM, timezone.now())
    with pytest.raises(LoyaltyInputError) as error:
        take(treat, two)
    assert error.value.code == "LIMIT_REACHED"


def test_the_limit_for_a_customer_does_not_count_what_was_given_back(channel):
    user = customer_with_points(1000)
    treat = reward(limit_per_customer=1)
    taken = take(treat, user)
    assert refused(treat, user) == ("LIMIT_REACHED", "rewardId")
    give_back(taken)
    assert take(treat, user).status == "issued"


def test_channels_and_currencies(channel):
    user = customer_with_points(1000)
    make_channel("euros", "EUR")
    closed = make_channel("closed", is_active=False)
    here = reward(RewardKind.FREE_SHIPPING, channel_ids=frozenset({channel.pk}))
    assert refused(here, user, channel="euros") == ("NOT_APPLICABLE", "channel")
    assert refused(reward(), user, channel="euros") == ("NOT_APPLICABLE", "channel")
    assert refused(here, user, channel="nowhere") == ("NOT_FOUND", "channel")
    assert refused(here, user, channel=closed.slug) == ("NOT_FOUND", "channel")
    assert refused(reward(RewardKind.FREE_SHIPPING), user, channel=None) == ("REQUIRED", "channel")
    assert take(here, user, channel=None).channel_id == channel.pk
    assert take(reward(), user, channel=None).channel_id == channel.pk


def test_nothing_is_taken_for_a_channel_that_loyalty_is_switched_off_in(channel):
    user = customer_with_points(1000)
    treat = reward(RewardKind.FREE_SHIPPING)
    first = take(treat, user, key="k")
    loyalty_settings(channel, active=False, point_value="0.01")
    assert refused(treat, user) == refused(treat, user, channel=None) == ("LOYALTY_DISABLED", "channel")
    # What was taken is nothing new, and can be given back.
    assert take(treat, user, key="k") == first
    assert give_back(first).status == "returned"
    loyalty_settings(channel, point_value="0.01")
    assert take(treat, user).channel_id == channel.pk


def test_nothing_is_taken_while_the_whole_plugin_is_switched_off(channel):
    user = customer_with_points(1000)
    treat = reward(RewardKind.FREE_SHIPPING)
    crm_settings(active=False)
    assert refused(treat, user) == refused(treat, user, channel=None) == ("LOYALTY_DISABLED", "channel")
    crm_settings()
    assert take(treat, user).channel_id == channel.pk


def test_rewards_alone_need_no_worth_of_a_point(channel):
    user = customer_with_points(1000)
    loyalty_settings(channel)
    assert take(reward(), user).status == "issued"
    PluginConfiguration.objects.all().delete()
    assert take(reward(), user).status == "issued"


def test_one_that_loyalty_is_switched_off_in_does_not_come_into_question(channel):
    user = customer_with_points(1000)
    other = make_channel("other")
    treat = reward(RewardKind.FREE_SHIPPING)
    assert refused(treat, user, channel=None) == ("REQUIRED", "channel")
    loyalty_settings(other, active=False)
    assert take(treat, user, channel=None).channel_id == channel.pk
    loyalty_settings(channel, active=False)
    assert refused(treat, user, channel=None) == ("LOYALTY_DISABLED", "channel")


def test_nothing_without_an_account_on_a_closed_one_or_of_a_reward_that_is_gone(channel):
    user = customer_with_points(1000)
    assert refused(reward(), make_customer("new@example.com")) == ("INSUFFICIENT_POINTS", "rewardId")
    taken = take(reward(), user)
    gone = reward()
    delete_reward(gone.pk)
    assert refused(gone, user) == ("NOT_FOUND", "rewardId")
    LoyaltyAccount.objects.update(closed_at=timezone.now())
    assert refused(reward(), user) == ("ACCOUNT_CLOSED", None)
    with pytest.raises(AccountClosedError):
        give_back(taken)
    assert VoucherCode.objects.get(code=taken.code).is_active
    assert status(taken) == RedemptionStatus.ISSUED


def test_the_database_keeps_what_the_code_promises(channel):
    customer_with_points(1000)
    treat = reward(stock=2)
    for changes in (
        {"redeemed_count": 3},
        {"redeemed_count": -1},
        {"cost": 0},
        {"cost": 2**31},
        {"percentage": D("10")},
        {"amount": None},
        {"amount": D("0")},
        {"currency": ""},
        {"kind": "product"},
        {"kind": "voucher_percentage", "amount": None},
        {"kind": "voucher_percentage", "amount": None, "percentage": D("100.001")},
        {"starts_at": timezone.now(), "ends_at": timezone.now() - timedelta(1)},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            LoyaltyReward.objects.filter(pk=treat.pk).update(**changes)
    taken = take(treat)
    for changes in ({"status": "used"}, {"status": "returned"}, {"cost": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            RewardRedemption.objects.filter(pk=taken.pk).update(**changes)


def test_the_audit_finds_a_redemption_that_its_entries_contradict(channel):
    user = customer_with_points(1000)
    taken = take(reward(), user)
    assert list(findings("rewards")) == []
    RewardRedemption.objects.update(cost=299)
    assert "over 299 points is issued" in next(findings("rewards")).what
    RewardRedemption.objects.update(cost=300, status="returned", returned_at=timezone.now())
    assert "moved -300 and got back 0" in next(findings("rewards")).what
    RewardRedemption.objects.update(status="issued")
    give_back(taken)
    RewardRedemption.objects.update(status="expired")
    assert "is expired" in next(findings("rewards")).what
    RewardRedemption.objects.update(status="returned")
    assert list(findings("rewards")) == []
    with Ledger([account().pk]) as ledger:
        ledger.redeem(account().pk, 10, Source(key="lost"))
    assert "spent 10 points on neither" in next(findings("rewards")).what


def test_orders_are_searched_for_rewards_in_a_constant_number_of_statements(channel, django_assert_num_queries):

    customer_with_points(5000)
    orders = [order_with(take(reward()), channel) for _ in range(6)]

    def statements(some) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert not sync_orders([order.pk for order in some]).failed
        return len([each for each in captured if "UPDATE" not in each["sql"] or "crm_reward" not in each["sql"]])

    statements(orders[:1])
    assert statements(orders[1:2]) == statements(orders[2:])
