"""Two customers become one and two again: each case with its numbers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import TestCase
from django.utils import timezone

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.ingestion.merging import merge_customers, separate_customers
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.loyalty.models import AccountMerge, LoyaltyAccount
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentRecord, ConsentState
from saleor_crm_plugin.profiles.identity import GuestPerson, UserPerson, find_profiles
from saleor_crm_plugin.profiles.merging.family import families
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import CustomerProfile, CustomerType, ProfileMetrics, ProfileOrder
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent
from tests.devshop.factories import delete_customer, make_customer, make_staff
from tests.devshop.flows import hand_over_orders, refund_order
from tests.integration.profiles.merging.shop import (
    STAFF,
    consents,
    everything,
    give,
    note,
    orders_of,
    points,
    profile_of,
    say,
    tag,
    tags,
)

pytestmark = pytest.mark.django_db

GUY = "guy@example.com"
EMAIL, PROFILING = ConsentPurpose.MARKETING_EMAIL, ConsentPurpose.PROFILING
GRANTED, REFUSED = ConsentState.GRANTED, ConsentState.REFUSED


def join(source_id: int, target_id: int, **kwargs) -> ProfileMerge:
    return merge_customers(source_id, target_id, STAFF, timezone.now(), **kwargs)


def split(merge: ProfileMerge, after: timedelta = timedelta()):
    """And what follows after the commit."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        return separate_customers(merge.pk, STAFF, timezone.now() + after)


def head(profile_id: int) -> int | None:
    return CustomerProfile.objects.get(pk=profile_id).merged_into_id


def metrics(profile_id: int) -> list[tuple[int, int]]:
    rows = ProfileMetrics.objects.filter(profile_id=profile_id)
    return [(count, int(net)) for count, net in rows.values_list("orders_count", "net_spent")]


def refusal(call) -> tuple[str, str | None]:
    before = everything()
    with pytest.raises(CustomerInputError) as caught:
        call()
    assert everything() == before, "nothing half-written"
    return caught.value.code, caught.value.field


def test_orders_numbers_and_points_of_both_are_the_targets(store, ada, eve):
    merge = join(eve.profile, ada.profile)
    assert (head(eve.profile), head(ada.profile)) == (ada.profile, None)
    assert orders_of(ada.profile) == {order.pk for order in ada.orders + eve.orders}
    assert set(ProfileOrder.objects.filter(placed_by=eve.profile).values_list("pk", flat=True)) == {
        order.pk for order in eve.orders
    }
    assert (metrics(ada.profile), metrics(eve.profile)) == ([(3, 100)], [])
    assert (points(ada.profile), points(eve.profile)) == ((100, 0), (0, 0))
    assert (merge.source_id, merge.target_id, merge.actor_type, merge.actor_id) == (
        eve.profile,
        ada.profile,
        ActorType.STAFF,
        STAFF.id,
    )
    assert merge.undo_until - merge.merged_at == timedelta(days=30)


def test_whoever_is_looked_up_is_found_as_the_head(store, ada, eve):
    guy = store.guest(GUY, 7)
    join(guy, ada.profile)
    join(eve.profile, ada.profile)
    persons = [UserPerson(ada.user.pk), UserPerson(eve.user.pk), GuestPerson(GUY)]
    assert find_profiles(persons) == dict.fromkeys(persons, ada.profile)
    assert families([ada.profile], "default") == {ada.profile: sorted([ada.profile, eve.profile, guy], key=_first(ada))}


def _first(ada):
    return lambda profile_id: (profile_id != ada.profile, profile_id)


def test_what_is_bought_later_counts_for_the_head_and_goes_back_to_whoever_bought_it(store, ada, eve):
    merge = join(eve.profile, ada.profile)
    store.buy(100, user=eve.user)
    store.buy(1, user=ada.user)
    assert metrics(ada.profile) == [(5, 201)]
    assert points(ada.profile) == (201, 0)

    separated = split(merge)

    assert (metrics(ada.profile), metrics(eve.profile)) == ([(2, 61)], [(3, 140)])
    assert (points(ada.profile), points(eve.profile)) == ((61, 0), (140, 0))
    assert (separated.points, separated.debt) == (40, 0), "the rest follows its order"
    assert not ProfileOrder.objects.exclude(placed_by=None).exists()


def test_a_refund_meanwhile_is_the_own_one_afterwards(store, ada, eve):
    merge = join(eve.profile, ada.profile)
    refund_order(eve.orders[0], 25)
    sync_orders([eve.orders[0].pk])
    assert (metrics(ada.profile), points(ada.profile)) == ([(3, 75)], (75, 0))
    split(merge)
    assert (metrics(ada.profile), metrics(eve.profile)) == ([(1, 60)], [(2, 15)])
    assert (points(ada.profile), points(eve.profile)) == ((60, 0), (15, 0))


def test_points_spent_meanwhile_stay_spent(store, ada, eve):
    merge = join(eve.profile, ada.profile)
    give(ada.profile, -90, "spent")
    split(merge)
    left = points(ada.profile)[0] + points(eve.profile)[0]
    assert left == 10


def test_a_chain_is_flat_and_comes_apart_in_turn(store, ada, eve):
    guy = store.guest(GUY, 7)
    first = join(guy, eve.profile)
    second = join(eve.profile, ada.profile)
    assert (head(guy), head(eve.profile)) == (ada.profile, ada.profile)
    assert metrics(ada.profile) == [(4, 107)]
    assert points(ada.profile) == (107, 0)
    assert refusal(lambda: split(first)) == ("NOT_APPLICABLE", "mergeId")

    split(second)

    assert (head(guy), head(eve.profile)) == (eve.profile, None)
    assert (metrics(eve.profile), metrics(ada.profile), metrics(guy)) == ([(3, 47)], [(1, 60)], [])
    assert (points(eve.profile), points(ada.profile)) == ((47, 0), (60, 0))
    split(first)
    assert (head(guy), metrics(guy), metrics(eve.profile)) == (None, [(1, 7)], [(2, 40)])
    assert (points(guy), points(eve.profile)) == ((7, 0), (40, 0))


def test_a_merged_target_stands_for_its_head(store, ada, eve):
    join(eve.profile, ada.profile)
    guy = store.guest(GUY, 7)
    merge = join(guy, eve.profile)
    assert (head(guy), merge.target_id) == (ada.profile, ada.profile)


def test_tags_of_both_and_back(store, ada, eve):
    tag(ada.profile, "both", "hers")
    tag(eve.profile, "both", "other")
    merge = join(eve.profile, ada.profile)
    assert tags(ada.profile) == ["both", "hers", "other"]
    tag(ada.profile, "later")
    split(merge)
    assert (tags(ada.profile), tags(eve.profile)) == (["both", "hers", "later"], ["both", "other"])


@pytest.mark.parametrize(
    ("source", "target", "afterwards"),
    [
        (REFUSED, GRANTED, REFUSED),
        (REFUSED, None, REFUSED),
        (GRANTED, REFUSED, REFUSED),
        (GRANTED, GRANTED, GRANTED),
        # It was given with another address.
        (GRANTED, None, None),
    ],
)
def test_the_stricter_consent_wins_and_goes_again(store, ada, eve, source, target, afterwards):
    for profile_id, state in ((eve.profile, source), (ada.profile, target)):
        if state:
            say(profile_id, EMAIL, state)
    before = list(ConsentRecord.objects.order_by("pk").values())
    merge = join(eve.profile, ada.profile)
    assert consents(ada.profile).get(EMAIL) == afterwards
    added = ConsentRecord.objects.filter(source="merge").values_list("profile_id", "actor_id")
    assert list(added) == ([(ada.profile, STAFF.id)] if afterwards != target else [])
    split(merge)
    assert list(ConsentRecord.objects.order_by("pk").values()) == before


def test_who_refuses_profiling_refuses_it_as_one(store, ada, eve):
    say(eve.profile, PROFILING, REFUSED)
    merge = join(eve.profile, ada.profile)
    assert CustomerProfile.objects.get(pk=ada.profile).profiling_allowed is False
    split(merge)
    assert CustomerProfile.objects.get(pk=ada.profile).profiling_allowed is True
    assert CustomerProfile.objects.get(pk=eve.profile).profiling_allowed is False


def test_a_refusal_meanwhile_may_be_either_ones(store, ada, eve):
    merge = join(eve.profile, ada.profile)
    say(ada.profile, PROFILING, REFUSED)
    split(merge)
    assert consents(eve.profile) == consents(ada.profile) == {PROFILING: REFUSED}
    assert ConsentRecord.objects.get(profile=eve.profile).source == "unmerge"
    assert not CustomerProfile.objects.filter(profiling_allowed=True).exists()


def test_what_a_third_one_refused_is_not_everybodys(store, ada, eve):
    guy = store.guest(GUY, 7)
    say(guy, PROFILING, REFUSED)
    first = join(eve.profile, ada.profile)
    join(guy, ada.profile)
    split(first)
    assert (consents(eve.profile), consents(ada.profile)) == ({}, {PROFILING: REFUSED})


def test_what_a_third_one_said_as_well_stays(store, ada, eve):
    guy = store.guest(GUY, 7)
    for profile_id in (eve.profile, guy):
        tag(profile_id, "vip")
        say(profile_id, PROFILING, REFUSED)
    first, second = join(eve.profile, ada.profile), join(guy, ada.profile)
    split(first)
    assert (tags(ada.profile), consents(ada.profile)) == (["vip"], {PROFILING: REFUSED})
    assert CustomerProfile.objects.get(pk=ada.profile).profiling_allowed is False
    split(second)
    assert (tags(ada.profile), consents(ada.profile)) == ([], {})
    assert CustomerProfile.objects.get(pk=ada.profile).profiling_allowed is True


def test_what_staff_said_the_customer_is(store, ada, eve):
    profiles = CustomerProfile.objects
    profiles.filter(pk=eve.profile).update(customer_type=CustomerType.B2B, customer_type_by_hand=True)
    merge = join(eve.profile, ada.profile)
    said = profiles.values_list("customer_type", "customer_type_by_hand")
    assert said.get(pk=ada.profile) == (CustomerType.B2B, True)
    split(merge)
    assert said.get(pk=ada.profile) == (CustomerType.B2C, False)
    assert said.get(pk=eve.profile) == (CustomerType.B2B, True)


def test_the_target_is_where_the_source_was_meanwhile(store, ada, eve):
    CustomerSegment.objects.all().delete()
    # Nobody can say any more who is in it.
    segment = CustomerSegment.objects.create(name="All", slug="all", query="x")
    entered_at = timezone.now() - timedelta(days=3)
    SegmentMembership.objects.create(segment=segment, profile_id=eve.profile, entered_at=entered_at)
    merge = join(eve.profile, ada.profile)
    assert list(SegmentMembership.objects.values_list("profile_id", "entered_at")) == [(ada.profile, entered_at)]
    split(merge)
    assert list(SegmentMembership.objects.values_list("profile_id", "entered_at")) == [(eve.profile, entered_at)]


def test_the_timeline_says_it(store, ada, eve):
    merge = join(eve.profile, ada.profile)
    events = ProfileEvent.objects.filter(subject_type="profile").order_by("pk")
    rows = events.values_list("profile_id", "kind", "subject_id", "actor_type", "actor_id")
    merged = (ada.profile, EventKind.PROFILE_MERGED, str(eve.profile), ActorType.STAFF, STAFF.id)
    assert list(rows.all()) == [merged]
    split(merge)
    assert set(rows.all()) == {
        merged,
        (eve.profile, EventKind.PROFILE_SEPARATED, str(ada.profile), ActorType.STAFF, STAFF.id),
        (ada.profile, EventKind.PROFILE_SEPARATED, str(eve.profile), ActorType.STAFF, STAFF.id),
    }


def test_what_cannot_be_merged(store, ada, eve):
    guy = store.guest(GUY, 7)
    nobody = 2**30
    assert refusal(lambda: join(ada.profile, ada.profile)) == ("INVALID", "targetId")
    assert refusal(lambda: join(nobody, ada.profile)) == ("NOT_FOUND", "sourceId")
    assert refusal(lambda: join(ada.profile, nobody)) == ("NOT_FOUND", "targetId")
    assert refusal(lambda: join(ada.profile, guy)) == ("INVALID", "targetId"), "the other way round"
    assert refusal(lambda: join(guy, ada.profile, undo_days=0)) == ("INVALID", "undoDays")
    assert refusal(lambda: join(guy, ada.profile, undo_days=91)) == ("INVALID", "undoDays")
    join(guy, ada.profile)
    assert refusal(lambda: join(guy, ada.profile)) == ("NOT_APPLICABLE", "sourceId")
    assert refusal(lambda: join(guy, eve.profile)) == ("NOT_APPLICABLE", "sourceId")
    assert refusal(lambda: join(ada.profile, guy)) == ("NOT_APPLICABLE", "targetId"), "one already"
    CustomerProfile.objects.filter(pk=eve.profile).update(erased_at=timezone.now())
    assert refusal(lambda: join(eve.profile, ada.profile)) == ("NOT_APPLICABLE", "sourceId")
    assert refusal(lambda: join(ada.profile, eve.profile)) == ("NOT_APPLICABLE", "targetId")


def test_accounts_of_staff_are_merged_with_guests_only(store, ada):
    staff = make_staff()
    of_staff = profile_of(UserPerson(staff.pk))
    assert refusal(lambda: join(of_staff, ada.profile)) == ("NOT_APPLICABLE", "sourceId")
    assert refusal(lambda: join(ada.profile, of_staff)) == ("NOT_APPLICABLE", "targetId")
    join(store.guest(GUY, 7), of_staff)


def test_nobody_merges_themselves(store, ada):
    staff = make_staff()
    of_staff, guy = profile_of(UserPerson(staff.pk)), store.guest(GUY, 7)
    themselves = Actor(ActorType.STAFF, staff.pk)
    now = timezone.now()
    assert refusal(lambda: merge_customers(guy, of_staff, themselves, now)) == ("NOT_APPLICABLE", None)


def test_points_that_cannot_move_stand_against_it(store, ada, eve):
    accounts = LoyaltyAccount.objects
    accounts.filter(profile=eve.profile).update(held=5)
    assert refusal(lambda: join(eve.profile, ada.profile)) == ("NOT_APPLICABLE", "sourceId")
    accounts.filter(profile=eve.profile).update(held=0)
    accounts.filter(profile=ada.profile).update(closed_at=timezone.now())
    assert refusal(lambda: join(eve.profile, ada.profile)) == ("NOT_APPLICABLE", "targetId")


def test_what_cannot_be_undone(store, ada, eve):
    assert refusal(lambda: separate_customers(2**30, STAFF, timezone.now())) == ("NOT_FOUND", "mergeId")
    merge = join(eve.profile, ada.profile, undo_days=2)
    assert refusal(lambda: split(merge, timedelta(days=2, seconds=1))) == ("NOT_APPLICABLE", "mergeId")
    LoyaltyAccount.objects.filter(profile=ada.profile).update(held=5)
    assert refusal(lambda: split(merge)) == ("NOT_APPLICABLE", "mergeId")
    LoyaltyAccount.objects.filter(profile=ada.profile).update(held=0)
    CustomerProfile.objects.filter(pk=eve.profile).update(erased_at=timezone.now())
    assert refusal(lambda: split(merge)) == ("NOT_APPLICABLE", "mergeId")
    CustomerProfile.objects.update(erased_at=None)
    split(merge)
    assert refusal(lambda: split(merge)) == ("NOT_APPLICABLE", "mergeId")
    again = join(eve.profile, ada.profile)
    assert again.pk != merge.pk
    assert AccountMerge.objects.filter(undone_at=None).count() == 1


def test_an_account_is_only_left_when_there_was_one(store):
    """Who has no points gets no account by being merged."""
    first, second = (profile_of(GuestPerson(f"{name}@example.com")) for name in ("one", "two"))
    split(join(first, second))
    assert not LoyaltyAccount.objects.exists()


def test_orders_of_a_merged_user_who_is_deleted_stay_and_make_no_new_guest(store, ada, eve):
    merge = join(eve.profile, ada.profile)
    delete_customer(eve.user)
    sync_customer(eve.user.pk)
    profiles = CustomerProfile.objects.count()
    for order in eve.orders:
        order.refresh_from_db()
        assert order.user_id is None
    sync_orders([order.pk for order in eve.orders])
    assert orders_of(ada.profile) == {order.pk for order in ada.orders + eve.orders}
    split(merge)
    sync_orders([order.pk for order in eve.orders])
    assert orders_of(eve.profile) == {order.pk for order in eve.orders}
    assert CustomerProfile.objects.count() == profiles


def test_a_guest_who_was_merged_can_still_turn_out_to_be_somebody(store, ada):
    """Staff took the guest for Ada; then somebody else shows that the address is theirs."""
    guy = store.guest(GUY, 7)
    give(guy, 5, "gift")
    merge = join(guy, ada.profile)
    user = make_customer(GUY)
    hand_over_orders(user)
    sync_customer(user.pk)
    of_user = profile_of(UserPerson(user.pk))
    assert (metrics(of_user), metrics(ada.profile)) == ([(1, 7)], [(1, 60)])
    assert (points(of_user), points(ada.profile)) == ((7, 0), (65, 0))
    assert head(guy) == ada.profile
    split(merge)
    assert (metrics(of_user), metrics(guy)) == ([(1, 7)], [])
    assert points(guy) == (5, 0)


def test_a_user_who_is_merged_claims_guests_for_the_head_and_takes_them_along(store, ada, eve):
    merge = join(eve.profile, ada.profile)
    eve.user.email = GUY
    eve.user.save()
    guy = store.guest(GUY, 7)
    tag(guy, "vip")
    hand_over_orders(eve.user)
    sync_customer(eve.user.pk)
    assert (head(guy), metrics(ada.profile), points(ada.profile)) == (ada.profile, [(4, 107)], (107, 0))
    assert tags(ada.profile) == ["vip"]
    split(merge)
    assert (head(guy), metrics(ada.profile), metrics(eve.profile)) == (eve.profile, [(1, 60)], [(3, 47)])
    assert (points(ada.profile), points(eve.profile)) == ((60, 0), (47, 0))
    assert find_profiles([GuestPerson(GUY)]) == {GuestPerson(GUY): eve.profile}


def test_notes_and_events_stay_where_they_are(store, ada, eve):
    note(eve.profile, "Called")
    merge = join(eve.profile, ada.profile)
    assert CustomerProfile.objects.get(pk=eve.profile).notes.count() == 1
    split(merge)
    assert CustomerProfile.objects.get(pk=eve.profile).notes.count() == 1


def test_the_database_keeps_pointers_flat(store, ada, eve):
    guy = store.guest(GUY, 7)
    join(eve.profile, ada.profile)
    profiles = CustomerProfile.objects
    for profile_id, into in ((guy, eve.profile), (ada.profile, guy), (guy, guy)):
        with pytest.raises(IntegrityError), transaction.atomic():
            profiles.filter(pk=profile_id).update(merged_into=into)
    with pytest.raises(IntegrityError, match="crm_profile_is_merged_once_at_a_time"), transaction.atomic():
        ProfileMerge.objects.create(source_id=eve.profile, target_id=guy, merged_at=timezone.now())
