"""A checkout that changes after points were applied: they fit it again, and never exceed what was asked for."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D
from uuid import uuid4

import pytest
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.checkout.models import Checkout, CheckoutLine
from saleor.checkout.utils import remove_voucher_from_checkout
from saleor.discount.models import VoucherChannelListing, VoucherCode
from saleor.giftcard.models import GiftCard

from saleor_crm_plugin.ingestion.refit import refit_hold
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.loyalty.models import HoldForm, HoldStatus, PointsHold, PointsLot
from tests.devshop.factories import make_channel, make_product
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_redemption import (
    account,
    apply,
    checkout_of,
    complete,
    customer_with_points,
    lines_changed,
    pay,
)
from tests.integration.loyalty.test_redemption_gift_card import put_voucher
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

FORMS = ["voucher", "gift card"]


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def channel(form):
    return half_in_points(form)


def half_in_points(form: str) -> Channel:
    """A channel where points pay half of the goods at most, a cent each."""
    channel = make_channel(allow_unpaid_orders=True)
    loyalty_settings(channel, point_value="0.01", maximum_share_percent="50", redemption_form=form)
    return channel


@pytest.fixture
def checkout(channel):
    """Two of a product at 20, with 2000 points on them: half of the price."""
    checkout = checkout_of(customer_with_points(3000), channel, price=20)
    changed(checkout, quantity=2)
    assert apply(checkout, 2500).points == 2000
    return checkout


def changed(checkout: Checkout, quantity: int) -> None:
    if quantity:
        checkout.lines.update(quantity=quantity)
    else:
        checkout.lines.all().delete()
    lines_changed(checkout)


def refit(checkout: Checkout) -> bool:
    return refit_hold(checkout.pk, load_settings())


def carried() -> D:
    """What the voucher or gift card of the open hold is worth."""
    hold = PointsHold.objects.get(status=HoldStatus.HELD)
    if hold.form == HoldForm.GIFT_CARD:
        return GiftCard.objects.get(pk=hold.gift_card_id).current_balance_amount
    return VoucherChannelListing.objects.get(voucher__codes__code=hold.code).discount_value


def held() -> tuple[int, D, int, D]:
    hold = PointsHold.objects.get(status=HoldStatus.HELD)
    return hold.points, hold.amount, account().held, carried()


def test_points_shrink_and_grow_with_the_checkout_up_to_what_was_asked_for(checkout):
    assert not refit(checkout)
    for quantity, points in ((1, 1000), (2, 2000), (5, 2500), (3, 2500), (1, 1000)):
        changed(checkout, quantity)
        assert refit(checkout) == (quantity != 3)
        assert held() == (points, D(points) / 100, points, D(points) / 100)
        assert not refit(checkout)
        assert_ledger_adds_up()
    order = complete(checkout)
    assert order.total_gross_amount == 10
    sync_order(order.pk)
    assert (account().active, account().held) == (2000, 0)


def test_points_do_not_grow_beyond_the_balance(channel):
    user = customer_with_points(1500)
    checkout = checkout_of(user, channel, price=20)
    apply(checkout, 1400)
    apply(other := checkout_of(user, channel, price=20), 400)
    changed(checkout, 3)
    assert refit(checkout)
    assert PointsHold.objects.get(checkout_token=checkout.pk, status=HoldStatus.HELD).points == 1100
    assert PointsHold.objects.get(checkout_token=other.pk).points == 400
    assert account().spendable == 0
    assert_ledger_adds_up()


def test_points_past_their_time_do_not_let_it_grow_though_no_job_has_run(channel):
    checkout = checkout_of(customer_with_points(1500), channel, price=20)
    assert apply(checkout, 1400).points == 1000
    PointsLot.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    changed(checkout, 3)
    assert not refit(checkout)
    # Those that it holds stay, for as long as it does.
    assert (account().held, account().active) == (1000, 1000)
    assert_ledger_adds_up()


def test_an_emptied_checkout_gives_its_points_back(checkout):
    changed(checkout, 0)
    assert refit(checkout)
    assert not refit(checkout)
    checkout.refresh_from_db()
    assert (account().held, account().spendable) == (0, 3000)
    assert (checkout.voucher_code, list(checkout.gift_cards.all())) == (None, [])
    assert PointsHold.objects.get().status == HoldStatus.RELEASED
    assert not GiftCard.objects.filter(is_active=True).exists()
    assert not VoucherCode.objects.filter(is_active=True).exists()


def test_fewer_than_must_be_spent_at_once_are_given_back(checkout, channel, form):
    loyalty_settings(
        channel,
        point_value="0.01",
        maximum_share_percent="50",
        redemption_form=form,
        minimum_points_to_spend="1500",
    )
    changed(checkout, 1)
    assert refit(checkout)
    assert account().held == 0
    assert complete(checkout).total_gross_amount == 20


def test_a_buyer_who_takes_the_code_off_has_the_points_back(checkout):
    remove_voucher_from_checkout(checkout)
    checkout.gift_cards.clear()
    assert refit(checkout)
    assert (account().held, account().spendable) == (0, 3000)


@pytest.mark.parametrize("pause", [{}, {"point_value": "0.01", "maximum_share_percent": "0"}])
def test_paused_spending_leaves_what_is_applied(checkout, channel, form, pause):
    loyalty_settings(channel, redemption_form=form, **pause)
    changed(checkout, 1)
    assert not refit(checkout)
    assert account().held == 2000


@pytest.mark.parametrize(
    "terms", [{"maximum_share_percent": "25"}, {"point_value": "0.005"}, {"minimum_points_to_spend": "2001"}]
)
def test_a_checkout_that_is_paid_keeps_its_price_whatever_the_terms_are_by_now(checkout, channel, form, terms):
    pay(checkout, 20)
    before = {"point_value": "0.01", "maximum_share_percent": "50", "redemption_form": form}
    loyalty_settings(channel, **before | terms)
    assert not refit(checkout)
    assert held() == (2000, D(20), 2000, D(20))
    order = complete(checkout)
    sync_order(order.pk)
    assert (order.total_gross_amount, account().active, account().held) == (20, 1000, 0)
    assert_ledger_adds_up()


def test_nor_does_it_spend_more_points_than_when_it_was_paid(checkout, channel, form):
    pay(checkout, 20)
    loyalty_settings(channel, point_value="0.01", redemption_form=form)
    assert not refit(checkout)
    assert held() == (2000, D(20), 2000, D(20))


def test_whoever_removes_goods_after_paying_spends_what_the_points_took_off(checkout, channel):
    pay(checkout, 20)
    CheckoutLine.objects.create(
        checkout=checkout,
        variant=make_product(price=8, channel=channel, stock=None).default_variant,
        quantity=1,
        currency="USD",
        undiscounted_unit_price_amount=8,
    )
    checkout.lines.exclude(undiscounted_unit_price_amount=8).delete()
    lines_changed(checkout)
    assert not refit(checkout)
    order = complete(checkout)
    sync_order(order.pk)
    assert (order.total_gross_amount, account().active, account().held) == (0, 2200, 0)
    assert_ledger_adds_up()


def test_points_follow_again_once_the_money_is_back(checkout):
    item = pay(checkout, 20)
    changed(checkout, 1)
    assert not refit(checkout)
    item.charged_value = 0
    item.save()
    Checkout.objects.update(authorize_status="none")
    assert refit(checkout)
    assert held() == (1000, D(10), 1000, D(10))


def test_a_paid_checkout_gives_its_points_back_when_it_is_emptied_or_they_are_taken_off(checkout, channel):
    pay(checkout, 20)
    changed(checkout, 0)
    assert refit(checkout)
    assert (account().held, account().spendable) == (0, 3000)
    pay(other := checkout_of(checkout.user, channel, price=20), 10)
    apply(other, 1000)
    remove_voucher_from_checkout(other)
    other.gift_cards.clear()
    assert refit(other)
    assert (account().held, account().spendable) == (0, 3000)


@pytest.fixture
def other(checkout, channel) -> Checkout:
    """Another checkout of the customer, with the voucher of the points on the first."""
    other = checkout_of(checkout.user, channel, price=20)
    put_voucher(other, PointsHold.objects.get().code)
    return other


@pytest.mark.parametrize("form", ["voucher"], indirect=True)
@pytest.mark.parametrize("is_guests", [False, True])
def test_a_voucher_of_points_pays_on_no_other_checkout(checkout, other, is_guests):
    if is_guests:
        Checkout.objects.filter(pk=other.pk).update(user=None)
    assert refit(other)
    assert not refit(other)
    other.refresh_from_db()
    checkout.refresh_from_db()
    assert (other.voucher_code, other.discount_amount) == (None, 0)
    assert checkout.voucher_code == PointsHold.objects.get().code
    assert held() == (2000, D(20), 2000, D(20))
    assert complete(other).total_gross_amount == 20
    order = complete(checkout)
    sync_order(order.pk)
    assert (order.total_gross_amount, account().active, account().held) == (20, 1000, 0)
    assert_ledger_adds_up()


@pytest.mark.parametrize("form", ["voucher"], indirect=True)
def test_a_voucher_of_other_points_takes_the_place_of_none(checkout, other):
    remove_voucher_from_checkout(other)
    apply(other, 500)
    other.refresh_from_db()
    put_voucher(other, PointsHold.objects.get(checkout_token=checkout.pk).code)
    assert refit(other)
    other.refresh_from_db()
    assert other.voucher_code is None
    assert held() == (2000, D(20), 2000, D(20))
    assert_ledger_adds_up()


@pytest.mark.parametrize("form", ["voucher"], indirect=True)
def test_an_order_in_the_making_keeps_the_voucher_of_other_points_and_a_failed_one_does_not(checkout, other):
    code = VoucherCode.objects.get()
    VoucherCode.objects.update(used=1)
    Checkout.objects.filter(pk=other.pk).update(is_voucher_usage_increased=True, completing_started_at=timezone.now())
    assert not refit(other)
    other.refresh_from_db()
    assert other.voucher_code == code.code
    Checkout.objects.filter(pk=other.pk).update(completing_started_at=None)
    assert refit(other)
    other.refresh_from_db()
    code.refresh_from_db()
    assert (other.voucher_code, other.is_voucher_usage_increased, code.used, code.is_active) == (None, False, 0, True)
    assert held() == (2000, D(20), 2000, D(20))


def test_an_order_in_the_making_is_left_alone(checkout):
    changed(checkout, 1)
    Checkout.objects.update(completing_started_at=timezone.now())
    VoucherCode.objects.update(used=1)
    assert not refit(checkout)
    assert account().held == 2000


def test_a_checkout_without_points_costs_one_statement(channel, django_assert_num_queries):
    settings = load_settings()
    with django_assert_num_queries(1):
        assert not refit_hold(uuid4(), settings)
