"""A winter of one customer in three currencies, as the customer, the marketer and the accountant see it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest
import time_machine

from saleor_crm_plugin.ingestion import tasks
from saleor_crm_plugin.ingestion.liability import LiabilityReport, Worth
from saleor_crm_plugin.ingestion.simulation import NEW_RULE_ID, simulate
from saleor_crm_plugin.loyalty.liability import Movement
from saleor_crm_plugin.loyalty.models import TransactionType
from saleor_crm_plugin.loyalty.rules.definition import Effect, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.storage import LiveRule
from saleor_crm_plugin.loyalty.simulation import Cost
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.devshop.flows import announce_order, refund_order
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_reminders import HEARD
from tests.shop_settings import crm_settings, loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)


def on(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def crm(settings):
    settings.PLUGINS = [
        "saleor_crm_plugin.plugin.CRMPlugin",
        "saleor_crm_plugin.plugin.LoyaltySettingsPlugin",
        "tests.integration.loyalty.test_reminders.NotificationPlugin",
    ]
    crm_settings(expiry_reminder_days="14")
    HEARD.clear()


def buy(customer, channel, price, at):
    with time_machine.travel(at, tick=False):
        product = make_product(price=price, channel=channel)
        order = make_order(customer, channel=channel, lines=[(product, 1)], created_at=at)
        announce_order(order)
    return order


def run(task, at) -> None:
    with time_machine.travel(at, tick=False):
        task()


def test_kim_buys_in_three_countries_forgets_some_points_and_sends_something_back():
    dollars, euros, yen = make_channel("us", "USD"), make_channel("de", "EUR"), make_channel("jp", "JPY")
    terms = {"earn_from": "2026-01-01"}
    loyalty_settings(dollars, points_per_unit="1", pending_days="14", expiry="12 months", point_value="0.01", **terms)
    loyalty_settings(euros, points_per_unit="2", point_value="0.02", **terms)
    loyalty_settings(yen, points_per_unit="0.01", expiry="1 month", point_value="1", **terms)
    kim = make_customer("kim@example.com")

    bought = buy(kim, dollars, 100, on(1, 10))
    buy(kim, yen, 5000, on(1, 20))
    run(tasks.activate_points_task, on(1, 24))
    buy(kim, euros, 80, on(1, 25))
    for day in (6, 7, 8):
        run(tasks.send_reminders_task, on(2, day))
    run(tasks.expire_points_task, on(2, 21))
    with time_machine.travel(on(2, 22), tick=False):
        refund_order(bought, D(50))
    assert_ledger_adds_up()

    # Kim was told once, two weeks before the points from Japan ran out.
    reminders = [(event, payload["points"]) for event, payload in HEARD if event.startswith("crm_")]
    assert reminders == [("crm_points_expiring", 50)]

    # The accountant: 100 points from America, 50 from Japan and 160 from Germany at the end of January.
    january = LiabilityReport(as_of=on(2, 1), now=on(6, 1), using="default")
    assert [(month.month and f"{month.month:%Y-%m}", month.points) for month in january.months] == [
        ("2026-02", 50),
        ("2027-01", 100),
        (None, 160),
    ]
    assert january.total.worth == (Worth(D("6.20"), "EUR"), Worth(D(310), "JPY"), Worth(D("3.10"), "USD"))
    february = LiabilityReport(as_of=on(3, 1), since=on(2, 1), now=on(6, 1), using="default")
    assert (february.movements.opening, february.movements.closing, february.position.balance) == (310, 210, 210)
    assert february.movements.movements == (
        Movement(TransactionType.EARN_REVERSAL, given=0, taken=50, entries=1),
        Movement(TransactionType.EXPIRE, given=0, taken=50, entries=1),
    )

    # The marketer: what would double points have given on what was kept?
    double = LiveRule(NEW_RULE_ID, 1, "Double", RuleDefinition(Trigger.ORDER, Effect.MULTIPLIER, D(2)), False)
    tried = simulate(double, on(1, 1), on(3, 1), using="default")
    assert (tried.points, tried.orders, tried.customers) == (260, 3, 1)
    assert tried.costs == (
        Cost("EUR", 160, D("3.20"), 0),
        Cost("JPY", 50, D(50), 0),
        Cost("USD", 50, D("0.50"), 0),
    )
