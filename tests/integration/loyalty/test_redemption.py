"""Points in a checkout: held, put on as a voucher, committed by the order, given back when time runs out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from decimal import Decimal as D
from uuid import uuid4

import graphene
import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.checkout.complete_checkout import complete_checkout
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.models import Checkout, CheckoutLine
from saleor.checkout.utils import invalidate_checkout, remove_voucher_from_checkout
from saleor.discount import DiscountType
from saleor.discount.models import Voucher, VoucherCode
from saleor.order.models import Order
from saleor.payment.models import TransactionItem
from saleor.permission.enums import DiscountPermissions, OrderPermissions

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.config import LoyaltySettings
from saleor_crm_plugin.exceptions import RedemptionError
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.redemption import apply_points, release_timed_out_holds, remove_points
from saleor_crm_plugin.ingestion.room import Room, most_points
from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import (
    HoldStatus,
    LoyaltyAccount,
    PointsHold,
    PointsLot,
    PointsTransaction,
    TransactionType,
)
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.redemption import Limit
from saleor_crm_plugin.loyalty.schedule import expire_due_lots
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from tests.conftest import is_stand_in
from tests.devshop.client import GraphQLClient
from tests.devshop.factories import (
    make_address,
    make_channel,
    make_customer,
    make_order,
    make_product,
    make_staff,
    make_voucher,
)
from tests.devshop.flows import cancel_order, manager
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel():
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01", maximum_share_percent="50")
    return channel


def customer_with_points(points: int, email: str = "ann@example.com"):
    user = make_customer(email)
    profile_id = resolve_profiles([UserPerson(user.pk)])[UserPerson(user.pk)]
    account_id = ensure(default_program_id(), [profile_id], "default")[profile_id]
    adjust(account_id, points, "Opening balance", Actor(ActorType.STAFF, 1), "open")
    return user


def checkout_of(user, channel, price: int = 40) -> Checkout:
    checkout = Checkout.objects.create(
        user=user,
        email=user.email,
        channel=channel,
        currency=channel.currency_code,
        billing_address=make_address(),
    )
    add_line(checkout, make_product(price=price, channel=channel, stock=None).default_variant, price)
    return checkout


def add_line(checkout: Checkout, variant, price: int) -> None:
    CheckoutLine.objects.create(
        checkout=checkout,
        variant=variant,
        quantity=1,
        currency=checkout.currency,
        undiscounted_unit_price_amount=price,
    )


def lines_changed(checkout: Checkout) -> None:
    """What Saleor's own mutations do when lines have changed."""
    checkout.refresh_from_db()
    lines, _ = fetch_checkout_lines(checkout)
    invalidate_checkout(fetch_checkout_info(checkout, lines, manager()), lines, manager(), save=True)


def complete(checkout: Checkout):
    checkout = Checkout.objects.get(pk=checkout.pk)
    lines, _ = fetch_checkout_lines(checkout)
    info = fetch_checkout_info(checkout, lines, manager())
    return complete_checkout(manager(), info, lines, {}, False, checkout.user, None)[0]


def apply(checkout: Checkout, points: int, user=None, **kwargs):
    return apply_points(checkout.pk, (user or checkout.user).pk, points, manager=manager(), **kwargs)


def account() -> LoyaltyAccount:
    return LoyaltyAccount.objects.get()


def test_points_become_a_discount_and_the_order_spends_them(channel):
    user = customer_with_points(1000)
    checkout = checkout_of(user, channel)
    applied = apply(checkout, 700)
    assert (applied.points, applied.amount, applied.currency, applied.limit) == (700, D("7.00"), "USD", None)
    assert (account().active, account().held, account().spendable) == (1000, 700, 300)

    order = complete(checkout)
    assert order.total_gross_amount == D("33.00")
    sync_order(order.pk)
    hold = PointsHold.objects.get()
    assert (hold.status, hold.order_id) == (HoldStatus.COMMITTED, order.pk)
    assert (account().active, account().held) == (300, 0)
    entry = PointsTransaction.objects.latest("pk")
    assert (entry.type, entry.points, entry.order_id) == ("redeem", -700, order.pk)
    assert_ledger_adds_up()

    cancel_order(order)
    sync_order(order.pk)
    assert account().active == 1000
    assert_ledger_adds_up()


def test_a_code_is_worth_its_points_once_also_when_saleor_takes_its_use_back(channel):
    user = customer_with_points(1000)
    checkout, second = checkout_of(user, channel), checkout_of(user, channel)
    apply(checkout, 1000)
    code = PointsHold.objects.get().code
    Checkout.objects.filter(pk=second.pk).update(voucher_code=code)
    order = complete(checkout)
    sync_order(order.pk)
    assert VoucherCode.objects.get(code=code).is_active is False
    second.refresh_from_db()
    assert second.voucher_code is None

    # As Saleor does with an order that nobody has paid in time.
    Order.objects.filter(pk=order.pk).update(status="expired", updated_at=timezone.now())
    VoucherCode.objects.filter(code=code).update(used=0)
    sync_order(order.pk)
    assert (account().active, account().held) == (1000, 0)
    Checkout.objects.filter(pk=second.pk).update(voucher_code=code)
    lines_changed(second)
    # Saleor refuses a checkout whose code is dead; the stand-in sells it at its full price.
    with suppress(ValidationError):
        assert complete(second).total_gross_amount == D("40.00")
    assert_ledger_adds_up()


@pytest.mark.parametrize("is_told", [True, False])
def test_an_order_that_saleor_lets_expire_leaves_no_code_behind(channel, is_told):
    tasks = pytest.importorskip("saleor.order.tasks", reason="needs a Saleor whose unpaid orders expire")
    user = customer_with_points(1000)
    apply(checkout_of(user, channel), 1000)
    code = VoucherCode.objects.get(code=PointsHold.objects.get().code)
    variant = make_product(price=40, channel=channel, stock=None).default_variant
    order = make_order(user, channel=channel, lines=[(variant, 1)], paid=False, voucher_code=code, discount=10)
    VoucherCode.objects.filter(pk=code.pk).update(used=1)
    reconcile()
    assert (account().active, account().held) == (0, 0)

    Channel.objects.update(expire_orders_after=1)
    Order.objects.update(created_at=timezone.now() - timedelta(days=2), status="unconfirmed")
    tasks.expire_orders_task()
    order.refresh_from_db()
    code.refresh_from_db()
    assert (order.status, code.used) == ("expired", 0)
    if is_told:
        sync_order(order.pk)
    else:
        assert reconcile(full=False).changed == 1
    code.refresh_from_db()
    assert (code.is_active, account().active) == (False, 1000)


def test_a_code_of_an_order_that_expired_before_we_saw_it_is_dead_too(channel):
    user = customer_with_points(1000)
    checkout = checkout_of(user, channel)
    apply(checkout, 1000)
    order = complete(checkout)
    Order.objects.filter(pk=order.pk).update(status="expired", updated_at=timezone.now())
    code = PointsHold.objects.get().code
    VoucherCode.objects.filter(code=code).update(used=0)
    sync_order(order.pk)
    assert (account().active, VoucherCode.objects.get(code=code).is_active) == (1000, False)


def test_points_whose_discount_staff_replace_by_their_own_come_back(channel):
    apply(checkout := checkout_of(customer_with_points(1000), channel), 700)
    order = complete(checkout)
    sync_order(order.pk)
    assert account().active == 300
    off = order.discounts.get()
    # As Saleor does with an order that is not confirmed yet.
    Order.objects.filter(pk=order.pk).update(status="unconfirmed", updated_at=timezone.now())
    order.discounts.all().delete()
    theirs = order.discounts.create(type=DiscountType.MANUAL, value=5, amount_value=5, currency=order.currency)
    sync_order(order.pk)
    assert (account().active, PointsTransaction.objects.latest("pk").reason) == (1000, "Order changed")
    theirs.delete()
    off.save(force_insert=True)
    sync_order(order.pk)
    assert account().active == 300
    assert_ledger_adds_up()


def test_points_are_spent_once_staff_take_back_the_discount_that_an_order_was_first_seen_with(channel):
    apply(checkout := checkout_of(customer_with_points(1000), channel), 700)
    order = complete(checkout)
    Order.objects.filter(pk=order.pk).update(status="unconfirmed", updated_at=timezone.now())
    off = order.discounts.get()
    off.delete()
    theirs = order.discounts.create(type=DiscountType.MANUAL, value=5, amount_value=5, currency=order.currency)
    for _ in range(2):
        sync_order(order.pk)
        assert (account().active, account().held) == (1000, 0)
    theirs.delete()
    off.save(force_insert=True)
    for _ in range(2):
        sync_order(order.pk)
        assert (account().active, account().held) == (300, 0)
    entry = PointsTransaction.objects.latest("pk")
    assert (entry.type, entry.points, entry.breakdown["hold"]) == ("redeem", -700, str(PointsHold.objects.get().pk))
    assert_ledger_adds_up()
    cancel_order(order)
    sync_order(order.pk)
    assert account().active == 1000
    assert_ledger_adds_up()


def test_points_come_back_once_their_voucher_is_deleted_and_with_it_what_it_took_off(channel):
    apply(checkout := checkout_of(customer_with_points(1000), channel), 300)
    order = complete(checkout)
    Order.objects.filter(pk=order.pk).update(status="unconfirmed", updated_at=timezone.now())
    Voucher.objects.all().delete()
    sync_order(order.pk)
    # The order keeps its discount for now.
    assert (order.total_gross_amount, account().active, account().held) == (37, 700, 0)
    # As Saleor does when staff give a discount of their own and take it back.
    order.discounts.all().delete()
    order.lines.update(total_price_gross_amount=40, total_price_net_amount=40)
    Order.objects.filter(pk=order.pk).update(total_gross_amount=40, total_net_amount=40, updated_at=timezone.now())
    for _ in range(2):
        sync_order(order.pk)
        entry = PointsTransaction.objects.latest("pk")
        assert (entry.type, entry.points, entry.reason) == ("redeem_reversal", 300, "Order changed")
    assert (account().active, account().held) == (1000, 0)
    assert_ledger_adds_up()


def test_points_come_back_once_staff_delete_their_voucher_in_saleor_and_give_and_take_a_discount(channel):
    pytest.importorskip("saleor.graphql.order.mutations.order_discount_add", reason="needs a Saleor with staff's tools")
    apply(checkout := checkout_of(customer_with_points(1000), channel), 300)
    order = complete(checkout)
    Order.objects.filter(pk=order.pk).update(status="unconfirmed")
    sync_order(order.pk)
    permissions = [OrderPermissions.MANAGE_ORDERS, DiscountPermissions.MANAGE_DISCOUNTS]
    staff = GraphQLClient(make_staff(permissions=permissions))
    delete = "mutation Delete($id: ID!) { voucherDelete(id: $id) { errors { field message } } }"
    voucher = graphene.Node.to_global_id("Voucher", Voucher.objects.get().pk)
    assert staff.data(delete, {"id": voucher})["voucherDelete"]["errors"] == []
    give = """mutation Give($id: ID!) {
        orderDiscountAdd(orderId: $id, input: {valueType: FIXED, value: 5}) { errors { field message } }
    }"""
    order_id = graphene.Node.to_global_id("Order", order.pk)
    assert staff.data(give, {"id": order_id})["orderDiscountAdd"]["errors"] == []
    take = """mutation Take($id: ID!) {
        orderDiscountDelete(discountId: $id) { order { total { gross { amount } } } errors { field message } }
    }"""
    theirs = graphene.Node.to_global_id("OrderDiscount", order.discounts.get().pk)
    answer = staff.data(take, {"id": theirs})["orderDiscountDelete"]
    assert answer == {"order": {"total": {"gross": {"amount": 40}}}, "errors": []}
    sync_order(order.pk)
    assert (account().active, account().held) == (1000, 0)
    assert_ledger_adds_up()


def test_points_that_are_put_on_again_and_again_expire_all_the_same(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    PointsLot.objects.update(expires_at=timezone.now() - timedelta(days=1))
    with refused("INSUFFICIENT_POINTS", "points"):
        apply(checkout, 700)
    assert (account().held, account().active) == (700, 1000)
    with Ledger([account().pk]) as ledger:
        ledger.credit(account().pk, 200, TransactionType.IMPORT, Source(key="import"))
    assert apply(checkout, 700).points == 200
    assert (account().held, account().active) == (200, 200)
    assert_ledger_adds_up()


def test_points_past_their_time_cannot_be_put_on_though_no_job_has_run(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    PointsLot.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    with refused("INSUFFICIENT_POINTS", "points"):
        apply(checkout, 700)
    with Ledger([account().pk]) as ledger:
        ledger.credit(account().pk, 200, TransactionType.IMPORT, Source(key="import"))
    assert apply(checkout, 700).points == 200
    assert (account().held, account().active) == (200, 200)
    assert list(PointsTransaction.objects.order_by("pk").values_list("type", "points")) == [
        ("adjust", 1000),
        ("import", 200),
        ("expire", -1000),
    ]
    assert_ledger_adds_up()


@pytest.mark.parametrize("way", ["remove", "time out"])
def test_points_that_are_taken_off_and_put_on_again_expire_all_the_same(way):
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01")
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 1000)
    PointsLot.objects.update(expires_at=timezone.now() - timedelta(days=1))
    # The run finds them held.
    assert expire_due_lots(timezone.now()) == 0
    if way == "remove":
        remove_points(checkout.pk, checkout.user_id, manager=manager())
    else:
        release_timed_out_holds(timezone.now() + timedelta(minutes=61))
    with refused("INSUFFICIENT_POINTS", "points"):
        apply(checkout, 1000)
    assert account().held == 0
    assert_ledger_adds_up()


def test_a_discount_that_staff_give_in_saleor_takes_the_place_of_points(channel):
    pytest.importorskip("saleor.graphql.order.mutations.order_discount_add", reason="needs a Saleor with staff's tools")
    apply(checkout := checkout_of(customer_with_points(1000), channel), 700)
    order = complete(checkout)
    sync_order(order.pk)
    Order.objects.filter(pk=order.pk).update(status="unconfirmed", updated_at=timezone.now())
    staff = GraphQLClient(make_staff(permissions=[OrderPermissions.MANAGE_ORDERS]))
    add = """mutation Add($id: ID!) {
        orderDiscountAdd(orderId: $id, input: {valueType: FIXED, value: 5}) {
            order { total { gross { amount } } discounts { type } } errors { field message }
        }
    }"""
    answer = staff.data(add, {"id": graphene.Node.to_global_id("Order", order.pk)})["orderDiscountAdd"]
    assert answer["errors"] == []
    assert [discount["type"] for discount in answer["order"]["discounts"]] == ["MANUAL"]
    assert answer["order"]["total"]["gross"]["amount"] == 35
    sync_order(order.pk)
    assert account().active == 1000
    assert_ledger_adds_up()


def test_no_more_than_the_share_of_the_checkout_and_the_answer_says_so(channel):
    checkout = checkout_of(customer_with_points(5000), channel)
    applied = apply(checkout, 5000)
    assert (applied.points, applied.amount, applied.limit) == (2000, D("20.00"), Limit.SHARE)


def test_applying_again_replaces_what_was_applied(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    first = apply(checkout, 900).checkout.voucher_code
    second = apply(checkout, 950)
    assert second.points == 950
    assert (account().held, account().spendable) == (950, 50)
    assert PointsHold.objects.filter(status=HoldStatus.HELD).count() == 1
    assert not VoucherCode.objects.get(code=first).is_active
    assert complete(checkout).voucher_code == second.checkout.voucher_code


def test_a_checkout_that_shrank_spends_only_the_points_it_needed(channel):
    checkout = checkout_of(customer_with_points(3000), channel, price=40)
    apply(checkout, 2000)
    CheckoutLine.objects.all().delete()
    variant = make_product(price=12, channel=channel).default_variant
    CheckoutLine.objects.create(
        checkout=checkout, variant=variant, quantity=1, currency="USD", undiscounted_unit_price_amount=12
    )
    lines_changed(checkout)
    order = complete(checkout)
    assert order.total_gross_amount == 0
    sync_order(order.pk)
    assert (account().active, account().held) == (1800, 0)


def test_removing_gives_the_points_back_and_can_be_repeated(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 900)
    for _ in range(2):
        remove_points(checkout.pk, checkout.user.pk, manager=manager())
        checkout.refresh_from_db()
        assert (checkout.voucher_code, checkout.discount_amount, account().held) == (None, 0, 0)
    assert complete(checkout).total_gross_amount == 40


def test_time_out_kills_the_code_before_it_frees_the_points(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 900)
    later = timezone.now() + timedelta(minutes=61)
    assert release_timed_out_holds(timezone.now()) == 0
    assert release_timed_out_holds(later) == 1
    assert release_timed_out_holds(later) == 0
    assert account().spendable == 1000
    # The code is off the checkout, and the price that Saleor had kept is reckoned anew: no discount without points.
    checkout.refresh_from_db()
    assert (checkout.voucher_code, checkout.price_expiration <= timezone.now()) == (None, True)
    apply(checkout, 100)
    assert complete(checkout).total_gross_amount == 39


def test_an_order_that_comes_after_the_time_out_costs_the_full_price(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 900)
    release_timed_out_holds(timezone.now() + timedelta(minutes=61))
    order = complete(checkout)
    assert (order.total_gross_amount, order.voucher_code) == (D("40.00"), None)
    sync_order(order.pk)
    assert (account().spendable, PointsTransaction.objects.filter(type="redeem").count()) == (1000, 0)


def pay(checkout: Checkout, amount: int, status: str = "full") -> TransactionItem:
    """What an app reports that has charged it, and what Saleor makes of that."""
    item = checkout.payment_transactions.create(currency="USD", charged_value=amount)
    Checkout.objects.filter(pk=checkout.pk).update(authorize_status=status)
    return item


def pay_and_complete_late(checkout: Checkout) -> None:
    """700 of 1,000 points have brought the price to 33: so it is when the order comes, six days after the money."""
    pay(checkout, 33)
    assert release_timed_out_holds(timezone.now() + timedelta(days=6)) == 0
    order = complete(checkout)
    sync_order(order.pk)
    assert (order.total_gross_amount, account().active, account().held) == (33, 300, 0)
    assert_ledger_adds_up()


@pytest.mark.parametrize("form", ["voucher", "gift card"])
def test_a_checkout_that_is_paid_keeps_its_price_until_the_order_comes(channel, form):
    loyalty_settings(channel, point_value="0.01", redemption_form=form)
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    pay_and_complete_late(checkout)


@pytest.mark.parametrize("form", ["voucher", "gift card"])
def test_points_come_back_with_the_money(channel, form):
    loyalty_settings(channel, point_value="0.01", redemption_form=form)
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    item = pay(checkout, 33)
    later = timezone.now() + timedelta(hours=7)
    assert release_timed_out_holds(later) == 0
    item.refunded_value, item.charged_value = 33, 0
    item.save()
    Checkout.objects.filter(pk=checkout.pk).update(authorize_status="none")
    assert release_timed_out_holds(later) == 1
    assert account().spendable == 1000


def test_points_of_a_paid_checkout_that_nobody_completes_come_back_in_the_end(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    pay(checkout, 33)
    at_last = timezone.now() + timedelta(days=7, minutes=61)
    assert release_timed_out_holds(at_last) == 1
    assert (account().spendable, Voucher.objects.count()) == (1000, 1)
    assert release_timed_out_holds(at_last) == Voucher.objects.count() == 0


def test_points_that_are_off_a_paid_checkout_come_back_in_their_time(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    # After the customer has signed out, so that no hook tells of it.
    Checkout.objects.update(user=None)
    checkout.refresh_from_db()
    remove_voucher_from_checkout(checkout)
    pay(checkout, 40)
    assert release_timed_out_holds(timezone.now() + timedelta(minutes=61)) == 1
    assert (account().held, account().spendable) == (0, 1000)
    assert complete(checkout).total_gross_amount == 40
    assert_ledger_adds_up()


@pytest.mark.parametrize(("charged", "status"), [(20, "partial"), (0, "full")])
def test_a_checkout_without_the_money_for_it_keeps_no_points(channel, charged, status):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    # Saleor calls a checkout over nothing covered, too.
    pay(checkout, charged, status)
    assert release_timed_out_holds(timezone.now() + timedelta(minutes=61)) == 1


def report(checkout: Checkout, minutes: int, *events: str) -> TransactionItem:
    """What an app says about one payment of the checkout, so many minutes from now, before there is any money."""
    item = checkout.payment_transactions.create(currency="USD")
    for event in events:
        item.events.create(
            type=event, currency="USD", amount_value=33, created_at=timezone.now() + timedelta(minutes=minutes)
        )
    return item


@pytest.mark.parametrize("form", ["voucher", "gift card"])
@pytest.mark.parametrize("action", ["authorization", "charge"])
def test_a_checkout_that_is_being_paid_keeps_its_price_until_the_money_comes(channel, form, action):
    loyalty_settings(channel, point_value="0.01", redemption_form=form)
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    report(checkout, 59, f"{action}_request", f"{action}_action_required", "info")
    with CaptureQueriesContext(connection) as run:
        assert release_timed_out_holds(timezone.now() + timedelta(minutes=61)) == 0
    assert sum("payment_transactionevent" in each["sql"] for each in run.captured_queries) == 1
    pay_and_complete_late(checkout)


@pytest.mark.parametrize(("after", "released"), [(60 + 28, 0), (60 + 30, 1)])
def test_a_payment_that_is_never_confirmed_keeps_points_for_half_an_hour(channel, after, released):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    report(checkout, 59, "charge_request", "charge_action_required")
    assert release_timed_out_holds(timezone.now() + timedelta(minutes=after)) == released
    assert release_timed_out_holds(timezone.now() + timedelta(hours=3)) == 1 - released
    assert account().spendable == 1000


def test_payments_that_are_begun_over_and_over_keep_points_for_two_hours(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    # As of an app whose clock is wrong, too.
    report(checkout, 24 * 60, "charge_request", "charge_action_required")
    assert release_timed_out_holds(timezone.now() + timedelta(hours=2, minutes=59)) == 0
    assert release_timed_out_holds(timezone.now() + timedelta(hours=3)) == 1


def test_money_that_saleor_reckons_with_in_a_moment_keeps_points(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    report(checkout, 61, "charge_request", "charge_action_required", "charge_success")
    assert release_timed_out_holds(timezone.now() + timedelta(minutes=61)) == 0


@pytest.mark.parametrize(
    "last", ["charge_failure", "authorization_failure", "cancel_success", "refund_request", "refund_success"]
)
def test_a_payment_that_came_to_nothing_keeps_no_points(channel, last):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    report(checkout, 59, "charge_request", "charge_action_required", last)
    assert release_timed_out_holds(timezone.now() + timedelta(minutes=61)) == 1


def test_a_second_try_after_a_payment_that_failed_keeps_points(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    report(checkout, 55, "charge_request", "charge_failure")
    report(checkout, 59, "charge_request")
    assert release_timed_out_holds(timezone.now() + timedelta(minutes=61)) == 0


@pytest.mark.parametrize(("fields", "released"), [({"charge_status": "fully-charged"}, 0), ({}, 1)])
def test_a_payment_of_the_older_kind_counts_once_it_is_charged(channel, fields, released):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 700)
    checkout.payments.create(gateway="cards", total=33, currency="USD", is_active=True, **fields)
    assert release_timed_out_holds(timezone.now() + timedelta(minutes=61)) == released


def test_dead_vouchers_are_cleared_away_after_a_day(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 900)
    release_timed_out_holds(timezone.now() + timedelta(minutes=61))
    assert Voucher.objects.count() == 1
    release_timed_out_holds(timezone.now() + timedelta(days=2))
    assert Voucher.objects.count() == 0


def test_a_hold_whose_order_was_placed_is_not_released_but_committed(channel):
    checkout = checkout_of(customer_with_points(1000), channel)
    apply(checkout, 900)
    order = complete(checkout)
    # The hint was lost, and the hold times out before reconciliation sees the order.
    assert release_timed_out_holds(timezone.now() + timedelta(days=3)) == 0
    assert account().held == 900
    sync_order(order.pk)
    assert (account().active, account().held) == (100, 0)


def test_a_stolen_code_spends_its_owners_points_only_once(channel):
    owner = customer_with_points(1000)
    code = apply(checkout_of(owner, channel), 500).checkout.voucher_code
    thief = checkout_of(make_customer("eve@example.com"), channel)
    thief.voucher_code = code
    thief.save()
    order = complete(thief)
    sync_order(order.pk)
    assert account().active == 500
    assert VoucherCode.objects.get(code=code).used == 1


@contextmanager
def refused(code: str, field: str | None) -> Iterator[pytest.ExceptionInfo[RedemptionError]]:
    with pytest.raises(RedemptionError) as caught:
        yield caught
    assert (caught.value.code, caught.value.field) == (code, field)


def test_refusals_name_the_field_and_change_nothing(channel):
    user = customer_with_points(1000)
    checkout = checkout_of(user, channel)
    stranger = make_customer("eve@example.com")
    with refused("NOT_FOUND", "checkoutId"):
        apply(checkout, 100, user=stranger)
    with refused("NOT_FOUND", "checkoutId"):
        remove_points(checkout.pk, stranger.pk, manager=manager())
    with refused("NOT_FOUND", "checkoutId"):
        apply_points(uuid4(), user.pk, 100, manager=manager())
    for points in (0, -5, 2**31):
        with refused("INVALID", "points"):
            apply(checkout, points)
    with refused("INSUFFICIENT_POINTS", "points"):
        apply(checkout_of(stranger, channel), 100)
    empty = Checkout.objects.create(user=user, email=user.email, channel=channel, currency="USD")
    with refused("CHECKOUT_EMPTY", "checkoutId"):
        apply(empty, 100)
    other = make_channel("no-loyalty")
    with refused("LOYALTY_DISABLED", "checkoutId"):
        apply(checkout_of(user, other), 100)
    loyalty_settings(channel, point_value="0.01", minimum_points_to_spend="200")
    with refused("BELOW_MINIMUM", "points"):
        apply(checkout, 100)
    promoted = checkout_of(user, channel)
    promoted.voucher_code = make_voucher("SPRING", channel=channel).code
    promoted.save()
    with refused("VOUCHER_ALREADY_APPLIED", "checkoutId"):
        apply(promoted, 300)
    assert not PointsHold.objects.exists()
    assert account().held == 0


@pytest.mark.parametrize(
    ("asked", "share", "message"),
    [
        (50, "100", "At least 100 points must be spent at once."),
        (50, "1", "Only 40 points fit; at least 100 must be spent at once."),
        (500, "1", "Only 40 points fit; at least 100 must be spent at once."),
    ],
)
def test_too_few_points_are_refused_with_what_is_missing(channel, asked, share, message):
    loyalty_settings(channel, point_value="0.01", maximum_share_percent=share, minimum_points_to_spend="100")
    checkout = checkout_of(customer_with_points(1000), channel)
    with refused("BELOW_MINIMUM", "points") as caught:
        apply(checkout, asked)
    assert str(caught.value) == message


@pytest.mark.django_db(transaction=True)
def test_two_devices_at_once_never_hold_more_than_there_is():
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01")
    user = customer_with_points(1000)
    checkouts = [checkout_of(user, channel) for _ in range(4)]
    outcomes: list[int] = []

    def shop(checkout: Checkout) -> None:
        try:
            outcomes.append(apply(checkout, 400).points)
        except RedemptionError as error:
            outcomes.append(0 if error.code == "INSUFFICIENT_POINTS" else -1)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=shop, args=(each,)) for each in checkouts * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert -1 not in outcomes
    assert account().held == sum(PointsHold.objects.filter(status=HoldStatus.HELD).values_list("points", flat=True))
    assert account().held == 1000
    assert PointsHold.objects.filter(status=HoldStatus.HELD).count() == 3
    assert_ledger_adds_up()


def test_no_more_points_are_offered_than_can_be_asked_for():
    room, terms = Room(D(100_000_000)), LoyaltySettings(point_value=D("0.01"))
    assert most_points(2**31 + 7, room, terms, "USD") == 2**31 - 1


@pytest.mark.skipif(is_stand_in(), reason="the stand-in leaves no discount where nothing can be taken off")
def test_a_checkout_that_is_completed_with_goods_for_nothing_before_it_is_fitted_spends_no_points(channel):
    user = customer_with_points(1000)
    checkout = checkout_of(user, channel)
    apply(checkout, 700)
    checkout.lines.all().delete()
    add_line(checkout, make_product(price=0, channel=channel, stock=None).default_variant, 0)
    lines_changed(checkout)
    order = complete(checkout)
    assert list(order.discounts.values_list("amount_value", flat=True)) == [D("7.000")]
    sync_order(order.pk)
    assert (account().active, account().held) == (1000, 0)
    assert_ledger_adds_up()


@pytest.mark.parametrize(("price", "left"), [(0, 1000), (3, 700), (40, 300)])
def test_an_order_spends_no_more_points_than_its_goods_cost(channel, price, left):
    """Saleor leaves the discount of before on a checkout whose goods cost nothing any more."""
    user = customer_with_points(1000)
    code = VoucherCode.objects.get(code=apply(checkout_of(user, channel), 700).checkout.voucher_code)
    goods = [(make_product(price=price, channel=channel), 1)]
    order = make_order(user, channel=channel, lines=goods, voucher_code=code, discount=7)
    sync_order(order.pk)
    assert (account().active, account().held) == (left, 0)
    assert_ledger_adds_up()
