"""Rules of a shop: whom they are for, how much they give, and rules that are only tried."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal as D

import pytest

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion import tasks
from saleor_crm_plugin.loyalty.models import PointsTransaction
from saleor_crm_plugin.loyalty.rules.definition import Conditions, CustomerType, Effect, Limits, Period, Trigger
from saleor_crm_plugin.loyalty.rules.editing import update_rule
from saleor_crm_plugin.loyalty.rules.models import EarningRuleUse, RuleStatus
from saleor_crm_plugin.profiles.models import ProfileMetrics, RFMGroup
from tests.devshop.factories import make_address, make_channel, make_customer
from tests.devshop.flows import cancel_order
from tests.integration.stories.shop import buy, entries, make_rule, run, then
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)


def on(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, 8, tzinfo=UTC)


@pytest.fixture
def channel():
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="2", earn_from="2026-01-01")
    return channel


def earned(order) -> int:
    return sum(PointsTransaction.objects.filter(order_id=order.pk).values_list("points", flat=True))


def test_gus_gets_500_points_for_his_first_order_only(channel):
    make_rule("Welcome", Effect.FIXED_POINTS, 500, Trigger.FIRST_ORDER)
    gus = make_customer("gus@example.com")
    first = buy(channel, 20, gus, paid=True, at=on(5, 4))
    buy(channel, 20, gus, paid=True, at=on(5, 5))
    assert entries() == [("earn", 540, 540), ("earn", 40, 580)]
    with then(on(5, 6)):
        cancel_order(first)
    assert entries()[2:] == [("earn_reversal", -540, 40)]


def test_companies_earn_double_on_large_orders(channel):
    conditions = Conditions(customer_type=CustomerType.BUSINESS, minimum_subtotal=D(100))
    make_rule("Trade", Effect.MULTIPLIER, 2, conditions=conditions)
    hal = make_customer("hal@example.com")
    office = make_address(company_name="Hal & Sons")
    small = buy(channel, 99, hal, paid=True, billing_address=office)
    large = buy(channel, 100, hal, paid=True, billing_address=make_address(company_name="Hal & Sons"))
    at_home = buy(channel, 100, hal, paid=True)
    assert [earned(order) for order in (small, large, at_home)] == [198, 400, 200]


def test_the_best_customers_get_ten_points_more(channel):
    make_rule("Thanks", Effect.FIXED_POINTS, 10, conditions=Conditions(segments=frozenset({"CHAMPIONS"})))
    ivy = make_customer("ivy@example.com")
    before = buy(channel, 50, ivy, paid=True)
    ProfileMetrics.objects.update(rfm_group=RFMGroup.CHAMPIONS)
    after = buy(channel, 50, ivy, paid=True)
    assert (earned(before), earned(after)) == (100, 110)


def test_at_weekends_in_may_in_tokyo(channel):
    """Yen have no decimals, and points neither."""
    tokyo = make_channel("tokyo", currency="JPY")
    loyalty_settings(tokyo, points_per_unit="0.015", earn_from="2026-01-01")
    make_rule(
        "Happy weekend",
        Effect.POINTS_PER_AMOUNT,
        D("0.01"),
        channel_ids=frozenset({tokyo.pk}),
        starts_at=on(5, 1),
        ends_at=on(6, 1),
        weekdays=frozenset({5, 6}),
    )
    jan = make_customer("jan@example.com")
    # A Friday and a Saturday in May, and a Saturday in June.
    orders = [buy(tokyo, 1099, jan, paid=True, at=at) for at in (on(5, 15), on(5, 16), on(6, 6))]
    elsewhere = buy(channel, 50, jan, paid=True, at=on(5, 16))
    # 1099 x 0.015 = 16.485, and 1099 x 0.01 = 10.99 more; rounded down once.
    assert [earned(order) for order in (*orders, elsewhere)] == [16, 27, 16, 100]
    assert len(entries()) == 4


def test_a_gift_once_a_month_until_the_budget_is_used_up(channel):
    limits = Limits(uses_per_customer=1, period=Period.MONTH, points_in_total=250)
    make_rule("Hundred a month", Effect.FIXED_POINTS, 100, limits=limits)
    kay, lou = make_customer("kay@example.com"), make_customer("lou@example.com")
    bought = [(kay, on(5, 4)), (kay, on(5, 5)), (lou, on(5, 6)), (kay, on(6, 1)), (lou, on(6, 2))]
    orders = [buy(channel, 10, who, paid=True, at=at) for who, at in bought]
    # 20 for the order each time; of the third hundred there is half left, and then nothing.
    assert [earned(order) for order in orders] == [120, 20, 120, 70, 20]
    assert sum(points for _, points, _ in entries()) == 350


def test_a_rule_is_tried_before_it_is_let_loose(channel):
    triple = make_rule("Triple", Effect.MULTIPLIER, 3, status=RuleStatus.DRY_RUN)
    mo = make_customer("mo@example.com")
    buy(channel, 20, mo, paid=True)
    assert entries() == [("earn", 40, 40)]
    # What it would have given can be read.
    assert list(EarningRuleUse.objects.values_list("points", "is_dry_run")) == [(80, True)]
    update_rule(triple.pk, SYSTEM, status=RuleStatus.LIVE)
    buy(channel, 20, mo, paid=True)
    assert entries() == [("earn", 40, 40), ("earn", 120, 160)]


def test_nell_has_a_birthday_every_year(channel):
    with then(on(1, 1)):
        make_rule("Happy birthday", Effect.FIXED_POINTS, 50, Trigger.BIRTHDAY)
    nell = make_customer("nell@example.com", private_metadata={"birthday": str(date(1990, 5, 20))})
    # The job runs each night, and twice in one of them.
    for at in (on(5, 19), on(5, 20), on(5, 20), on(5, 21), on(5, 20, 2027)):
        run(tasks.award_birthdays_task, at)
    assert entries(nell) == [("earn_action", 50, 50), ("earn_action", 50, 100)]
    given = PointsTransaction.objects.order_by("pk").values_list("created_at", "reason")
    assert list(given) == [(on(5, 20), "Happy birthday"), (on(5, 20, 2027), "Happy birthday")]
