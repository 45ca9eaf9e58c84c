"""A guest who turns out to be a user stays where they were: the timeline tells no second time what had happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.consents import update_consents
from saleor_crm_plugin.ingestion.lifecycle import refresh_all_stages
from saleor_crm_plugin.ingestion.merging import merge_customers, separate_customers
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.ingestion.tier_facts import net_spend, review_tiers
from saleor_crm_plugin.ingestion.timeline import SOURCES
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, TransactionType
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.tiers.assignment import assign
from saleor_crm_plugin.loyalty.tiers.models import TierChange, TierChangeCause, TierMembership
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentState
from saleor_crm_plugin.profiles.consents.recording import Consent
from saleor_crm_plugin.profiles.identity import GuestPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from saleor_crm_plugin.profiles.timeline.reading import Selection, read_timelines
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.devshop.flows import hand_over_orders
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.tiers.ladder import make_tiers

pytestmark = pytest.mark.django_db

EMAIL = "ada@example.com"
BOUGHT = datetime(2026, 5, 1, 12, tzinfo=UTC)
REGISTERED = BOUGHT + timedelta(days=3)
STANDING = frozenset({"segment_entered", "segment_left", "lifecycle_changed"})


@pytest.fixture
def apple():
    # Other tests may have left those that ship.
    CustomerSegment.objects.all().delete()
    for slug, query in (("buyers", "orders_count >= 1"), ("regulars", "orders_count >= 2")):
        CustomerSegment.objects.create(name=slug, slug=slug, query=query)
    return make_product(price=60, channel=make_channel(), stock=None)


def buys(apple, moment, *, email="", user=None):
    with time_machine.travel(moment, tick=False):
        order = make_order(user, email, apple.channel_listings.get().channel, [(apple, 1)], created_at=moment)
        assert not sync_orders([order.pk]).failed
    return order


def registers(email=EMAIL):
    with time_machine.travel(REGISTERED, tick=False):
        user = make_customer(email)
        # The account is there, then the address is confirmed and Saleor hands the orders over.
        sync_customer(user.pk)
        hand_over_orders(user)
        sync_customer(user.pk)
    return CustomerProfile.objects.get(user=user)


def told(profile):
    """Of the segments and stages of a person: what, and when."""
    selection = Selection(internal=True, kinds=STANDING)
    entries = read_timelines([profile.pk], SOURCES, selection, limit=100, backwards=True).get(profile.pk, [])
    return [(entry.kind, entry.details.get("name") or entry.details["to"], entry.happened_at) for entry in entries]


def test_the_timeline_says_once_what_the_guest_became(apple):
    buys(apple, BOUGHT, email=EMAIL)
    user = registers()
    assert sorted(told(user)) == [
        ("lifecycle_changed", "first_time", BOUGHT),
        ("segment_entered", "buyers", BOUGHT),
    ]
    assert user.lifecycle_stage == "first_time"
    (membership,) = SegmentMembership.objects.all()
    assert (membership.profile_id, membership.entered_at) == (user.pk, BOUGHT)


def test_what_changes_by_it_is_told(apple):
    """One order before, one after: together they are two."""
    user = make_customer("other@example.com")
    sync_customer(user.pk)
    buys(apple, BOUGHT + timedelta(days=1), user=user)
    buys(apple, BOUGHT, email=EMAIL)
    user.email = EMAIL
    user.save()
    with time_machine.travel(REGISTERED, tick=False):
        hand_over_orders(user)
        sync_customer(user.pk)
    now_or_before = [event for event in told(CustomerProfile.objects.get(user=user)) if event[2] == REGISTERED]
    assert sorted(now_or_before) == [
        ("lifecycle_changed", "repeat", REGISTERED),
        ("segment_entered", "regulars", REGISTERED),
    ]


def test_who_refuses_profiling_brings_nothing(apple):
    buys(apple, BOUGHT, email=EMAIL)
    user = make_customer(EMAIL)
    sync_customer(user.pk)
    CustomerProfile.objects.filter(user=user).update(profiling_allowed=False, lifecycle_stage="", lifecycle_since=None)
    hand_over_orders(user)
    sync_customer(user.pk)
    assert CustomerProfile.objects.get(user=user).lifecycle_stage == ""
    assert not SegmentMembership.objects.exists()


def test_staff_merge_and_separate_them(apple):
    """Separated, each has the timeline that it would have had alone."""
    buys(apple, BOUGHT, email=EMAIL)
    guest = resolve_profiles([GuestPerson(EMAIL)])[GuestPerson(EMAIL)]
    target = registers("somebody@example.com")
    with time_machine.travel(REGISTERED, tick=False):
        merge = merge_customers(guest, target.pk, SYSTEM, REGISTERED)
        became = [("lifecycle_changed", "first_time", BOUGHT), ("segment_entered", "buyers", BOUGHT)]
        assert sorted(told(target)) == became
        target.refresh_from_db()
        assert (target.lifecycle_stage, target.lifecycle_since) == ("first_time", BOUGHT)
        # As the night does of whoever is no customer.
        refresh_all_stages(load_settings().crm, REGISTERED)
        separate_customers(merge.pk, SYSTEM, REGISTERED)
    assert told(target) == []
    assert sorted(told(CustomerProfile.objects.get(pk=guest))) == became
    (membership,) = SegmentMembership.objects.all()
    assert (membership.profile_id, membership.entered_at) == (guest, BOUGHT)
    target.refresh_from_db()
    assert (target.lifecycle_stage, target.lifecycle_since) == ("prospect", target.created_at)


def test_a_refusal_of_the_source_brings_nothing(apple):
    buys(apple, BOUGHT, email=EMAIL)
    guest = resolve_profiles([GuestPerson(EMAIL)])[GuestPerson(EMAIL)]
    with time_machine.travel(REGISTERED, tick=False):
        update_consents(guest, [Consent(ConsentPurpose.PROFILING, ConsentState.REFUSED)], SYSTEM, REGISTERED)
        target = registers()
    assert (target.lifecycle_stage, target.profiling_allowed) == ("", False)
    assert not SegmentMembership.objects.exists()


def test_points_that_follow_later_count_for_the_tier():
    make_tiers(5)
    guest = resolve_profiles([GuestPerson(EMAIL)])[GuestPerson(EMAIL)]
    user = make_customer(EMAIL)
    sync_customer(user.pk)
    account_id = accounts.ensure(accounts.default_program_id(), [guest], "default")[guest]
    with Ledger([account_id]) as ledger:
        ledger.credit(account_id, 5, TransactionType.EARN_ACTION, Source(key="rating"))
    reconcile(full=True)
    assert TierMembership.objects.get(account__profile__user=user).tier.name == "Bronze"


UNTIL = datetime(2030, 1, 1, tzinfo=UTC)


def account_of_guest() -> int:
    guest = resolve_profiles([GuestPerson(EMAIL)])[GuestPerson(EMAIL)]
    return accounts.ensure(accounts.default_program_id(), [guest], "default")[guest]


def test_a_tier_that_staff_gave_to_a_guest_stays_with_the_user():
    _bronze, silver = make_tiers(100, 1000)
    assign(account_of_guest(), silver.pk, UNTIL, "Press", SYSTEM, net_spend)
    user = registers()
    membership = TierMembership.objects.get(account__profile=user)
    assert (membership.tier, membership.earned_tier, membership.assigned_until) == (silver, None, UNTIL)
    assert membership.keep_until == UNTIL
    (change,) = TierChange.objects.filter(account__profile=user)
    assert (change.from_tier, change.to_tier, change.cause) == (None, silver, "assigned")
    reconcile(full=True)
    review_tiers(datetime(2029, 12, 31, tzinfo=UTC))
    assert TierMembership.objects.get(account__profile=user).tier == silver
    review_tiers(UNTIL)
    assert not TierMembership.objects.filter(account__profile=user).exists()
    assert_ledger_adds_up()


def test_so_does_the_time_for_which_a_tier_is_protected():
    """Nothing that counts is left of it: it is what a higher one went down to."""
    (bronze,) = make_tiers(100)
    guest = account_of_guest()
    ends = {"lost_at": UNTIL, "protected_until": UNTIL, "keep_until": UNTIL}
    TierMembership.objects.create(account_id=guest, tier=bronze, earned_tier=bronze, **ends)
    TierChange.objects.create(account_id=guest, to_tier=bronze, cause=TierChangeCause.DOWNGRADE, at=BOUGHT)
    user = registers()
    reconcile(full=True)
    review_tiers(datetime(2029, 12, 31, tzinfo=UTC))
    assert TierMembership.objects.values(*ends, "tier").get(account__profile=user) == {**ends, "tier": bronze.pk}
    assert_ledger_adds_up()


def test_what_the_user_was_given_for_longer_stays():
    _bronze, silver = make_tiers(100, 1000)
    other = make_customer("other@example.com")
    sync_customer(other.pk)
    profile = CustomerProfile.objects.get(user=other)
    own = accounts.ensure(accounts.default_program_id(), [profile.pk], "default")[profile.pk]
    assign(own, silver.pk, UNTIL, "Press", SYSTEM, net_spend)
    assign(account_of_guest(), silver.pk, UNTIL - timedelta(days=1), "Press", SYSTEM, net_spend)
    other.email = EMAIL
    other.save()
    sync_customer(other.pk)
    assert LoyaltyAccount.objects.get(merged_into=own).closed_at is not None
    assert TierMembership.objects.get(account=own).assigned_until == UNTIL
    assert TierChange.objects.filter(account=own).count() == 1
