"""What staff and the accountant do: bring points along, make good, and read what the year came to."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal as D
from itertools import pairwise

import pytest
from django.core.management import call_command
from saleor.order.models import Order

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.ingestion import tasks
from saleor_crm_plugin.ingestion.liability import LiabilityReport, Worth
from saleor_crm_plugin.ingestion.rewards import redeem_reward
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.liability import Movement
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, TransactionType
from tests.devshop.factories import make_channel, make_customer
from tests.devshop.flows import manager, refund_order
from tests.integration.loyalty.test_reminders import HEARD
from tests.integration.loyalty.test_rewards import reward
from tests.integration.stories.shop import YESTERDAY, account_of, balances, buy, entries, lots, run, then
from tests.shop_settings import crm_settings, loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)

STAFF = Actor(ActorType.STAFF, 7)


def on(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, 8, tzinfo=UTC)


@pytest.fixture
def channel(settings):
    settings.PLUGINS = [*settings.PLUGINS, "tests.integration.loyalty.test_reminders.NotificationPlugin"]
    crm_settings(expiry_reminder_days="20")
    HEARD.clear()
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="2", earn_from="2026-01-01", point_value="0.01")
    return channel


def statement(user) -> list[tuple[str, str, str, str, str]]:
    out = io.StringIO()
    call_command("crm_export_points", "--user-id", str(user.pk), stdout=out, verbosity=0)
    columns = ("type", "points", "balance_after", "reason", "created_at")
    return [tuple(row[name] for name in columns) for row in csv.DictReader(io.StringIO(out.getvalue(), newline=""))]


def test_a_year_from_the_old_cards_to_the_books(channel, tmp_path):
    amy, zoe = make_customer("amy@example.com"), make_customer("zoe@example.com")
    old_cards = tmp_path / "cards.csv"
    old_cards.write_text(
        "email,points,expires_at,reason\nzoe@example.com,300,,Old card\namy@example.com,200,2026-07-01,Old card\n"
    )
    with then(on(1, 5)):
        call_command("crm_import_points", str(old_cards), stdout=io.StringIO(), verbosity=0)
        assert entries() == [("import", 300, 300), ("import", 200, 200)]
    bought = buy(channel, 100, zoe, paid=True, at=on(3, 10))
    redeem_reward(reward(cost=350).pk, zoe, channel.slug, None, now=on(4, 2))
    for day in (10, 15, 16):
        run(tasks.send_reminders_task, on(6, day))
    run(tasks.expire_points_task, on(7, 1))
    with then(on(9, 1)):
        refund_order(bought, D(50))
    with then(on(10, 1)):
        adjust(account_of(amy).pk, 40, "The parcel came late", STAFF, "ticket 4711")
    assert entries(amy) == [("import", 200, 200), ("expire", -200, 0), ("adjust", 40, 40)]

    # Amy was told once of the points that she let go.
    reminders = [(event, payload["points"]) for event, payload in HEARD if event.startswith("crm_")]
    assert reminders == [("crm_points_expiring", 200)]

    # Zoe asks for her statement.
    assert statement(zoe) == [
        ("import", "300", "300", "Old card", "2026-01-05T08:00:00+00:00"),
        ("earn", "200", "500", "", "2026-03-10T08:00:00+00:00"),
        ("redeem", "-350", "150", "Reward: Treat", "2026-04-02T08:00:00+00:00"),
        ("earn_reversal", "-100", "50", "Order refunded", "2026-09-01T08:00:00+00:00"),
    ]

    # The accountant: each month begins as the one before has ended, and the year is the sum of its months.
    firsts = [datetime(2026 + month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(13)]
    months = [
        LiabilityReport(as_of=until, since=since, now=on(2, 1, 2027), using="default").movements
        for since, until in pairwise(firsts)
    ]
    assert [each.closing for each in months] == [500, 500, 700, 350, 350, 350, 150, 150, 50, 90, 90, 90]
    assert [each.opening for each in months] == [0, *(each.closing for each in months[:-1])]
    year = LiabilityReport(as_of=firsts[-1], since=firsts[0], now=on(2, 1, 2027), using="default")
    assert (year.movements.opening, year.movements.closing, year.position.balance) == (0, 90, 90)
    assert set(year.movements.movements) == {
        Movement(TransactionType.IMPORT, given=500, taken=0, entries=2),
        Movement(TransactionType.EARN, given=200, taken=0, entries=1),
        Movement(TransactionType.REDEEM, given=0, taken=350, entries=1),
        Movement(TransactionType.EXPIRE, given=0, taken=200, entries=1),
        Movement(TransactionType.EARN_REVERSAL, given=0, taken=100, entries=1),
        Movement(TransactionType.ADJUST, given=40, taken=0, entries=1),
    }
    assert year.total.worth == (Worth(D("0.90"), "USD"),)


def test_uli_buys_as_a_guest_complains_and_registers(channel):
    loyalty_settings(channel, points_per_unit="2", earn_from=YESTERDAY)
    order = buy(channel, 100, email="Uli@Example.com", paid=True)
    adjust(LoyaltyAccount.objects.get().pk, 30, "The parcel came late", STAFF, "ticket 4712")
    assert entries() == [("earn", 200, 200), ("adjust", 30, 230)]
    # As registering and confirming the address do, where Saleor attaches the guest's orders without a hook.
    uli = make_customer("uli@example.com", is_confirmed=False)
    manager().customer_created(uli)
    assert not LoyaltyAccount.objects.filter(profile__user=uli).exists()
    uli.is_confirmed = True
    uli.save()
    Order.objects.filter(pk=order.pk).update(user=uli)
    manager().account_confirmed(uli)
    assert entries(uli) == [("merge_in", 200, 200), ("merge_in", 30, 230)]
    assert entries()[2:4] == [("merge_out", -200, 30), ("merge_in", 200, 200)]
    assert (balances(uli), len(lots())) == ((230, 0, 0), 4)
    # What happens to the guest's order happens to the user's points.
    refund_order(order, D(25))
    assert balances(uli) == (180, 0, 0)
    assert entries(uli)[2:] == [("merge_out", -50, 180)]
    # The guest's account has nothing, before and after.
    assert LoyaltyAccount.objects.get(profile__user=None).balance == 0
