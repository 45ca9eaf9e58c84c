"""A customer is forgotten, level by level, before and after Saleor forgets them."""

from __future__ import annotations

from decimal import Decimal

import pytest
import time_machine

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.ingestion.actions import award_birthdays
from saleor_crm_plugin.ingestion.backfill import backfill
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.ingestion.merging import merge_customers, separate_customers
from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.reconcile import orders_behind, reconcile
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.rules.definition import Effect, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from saleor_crm_plugin.profiles.consents.models import ConsentRecord
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import (
    CustomerProfile,
    ErasureLevel,
    ProfileIdentity,
    ProfileMetrics,
    ProfileOrder,
)
from saleor_crm_plugin.profiles.notes.models import CustomerNote, CustomerTag
from saleor_crm_plugin.profiles.privacy.models import DataRequest
from saleor_crm_plugin.profiles.segments.models import SegmentMembership
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from tests.devshop.factories import delete_customer, make_customer, make_order, refund_order
from tests.holds import hold_ten_points
from tests.integration.profiles.privacy.known import NOW, STAFF, ann_with_everything, columns_with_marker, sums

pytestmark = pytest.mark.django_db

STOP, ANONYMISE, DELETE = ErasureLevel.STOP, ErasureLevel.ANONYMISE, ErasureLevel.DELETE


@pytest.fixture
def known():
    return ann_with_everything()


def state(profile: CustomerProfile) -> tuple[str, bool, bool]:
    profile.refresh_from_db()
    return profile.erasure_level, profile.profiling_allowed, profile.recommendations_allowed


def known_by_hand(profile: CustomerProfile) -> None:
    """Staff have said what type the customer is, and the customer has been quiet."""
    columns = {"customer_type": "b2g", "customer_type_by_hand": True, "found_quiet_at": NOW}
    CustomerProfile.objects.filter(pk=profile.pk).update(**columns)


def type_of(profile: CustomerProfile) -> tuple[str, bool]:
    return profile.customer_type, profile.customer_type_by_hand


class TestStop:
    def test_nothing_is_computed_any_more_and_everything_else_stays(self, known):
        ProfileMetrics.objects.update(recency_score=5, rfm_group="new")
        known_by_hand(known.profile)
        request = erase_customer(known.profile.pk, STOP, STAFF, NOW)
        assert state(known.profile) == ("stop", False, False)
        assert type_of(known.profile) == ("b2g", True)
        assert known.profile.erased_at == NOW
        metrics = ProfileMetrics.objects.get()
        assert (metrics.recency_score, metrics.rfm_group, metrics.net_spent) == (None, "", Decimal(50))
        assert not SegmentMembership.objects.exists()
        refused = ConsentRecord.objects.filter(source="erasure").values_list("purpose", "state", "actor_id")
        assert sorted(refused) == [
            (purpose, "refused", 7) for purpose in ("marketing_email", "marketing_sms", "profiling", "recommendations")
        ]
        assert CustomerNote.objects.exists()
        assert (request.kind, request.level, request.actor_id) == ("erasure", "stop", 7)
        event = ProfileEvent.objects.get(kind="data_erased")
        assert (event.profile_id, event.details) == (known.profile.pk, {"level": "stop"})


class TestAnonymise:
    def test_texts_go_and_numbers_stay(self, known):
        known_by_hand(known.profile)
        erase_customer(known.profile.pk, ANONYMISE, SYSTEM, NOW)
        assert state(known.profile) == ("anonymise", False, False)
        assert (type_of(known.profile), known.profile.found_quiet_at) == (("b2c", False), NOW)
        for model in (ProfileIdentity, CustomerNote, CustomerTag, SegmentMembership):
            assert not model.objects.exists()
        assert OrderFeedback.objects.get().score == 9
        assert ProfileOrder.objects.get().gross_amount == 50
        assert LoyaltyAccount.objects.get().active == 600

    def test_a_user_who_buys_again_is_nobody_new(self, known):
        erase_customer(known.profile.pk, ANONYMISE, SYSTEM, NOW)
        order = make_order(known.ann, channel=known.channel, lines=[(known.apple, 1)])
        sync_orders([order.pk])
        sync_customer(known.ann.pk)
        assert CustomerProfile.objects.get() == known.profile
        assert not ProfileIdentity.objects.exists()
        assert ProfileOrder.objects.count() == 2

    def test_a_guest_whose_orders_are_read_again_stays_forgotten(self, known):
        guest = make_order(email="guy@example.com", channel=known.channel, lines=[(known.apple, 1)])
        sync_orders([guest.pk])
        profile = CustomerProfile.objects.get(user=None)
        erase_customer(profile.pk, ANONYMISE, SYSTEM, NOW)
        backfill(restart=True)
        reconcile(full=True)
        assert ProfileIdentity.objects.filter(value="guy@example.com").count() == 0
        assert ProfileOrder.objects.get(order_id=guest.pk).profile == profile


@pytest.mark.parametrize("level", [STOP, ANONYMISE, DELETE])
class TestOfWhoWasMerged:
    @pytest.fixture
    def merge(self, known) -> ProfileMerge:
        """Bea, who is in a segment, was merged into Ann, who had bought nothing so far."""
        bea = make_customer("bea@example.com")
        sync_orders([make_order(bea, channel=known.channel, lines=[(known.apple, 1)]).pk])
        profile = CustomerProfile.objects.get(user=bea)
        SegmentMembership.objects.get_or_create(segment=known.segment, profile=profile, defaults={"entered_at": NOW})
        CustomerProfile.objects.filter(pk=known.profile.pk).update(lifecycle_stage="prospect")
        done = merge_customers(profile.pk, known.profile.pk, SYSTEM, NOW)
        assert {name for name, noted in done.carried.items() if noted} >= {"segments", "source_stage", "target_stage"}
        return done

    def test_it_is_forgotten_where_each_stood(self, known, merge, level):
        erase_customer(known.profile.pk, level, STAFF, NOW)
        merge.refresh_from_db()
        assert merge.carried == {}

    def test_also_if_they_were_separated_since(self, known, merge, level):
        separate_customers(merge.pk, SYSTEM, NOW)
        erase_customer(known.profile.pk, level, STAFF, NOW)
        merge.refresh_from_db()
        assert merge.carried == {}

    def test_they_cannot_be_separated_any_more(self, known, merge, level):
        erase_customer(known.profile.pk, level, STAFF, NOW)
        with pytest.raises(CustomerInputError, match="erased since"):
            separate_customers(merge.pk, SYSTEM, NOW)


class TestDelete:
    def test_only_the_ledger_is_left(self, known):
        known_by_hand(known.profile)
        erase_customer(known.profile.pk, DELETE, SYSTEM, NOW)
        assert state(known.profile) == ("delete", False, False)
        assert (type_of(known.profile), known.profile.found_quiet_at) == (("b2c", False), None)
        for model in (ProfileOrder, ProfileMetrics, ProfileEvent, ConsentRecord, OrderFeedback):
            assert not model.objects.exists(), model
        account = LoyaltyAccount.objects.get()
        assert (account.active, account.closed_at) == (600, NOW)
        assert list(PointsTransaction.objects.order_by("pk").values_list("points", "reason")) == [(500, ""), (100, "")]

    def test_nothing_comes_back_whatever_happens_to_the_orders(self, known):
        erase_customer(known.profile.pk, DELETE, SYSTEM, NOW)
        refund_order(known.order)
        sync_orders([known.order.pk])
        backfill(restart=True)
        reconcile(full=True)
        assert reconcile(full=True).changed == 0
        assert not ProfileOrder.objects.exists()
        assert not ProfileMetrics.objects.exists()
        assert not ProfileEvent.objects.exists()
        assert PointsTransaction.objects.count() == 2
        assert OrderSync.objects.get(order_id=known.order.pk).is_forgotten

    def test_new_orders_of_a_user_who_still_exists_are_not_kept(self, known):
        erase_customer(known.profile.pk, DELETE, SYSTEM, NOW)
        order = make_order(known.ann, channel=known.channel, lines=[(known.apple, 1)])
        assert not sync_orders([order.pk]).failed
        assert not ProfileOrder.objects.exists()
        assert not ProfileEvent.objects.exists()
        assert LoyaltyAccount.objects.get().active == 600
        assert CustomerProfile.objects.count() == 1

    def test_who_had_no_account_of_points_earns_nothing_later(self, known):
        birthday = {"birthday": "1990-06-10"}
        bea = make_customer("bea@example.com", is_confirmed=True, private_metadata=birthday)
        sync_customer(bea.pk)
        profile = CustomerProfile.objects.get(user=bea)
        assert not LoyaltyAccount.objects.filter(profile=profile).exists()
        erase_customer(profile.pk, DELETE, SYSTEM, NOW)
        definition = RuleDefinition(Trigger.BIRTHDAY, Effect.FIXED_POINTS, Decimal(50))
        with time_machine.travel(NOW, tick=False):
            create_rule(default_program_id(), "Happy birthday", RuleStatus.LIVE, definition, SYSTEM)
        cara = make_customer("cara@example.com", is_confirmed=True, private_metadata=birthday)
        assert award_birthdays(load_settings(), NOW.replace(day=10)) == 1
        sync_orders([make_order(user, channel=known.channel, lines=[(known.apple, 1)]).pk for user in (bea, cara)])
        accounts = LoyaltyAccount.objects.filter(profile__user__in=[bea, cara]).order_by("profile__user")
        assert [(account.closed_at is None, account.active) for account in accounts] == [(False, 0), (True, 550)]

    def test_new_orders_of_a_user_do_not_come_back_as_a_guests(self, known):
        erase_customer(known.profile.pk, DELETE, SYSTEM, NOW)
        sync_orders([make_order(known.ann, channel=known.channel, lines=[(known.apple, 1)]).pk])
        delete_customer(known.ann)
        backfill(restart=True)
        reconcile(full=True)
        assert not ProfileIdentity.objects.exists()
        assert CustomerProfile.objects.count() == 1

    def test_not_while_a_checkout_holds_points(self, known):
        hold_ten_points(known.account)
        with pytest.raises(CustomerInputError, match="holds points") as refused:
            erase_customer(known.profile.pk, DELETE, SYSTEM, NOW)
        assert (refused.value.code, refused.value.field) == ("NOT_APPLICABLE", "level")
        assert state(known.profile)[0] == ""
        assert CustomerNote.objects.exists()


class TestOrdersThatWereNotReadYet:
    @pytest.fixture
    def guy(self, known) -> CustomerProfile:
        sync_orders([make_order(email="guy@example.com", channel=known.channel, lines=[(known.apple, 1)]).pk])
        return CustomerProfile.objects.get(user=None)

    @pytest.mark.parametrize("level", [ANONYMISE, DELETE])
    @pytest.mark.parametrize("state", ["never seen", "failed"])
    def test_of_a_guest_do_not_bring_the_guest_back(self, known, guy, state, level):
        missed = make_order(email=" Guy@Example.com", channel=known.channel, lines=[(known.apple, 1)])
        if state == "failed":
            OrderSync.objects.create(order_id=missed.pk, error="ValueError")
        erase_customer(guy.pk, level, SYSTEM, NOW)
        reconcile(full=True)
        backfill(restart=True)
        assert not ProfileIdentity.objects.filter(value="guy@example.com").exists()
        assert CustomerProfile.objects.filter(user=None).count() == 1
        assert not ProfileOrder.objects.filter(order_id=missed.pk).exists()
        seen = OrderSync.objects.get(order_id=missed.pk)
        assert (seen.is_forgotten, seen.error) == (True, "")
        assert orders_behind() == 0

    def test_of_others_drafts_and_what_the_guest_orders_later_are_read(self, known, guy):
        draft = make_order(email="guy@example.com", channel=known.channel, lines=[(known.apple, 1)], status="draft")
        others = [
            make_order(email="gu_@example.com", channel=known.channel, lines=[(known.apple, 1)]),
            make_order(email="guy@example.com.au", channel=known.channel, lines=[(known.apple, 1)]),
            make_order(known.ann, email="guy@example.com", channel=known.channel, lines=[(known.apple, 1)]),
        ]
        erase_customer(guy.pk, DELETE, SYSTEM, NOW)
        later = make_order(email="guy@example.com", channel=known.channel, lines=[(known.apple, 1)])
        reconcile(full=True)
        read = {order.pk for order in (*others, later, known.order)}
        assert set(ProfileOrder.objects.values_list("order_id", flat=True)) == read
        assert not OrderSync.objects.filter(order_id=draft.pk).exists()

    def test_of_a_user_who_is_deleted_do_not_come_back_as_a_guests(self, known):
        make_order(known.ann, channel=known.channel, lines=[(known.apple, 1)])
        erase_customer(known.profile.pk, DELETE, SYSTEM, NOW)
        user_id = known.ann.pk
        delete_customer(known.ann)
        sync_customer(user_id)
        reconcile(full=True)
        assert not ProfileIdentity.objects.exists()
        assert CustomerProfile.objects.get() == known.profile

    def test_of_a_user_who_stays_are_read_under_the_nameless_profile(self, known):
        missed = make_order(known.ann, channel=known.channel, lines=[(known.apple, 1)])
        erase_customer(known.profile.pk, ANONYMISE, SYSTEM, NOW)
        reconcile(full=True)
        assert ProfileOrder.objects.get(order_id=missed.pk).profile == known.profile


class TestLevels:
    def test_each_goes_further_and_none_goes_back(self, known):
        for level, reached in ((STOP, "stop"), (DELETE, "delete"), (STOP, "delete"), (ANONYMISE, "delete")):
            erase_customer(known.profile.pk, level, SYSTEM, NOW)
            assert state(known.profile)[0] == reached
        assert DataRequest.objects.count() == 4

    def test_there_is_nothing_to_do_without_a_customer_or_a_level(self, known):
        with pytest.raises(CustomerInputError, match="no such customer"):
            erase_customer(10**9, STOP, SYSTEM, NOW)
        with pytest.raises(CustomerInputError, match="how far"):
            erase_customer(known.profile.pk, ErasureLevel.NONE, SYSTEM, NOW)
        assert not DataRequest.objects.exists()


@pytest.mark.parametrize("level", [ANONYMISE, DELETE])
@pytest.mark.parametrize("first", ["saleor", "plugin"])
def test_saleor_deletes_the_user_before_or_after(known, level, first):
    profile_id = known.profile.pk

    def in_saleor() -> None:
        user_id = known.ann.pk
        delete_customer(known.ann)
        sync_customer(user_id)

    steps = [in_saleor, lambda: erase_customer(profile_id, level, SYSTEM, NOW)]
    for step in steps if first == "saleor" else reversed(steps):
        step()
    profile = CustomerProfile.objects.get()
    assert (profile.pk, profile.user_id, profile.erasure_level) == (profile_id, None, level.value)
    assert not CustomerNote.objects.exists()
    backfill(restart=True)
    assert CustomerProfile.objects.count() == 1
    assert LoyaltyAccount.objects.get().active == 600


class TestDeletionInSaleor:
    def test_takes_away_what_was_written(self, known):
        user_id = known.ann.pk
        delete_customer(known.ann)
        sync_customer(user_id)
        assert columns_with_marker() == set()
        # A person who was deleted has not asked us for anything: numbers are as they were.
        assert state(known.profile)[0] == ""
        assert sums()["points"] == 600

    def test_is_found_by_reconciliation_too(self, known):
        delete_customer(known.ann)
        assert reconcile(full=True).detached == 1
        assert columns_with_marker() == set()
