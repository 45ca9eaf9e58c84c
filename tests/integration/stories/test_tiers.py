"""Customers rise, are kept for a while, fall, and are lifted by staff."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.ingestion import tasks
from saleor_crm_plugin.ingestion.tier_facts import net_spend
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.tiers.assignment import assign
from saleor_crm_plugin.loyalty.tiers.editing import create_tier, update_policy
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier, TierChange, TierMembership
from saleor_crm_plugin.loyalty.tiers.queries import current_tiers
from tests.devshop.factories import make_channel, make_customer
from tests.devshop.flows import cancel_order, refund_order
from tests.integration.loyalty.test_redemption import apply, checkout_of, complete
from tests.integration.loyalty.test_reminders import HEARD
from tests.integration.stories.shop import account_of, balances, buy, entries, run, then
from tests.shop_settings import crm_settings, loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)


def on(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, 8, tzinfo=UTC)


@pytest.fixture
def channel():
    """One point for each dollar."""
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01", point_value="0.01")
    return channel


@pytest.fixture(autouse=True)
def silver(channel) -> LoyaltyTier:
    """Bronze from 100 points within a year; Silver from 500, with 50 points as a welcome and half as much again."""
    program_id = default_program_id()
    update_policy(program_id, {"grace_days": 30})
    create_tier(program_id, {"name": "Bronze", "level": 1, "threshold": D(100)})
    more = {"earning_multiplier": D("1.5"), "entry_points": 50}
    return create_tier(program_id, {"name": "Silver", "level": 2, "threshold": D(500), **more})


def tier(user) -> str | None:
    account_id = account_of(user).pk
    found = current_tiers([account_id], "default").get(account_id)
    return found.name if found else None


def history() -> list[tuple[str | None, str | None, str]]:
    return list(TierChange.objects.order_by("pk").values_list("from_tier__name", "to_tier__name", "cause"))


def silver_since_february(channel, user) -> None:
    buy(channel, 120, user, paid=True, at=on(1, 10))
    assert tier(user) == "Bronze"
    buy(channel, 400, user, paid=True, at=on(2, 1))
    assert tier(user) == "Silver"
    buy(channel, 100, user, paid=True, at=on(3, 1))
    assert entries() == [
        ("earn", 120, 120),
        ("earn", 400, 520),
        ("tier_gift", 50, 570),
        ("earn", 150, 720),
    ]


def test_olga_rises_to_silver_stays_away_and_falls(channel):
    olga = make_customer("olga@example.com")
    silver_since_february(channel, olga)
    seen = []
    # What counts leaves the year: 120 in January, 400 in February, 150 in March. Each tier is kept for 30 days more.
    for at in (on(2, 1, 2027), on(3, 2, 2027), on(3, 4, 2027), on(3, 30, 2027), on(4, 1, 2027)):
        run(tasks.review_tiers_task, at)
        seen.append(tier(olga))
    assert seen == ["Silver", "Silver", "Bronze", "Bronze", None]
    assert history() == [
        (None, "Bronze", "upgrade"),
        ("Bronze", "Silver", "upgrade"),
        ("Silver", "Bronze", "downgrade"),
        ("Bronze", None, "downgrade"),
    ]
    # Points are not what falls.
    assert balances(olga) == (720, 0, 0)


def test_paul_is_reminded_once_and_keeps_silver_in_the_days_of_grace(channel, settings):
    settings.PLUGINS = [*settings.PLUGINS, "tests.integration.loyalty.test_reminders.NotificationPlugin"]
    crm_settings(expiry_reminder_days="14")
    HEARD.clear()
    paul = make_customer("paul@example.com")
    silver_since_february(channel, paul)
    run(tasks.review_tiers_task, on(2, 2, 2027))
    assert TierMembership.objects.get().keep_until == on(3, 3, 2027)
    for day in (16, 17, 18):
        run(tasks.send_reminders_task, on(2, day, 2027))
    told = [(event, payload["keep_until"]) for event, payload in HEARD]
    assert told == [("crm_tier_expiring", "2027-03-03T08:00:00+00:00")]
    # 150 of last March count, and 360 for 240 dollars at Silver's rate.
    buy(channel, 240, paul, paid=True, at=on(2, 20, 2027))
    run(tasks.review_tiers_task, on(2, 28, 2027))
    assert tier(paul) == "Silver"
    # There is one welcome for each tier and customer.
    assert entries()[4:] == [("earn", 360, 1080)]


def test_quin_spends_everything_and_stays_what_she_is(channel):
    quin = make_customer("quin@example.com")
    buy(channel, 600, quin, paid=True)
    assert entries() == [("earn", 600, 600), ("tier_gift", 50, 650)]
    checkout = checkout_of(quin, channel, price=40)
    apply(checkout, 650)
    order = complete(checkout)
    run(tasks.review_tiers_task, order.created_at + timedelta(days=2))
    assert (balances(quin), tier(quin)) == ((0, 0, 0), "Silver")
    cancel_order(order)
    run(tasks.review_tiers_task, order.created_at + timedelta(days=4))
    assert (balances(quin), tier(quin)) == ((650, 0, 0), "Silver")


def test_ray_sends_back_what_had_lifted_him(channel):
    ray = make_customer("ray@example.com")
    buy(channel, 120, ray, paid=True, at=on(1, 10))
    large = buy(channel, 400, ray, paid=True, at=on(2, 1))
    with then(on(2, 10)):
        refund_order(large)
    assert entries()[3:] == [("earn_reversal", -400, 170)]
    assert (tier(ray), TierMembership.objects.get().keep_until) == ("Silver", on(3, 12))
    run(tasks.review_tiers_task, on(3, 12))
    # The welcome stays, as a gift does.
    assert (tier(ray), balances(ray)) == ("Bronze", (170, 0, 0))


def test_staff_make_sue_silver_for_a_month(channel, silver):
    sue = make_customer("sue@example.com")
    buy(channel, 10, sue, paid=True, at=on(5, 1))
    with then(on(5, 2)):
        assign(account_of(sue).pk, silver.pk, on(6, 2), "She writes about us", Actor(ActorType.STAFF, 7), net_spend)
    buy(channel, 100, sue, paid=True, at=on(5, 3))
    run(tasks.review_tiers_task, on(6, 1))
    assert tier(sue) == "Silver"
    run(tasks.review_tiers_task, on(6, 2))
    # What she bought as Silver made her Bronze. A welcome is for those who have earned it.
    assert tier(sue) == "Bronze"
    assert entries() == [("earn", 10, 10), ("earn", 150, 160)]
    told = TierChange.objects.order_by("pk").values_list("to_tier__name", "cause", "reason", "actor_id")
    assert list(told) == [
        ("Silver", "assigned", "She writes about us", 7),
        ("Bronze", "assignment_ended", "", None),
    ]
