"""From Saleor's orders to tiers and back to points: stories with exact numbers and dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from uuid import uuid4

import pytest
import time_machine
from django.db import IntegrityError, transaction
from saleor.order import FulfillmentStatus

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.exceptions import LedgerError
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.ingestion.tier_facts import net_spend, review_tiers
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.actions import award_action
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.rules.actions import Action
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Effect, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from saleor_crm_plugin.loyalty.rules.storage import live_rules
from saleor_crm_plugin.loyalty.tiers import review as reviewing
from saleor_crm_plugin.loyalty.tiers.assignment import assign
from saleor_crm_plugin.loyalty.tiers.editing import delete_tier, update_policy, update_tier
from saleor_crm_plugin.loyalty.tiers.models import TierChange, TierMembership, TierPolicy
from saleor_crm_plugin.loyalty.tiers.queries import about_to_be_lost, current_tiers
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.devshop.flows import hand_over_orders
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.tiers.ladder import make_tiers
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

BEGINNING = datetime(2026, 3, 1, 12, tzinfo=UTC)
HUNDRED_DAYS = {"window_months": None, "window_days": 100}


def day(number: float) -> datetime:
    return BEGINNING + timedelta(days=number)


@pytest.fixture
def channel():
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01")
    return channel


@pytest.fixture
def tea(channel):
    return make_product("Tea", price=100, channel=channel, stock=None)


@pytest.fixture
def ann(channel):
    return make_customer("ann@example.com")


def buy(user, product, number: float, quantity: int = 1, **fields):
    order = make_order(user, lines=[(product, quantity)], created_at=day(number), **fields)
    sync(number, order)
    return order


def sync(number: float, *orders) -> None:
    assert not sync_orders([order.pk for order in orders], now=day(number)).failed
    assert_ledger_adds_up()


def review(number: float) -> int:
    written = review_tiers(day(number))
    assert_ledger_adds_up()
    return written


def tier(user) -> str | None:
    account = LoyaltyAccount.objects.get(profile__user=user)
    found = current_tiers([account.pk], "default")
    return found[account.pk].name if found else None


def history() -> list[tuple[str | None, str | None, str, datetime]]:
    return list(TierChange.objects.order_by("pk").values_list("from_tier__name", "to_tier__name", "cause", "at"))


def points_of(order) -> list[int]:
    return list(PointsTransaction.objects.filter(order_id=order.pk).order_by("pk").values_list("points", flat=True))


def pay(order) -> None:
    order.refresh_from_db()
    order.total_charged_amount = order.total_gross_amount
    order.charge_status, order.status = "full", "unfulfilled"
    order.save()


def give_back(order, quantity: int) -> None:
    order.fulfillments.create(status=FulfillmentStatus.RETURNED).lines.create(
        order_line=order.lines.get(), quantity=quantity
    )


def test_up_with_an_order_and_down_when_it_leaves_the_window(ann, tea):
    make_tiers(100, 300, policy=HUNDRED_DAYS)
    buy(ann, tea, 0)
    assert tier(ann) == "Bronze"
    buy(ann, tea, 10, quantity=2)
    assert tier(ann) == "Silver"
    # Everybody is looked at; half a day later only those whose time is over.
    review(99.5)
    assert tier(ann) == "Silver"
    review(100)
    assert tier(ann) == "Bronze"
    review(110)
    assert tier(ann) is None
    assert not TierMembership.objects.exists()
    assert history() == [
        (None, "Bronze", "upgrade", day(0)),
        ("Bronze", "Silver", "upgrade", day(10)),
        ("Silver", "Bronze", "downgrade", day(100)),
        ("Bronze", None, "downgrade", day(110)),
    ]


@pytest.mark.parametrize("at", ["review", "_differing"])
def test_an_account_that_cannot_be_reviewed_holds_up_nobody(ann, tea, monkeypatch, caplog, at):
    make_tiers(100, policy=HUNDRED_DAYS)
    ben = make_customer("ben@example.com")
    for user in (ann, ben):
        buy(user, tea, 0)
    bad = LoyaltyAccount.objects.get(profile__user=ann).pk
    real = getattr(reviewing, at)

    def contradicted(account_ids, *arguments, **options):
        if bad in account_ids:
            raise LedgerError("The lots do not add up.")
        return real(account_ids, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(reviewing, at, contradicted)
        assert review(100) == 1
    assert (tier(ann), tier(ben)) == ("Bronze", None)
    assert f"tier of loyalty account {bad} cannot be reviewed" in caplog.text
    assert review(101.5) == 1
    assert tier(ann) is None


def test_a_second_review_writes_nothing(ann, tea):
    make_tiers(100, policy=HUNDRED_DAYS)
    buy(ann, tea, 0)
    assert review(1) == 0
    before = list(TierMembership.objects.values())
    assert (review(50), review(51)) == (0, 0)
    assert list(TierMembership.objects.values()) == before
    assert (review(100), review(100.5)) == (1, 0)


def test_grace_and_one_level(ann, tea):
    make_tiers(100, 300, policy={**HUNDRED_DAYS, "grace_days": 10, "downgrade": "one_level"})
    buy(ann, tea, 0, quantity=3)
    for number, name in ((109, "Silver"), (110, "Bronze"), (219, "Bronze"), (220, None)):
        review(number)
        assert tier(ann) == name, number


def test_spending_points_lowers_nothing(ann, tea):
    make_tiers(100, policy=HUNDRED_DAYS)
    buy(ann, tea, 0)
    account = LoyaltyAccount.objects.get()
    with Ledger([account.pk], now=day(1)) as ledger:
        ledger.redeem(account.pk, 100, Source(key="spent", order_id=uuid4()))
    assert review(2) == 0
    assert tier(ann) == "Bronze"


def test_only_what_is_earned_counts(ann, tea):
    make_tiers(100, 300, policy=HUNDRED_DAYS)
    buy(ann, tea, 0)
    account = LoyaltyAccount.objects.get()
    adjust(account.pk, 5000, "Sorry", SYSTEM, "1")
    with Ledger([account.pk], now=day(1)) as ledger:
        for kind in (TransactionType.TIER_GIFT, TransactionType.REINSTATE, TransactionType.IMPORT):
            ledger.credit(account.pk, 5000, kind, Source(key=kind))
    review(2)
    assert tier(ann) == "Bronze"
    definition = RuleDefinition(Trigger.BIRTHDAY, Effect.FIXED_POINTS, D(200))
    create_rule(account.program_id, "Happy birthday", RuleStatus.LIVE, definition, SYSTEM)
    rules = [replace(each, in_force_since=day(0)) for each in live_rules(account.program_id, "default")]
    assert award_action(account.pk, Action(Trigger.BIRTHDAY, "birthday:2026", day(2)), rules, now=day(2)) == 200
    # Nobody gave a hint; the daily look at everybody finds it.
    review(3.5)
    assert tier(ann) == "Silver"


def test_the_refund_of_an_old_order_lowers_no_newer_window(ann, tea):
    make_tiers(100, policy=HUNDRED_DAYS)
    old = buy(ann, tea, 0, quantity=2)
    buy(ann, tea, 90)
    give_back(old, 2)
    sync(101, old)
    assert points_of(old) == [200, -200]
    review(102)
    assert tier(ann) == "Bronze"
    earned = PointsTransaction.objects.filter(order_id=old.pk).values_list("earned_at", flat=True)
    assert set(earned) == {day(0)}


def test_a_refund_takes_the_tier_after_the_grace(ann, tea):
    make_tiers(100, 300, policy={**HUNDRED_DAYS, "grace_days": 10})
    order = buy(ann, tea, 0, quantity=3)
    give_back(order, 2)
    sync(20, order)
    assert tier(ann) == "Silver"
    assert TierMembership.objects.get().keep_until == day(30)
    review(30)
    assert tier(ann) == "Bronze"


def test_an_order_of_somebody_else_takes_its_tier_along(ann, tea):
    make_tiers(100, policy=HUNDRED_DAYS)
    order = buy(ann, tea, 0)
    ben = make_customer("ben@example.com")
    order.user, order.user_email = ben, ben.email
    order.save()
    sync(5, order)
    assert (tier(ann), tier(ben)) == (None, "Bronze")
    assert set(PointsTransaction.objects.values_list("earned_at", flat=True)) == {day(0)}


def test_money_spent_counts_less_refunds_in_its_currency(ann, tea, channel):
    euros = make_channel("euro", currency="EUR")
    loyalty_settings(euros, points_per_unit="1", earn_from="2026-01-01")
    make_tiers("99.50", 300, policy={**HUNDRED_DAYS, "basis": "net_spend", "currency": "USD"})
    buy(ann, make_product("Thé", price=1000, channel=euros, stock=None), 0, channel=euros)
    assert tier(ann) is None
    buy(ann, tea, 1)
    assert tier(ann) == "Bronze"
    order = buy(ann, tea, 2, quantity=2)
    assert tier(ann) == "Silver"
    assert net_spend([LoyaltyAccount.objects.get().profile_id], "USD", day(1.5), "default") == {
        LoyaltyAccount.objects.get().profile_id: [(day(2), D(200))]
    }
    order.status = "canceled"
    order.save()
    sync(3, order)
    assert tier(ann) == "Bronze"


def test_money_counts_also_where_no_points_are_earned(ann, tea, channel):
    loyalty_settings(channel, points_per_unit="")
    old = make_customer("old@example.com")
    buy(old, tea, 0)
    assert not LoyaltyAccount.objects.exists()
    make_tiers(100, 300, policy={**HUNDRED_DAYS, "basis": "net_spend", "currency": "USD"})
    buy(ann, tea, 1)
    poor = make_customer("poor@example.com")
    buy(poor, make_product("Crumb", price=99, channel=channel, stock=None), 1)
    assert tier(ann) == "Bronze"
    review(1)
    assert tier(old) == "Bronze"
    assert not LoyaltyAccount.objects.filter(profile__user=poor).exists()


def test_a_calendar_year(ann, tea):
    make_tiers(100, policy={"window": "calendar_year"})
    buy(ann, tea, 0)
    review(300)
    assert TierMembership.objects.get().keep_until == datetime(2028, 1, 1, tzinfo=UTC)
    assert review((datetime(2027, 12, 31, tzinfo=UTC) - BEGINNING).days) == 0
    assert review_tiers(datetime(2028, 1, 1, tzinfo=UTC)) == 1
    assert tier(ann) is None


def test_for_life(ann, tea):
    make_tiers(200, policy={"window": "lifetime"})
    buy(ann, tea, 0)
    assert tier(ann) is None
    buy(ann, tea, 300)
    assert tier(ann) == "Bronze"
    assert TierMembership.objects.get().keep_until is None
    assert review(3000) == 0


def test_entry_points_are_given_once_for_each_level_on_the_way(ann, tea):
    make_tiers(100, 300, 1000, policy=HUNDRED_DAYS, entry_points=50)
    buy(ann, tea, 0, quantity=3)

    def gifts():
        rows = PointsTransaction.objects.filter(type=TransactionType.TIER_GIFT).order_by("pk")
        return list(rows.values_list("points", "reason"))

    assert gifts() == [(50, "Reached Bronze"), (50, "Reached Silver")]
    assert LoyaltyAccount.objects.get().active == 400
    review(100)
    assert tier(ann) is None
    buy(ann, tea, 101, quantity=3)
    assert tier(ann) == "Silver"
    assert len(gifts()) == 2


def test_two_orders_at_once_are_worth_as_much_as_one_by_one(tea):
    make_tiers(100, 300, policy=HUNDRED_DAYS, entry_points=50)
    ann, ben = make_customer("ann@example.com"), make_customer("ben@example.com")
    together = [make_order(ann, lines=[(tea, 2)], created_at=day(0)) for _ in range(2)]
    sync(1, *together)
    for _ in range(2):
        buy(ben, tea, 0, quantity=2)
    balances = set(LoyaltyAccount.objects.values_list("active", flat=True))
    assert balances == {500}


def test_members_earn_more_from_then_on(ann, tea):
    (gold,) = make_tiers(100, policy=HUNDRED_DAYS, earning_multiplier=D("1.5"))
    assert points_of(buy(ann, tea, 0)) == [100]
    order = buy(ann, tea, 1)
    assert points_of(order) == [150]
    entry = PointsTransaction.objects.get(order_id=order.pk)
    assert entry.breakdown["tier"] == {"tier": gold.pk, "name": "Bronze", "multiplier": "1.5000"}
    assert entry.breakdown["shares"][1] == {"rule": None, "tier": gold.pk, "name": "Bronze", "points": 50}
    # What was given is taken back on the terms of then, whatever the tier is worth by now.
    update_tier(gold.pk, {"earning_multiplier": D(10)})
    give_back(order, 1)
    sync(2, order)
    assert points_of(order) == [150, -150]


def test_an_order_earns_by_the_tier_of_the_moment_it_was_placed(ann, tea):
    make_tiers(100, policy=HUNDRED_DAYS, earning_multiplier=D(2))
    buy(ann, tea, 0)
    unpaid = make_order(ann, lines=[(tea, 1)], created_at=day(99), paid=False)
    late = make_order(ann, lines=[(tea, 1)], created_at=day(-5))
    review(100)
    assert tier(ann) is None
    pay(unpaid)
    sync(101, unpaid, late)
    assert (points_of(unpaid)[:1], points_of(late)) == ([200], [100])


def test_an_order_earns_by_the_tier_of_who_has_become_another_customer_since(tea):
    make_tiers(100, 1_000, policy=HUNDRED_DAYS, earning_multiplier=D(2))
    gus, hal = {"email": "gus@example.com"}, make_customer("hal@example.com")
    buy(None, tea, 0, **gus)
    unpaid, other = (make_order(None, lines=[(tea, 1)], created_at=day(number), paid=False, **gus) for number in (5, 6))
    sync(6, unpaid, other)
    user = make_customer(**gus)
    hand_over_orders(user)
    with time_machine.travel(day(7), tick=False):
        sync_customer(user.pk)
        sync_customer(hal.pk)
    pay(unpaid)
    sync(8, unpaid)
    assert points_of(unpaid) == [200]
    # A merge of a merge.
    ids = [CustomerProfile.objects.get(user=each).pk for each in (user, hal)]
    merge_customers(*ids, SYSTEM, day(9))
    pay(other)
    sync(10, other)
    assert points_of(other) == [200]


def test_an_order_does_not_earn_by_the_tier_that_a_merged_customer_was_in(ann, tea):
    (bronze,) = make_tiers(1_000, policy=HUNDRED_DAYS, earning_multiplier=D(2))
    buy(ann, tea, 0)
    hal = make_customer("hal@example.com")
    assert points_of(buy(hal, tea, 0)) == [100]
    with time_machine.travel(day(1), tick=False):
        account = LoyaltyAccount.objects.get(profile__user=ann)
        assign(account.pk, bronze.pk, day(90), "Press", SYSTEM, net_spend)
    ids = [LoyaltyAccount.objects.get(profile__user=user).profile_id for user in (ann, hal)]
    before = make_order(hal, lines=[(tea, 1)], created_at=day(2), paid=False)
    after = make_order(hal, lines=[(tea, 1)], created_at=day(4), paid=False)
    merge_customers(*ids, SYSTEM, day(3))
    pay(before)
    pay(after)
    sync(5, before, after)
    assert (points_of(before), points_of(after)) == ([200], [100])


def test_a_rule_for_a_tier(ann, tea):
    bronze, _silver = make_tiers(100, 1000, policy=HUNDRED_DAYS)
    create_rule(
        default_program_id(),
        "Silver days",
        RuleStatus.LIVE,
        RuleDefinition(
            Trigger.ORDER, Effect.FIXED_POINTS, D(7), conditions=Conditions(tier_ids=frozenset({bronze.pk}))
        ),
        SYSTEM,
    )
    assert [points_of(buy(ann, tea, number)) for number in (0, 1)] == [[100], [107]]
    buy(ann, tea, 2, quantity=10)
    assert tier(ann) == "Silver"
    assert points_of(buy(ann, tea, 3)) == [100]


def test_staff_assign_a_tier_until_a_day(ann, tea):
    make_tiers(100, 300, policy=HUNDRED_DAYS, entry_points=50)
    buy(ann, tea, 0)
    account, gold = LoyaltyAccount.objects.get(), TierPolicy.objects.get().program.tiers.get(level=2)
    now = datetime.now(UTC)
    assign(account.pk, gold.pk, now + timedelta(days=30), "Press", SYSTEM, net_spend)
    assert tier(ann) == "Silver"
    # Entry points are for tiers that are earned.
    assert PointsTransaction.objects.filter(type=TransactionType.TIER_GIFT).count() == 1
    assert review_tiers(now + timedelta(days=29)) == 0
    assert review_tiers(now + timedelta(days=30)) == 1
    assert tier(ann) is None
    assert [cause for _, _, cause, _ in history()][-2:] == ["assigned", "assignment_ended"]


def test_a_new_policy_is_applied_to_everybody(ann, tea):
    make_tiers(100, 300, policy=HUNDRED_DAYS)
    ben = make_customer("ben@example.com")
    buy(ann, tea, 0, quantity=3)
    buy(ben, tea, 0, quantity=2)
    review(1)
    assert (tier(ann), tier(ben)) == ("Silver", "Bronze")
    silver = TierPolicy.objects.get().program.tiers.get(level=2)
    update_tier(silver.pk, {"threshold": D(150)})
    assert review(1.1) == 1
    assert tier(ben) == "Silver"
    delete_tier(silver.pk)
    assert review(1.2) == 2
    assert (tier(ann), tier(ben)) == ("Bronze", "Bronze")
    assert {cause for *_, cause, at in history() if at > day(1)} == {"policy_changed"}
    assert review(1.3) == 0
    for bronze in TierPolicy.objects.get().program.tiers.filter(deleted_at__isnull=True):
        delete_tier(bronze.pk)
    review(1.4)
    assert (tier(ann), tier(ben)) == (None, None)


def test_a_stricter_policy_leaves_the_days_of_grace(ann, tea):
    make_tiers(100, policy={**HUNDRED_DAYS, "grace_days": 10})
    buy(ann, tea, 0)
    review(1)
    update_policy(default_program_id(), {"window_days": 5})
    review(20)
    assert (tier(ann), TierMembership.objects.get().keep_until) == ("Bronze", day(30))
    review(30)
    assert tier(ann) is None


def test_whose_tier_ends_soon(ann, tea):
    bronze, _ = make_tiers(100, 300, policy=HUNDRED_DAYS)
    buy(ann, tea, 0)
    account = LoyaltyAccount.objects.get()
    ending = [(account.pk, bronze.pk, day(100))]
    assert list(about_to_be_lost(day(90), timedelta(days=10), "default")) == ending
    assert list(about_to_be_lost(day(89), timedelta(days=10), "default")) == []
    assert list(about_to_be_lost(day(100), timedelta(days=10), "default")) == []
    buy(ann, tea, 91)
    assert list(about_to_be_lost(day(91), timedelta(days=10), "default")) == []


def test_a_closed_account_is_left_alone(ann, tea):
    make_tiers(100, policy=HUNDRED_DAYS)
    buy(ann, tea, 0)
    LoyaltyAccount.objects.update(closed_at=day(1))
    assert review(100) == 0


def test_history_is_written_once(ann, tea):
    make_tiers(100, policy=HUNDRED_DAYS)
    buy(ann, tea, 0)
    for change in (lambda: TierChange.objects.update(cause="downgrade"), lambda: TierChange.objects.all().delete()):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_a_shop_without_tiers_pays_next_to_nothing(ann, tea, django_assert_num_queries):
    buy(ann, tea, 0)
    with django_assert_num_queries(1):
        review_tiers(day(1))


def test_statements_do_not_grow_with_customers(tea, django_assert_num_queries):
    # Segments cost statements of their own; a test with real transactions takes the ready-made ones away.
    CustomerSegment.objects.all().delete()
    make_tiers(100, 300, policy=HUNDRED_DAYS, entry_points=5, earning_multiplier=D(2))
    buy(make_customer(), tea, 0)

    def orders(count):
        return [make_order(make_customer(), lines=[(tea, 1)], created_at=day(1)).pk for _ in range(count)]

    few, many = orders(1), orders(6)
    with django_assert_num_queries(57) as counted:
        sync_orders(few, now=day(1))
    with django_assert_num_queries(len(counted)):
        sync_orders(many, now=day(1))


def test_a_guest_who_registers_gets_no_second_gift_for_the_same_tier(tea):
    make_tiers(100, policy=HUNDRED_DAYS, entry_points=50)
    order = make_order(email="gus@example.com", lines=[(tea.default_variant, 1)], created_at=day(0))
    assert not sync_orders([order.pk], now=day(0)).failed
    gifts = PointsTransaction.objects.filter(type=TransactionType.TIER_GIFT)
    assert gifts.count() == 1
    gus = make_customer("gus@example.com")
    hand_over_orders(gus)
    sync_customer(gus.pk)
    sync_orders([order.pk], now=day(1))
    review(2)
    assert tier(gus) == "Bronze"
    assert gifts.count() == 1
    assert LoyaltyAccount.objects.get(profile__user=gus).active == 150


def test_points_for_signing_up_lift_at_once(tea):
    make_tiers(100, policy={"window": "lifetime"})
    definition = RuleDefinition(Trigger.SIGN_UP, Effect.FIXED_POINTS, D(100))
    create_rule(default_program_id(), "Welcome", RuleStatus.LIVE, definition, SYSTEM)
    ida = make_customer("ida@example.com")
    sync_customer(ida.pk)
    assert tier(ida) == "Bronze"
