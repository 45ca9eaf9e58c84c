"""Points in a checkout in the form of a gift card: beside vouchers, with a code that nobody is told, used once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.models import Checkout
from saleor.checkout.utils import add_voucher_code_to_checkout, invalidate_checkout
from saleor.discount.models import VoucherCode
from saleor.giftcard.models import GiftCard
from saleor.order.models import Order
from saleor.product import ProductTypeKind
from saleor.product.models import ProductType, ProductVariant

from saleor_crm_plugin.ingestion.audit import order_findings
from saleor_crm_plugin.ingestion.redemption import release_timed_out_holds, remove_points
from saleor_crm_plugin.ingestion.refit import refit_hold
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.loyalty.models import HoldForm, HoldStatus, PointsHold, PointsTransaction
from saleor_crm_plugin.loyalty.queries import order_points
from saleor_crm_plugin.loyalty.redemption import Limit
from tests.devshop.factories import make_channel, make_customer, make_product, make_voucher
from tests.devshop.flows import cancel_order, manager, pay_order
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_redemption import (
    account,
    add_line,
    apply,
    checkout_of,
    complete,
    customer_with_points,
    lines_changed,
    pay,
    refused,
)
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel():
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01", redemption_form="gift card")
    return channel


def card() -> GiftCard:
    return GiftCard.objects.get(pk=PointsHold.objects.latest("created_at").gift_card_id)


def own_card(checkout: Checkout, balance: int, code: str = "OWN-CARD") -> GiftCard:
    of_customer = GiftCard.objects.create(
        code=code, currency="USD", initial_balance_amount=balance, current_balance_amount=balance
    )
    checkout.gift_cards.add(of_customer)
    return of_customer


def put_voucher(checkout: Checkout, code: str) -> None:
    lines, _ = fetch_checkout_lines(checkout)
    info = fetch_checkout_info(checkout, lines, manager())
    add_voucher_code_to_checkout(manager(), info, lines, code)
    invalidate_checkout(info, lines, manager(), recalculate_discount=False, save=True)


def test_points_pay_beside_a_voucher_and_the_order_spends_them(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    put_voucher(checkout, make_voucher("SPRING", 5, channel=channel).code)
    applied = apply(checkout, 700)
    assert (applied.points, applied.amount, applied.currency, applied.limit) == (700, D("7.00"), "USD", None)
    hold = PointsHold.objects.get()
    assert (hold.form, hold.code, hold.requested) == (HoldForm.GIFT_CARD, None, 700)
    assert (card().current_balance_amount, card().currency, card().is_active) == (7, "USD", True)
    assert [tag.name for tag in card().tags.all()] == ["Loyalty points"]
    assert len(card().code) == 16

    order = complete(checkout)
    assert (order.total_gross_amount, order.voucher_code) == (28, "SPRING")
    sync_order(order.pk)
    hold.refresh_from_db()
    assert (hold.status, hold.order_id) == (HoldStatus.COMMITTED, order.pk)
    assert (account().active, account().held) == (300, 0)
    entry = PointsTransaction.objects.latest("pk")
    assert (entry.type, entry.points, entry.order_id) == ("redeem", -700, order.pk)
    assert_ledger_adds_up()

    sync_order(order.pk)
    assert account().active == 300
    cancel_order(order)
    sync_order(order.pk)
    assert account().active == 1000
    assert (card().is_active, card().current_balance_amount) == (False, 0)
    assert_ledger_adds_up()


def test_nobody_is_who_saleor_shows_the_code_to(channel):
    """Saleor shows a code to whoever has used the card, and finds them by their e-mail address too."""
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    for field in ("used_by", "used_by_email", "created_by", "created_by_email", "app"):
        assert getattr(card(), field) is None
    order = complete(checkout)
    assert card().used_by == checkout.user
    sync_order(order.pk)
    assert (card().used_by, card().used_by_email) == (None, None)


def test_what_is_left_on_the_card_is_not_for_sale(channel):
    user = customer_with_points(1000)
    checkout = checkout_of(user, channel, price=40)
    apply(checkout, 1000)
    checkout.lines.all().delete()
    small = checkout_of(user, channel, price=4)
    small.lines.update(checkout=checkout)
    order = complete(checkout)
    assert (order.total_gross_amount, card().current_balance_amount, card().is_active) == (0, 6, True)
    # Before the order is synced its buyer reads the code and puts the card on another checkout.
    other = checkout_of(user, channel, price=10)
    other.gift_cards.add(card())
    sync_order(order.pk)
    assert (card().current_balance_amount, card().is_active) == (0, False)
    assert not other.gift_cards.exists()
    assert (account().active, account().held) == (600, 0)


def test_each_order_that_a_card_got_onto_spends_what_it_took(channel):
    user = customer_with_points(1000)
    first, second = checkout_of(user, channel, price=4), checkout_of(user, channel, price=2)
    apply(first, 400)
    GiftCard.objects.update(current_balance_amount=D("4.00"))
    first.lines.update(undiscounted_unit_price_amount=1)
    # Worth 4.00; the first order takes 2.50 of it, the second the rest.
    variant_price = first.lines.get().variant.channel_listings
    variant_price.update(price_amount=D("2.50"), discounted_price_amount=D("2.50"))
    one = complete(first)
    assert card().current_balance_amount == D("1.50")
    second.gift_cards.add(card())
    two = complete(second)
    assert two.total_gross_amount == D("0.50")
    for order in (two, one, two, one):
        sync_order(order.pk)
    spent = PointsTransaction.objects.filter(type="redeem").order_by("points")
    assert list(spent.values_list("points", "order_id")) == [(-250, one.pk), (-150, two.pk)]
    assert (account().active, account().held) == (600, 0)
    assert_ledger_adds_up()
    for order in (one, two):
        cancel_order(order)
        sync_order(order.pk)
    assert account().active == 1000
    assert_ledger_adds_up()


def test_no_more_than_other_discounts_and_the_customers_own_cards_leave(channel):
    checkout = checkout_of(customer_with_points(9000), channel, price=40)
    put_voucher(checkout, make_voucher("SPRING", 5, channel=channel).code)
    own_card(checkout, 10)
    applied = apply(checkout, 9000)
    assert (applied.points, applied.amount, applied.limit) == (2500, D("25.00"), Limit.CHECKOUT_TOTAL)
    loyalty_settings(channel, point_value="0.01", redemption_form="gift card", maximum_share_percent="50")
    applied = apply(checkout, 9000)
    assert (applied.points, applied.amount, applied.limit) == (1750, D("17.50"), Limit.SHARE)
    order = complete(checkout)
    assert order.total_gross_amount == D("7.50")
    sync_order(order.pk)
    assert account().active == 7250
    assert GiftCard.objects.get(code="OWN-CARD").used_by is not None


def test_own_cards_that_pay_everything_leave_nothing_to_points(channel):
    checkout = checkout_of(customer_with_points(9000), channel, price=40)
    own_card(checkout, 50)
    with refused("CHECKOUT_EMPTY", "checkoutId"):
        apply(checkout, 100)
    assert not PointsHold.objects.exists()
    assert GiftCard.objects.count() == 1


def test_applying_again_replaces_what_was_applied(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 900)
    first = card()
    assert apply(checkout, 950).points == 950
    first.refresh_from_db()
    assert not first.is_active
    assert list(checkout.gift_cards.all()) == [card()]
    assert (account().held, account().spendable) == (950, 50)
    assert complete(checkout).total_gross_amount == D("30.50")


def test_the_form_can_change_under_an_open_checkout(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 900)
    loyalty_settings(channel, point_value="0.01")
    assert apply(checkout, 800).checkout.voucher_code is not None
    assert not checkout.gift_cards.exists()
    loyalty_settings(channel, point_value="0.01", redemption_form="gift card")
    assert apply(checkout, 700).checkout.voucher_code is None
    assert not VoucherCode.objects.get().is_active
    order = complete(checkout)
    assert order.total_gross_amount == 33
    sync_order(order.pk)
    assert (account().active, account().held) == (300, 0)
    assert_ledger_adds_up()


def test_removing_gives_the_points_back_and_can_be_repeated(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    put_voucher(checkout, make_voucher("SPRING", 5, channel=channel).code)
    mine = own_card(checkout, 10)
    apply(checkout, 900)
    for _ in range(2):
        remove_points(checkout.pk, checkout.user.pk, manager=manager())
        assert (list(checkout.gift_cards.all()), account().held) == ([mine], 0)
    checkout.refresh_from_db()
    assert checkout.voucher_code == "SPRING"
    assert complete(checkout).total_gross_amount == 25


def test_time_out_kills_the_card_before_it_frees_the_points(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 900)
    later = timezone.now() + timedelta(minutes=61)
    assert release_timed_out_holds(timezone.now()) == 0
    assert release_timed_out_holds(later) == 1
    assert release_timed_out_holds(later) == 0
    assert account().spendable == 1000
    assert (card().is_active, card().current_balance_amount) == (False, 0)
    # Nobody pays a price that they have not seen: the buyer takes the dead card off first.
    with pytest.raises(ValidationError):
        complete(checkout)
    apply(checkout, 100)
    assert complete(checkout).total_gross_amount == 39


def test_a_checkout_whose_payment_is_under_way_keeps_its_card(channel):
    """Saleor has computed the total already, and takes the card without looking at it again."""
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 900)
    Checkout.objects.update(completing_started_at=timezone.now())
    later = timezone.now() + timedelta(minutes=61)
    assert release_timed_out_holds(later) == 0
    for change in (
        lambda: apply(checkout, 100),
        lambda: remove_points(checkout.pk, checkout.user.pk, manager=manager()),
    ):
        with refused("NOT_APPLICABLE", "checkoutId"):
            change()
    assert (card().is_active, account().held) == (True, 900)
    # A completion that died does not hold the points for ever.
    Checkout.objects.update(completing_started_at=timezone.now() - timedelta(hours=1))
    assert release_timed_out_holds(later) == 1


def test_a_hold_whose_order_was_placed_is_not_released_but_committed(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 900)
    order = complete(checkout)
    assert release_timed_out_holds(timezone.now() + timedelta(days=3)) == 0
    assert account().held == 900
    sync_order(order.pk)
    assert (account().active, account().held) == (100, 0)


def test_a_hold_whose_order_is_deleted_is_released(channel):
    """Saleor deletes orders that expired unpaid; the plugin may have been off all the while."""
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 900)
    order = complete(checkout)
    order.delete()
    later = timezone.now() + timedelta(minutes=61)
    assert release_timed_out_holds(later) == 1
    assert release_timed_out_holds(later) == 0
    assert PointsHold.objects.get().status == HoldStatus.RELEASED
    assert (account().active, account().held) == (1000, 0)
    assert (card().is_active, card().current_balance_amount, card().used_by_email) == (False, 0, None)
    assert_ledger_adds_up()


def test_an_order_with_the_card_debits_even_after_the_hold_was_released(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 900)
    order = complete(checkout)
    # As if time had run out between two steps of a completion that took longer than it may.
    GiftCard.objects.update(is_active=False, last_used_on=None)
    assert release_timed_out_holds(timezone.now() + timedelta(minutes=61)) == 1
    assert account().spendable == 1000
    GiftCard.objects.update(last_used_on=timezone.now())
    # Nobody clears away what an order has used, however late it is synced.
    release_timed_out_holds(timezone.now() + timedelta(days=3))
    sync_order(order.pk)
    assert (account().active, account().held) == (100, 0)
    assert_ledger_adds_up()


@pytest.mark.parametrize("price", ["40", pytest.param("40.003", id="unround")])
def test_a_card_that_did_not_lower_the_total_was_not_paid_with(channel, price):
    """A card that dies between two steps of Saleor's completion is emptied, though the total was computed without."""
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 900)
    order = complete(checkout)
    order.total_gross_amount = order.total_net_amount = D(price)
    order.save()
    order.lines.update(total_price_gross_amount=D(price))
    sync_order(order.pk)
    assert (account().active, account().held) == (1000, 0)
    assert PointsHold.objects.get().status == HoldStatus.COMMITTED


def test_dead_cards_are_cleared_away_after_a_day_and_used_ones_stay(channel):
    user = customer_with_points(1000)
    apply(checkout_of(user, channel), 300)
    used = checkout_of(user, channel)
    apply(used, 200)
    sync_order(complete(used).pk)
    release_timed_out_holds(timezone.now() + timedelta(minutes=61))
    assert GiftCard.objects.count() == 2
    release_timed_out_holds(timezone.now() + timedelta(days=2))
    assert GiftCard.objects.get().last_used_on is not None


def test_a_stolen_code_spends_its_owners_points_only_once(channel):
    owner = customer_with_points(1000)
    apply(checkout_of(owner, channel), 500)
    thief = checkout_of(make_customer("eve@example.com"), channel)
    thief.gift_cards.add(card())
    sync_order(complete(thief).pk)
    assert (account().active, account().held) == (500, 0)
    assert release_timed_out_holds(timezone.now() + timedelta(days=1)) == 0
    assert_ledger_adds_up()


def test_refusals_change_nothing(channel):
    user = customer_with_points(1000)
    checkout = checkout_of(user, channel)
    with refused("NOT_FOUND", "checkoutId"):
        apply(checkout, 100, user=make_customer("eve@example.com"))
    empty = Checkout.objects.create(user=user, email=user.email, channel=channel, currency="USD")
    with refused("CHECKOUT_EMPTY", "checkoutId"):
        apply(empty, 100)
    loyalty_settings(channel, point_value="0.01", redemption_form="gift card", minimum_points_to_spend="200")
    with refused("BELOW_MINIMUM", "points"):
        apply(checkout, 100)
    assert not GiftCard.objects.exists()
    assert not PointsHold.objects.exists()
    assert account().held == 0


def confirm(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(status="unfulfilled")
    order.refresh_from_db()


def sync_again(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(updated_at=timezone.now())
    sync_order(order.pk)


@pytest.mark.parametrize(
    ("points", "own", "cards_earn", "earned"),
    [(6000, 0, True, 40), (0, 60, False, 40), (0, 60, True, 100), (3000, 30, False, 40), (3000, 30, True, 70)],
)
def test_what_cards_paid_stays_known_when_staff_delete_them(channel, points, own, cards_earn, earned):
    loyalty_settings(
        channel,
        point_value="0.01",
        redemption_form="gift card",
        points_per_unit="1",
        earn_from="2020-01-01",
        gift_cards_earn=cards_earn,
    )
    checkout = checkout_of(customer_with_points(10_000), channel, price=100)
    if own:
        own_card(checkout, own)
    if points:
        apply(checkout, points)
    order = complete(checkout)
    assert order.total_gross_amount == 100 - points // 100 - own
    confirm(order)
    pay_order(order)
    sync_order(order.pk)
    entries = list(PointsTransaction.objects.order_by("pk").values_list("type", "points"))
    assert entries == [("adjust", 10_000), *([("redeem", -points)] if points else []), ("earn", earned)]

    GiftCard.objects.all().delete()
    sync_again(order)
    assert list(PointsTransaction.objects.order_by("pk").values_list("type", "points")) == entries
    assert list(order_findings(lambda done: None)) == []
    assert_ledger_adds_up()
    cancel_order(Order.objects.get(pk=order.pk))
    sync_again(order)
    assert account().balance == 10_000
    assert_ledger_adds_up()


def test_a_card_of_points_that_paid_less_than_it_was_worth_is_known_when_it_is_deleted(channel):
    loyalty_settings(
        channel, point_value="0.01", redemption_form="gift card", points_per_unit="1", earn_from="2020-01-01"
    )
    user = customer_with_points(1000)
    apply(first := checkout_of(user, channel, price=4), 400)
    first.lines.get().variant.channel_listings.update(price_amount=D("2.50"), discounted_price_amount=D("2.50"))
    confirm(order := complete(first))
    sync_order(order.pk)
    assert (order.total_gross_amount, account().active) == (0, 750)
    GiftCard.objects.all().delete()
    sync_again(order)
    assert list(PointsTransaction.objects.order_by("pk").values_list("type", "points")) == [
        ("adjust", 1000),
        ("redeem", -250),
    ]
    assert_ledger_adds_up()


def gift_card_for_sale(channel, price: int) -> ProductVariant:
    product = make_product(price=price, channel=channel, stock=None)
    product.product_type, _ = ProductType.objects.get_or_create(
        slug="gift-card",
        defaults={"name": "Gift card", "kind": ProductTypeKind.GIFT_CARD, "is_shipping_required": False},
    )
    product.save()
    return product.default_variant


def refit(checkout: Checkout) -> bool:
    return refit_hold(checkout.pk, load_settings())


@pytest.mark.parametrize(
    ("share", "voucher", "own", "points", "limit", "earned"),
    [
        ("100", 0, 0, 4000, Limit.CHECKOUT_TOTAL, 0),
        ("50", 0, 0, 2000, Limit.SHARE, 20),
        # Off all lines alike: 36 are left for the goods.
        ("100", 10, 0, 3600, Limit.CHECKOUT_TOTAL, 0),
        ("100", 0, 80, 2000, Limit.CHECKOUT_TOTAL, 20),
    ],
)
def test_points_pay_for_goods_and_not_for_gift_cards_beside_them(channel, share, voucher, own, points, limit, earned):
    """Saleor would fill the gift card with all that it costs."""
    loyalty_settings(
        channel,
        point_value="0.01",
        redemption_form="gift card",
        maximum_share_percent=share,
        points_per_unit="1",
        earn_from="2020-01-01",
    )
    checkout = checkout_of(customer_with_points(20_000), channel, price=40)
    add_line(checkout, gift_card_for_sale(channel, 60), 60)
    if voucher:
        put_voucher(checkout, make_voucher("SPRING", voucher, channel=channel).code)
    if own:
        own_card(checkout, own)
    applied = apply(checkout, 20_000)
    assert (applied.points, applied.amount, applied.limit) == (points, D(points) / 100, limit)
    order = complete(checkout)
    assert order.total_gross_amount == 100 - voucher - own - points // 100
    confirm(order)
    if order.total_gross_amount:
        pay_order(order)
    sync_order(order.pk)
    # The goods that points paid earn nothing, whatever paid for the gift card.
    found = order_points([order.pk], "default")[order.pk]
    assert (found.earned, found.redeemed) == (earned, points)
    assert_ledger_adds_up()


def test_there_is_nothing_to_pay_with_points_where_there_are_only_gift_cards(channel):
    checkout = checkout_of(customer_with_points(9000), channel, price=40)
    checkout.lines.all().delete()
    add_line(checkout, gift_card_for_sale(channel, 60), 60)
    with refused("CHECKOUT_EMPTY", "checkoutId"):
        apply(checkout, 100)
    # Of a voucher the gift card shows the price.
    loyalty_settings(channel, point_value="0.01")
    assert apply(checkout, 6000).points == 6000
    order = complete(checkout)
    assert order.lines.get().unit_price_gross_amount == 0


@pytest.mark.parametrize("is_paid", [False, True])
def test_points_leave_a_checkout_whose_goods_are_exchanged_for_gift_cards(channel, is_paid):
    checkout = checkout_of(customer_with_points(9000), channel, price=40)
    assert apply(checkout, 3000).points == 3000
    add_line(checkout, gift_card_for_sale(channel, 60), 60)
    lines_changed(checkout)
    if is_paid:
        pay(checkout, 70)
    assert not refit(checkout)
    assert account().held == 3000
    add_line(checkout, make_product(price=20, channel=channel, stock=None).default_variant, 20)
    checkout.lines.filter(undiscounted_unit_price_amount=40).delete()
    lines_changed(checkout)
    assert refit(checkout)
    assert (account().held, card().current_balance_amount) == (2000, 20)
    checkout.lines.filter(undiscounted_unit_price_amount=20).delete()
    lines_changed(checkout)
    assert refit(checkout)
    assert (account().held, account().spendable, list(checkout.gift_cards.all())) == (0, 9000, [])
    assert_ledger_adds_up()
