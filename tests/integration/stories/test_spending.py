"""Customers pay with points, in each form that the shop can choose, and what becomes of the points afterwards."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from saleor.order import OrderStatus
from saleor.order.models import Order

from saleor_crm_plugin.exceptions import RedemptionError
from saleor_crm_plugin.ingestion import tasks
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.redemption import remove_points
from saleor_crm_plugin.loyalty.models import HoldStatus, PointsHold, PointsLot
from saleor_crm_plugin.loyalty.redemption import Limit
from tests.devshop.factories import make_channel, make_customer
from tests.devshop.flows import cancel_order, delete_customer, hand_over_orders, manager, pay_order, refund_order
from tests.integration.loyalty.test_redemption import apply, checkout_of, complete
from tests.integration.stories.shop import (
    YESTERDAY,
    account_of,
    balances,
    buy,
    change_quantity,
    entries,
    run,
)
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["voucher", "gift card"])
def form(request):
    return request.param


def terms(channel, **more) -> None:
    """2 points for each dollar; a point pays one cent."""
    loyalty_settings(channel, **{"points_per_unit": "2", "earn_from": YESTERDAY, "point_value": "0.01", **more})


@pytest.fixture
def channel(form):
    channel = make_channel()
    terms(channel, redemption_form=form)
    return channel


def lots() -> list[tuple[int, object]]:
    """What is left of each lot, and when it expires."""
    return list(PointsLot.objects.order_by("pk").values_list("remaining", "expires_at"))


def test_ann_pays_seven_dollars_with_points_and_cancels(channel, form):
    terms(channel, redemption_form=form, expiry="12 months")
    ann = make_customer("ann@example.com")
    buy(channel, 500, ann, paid=True)
    before = lots()
    checkout = checkout_of(ann, channel, price=40)
    applied = apply(checkout, 700)
    assert (applied.points, applied.amount, applied.limit) == (700, D(7), None)
    # Set aside, and not yet spent.
    assert entries() == [("earn", 1000, 1000)]
    assert account_of(ann).spendable == 300
    order = complete(checkout)
    assert order.total_gross_amount == 33
    assert entries()[1:] == [("redeem", -700, 300)]
    pay_order(order, 33)
    # What was paid with money earns.
    assert entries()[2:] == [("earn", 66, 366)]
    cancel_order(order)
    assert sorted(entries()[3:]) == [("earn_reversal", -66, 1000), ("redeem_reversal", 700, 1066)]
    # The very points of before, with the date that they had.
    assert [lot for lot in lots() if lot[0]] == before


def test_ben_sends_half_back_where_points_return_in_proportion(channel, form):
    terms(channel, redemption_form=form, spent_points_policy="in proportion")
    ben = make_customer("ben@example.com")
    buy(channel, 500, ben, paid=True)
    checkout = checkout_of(ben, channel, price=40)
    apply(checkout, 700)
    order = complete(checkout)
    pay_order(order, 33)
    assert balances(ben) == (366, 0, 0)
    # Half of the 33 dollars: half of the 66 points that they earned, and half of the 700 that were spent.
    refund_order(order, D("16.50"))
    assert sorted(entries()[3:]) == [("earn_reversal", -33, 683), ("redeem_reversal", 350, 716)]


def test_bea_gets_a_little_back_for_a_scratch_and_keeps_her_bicycle(channel):
    bea = make_customer("bea@example.com")
    buy(channel, 5000, bea, paid=True)
    checkout = checkout_of(bea, channel, price=100)
    apply(checkout, 5000)
    # Staff confirm it and mark it as paid. Saleor's completion leaves its order with payments that it looked up before.
    order = Order.objects.get(pk=complete(checkout).pk)
    order.status = OrderStatus.UNFULFILLED
    order.save(update_fields=["status"])
    pay_order(order)
    assert balances(bea) == (5100, 0, 0)
    # A tenth of the 50 dollars takes a tenth of the 100 points that they earned, and returns none that she has spent.
    refund_order(order, 5, goods=order.lines.all())
    assert entries()[3:] == [("earn_reversal", -10, 5090)]
    # It breaks.
    refund_order(order)
    assert sorted(entries()[4:]) == [("earn_reversal", -90, 10000), ("redeem_reversal", 5000, 10090)]


def test_bo_is_granted_a_refund_for_all_that_he_bought(channel):
    bo = make_customer("bo@example.com")
    buy(channel, 5000, bo, paid=True)
    checkout = checkout_of(bo, channel, price=100)
    apply(checkout, 5000)
    order = complete(checkout)
    charge = pay_order(order, 50)
    # Saleor grants what the lines cost, but no more than was charged.
    granted = order.granted_refunds.create(amount_value=D(50), currency="USD", transaction_item=charge)
    granted.lines.create(order_line=order.lines.get(), quantity=1)
    refund_order(order)
    assert balances(bo) == (10000, 0, 0)


def test_cleo_changes_her_mind_about_the_quantity(channel, form):
    terms(channel, redemption_form=form, maximum_share_percent="50")
    cleo = make_customer("cleo@example.com")
    buy(channel, 1500, cleo, paid=True)
    checkout = checkout_of(cleo, channel, price=20)
    change_quantity(checkout, 2)
    # Half of 40 dollars is all that points may pay.
    applied = apply(checkout, 2500)
    assert (applied.points, applied.limit) == (2000, Limit.SHARE)
    for quantity, held in ((1, 1000), (3, 2500), (1, 1000)):
        change_quantity(checkout, quantity)
        assert account_of(cleo).held == held
    assert complete(checkout).total_gross_amount == 10
    assert entries() == [("earn", 3000, 3000), ("redeem", -1000, 2000)]
    # Another one, which she empties.
    checkout = checkout_of(cleo, channel, price=20)
    apply(checkout, 500)
    change_quantity(checkout, 0)
    assert (account_of(cleo).held, account_of(cleo).spendable) == (0, 2000)
    assert len(entries()) == 2


def test_dora_has_two_tabs_open(channel):
    dora = make_customer("dora@example.com")
    buy(channel, 500, dora, paid=True)
    laptop, phone, tablet = (checkout_of(dora, channel, price=20) for _ in range(3))
    assert apply(laptop, 800).points == 800
    applied = apply(phone, 800)
    assert (applied.points, applied.limit) == (200, Limit.BALANCE)
    with pytest.raises(RedemptionError) as refused:
        apply(tablet, 800)
    assert (refused.value.code, refused.value.field) == ("INSUFFICIENT_POINTS", "points")
    # She asks again in the first one, as a retry does: what it holds counts once.
    assert apply(laptop, 800).points == 800
    assert [complete(each).total_gross_amount for each in (phone, laptop, tablet)] == [18, 12, 20]
    assert entries() == [("earn", 1000, 1000), ("redeem", -200, 800), ("redeem", -800, 0)]


def test_ed_goes_to_lunch_and_finds_the_full_price(channel, form):
    ed = make_customer("ed@example.com")
    buy(channel, 500, ed, paid=True)
    checkout = checkout_of(ed, channel, price=20)
    apply(checkout, 900)
    run(tasks.release_holds_task, timezone.now() + timedelta(minutes=59))
    assert account_of(ed).held == 900
    run(tasks.release_holds_task, timezone.now() + timedelta(minutes=61))
    assert (account_of(ed).held, PointsHold.objects.get().status) == (0, HoldStatus.RELEASED)
    if form == "gift card":
        # Saleor refuses a card that is dead: nobody pays a price that they have not seen. He takes it off.
        with pytest.raises(ValidationError):
            complete(checkout)
        remove_points(checkout.pk, ed.pk, manager=manager())
    assert complete(checkout).total_gross_amount == 20
    assert entries() == [("earn", 1000, 1000)]


def test_flo_spends_one_wallet_in_dollars_euros_and_yen(channel, form):
    """A point is worth what the channel says; yen have no decimals."""
    flo = make_customer("flo@example.com")
    buy(channel, 500, flo, paid=True)
    berlin, tokyo = make_channel("berlin", currency="EUR"), make_channel("tokyo", currency="JPY")
    terms(berlin, redemption_form=form, point_value="0.02")
    terms(tokyo, redemption_form=form, point_value="0.7")
    paid = []
    for where, price, points in ((channel, 40, 150), (berlin, 40, 150), (tokyo, 1099, 151)):
        checkout = checkout_of(flo, where, price)
        applied = apply(checkout, points)
        order = complete(checkout)
        paid.append((applied.points, applied.amount, applied.limit, order.total_gross_amount, order.currency))
    assert paid == [
        (150, D("1.50"), None, D("38.50"), "USD"),
        (150, D("3.00"), None, D("37.00"), "EUR"),
        # 151 points are worth 105.7 yen, and 150 buy the whole 105 of them.
        (150, D(105), Limit.ROUNDING, D(994), "JPY"),
    ]
    assert entries()[1:] == [("redeem", -150, 850), ("redeem", -150, 700), ("redeem", -150, 550)]


@pytest.mark.parametrize("policy", ["within balance", "pending only", "into deficit"])
def test_gus_deletes_his_account_and_registers_again(channel, form, policy):
    terms(channel, redemption_form=form, earned_points_policy=policy)
    gus = make_customer("gus@example.com")
    buy(channel, 500, gus, paid=True)
    checkout = checkout_of(gus, channel, price=40)
    apply(checkout, 700)
    complete(checkout)
    for _ in range(2):
        assert balances(gus) == (300, 0, 0)
        delete_customer(gus)
        gus = make_customer("gus@example.com")
        hand_over_orders(gus)
        reconcile(full=True)
    # The order is his again, but not what it gave him and he has spent.
    assert balances(gus) == (300, 0, 0)
    before = entries()
    reconcile(full=True)
    assert entries() == before
