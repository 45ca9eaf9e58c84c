"""Rules and rewards for customer segments: exact points for members and others, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from saleor.order import FulfillmentStatus
from saleor.order.models import Order

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.ingestion.actions import award_birthdays
from saleor_crm_plugin.ingestion.rewards import redeem_reward
from saleor_crm_plugin.ingestion.segments import refresh_for
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.simulation import simulate, stored_rule
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.rewards.definition import Reward, RewardKind
from saleor_crm_plugin.loyalty.rewards.editing import create_reward
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Effect, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule, delete_rule, update_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from saleor_crm_plugin.loyalty.rules.storage import named_segments
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics, RFMGroup
from saleor_crm_plugin.profiles.notes.models import TAG_MAX_LENGTH, CustomerTag
from saleor_crm_plugin.profiles.segments.models import NAME_MAX_LENGTH as SLUG_MAX_LENGTH
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from saleor_crm_plugin.profiles.traits import segment_slugs
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.shop_settings import crm_settings, loyalty_settings

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 13, 12, tzinfo=UTC)
REFUSED = "rewardId: NOT_IN_SEGMENT"
LONG_SLUG = "x" * SLUG_MAX_LENGTH


@pytest.fixture(autouse=True)
def segments(db):
    """The only two; their members are who `join`s."""
    CustomerSegment.objects.all().delete()
    return {slug: segment(slug) for slug in ("vip", "2026")}


@pytest.fixture
def channel():
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01")
    return channel


@pytest.fixture
def tea(channel):
    return make_product("Tea", price=60, channel=channel)


@pytest.fixture
def ann(channel):
    return known("ann@example.com")


@pytest.fixture
def ben(channel):
    return known("ben@example.com")


def segment(slug: str) -> CustomerSegment:
    """Of whoever has the tag of this name."""
    return CustomerSegment.objects.create(name=slug, slug=slug, query=f"tag = '{slug[:TAG_MAX_LENGTH]}'")


def known(email: str):
    user = make_customer(email)
    sync_customer(user.pk)
    return user


def join(user, *segments: CustomerSegment) -> None:
    profile = CustomerProfile.objects.get(user=user)
    for each in segments:
        CustomerTag.objects.create(profile=profile, name=each.slug[:TAG_MAX_LENGTH], assigned_at=NOON)
    refresh_for([profile.pk])
    assert segment_slugs([profile.pk], "default") == {profile.pk: {each.slug for each in segments}}


def rule(*names: str, effect=Effect.MULTIPLIER, value="2", status=RuleStatus.LIVE, trigger=Trigger.ORDER):
    conditions = Conditions(segments=frozenset(names))
    definition = RuleDefinition(trigger, effect, D(value), conditions=conditions)
    return create_rule(default_program_id(), "Double", status, definition, SYSTEM)


def buy(user, *products, at=NOON):
    order = make_order(user, lines=[(product, 1) for product in products], created_at=at)
    sync(order)
    return order


def sync(order) -> None:
    assert not sync_orders([order.pk]).failed
    assert_ledger_adds_up()


def give(user, points: int) -> None:
    profile_id = CustomerProfile.objects.get(user=user).pk
    account_id = ensure(default_program_id(), [profile_id], "default")[profile_id]
    adjust(account_id, points, "Welcome", SYSTEM, f"welcome:{user.pk}")


def points_of(order) -> list[int]:
    rows = PointsTransaction.objects.filter(order_id=order.pk).order_by("pk")
    return list(rows.values_list("points", flat=True))


class TestRules:
    @pytest.mark.parametrize("slug", ["vip", "2026"])
    def test_it_is_for_members(self, ann, ben, tea, segments, slug):
        rule(slug)
        join(ann, segments[slug])
        assert points_of(buy(ann, tea)) == [120]
        assert points_of(buy(ben, tea)) == [60]

    def test_another_segment_is_not_it(self, ann, tea, segments):
        rule("vip")
        join(ann, segments["2026"])
        assert points_of(buy(ann, tea)) == [60]

    def test_a_group_or_a_segment(self, ann, ben, tea, segments):
        rule("vip", "CHAMPIONS")
        buy(ben, tea)
        ProfileMetrics.objects.update(rfm_group=RFMGroup.CHAMPIONS)
        join(ann, segments["vip"])
        assert points_of(buy(ann, tea)) == [120]
        assert points_of(buy(ben, tea)) == [120]
        assert points_of(buy(known("cat@example.com"), tea)) == [60]

    def test_an_order_sees_the_segments_of_before_it(self, ann, tea):
        CustomerSegment.objects.filter(slug="vip").update(query="orders_count >= 1")
        rule("vip")
        assert [points_of(buy(ann, tea, at=NOON + timedelta(hours=hour))) for hour in range(2)] == [[60], [120]]

    def test_what_was_given_stays_and_is_taken_back_on_its_terms(self, ann, tea, segments):
        double = rule("vip")
        join(ann, segments["vip"])
        order = buy(ann, tea)
        segments["vip"].delete()
        delete_rule(double.pk)
        sync(order)
        assert points_of(order) == [120]
        returned = order.fulfillments.create(status=FulfillmentStatus.RETURNED)
        returned.lines.create(order_line=order.lines.get(), quantity=1)
        sync(order)
        assert points_of(order) == [120, -120]

    def test_a_segment_that_was_deleted_has_nobody(self, ann, tea, segments):
        rule("vip")
        join(ann, segments["vip"])
        segments["vip"].delete()
        assert points_of(buy(ann, tea)) == [60]

    def test_who_refuses_profiling_is_in_none(self, ann, tea, segments):
        rule("vip")
        join(ann, segments["vip"])
        CustomerProfile.objects.update(profiling_allowed=False)
        sync_customer(ann.pk)
        assert points_of(buy(ann, tea)) == [60]

    def test_a_simulation_asks_for_the_segments_of_today(self, ann, ben, tea, segments):
        for user in (ann, ben):
            buy(user, tea)
        tried = rule("vip", status=RuleStatus.OFF)
        join(ann, segments["vip"])
        result = simulate(stored_rule(tried.pk, "default"), NOON, NOON + timedelta(days=1), using="default")
        assert (result.points, result.orders, result.orders_read) == (60, 1, 2)

    def test_a_birthday(self, ann, ben, segments):
        with time_machine.travel(NOON, tick=False):
            rule("vip", effect=Effect.FIXED_POINTS, value="50", trigger=Trigger.BIRTHDAY)
        for user in (ann, ben):
            user.private_metadata = {"birthday": "1990-05-20"}
            user.save()
        join(ann, segments["vip"])
        assert award_birthdays(load_settings(), datetime(2026, 5, 20, 3, tzinfo=UTC)) == 1
        assert PointsTransaction.objects.get().account.profile.user == ann

    @pytest.mark.parametrize("profiles_enabled", [True, False])
    def test_a_birthday_of_who_has_never_bought(self, ann, ben, tea, profiles_enabled):
        crm_settings(profiles_enabled=profiles_enabled)
        with time_machine.travel(NOON, tick=False):
            rule("PROSPECTS", effect=Effect.FIXED_POINTS, value="50", trigger=Trigger.BIRTHDAY)
        for user in (ann, ben):
            user.private_metadata = {"birthday": "1990-05-20"}
            user.save()
        buy(ben, tea)
        assert award_birthdays(load_settings(), datetime(2026, 5, 20, 3, tzinfo=UTC)) == 1
        assert [entry.account.profile.user for entry in PointsTransaction.objects.filter(points=50)] == [ann]


class TestRewards:
    @pytest.fixture
    def treat(self, channel):
        loyalty_settings(channel, point_value="0.01", points_per_unit="1", earn_from="2026-01-01")

        def make(*names: str):
            treat = Reward("Treat", RewardKind.FREE_SHIPPING, 10, segments=frozenset(names), is_active=True)
            return create_reward(default_program_id(), treat)

        return make

    @pytest.fixture
    def rich(self, ann, ben, tea, treat):
        for user in (ann, ben):
            buy(user, tea)
        assert list(LoyaltyAccount.objects.values_list("active", flat=True)) == [60, 60]

    def take(self, treat, user) -> str:
        try:
            return redeem_reward(treat.pk, user, None, None).status
        except LoyaltyInputError as error:
            return f"{error.field}: {error.code}"

    def test_it_is_for_members(self, rich, ann, ben, segments, treat):
        for_vips, for_champions = treat("vip"), treat("CHAMPIONS")
        join(ann, segments["vip"])
        assert (self.take(for_vips, ann), self.take(for_vips, ben)) == ("issued", REFUSED)
        assert self.take(for_champions, ann) == REFUSED

    def test_a_group_or_a_segment(self, rich, ann, ben, segments, treat):
        for_both = treat("vip", "CHAMPIONS")
        join(ann, segments["vip"])
        assert (self.take(for_both, ann), self.take(for_both, ben)) == ("issued", REFUSED)
        ProfileMetrics.objects.filter(profile__user=ben).update(rfm_group=RFMGroup.CHAMPIONS)
        assert self.take(for_both, ben) == "issued"

    def test_for_those_who_have_never_bought(self, rich, ann, treat):
        for_prospects = treat("PROSPECTS")
        cat = known("cat@example.com")
        give(cat, 60)
        assert self.take(for_prospects, ann) == REFUSED
        assert self.take(for_prospects, cat) == "issued"
        CustomerProfile.objects.update(profiling_allowed=False)
        assert self.take(for_prospects, cat) == REFUSED

    def test_who_has_bought_is_none_of_those_while_profiles_are_off(self, ann, tea, treat):
        cat = known("cat@example.com")
        give(cat, 60)
        crm_settings(profiles_enabled=False)
        for_prospects = treat("PROSPECTS")
        buy(ann, tea)
        assert self.take(for_prospects, ann) == REFUSED
        assert self.take(for_prospects, cat) == "issued"

    def test_a_segment_that_was_deleted_has_nobody(self, rich, ann, segments, treat):
        join(ann, segments["vip"])
        segments["vip"].delete()
        assert self.take(treat("vip"), ann) == REFUSED

    def test_a_slug_may_be_as_long_as_slugs_are(self, rich, ann, treat):
        join(ann, segment(LONG_SLUG))
        assert self.take(treat(LONG_SLUG), ann) == "issued"


class TestStatements:
    def count(self, ann, tea, orders: int) -> int:
        """Statements of a sync from the same state each time."""
        with transaction.atomic():
            ids = [make_order(ann, lines=[(tea, 1)], created_at=NOON).pk for _ in range(orders)]
            with CaptureQueriesContext(connection) as captured:
                sync_orders(ids)
            assert [points_of(each) for each in Order.objects.filter(pk__in=ids)] == [[120]] * orders
            transaction.set_rollback(True)
        return len(captured)

    def test_one_more_where_a_rule_asks(self, ann, tea, segments):
        double = rule()
        join(ann, segments["vip"])
        one, five = self.count(ann, tea, 1), self.count(ann, tea, 5)
        update_rule(double.pk, SYSTEM, change=lambda definition: replace(definition, conditions=for_vips()))
        assert (self.count(ann, tea, 1), self.count(ann, tea, 5)) == (one + 1, five + 1)

    def test_the_sync_reads_them_for_any_number_of_customers_at_once(self, ann, ben, tea, segments):
        rule("vip")
        for user in (ann, ben):
            join(user, segments["vip"])
        ids = [make_order(user, lines=[(tea, 1)], created_at=NOON).pk for user in (ann, ben, ann)]
        with CaptureQueriesContext(connection) as captured:
            sync_orders(ids)
        asked = [each["sql"] for each in captured if "crm_segment_membership" in each["sql"]]
        assert sum("INSERT" not in sql and '"crm_customer_segment"."slug"' in sql for sql in asked) == 1

    def test_which_segments_rules_ask_for(self, django_assert_num_queries):
        program_id = default_program_id()

        def named():
            with django_assert_num_queries(1):
                return named_segments(program_id, "default")

        assert named() is None
        off = rule("vip", status=RuleStatus.OFF)
        assert named() == frozenset()
        rule("2026", "CHAMPIONS")
        rule("2026", status=RuleStatus.DRY_RUN)
        rule()
        assert named() == {"2026", "CHAMPIONS"}
        update_rule(off.pk, SYSTEM, status=RuleStatus.LIVE)
        assert named() == {"2026", "CHAMPIONS", "vip"}
        delete_rule(off.pk)
        assert named() == {"2026", "CHAMPIONS"}

    def test_the_segments_of_any_number_of_customers(self, ann, ben, segments, django_assert_num_queries):
        join(ann, *segments.values())
        join(ben, segments["vip"])
        profiles = dict(CustomerProfile.objects.values_list("user__email", "pk"))
        with django_assert_num_queries(1):
            found = segment_slugs([*profiles.values(), 0], "default")
        assert found == {profiles["ann@example.com"]: {"vip", "2026"}, profiles["ben@example.com"]: {"vip"}}


def for_vips() -> Conditions:
    return Conditions(segments=frozenset({"vip"}))
