"""What a shopkeeper would tell, through Saleor's own hooks from purchase to refund. Exact numbers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D
from uuid import uuid4

import pytest
from django.utils import timezone
from saleor.order import FulfillmentStatus

from saleor_crm_plugin.actors import SYSTEM, Actor, ActorType
from saleor_crm_plugin.ingestion.sync import sync_order
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.corrections import reinstate, void
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.queries import OrderPoints, order_points
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Effect, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule, update_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from saleor_crm_plugin.loyalty.schedule import activate_due_lots, expire_due_lots
from saleor_crm_plugin.profiles.models import ProfileMetrics
from tests.devshop.factories import make_category, make_channel, make_customer, make_order, make_product
from tests.devshop.flows import announce_order, cancel_order, fulfill_order, pay_order, refund_order
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.stories.shop import YESTERDAY, balances, buy, entries, lots
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def crm(settings):
    settings.PLUGINS = ["saleor_crm_plugin.plugin.CRMPlugin", "saleor_crm_plugin.plugin.LoyaltySettingsPlugin"]


@pytest.fixture
def channel():
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="2", earn_from=YESTERDAY)
    return channel


def points(order) -> OrderPoints:
    return order_points([order.pk], "default").get(order.pk, OrderPoints())


def test_ann_buys_pays_sends_half_back_and_then_all_of_it(channel):
    ann = make_customer("ann@example.com")
    order = buy(channel, 60, ann)
    assert entries() == []
    pay_order(order)
    assert entries() == [("earn", 120, 120)]
    refund_order(order, D(30))
    assert entries() == [("earn", 120, 120), ("earn_reversal", -60, 60)]
    refund_order(order)
    assert entries()[-1] == ("earn_reversal", -60, 0)
    metrics = ProfileMetrics.objects.get()
    assert (metrics.orders_count, metrics.gross_spent, metrics.refunded, metrics.net_spent) == (1, 60, 60, 0)


def test_ben_cancels_and_keeps_nothing(channel):
    order = buy(channel, 25, make_customer("ben@example.com"), paid=True)
    cancel_order(order)
    assert entries() == [("earn", 50, 50), ("earn_reversal", -50, 0)]
    assert points(order) == OrderPoints(earned=0, reversed=50)


def test_cleo_pays_in_two_charges_and_earns_once(channel):
    order = buy(channel, 50, make_customer("cleo@example.com"))
    pay_order(order, D(20))
    assert entries() == []
    pay_order(order, D(30))
    assert entries() == [("earn", 100, 100)]


def test_dora_earns_when_the_parcel_leaves_where_the_shop_wants_it_so(channel):
    loyalty_settings(channel, points_per_unit="2", earn_from=YESTERDAY, award_when="fulfilled", pending_days="14")
    order = buy(channel, 50, make_customer("dora@example.com"), paid=True)
    assert entries() == []
    fulfill_order(order)
    assert entries() == [("earn", 100, 100)]
    account = LoyaltyAccount.objects.get()
    assert (account.active, account.pending) == (0, 100)
    assert points(order).available_at - order.fulfillments.get().created_at == timedelta(days=14)


def test_what_paid_orders_have_earned_stays_where_the_shop_awards_on_fulfillment_from_now_on(channel):
    wim = make_customer("wim@example.com")
    order = buy(channel, 50, wim, paid=True)
    loyalty_settings(channel, points_per_unit="2", earn_from=YESTERDAY, award_when="fulfilled")
    sync_order(order.pk)
    assert entries() == [("earn", 100, 100)]
    refund_order(order, D(25))
    assert entries()[1:] == [("earn_reversal", -50, 50)]
    later = buy(channel, 10, wim, paid=True)
    assert len(entries()) == 2
    fulfill_order(later)
    assert entries()[2:] == [("earn", 20, 70)]
    loyalty_settings(channel, points_per_unit="2", earn_from=YESTERDAY)
    # Awarded when it had left, it is not awarded while it has not.
    later.fulfillments.all().delete()
    type(later).objects.filter(pk=later.pk).update(status="unfulfilled")
    sync_order(later.pk)
    assert entries()[3:] == [("earn_reversal", -20, 50)]


def test_a_guests_points_wait_and_follow_when_the_order_gets_an_owner(channel):
    order = buy(channel, 10, email="Eve@Example.com", paid=True)
    guest = LoyaltyAccount.objects.get()
    assert (guest.profile.user_id, guest.active) == (None, 20)
    eve = make_customer("eve@example.com")
    # Saleor attaches a guest's orders silently, with an update and no hook.
    type(order).objects.filter(pk=order.pk).update(user=eve)
    sync_order(order.pk)
    assert list(LoyaltyAccount.objects.order_by("pk").values_list("profile__user_id", "active")) == [
        (None, 0),
        (eve.pk, 20),
    ]
    assert_ledger_adds_up()


def test_points_are_counted_in_a_currency_without_decimals_too(channel):
    tokyo = make_channel("tokyo", currency="JPY")
    loyalty_settings(tokyo, points_per_unit="0.01", earn_from=YESTERDAY)
    buy(tokyo, 1999, make_customer("fumi@example.com"), paid=True)
    assert entries() == [("earn", 19, 19)]


def test_imported_history_earns_nothing_unless_the_shop_says_so(channel):
    user = make_customer("gil@example.com")
    order = buy(channel, 10, user, paid=True, origin="bulk_create")
    assert entries() == []
    loyalty_settings(channel, points_per_unit="2", earn_from=YESTERDAY, award_imported_orders=True)
    sync_order(order.pk)
    assert entries() == [("earn", 20, 20)]


def test_one_wallet_for_dollars_euros_and_yen(channel):
    """Prices differ by the hundredfold; points are the same."""
    ida = make_customer("ida@example.com")
    berlin, tokyo = make_channel("berlin", currency="EUR"), make_channel("tokyo", currency="JPY")
    loyalty_settings(berlin, points_per_unit="1.5", earn_from=YESTERDAY)
    loyalty_settings(tokyo, points_per_unit="0.015", earn_from=YESTERDAY)
    buy(channel, 10, ida, paid=True)
    buy(berlin, D("10.99"), ida, paid=True)
    in_yen = buy(tokyo, 1099, ida, paid=True)
    # 10 x 2; 10.99 x 1.5 = 16.485; 1099 x 0.015 = 16.485.
    assert entries() == [("earn", 20, 20), ("earn", 16, 36), ("earn", 16, 52)]
    refund_order(in_yen, D(549))
    # 550 yen are left: 8.25 points.
    assert entries()[-1] == ("earn_reversal", -8, 44)


def test_jo_gets_double_points_on_tea_and_keeps_them_when_the_offer_ends(channel):
    tea = make_product(price=40, channel=channel, category=make_category("Tea"))
    cup = make_product(price=20, channel=channel, category=make_category("Cups"))
    double = create_rule(
        default_program_id(),
        "Tea weeks",
        RuleStatus.LIVE,
        RuleDefinition(
            Trigger.ORDER,
            Effect.MULTIPLIER,
            D(2),
            conditions=Conditions(category_ids=frozenset({tea.category_id})),
        ),
        SYSTEM,
    )
    order = make_order(
        make_customer("jo@example.com"),
        channel=channel,
        lines=[(tea.default_variant, 1), (cup.default_variant, 1)],
        paid=False,
    )
    announce_order(order)
    pay_order(order)
    # 40 x 2 doubled, and 20 x 2.
    assert entries() == [("earn", 200, 200)]
    update_rule(double.pk, SYSTEM, status=RuleStatus.OFF)
    sync_order(order.pk)
    assert entries() == [("earn", 200, 200)]
    # Half of the money back takes half of the points, on the terms of then.
    refund_order(order, D(30))
    assert entries()[-1] == ("earn_reversal", -100, 100)


def test_kim_sends_the_cup_back_before_any_money_moves(channel):
    products = [make_product(price=20, channel=channel) for _ in ("cup", "plate")]
    lines = [(product.default_variant, 1) for product in products]
    order = make_order(make_customer("kim@example.com"), channel=channel, lines=lines, paid=False)
    announce_order(order)
    pay_order(order)
    cup, plate = order.lines.order_by("variant_id")
    order.fulfillments.create(status=FulfillmentStatus.RETURNED).lines.create(order_line=cup, quantity=1)
    sync_order(order.pk)
    assert entries() == [("earn", 80, 80), ("earn_reversal", -40, 40)]
    # The money for the cup follows: its points are gone already.
    refund_order(order, D(20))
    assert entries()[-1] == ("earn_reversal", -40, 40)
    # Staff grant a refund for the plate. Saleor tells nobody; the next reconciliation sees it.
    grant = order.granted_refunds.create(amount_value=D(20), currency="USD")
    grant.lines.create(order_line=plate, quantity=1)
    sync_order(order.pk)
    assert entries()[-1] == ("earn_reversal", -40, 0)


def test_part_of_zoes_order_is_out_of_stock_and_she_pays_the_rest(channel):
    lines = [(make_product(price=60, channel=channel), 1), (make_product(price=40, channel=channel), 1)]
    order = make_order(make_customer("zoe@example.com"), channel=channel, lines=lines, paid=False)
    announce_order(order)
    pay_order(order, D(60))
    assert entries() == []
    # Instead of charging for it, staff grant a refund of what there is none of.
    grant = order.granted_refunds.create(amount_value=D(40), currency="USD")
    grant.lines.create(order_line=order.lines.get(unit_price_gross_amount=40), quantity=1)
    sync_order(order.pk)
    assert entries() == [("earn", 200, 200), ("earn_reversal", -80, 120)]
    metrics = ProfileMetrics.objects.get()
    assert (metrics.orders_count, metrics.gross_spent, metrics.refunded, metrics.net_spent) == (1, 100, 40, 60)


def test_three_small_refunds_take_what_one_of_their_sum_would(channel):
    leo, mia = make_customer("leo@example.com"), make_customer("mia@example.com")
    often, once = buy(channel, D("33.33"), leo, paid=True), buy(channel, D("33.33"), mia, paid=True)
    assert (balances(leo), balances(mia)) == ((66, 0, 0), (66, 0, 0))
    for amount in ("1.11", "2.22", "3.34"):
        refund_order(often, D(amount))
    refund_order(once, D("6.67"))
    # 26.66 x 2 = 53.32.
    assert (balances(leo), balances(mia)) == ((53, 0, 0), (53, 0, 0))
    assert_ledger_adds_up()


@pytest.mark.parametrize(
    ("policy", "after_refund", "after_next_order"),
    [
        # What she has left goes; what is missing is forgiven.
        ("within balance", (0, 0, 0), (40, 0, 0)),
        # The next order pays it first.
        ("into deficit", (0, 0, 70), (0, 0, 30)),
        # Nothing is pending any more, so all stays.
        ("pending only", (30, 0, 0), (70, 0, 0)),
    ],
)
def test_nora_has_spent_the_points_of_an_order_that_is_refunded(channel, policy, after_refund, after_next_order):
    loyalty_settings(channel, points_per_unit="2", earn_from=YESTERDAY, earned_points_policy=policy)
    nora = make_customer("nora@example.com")
    order = buy(channel, 50, nora, paid=True)
    spend(nora, 70)
    refund_order(order)
    assert balances(nora) == after_refund
    buy(channel, 20, nora, paid=True)
    assert balances(nora) == after_next_order
    assert_ledger_adds_up()


def spend(user, points: int) -> None:
    """As an order with the code of a hold would."""
    account = LoyaltyAccount.objects.get(profile__user=user)
    with Ledger([account.pk]) as ledger:
        ledger.redeem(account.pk, points, Source(key=f"test:{user.pk}:{points}", order_id=uuid4()))


def test_omars_points_wait_for_the_return_window_and_run_out_after_a_year(channel):
    loyalty_settings(channel, points_per_unit="2", earn_from=YESTERDAY, pending_days="14", expiry="12 months")
    omar = make_customer("omar@example.com")
    buy(channel, 50, omar, paid=True)
    start = timezone.now()
    assert balances(omar) == (0, 100, 0)
    activate_due_lots(start + timedelta(days=13))
    assert balances(omar) == (0, 100, 0)
    activate_due_lots(start + timedelta(days=15))
    assert balances(omar) == (100, 0, 0)
    expire_due_lots(start + timedelta(days=14 + 360))
    assert balances(omar) == (100, 0, 0)
    expire_due_lots(start + timedelta(days=14 + 367))
    assert entries() == [("earn", 100, 100), ("expire", -100, 0)]
    # He asks, and staff are kind: once.
    expired = PointsTransaction.objects.latest("pk")
    for _ in range(2):
        reinstate(expired.pk, "He was ill", Actor(ActorType.STAFF, 1))
    assert entries()[2:] == [("reinstate", 100, 100)]


def test_pia_spends_what_runs_out_first_and_gets_back_those_very_points(channel):
    pia = make_customer("pia@example.com")
    buy(channel, 50, pia, paid=True)
    loyalty_settings(channel, points_per_unit="2", earn_from=YESTERDAY, expiry="6 months")
    buy(channel, 25, pia, paid=True)
    assert lots() == [(100, 100), (50, 50)]
    account = LoyaltyAccount.objects.get()
    order_id = uuid4()
    with Ledger([account.pk]) as ledger:
        ledger.redeem(account.pk, 80, Source(key="spend", order_id=order_id))
    # All of the younger lot, which runs out in half a year, before the one that never does.
    assert lots() == [(100, 70), (50, 0)]
    with Ledger([account.pk], orders=[order_id]) as ledger:
        ledger.give_back(account.pk, 80, Source(key="cancelled", order_id=order_id))
    assert lots() == [(100, 100), (50, 50)]
    expire_due_lots(timezone.now() + timedelta(days=190))
    assert balances(pia) == (100, 0, 0)
    assert_ledger_adds_up()


def test_staff_give_points_think_again_and_both_can_be_read(channel):
    quinn = make_customer("quinn@example.com")
    buy(channel, 50, quinn, paid=True)
    account = LoyaltyAccount.objects.get()
    staff = Actor(ActorType.STAFF, 7)
    given = adjust(account.pk, 500, "The parcel came late", staff, "ticket 4711")
    # The same ticket twice is one gift.
    assert adjust(account.pk, 500, "The parcel came late", staff, "ticket 4711").pk == given.pk
    void(given.pk, "Wrong customer", staff)
    assert entries() == [("earn", 100, 100), ("adjust", 500, 600), ("void", -500, 100)]
    assert list(PointsTransaction.objects.order_by("pk").values_list("reason", "actor_id"))[1:] == [
        ("The parcel came late", 7),
        ("Wrong customer", 7),
    ]


def test_the_order_sent_in_place_of_broken_goods_earns_nothing(channel):
    rosa = make_customer("rosa@example.com")
    first = buy(channel, 50, rosa, paid=True)
    line = first.lines.get()
    first.fulfillments.create(status=FulfillmentStatus.REPLACED).lines.create(order_line=line, quantity=1)
    sync_order(first.pk)
    buy(channel, 50, rosa, paid=True, origin="reissue")
    assert entries() == [("earn", 100, 100)]


def test_an_edited_order_earns_what_it_costs_now(channel):
    order = buy(channel, 50, make_customer("sol@example.com"), paid=True)
    assert entries() == [("earn", 100, 100)]
    line = order.lines.get()
    for name in ("total_price_gross_amount", "total_price_net_amount"):
        setattr(line, name, D(35))
    line.save()
    type(order).objects.filter(pk=order.pk).update(total_gross_amount=D(35), total_net_amount=D(35))
    sync_order(order.pk)
    assert entries()[-1] == ("earn_reversal", -30, 70)


def test_tess_is_charged_twice_and_gets_the_second_charge_back(channel):
    order = buy(channel, 60, make_customer("tess@example.com"))
    first, second = pay_order(order, D(60)), pay_order(order, D(60))
    refund_order(order, of=second)
    assert entries() == [("earn", 120, 120)]
    metrics = ProfileMetrics.objects.get()
    assert (metrics.gross_spent, metrics.refunded, metrics.net_spent) == (60, 0, 60)
    refund_order(order, D(15), of=first)
    assert entries()[1:] == [("earn_reversal", -30, 90)]
    metrics.refresh_from_db()
    assert (metrics.gross_spent, metrics.refunded, metrics.net_spent) == (60, 15, 45)


def test_ugo_pays_before_staff_make_the_order_smaller_and_gets_the_rest_back(channel):
    channel.automatically_confirm_all_new_orders = False
    channel.save()
    order = buy(channel, 50, make_customer("ugo@example.com"), status="unconfirmed")
    pay_order(order, D(50))
    line = order.lines.get()
    line.total_price_gross_amount = line.total_price_net_amount = D(40)
    line.save()
    type(order).objects.filter(pk=order.pk).update(total_gross_amount=D(40), total_net_amount=D(40))
    refund_order(order, D(10))
    type(order).objects.filter(pk=order.pk).update(status="unfulfilled")
    sync_order(order.pk)
    assert entries() == [("earn", 80, 80)]


def test_a_refund_that_the_bank_has_not_done_yet_takes_nothing(channel):
    order = buy(channel, 50, make_customer("vera@example.com"))
    item = pay_order(order, D(50))
    # As Saleor writes it once the payment app has taken the request.
    type(item).objects.filter(pk=item.pk).update(charged_value=D(30), refund_pending_value=D(20))
    type(order).objects.filter(pk=order.pk).update(total_charged_amount=D(30))
    sync_order(order.pk)
    assert entries() == [("earn", 100, 100)]
    type(item).objects.filter(pk=item.pk).update(refund_pending_value=D(0), refunded_value=D(20))
    sync_order(order.pk)
    assert entries()[1:] == [("earn_reversal", -40, 60)]
