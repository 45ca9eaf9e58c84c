"""Points for signing up and for birthdays: who gets them, when, once. Exact numbers, and the audit after each step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from functools import partial

import pytest
import time_machine
from saleor.account.models import User
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.exceptions import LedgerError
from saleor_crm_plugin.ingestion import actions
from saleor_crm_plugin.ingestion.actions import award_birthdays
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.loyalty import awards
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.audit import findings
from saleor_crm_plugin.loyalty.models import LotStatus, LoyaltyAccount, PointsLot, PointsTransaction
from saleor_crm_plugin.loyalty.rules import storage
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Effect, Limits, Period, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule, delete_rule, update_rule
from saleor_crm_plugin.loyalty.rules.models import EarningRule, EarningRuleUse, RuleStatus
from saleor_crm_plugin.profiles.models import CustomerProfile, RFMGroup
from tests.concurrently import at_once, no_errors
from tests.devshop.factories import make_channel, make_customer, make_order, make_product, make_staff
from tests.devshop.flows import delete_customer
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_ledger_audit import tamper
from tests.shop_settings import crm_settings, loyalty_settings

pytestmark = pytest.mark.django_db

# A Wednesday.
START = datetime(2026, 5, 13, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def channel():
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01", pending_days="14", expiry="12 months")
    return channel


def rule(trigger: Trigger, points: int, *, at=START, status=RuleStatus.LIVE, name="Welcome", **changes) -> EarningRule:
    with time_machine.travel(at, tick=False):
        return create_rule(
            default_program_id(),
            name,
            status,
            RuleDefinition(trigger, Effect.FIXED_POINTS, D(points), **changes),
            SYSTEM,
        )


def join(email: str | None = None, at=START + timedelta(hours=1), **fields) -> User:
    user = make_customer(email, date_joined=at, **fields)
    sync(user, at)
    return user


def sync(user: User, at=START + timedelta(hours=1)) -> None:
    with time_machine.travel(at, tick=False):
        sync_customer(user.pk)
    assert_ledger_adds_up()


def points_of(user: User) -> list[int]:
    rows = PointsTransaction.objects.filter(account__profile__user=user).order_by("pk")
    return list(rows.values_list("points", flat=True))


def contradict(patch: pytest.MonkeyPatch, user: User) -> None:
    """As if somebody had tampered with the points of this customer."""
    real = actions.award_action

    def award_action(account_id, *arguments, **options):
        if LoyaltyAccount.objects.get(pk=account_id).profile.user_id == user.pk:
            raise LedgerError("The lots do not add up.")
        return real(account_id, *arguments, **options)

    patch.setattr(actions, "award_action", award_action)


class TestSigningUp:
    def test_it_gives_points_once_and_at_once(self):
        welcome = rule(Trigger.SIGN_UP, 100)
        ann = join("ann@example.com")
        sync(ann)
        entry = PointsTransaction.objects.get()
        assert (entry.type, entry.points, entry.reason) == ("earn_action", 100, "Welcome")
        account = entry.account
        assert (account.active, account.pending, account.lifetime) == (100, 0, 100)
        lot = PointsLot.objects.get()
        assert (lot.status, lot.expires_at) == (LotStatus.ACTIVE, None)
        use = EarningRuleUse.objects.get()
        assert (use.rule, use.occasion, use.points, use.used_at) == (welcome, "sign_up", 100, ann.date_joined)

    def test_the_entry_explains_itself_as_that_of_an_order_does(self):
        welcome = rule(Trigger.SIGN_UP, 100)
        join()
        breakdown = PointsTransaction.objects.get().breakdown
        assert awards.versions_in(breakdown) == {(welcome.pk, 1)}
        terms = awards.terms_from_breakdown(breakdown, storage.definitions(awards.versions_in(breakdown), "default"))
        assert [each.rule_id for each in terms.rules] == [welcome.pk]
        assert breakdown["shares"] == [{"rule": welcome.pk, "tier": None, "name": "Welcome", "points": 100}]

    def test_the_points_expire_as_the_rule_says(self):
        rule(Trigger.SIGN_UP, 100, expires_after_months=3)
        join()
        assert PointsLot.objects.get().expires_at == START + timedelta(hours=1, days=92)

    def test_who_has_not_confirmed_the_address_gets_them_later(self):
        rule(Trigger.SIGN_UP, 100)
        ann = join(is_confirmed=False)
        assert not LoyaltyAccount.objects.exists()
        User.objects.update(is_confirmed=True)
        sync(ann, START + timedelta(days=40))
        assert points_of(ann) == [100]

    def test_staff_and_switched_off_users_get_nothing(self):
        rule(Trigger.SIGN_UP, 100)
        join(is_active=False)
        sync(make_staff())
        assert not PointsTransaction.objects.exists()

    def test_who_was_there_before_the_rule_gets_nothing(self):
        rule(Trigger.SIGN_UP, 100)
        ann = join(at=START - timedelta(seconds=1))
        assert points_of(ann) == []

    def test_nor_who_joined_while_it_was_off(self):
        welcome = rule(Trigger.SIGN_UP, 100, status=RuleStatus.OFF)
        ann = join()
        with time_machine.travel(START + timedelta(days=1), tick=False):
            update_rule(welcome.pk, SYSTEM, status=RuleStatus.LIVE)
        sync(ann, START + timedelta(days=2))
        assert points_of(ann) == []
        assert points_of(join(at=START + timedelta(days=2))) == [100]

    def test_nor_who_joined_before_an_order_rule_became_one_for_signing_up(self):
        welcome = rule(Trigger.ORDER, 100)
        ann = join()
        with time_machine.travel(START + timedelta(days=1), tick=False):
            update_rule(welcome.pk, SYSTEM, change=lambda before: replace(before, trigger=Trigger.SIGN_UP))
        sync(ann, START + timedelta(days=2))
        assert points_of(ann) == []

    def test_an_edit_of_the_points_does_not_begin_anew(self):
        welcome = rule(Trigger.SIGN_UP, 100)
        ann, ben = join(), make_customer(date_joined=START + timedelta(hours=1))
        update_rule(welcome.pk, SYSTEM, change=lambda before: replace(before, value=D(300)))
        sync(ann)
        sync(ben)
        assert (points_of(ann), points_of(ben)) == ([100], [300])

    def test_dates_and_weekdays_are_those_of_joining(self):
        rule(Trigger.SIGN_UP, 10, starts_at=START + timedelta(days=1), ends_at=START + timedelta(days=3))
        rule(Trigger.SIGN_UP, 5, weekdays=frozenset({5}))
        found = [points_of(join(at=START + timedelta(days=day))) for day in range(5)]
        # Wednesday to Sunday.
        assert found == [[], [10], [10], [5], []]

    def test_rules_stack_by_priority_unless_one_stands_alone(self):
        rule(Trigger.SIGN_UP, 10, priority=1)
        rule(Trigger.SIGN_UP, 20, expires_after_months=1)
        assert sorted(points_of(join())) == [10, 20]
        rule(Trigger.SIGN_UP, 40, at=START + timedelta(days=1), priority=2, stackable=False)
        assert points_of(join(at=START + timedelta(days=2))) == [40]
        rule(Trigger.SIGN_UP, 80, at=START + timedelta(days=3), priority=-1, stackable=False)
        assert points_of(join(at=START + timedelta(days=4))) == [40]

    def test_a_rule_on_trial_is_recorded_and_in_nobodys_way(self):
        rule(Trigger.SIGN_UP, 10, priority=1, stackable=False, status=RuleStatus.DRY_RUN)
        rule(Trigger.SIGN_UP, 20)
        assert points_of(join()) == [20]
        assert sorted(EarningRuleUse.objects.values_list("points", "is_dry_run")) == [(10, True), (20, False)]

    def test_a_budget_for_all(self):
        rule(Trigger.SIGN_UP, 100, limits=Limits(points_in_total=150))
        assert [points_of(join()) for _ in range(3)] == [[100], [50], []]
        # The third is done with, and does not get a later rest.
        assert EarningRuleUse.objects.count() == 3

    def test_a_rule_that_is_used_up_lets_another_one_through(self):
        rule(Trigger.SIGN_UP, 100, limits=Limits(points_in_total=100), priority=1, stackable=False)
        rule(Trigger.SIGN_UP, 30)
        assert [points_of(join()) for _ in range(2)] == [[100], [30]]

    def test_orders_earn_nothing_by_it_and_the_other_way_round(self, channel):
        rule(Trigger.SIGN_UP, 100)
        rule(Trigger.ORDER, 7)
        ann = join()
        order = make_order(ann, lines=[(make_product(price=50, channel=channel), 1)], created_at=START)
        sync_orders([order.pk])
        assert points_of(ann) == [100, 57]

    def test_where_no_channel_gives_points_nothing_is_given(self, channel):
        rule(Trigger.SIGN_UP, 100)
        loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01", active=False)
        assert points_of(join()) == []

    def test_it_needs_no_profiles(self):
        crm_settings(profiles_enabled=False)
        rule(Trigger.SIGN_UP, 100)
        assert points_of(join()) == [100]

    def test_reconciliation_finds_who_was_missed(self):
        rule(Trigger.SIGN_UP, 100)
        missed = [make_customer(date_joined=START + timedelta(hours=1)) for _ in range(3)]
        make_customer(date_joined=START - timedelta(days=1))
        assert reconcile(batch_size=2).signed_up == 3
        assert reconcile(full=True).signed_up == 0
        assert [points_of(user) for user in missed] == [[100]] * 3
        late = make_customer(date_joined=START + timedelta(hours=1))
        assert reconcile(full=False).signed_up == 1
        assert points_of(late) == [100]
        assert_ledger_adds_up()

    def test_an_account_whose_rows_contradict_each_other_holds_up_nobody(self, monkeypatch, caplog):
        rule(Trigger.SIGN_UP, 100)
        bad, sound = (make_customer(date_joined=START + timedelta(hours=1)) for _ in range(2))
        with monkeypatch.context() as patch:
            contradict(patch, bad)
            assert reconcile().signed_up == 1
        assert (points_of(bad), points_of(sound)) == ([], [100])
        assert "cannot get what rules give for sign_up" in caplog.text
        assert reconcile(full=True).signed_up == 1
        assert points_of(bad) == [100]

    def test_an_account_that_is_closed_gets_nothing(self):
        ann = join()
        rule(Trigger.SIGN_UP, 100, at=START)
        rule(Trigger.BIRTHDAY, 5, at=START)
        sync(ann)
        LoyaltyAccount.objects.update(closed_at=START)
        User.objects.update(private_metadata={"birthday": "1990-05-20"})
        with allow_writer():
            assert award_birthdays(load_settings(), datetime(2026, 5, 20, 4, tzinfo=UTC)) == 0
        assert points_of(ann) == [100]

    def test_a_new_account_after_a_deletion_is_a_new_customer(self):
        """What is not prevented: we keep nothing of the deleted one by which to know the other."""
        rule(Trigger.SIGN_UP, 100)
        ann = join("ann@example.com")
        pk = ann.pk
        ann.delete()
        with time_machine.travel(START + timedelta(days=1), tick=False):
            sync_customer(pk)
        again = join("ann@example.com", START + timedelta(days=2))
        assert points_of(again) == [100]
        # But the points of before are nobody's.
        assert LoyaltyAccount.objects.get(profile__user=again).spendable == 100


class TestBirthdays:
    def celebrate(self, day: date, hour: int = 4) -> int:
        with allow_writer():
            given = award_birthdays(load_settings(), datetime(day.year, day.month, day.day, hour, tzinfo=UTC))
        assert_ledger_adds_up()
        return given

    def born(self, born: object, **fields) -> User:
        return make_customer(private_metadata={"birthday": born}, **fields)

    @pytest.fixture(autouse=True)
    def birthday(self):
        return rule(Trigger.BIRTHDAY, 50, name="Happy birthday", at=datetime(2025, 1, 1, tzinfo=UTC))

    def test_it_gives_points_on_the_day_once(self):
        ann = self.born("1990-05-20")
        assert self.celebrate(date(2026, 5, 19)) == 0
        assert self.celebrate(date(2026, 5, 20)) == 1
        assert self.celebrate(date(2026, 5, 20)) == 0
        assert self.celebrate(date(2026, 5, 27)) == 0
        entry = PointsTransaction.objects.get()
        assert (entry.type, entry.points, entry.reason) == ("earn_action", 50, "Happy birthday")
        use = EarningRuleUse.objects.get()
        assert (use.occasion, use.used_at) == ("birthday:2026", datetime(2026, 5, 20, tzinfo=UTC))
        assert self.celebrate(date(2027, 5, 20)) == 1
        assert points_of(ann) == [50, 50]

    def test_an_account_whose_rows_contradict_each_other_holds_up_nobody(self, monkeypatch, caplog):
        bad, sound = self.born("1990-05-20"), self.born("1990-05-20")
        with monkeypatch.context() as patch:
            contradict(patch, bad)
            assert self.celebrate(date(2026, 5, 20)) == 1
        assert (points_of(bad), points_of(sound)) == ([], [50])
        assert "cannot get what rules give for birthday:2026" in caplog.text
        assert self.celebrate(date(2026, 5, 21)) == 1
        assert points_of(bad) == [50]

    @pytest.mark.parametrize(("day", "given"), [(date(2026, 5, 27), 1), (date(2026, 5, 28), 0)])
    def test_nights_that_were_missed_are_made_up_for(self, day, given):
        self.born("1990-05-20")
        assert self.celebrate(day) == given

    def test_over_the_new_year_too(self):
        self.born("1990-12-30")
        assert self.celebrate(date(2027, 1, 3)) == 1
        assert EarningRuleUse.objects.get().occasion == "birthday:2026"

    def test_the_leap_day_is_the_28th_in_common_years(self):
        ann = self.born("1992-02-29")
        assert self.celebrate(date(2026, 2, 27)) == 0
        assert self.celebrate(date(2026, 2, 28)) == 1
        assert self.celebrate(date(2028, 2, 28)) == 0
        assert self.celebrate(date(2028, 2, 29)) == 1
        assert self.celebrate(date(2029, 2, 28)) == 1
        assert points_of(ann) == [50] * 3

    def test_a_change_of_the_date_gives_nothing_within_a_year(self):
        ann = self.born("1990-12-20")
        assert self.celebrate(date(2026, 12, 20)) == 1
        for changed, day in (("1990-12-25", date(2026, 12, 25)), ("1990-01-05", date(2027, 1, 5))):
            User.objects.update(private_metadata={"birthday": changed})
            assert self.celebrate(day) == 0
        User.objects.update(private_metadata={"birthday": "1990-12-21"})
        assert self.celebrate(date(2027, 12, 21)) == 1
        assert points_of(ann) == [50, 50]

    @pytest.mark.parametrize(
        "born", ["", "20.05.1990", "05-20", "19900520x", "2026-05-20", "2030-05-20", 5, None, ["x"]]
    )
    def test_what_is_no_date_of_birth_is_no_birthday(self, born):
        self.born(born)
        assert self.celebrate(date(2026, 5, 20)) == 0

    def test_who_cannot_log_in_and_staff_have_none(self):
        self.born("1990-05-20", is_confirmed=False)
        self.born("1990-05-20", is_active=False)
        self.born("1990-05-20", is_staff=True)
        assert self.celebrate(date(2026, 5, 20)) == 0
        assert not LoyaltyAccount.objects.exists()

    def test_the_day_is_that_of_the_shops_clock(self, settings):
        settings.TIME_ZONE = "Asia/Tokyo"
        self.born("1990-05-20")
        assert self.celebrate(date(2026, 5, 19), hour=14) == 0
        assert self.celebrate(date(2026, 5, 19), hour=16) == 1
        # Midnight in Tokyo.
        assert EarningRuleUse.objects.get().used_at == datetime(2026, 5, 19, 15, tzinfo=UTC)

    def test_a_rule_begins_with_the_birthdays_after_it(self, birthday):
        delete_rule(birthday.pk)
        rule(Trigger.BIRTHDAY, 50, at=datetime(2026, 5, 20, 3, tzinfo=UTC))
        self.born("1990-05-19")
        self.born("1990-05-20")
        assert self.celebrate(date(2026, 5, 20)) == 0
        self.born("1990-05-21")
        assert self.celebrate(date(2026, 5, 21)) == 1

    def test_a_group_may_get_more(self, channel):
        rule(
            Trigger.BIRTHDAY,
            500,
            at=datetime(2025, 1, 1, tzinfo=UTC),
            conditions=Conditions(segments=frozenset({"CHAMPIONS"})),
        )
        ann, ben = self.born("1990-05-20"), self.born("1990-05-20")
        sync_orders([make_order(ann, lines=[(make_product(price=10, channel=channel), 1)], created_at=START).pk])
        LoyaltyAccount.objects.get().profile.metrics.update(rfm_group=RFMGroup.CHAMPIONS)
        assert self.celebrate(date(2026, 5, 20)) == 2
        assert sorted(points_of(ann)) == [10, 50, 500]
        assert points_of(ben) == [50]

    def test_a_limit_counts_in_its_period(self, birthday):
        update_rule(
            birthday.pk,
            SYSTEM,
            change=lambda before: replace(before, limits=Limits(points_per_customer=20, period=Period.YEAR)),
        )
        ann = self.born("1990-05-20")
        for year in (2026, 2027):
            self.celebrate(date(year, 5, 20))
        assert points_of(ann) == [20, 20]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE crm_earning_rule_use SET points = 99 WHERE account_id = %s",
        "DELETE FROM crm_earning_rule_use WHERE account_id = %s",
        "UPDATE crm_points_transaction SET idempotency_key = 'another' WHERE account_id = %s",
    ],
)
def test_the_audit_finds_what_was_tampered_with(statement):
    rule(Trigger.SIGN_UP, 100)
    join()
    account = LoyaltyAccount.objects.get(profile__user=join())
    tamper(statement, account.pk)
    assert {finding.account_id for finding in findings("actions")} == {account.pk}


@pytest.mark.django_db(transaction=True)
def test_two_workers_give_each_their_points_once():
    rule(Trigger.SIGN_UP, 100, limits=Limits(points_in_total=550))
    rule(Trigger.BIRTHDAY, 10)
    for _ in range(6):
        make_customer(date_joined=START + timedelta(hours=1), private_metadata={"birthday": "1990-05-20"})

    def take_in() -> None:
        for pk in User.objects.values_list("pk", flat=True):
            sync_customer(pk)

    birthdays = partial(award_birthdays, load_settings(), datetime(2026, 5, 20, 4, tzinfo=UTC))
    no_errors(at_once([take_in, birthdays] * 2))
    given = PointsTransaction.objects.order_by("points").values_list("points", flat=True)
    assert list(given) == [10] * 6 + [50] + [100] * 5
    assert_ledger_adds_up()


def test_who_was_merged_is_welcomed_and_celebrated_once():
    rule(Trigger.SIGN_UP, 100)
    rule(Trigger.BIRTHDAY, 50, name="Birthday")
    born = {"birthday": "1990-05-14"}
    welcomed = join("new@example.com", private_metadata=born)
    old = join("old@example.com", at=START - timedelta(days=300), private_metadata=born)
    night = datetime(2026, 5, 14, 2, tzinfo=UTC)
    settings = load_settings()
    assert award_birthdays(settings, night) == 2
    profiles = {user.pk: CustomerProfile.objects.get(user=user).pk for user in (welcomed, old)}
    merge_customers(profiles[welcomed.pk], profiles[old.pk], SYSTEM, night)
    before = PointsTransaction.objects.filter(type="earn_action").count()
    sync(welcomed, night + timedelta(days=1))
    assert award_birthdays(settings, night + timedelta(days=1)) == 0
    with time_machine.travel(night + timedelta(days=1), tick=False):
        assert reconcile(full=True).signed_up == 0
    assert PointsTransaction.objects.filter(type="earn_action").count() == before == 3
    assert_ledger_adds_up()


def test_who_was_merged_into_a_customer_who_is_gone_is_celebrated():
    rule(Trigger.BIRTHDAY, 50, name="Birthday")
    ann, ben = join("ann@example.com"), join("ben@example.com", private_metadata={"birthday": "1990-05-14"})
    head, member = (CustomerProfile.objects.get(user=user).pk for user in (ann, ben))
    merge_customers(member, head, SYSTEM, START)
    user_id = ann.pk
    delete_customer(ann)
    sync_customer(user_id)
    assert award_birthdays(load_settings(), datetime(2026, 5, 14, 2, tzinfo=UTC)) == 1
    assert LoyaltyAccount.objects.get(profile_id=head).active == 50
    assert_ledger_adds_up()
