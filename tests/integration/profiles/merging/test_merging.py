"""Two customers become one and two again: each case with its numbers."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import TestCase
from django.utils import timezone

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.ingestion.claims import claim_for, forget_user
from saleor_crm_plugin.ingestion.consents import apply_consent_policy, update_consents
from saleor_crm_plugin.ingestion.merging import merge_customers, separate_customers
from saleor_crm_plugin.ingestion.readers import read_customers
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.loyalty.models import AccountMerge, LoyaltyAccount
from saleor_crm_plugin.profiles.consents.enforcement import follow_policy, set_policy
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentRecord, ConsentState
from saleor_crm_plugin.profiles.consents.recording import Consent
from saleor_crm_plugin.profiles.identity import GuestPerson, UserPerson, find_profiles
from saleor_crm_plugin.profiles.merging.family import families
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import CustomerProfile, CustomerType, ProfileMetrics, ProfileOrder
from saleor_crm_plugin.profiles.notes.models import CustomerTag
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent
from saleor_crm_plugin.recommendations.tracking.models import RecommendationEvent
from tests.devshop.factories import delete_customer, make_customer, make_staff
from tests.devshop.flows import hand_over_orders, refund_order
from tests.integration.profiles.merging.shop import (
    STAFF,
    consents,
    everything,
    give,
    note,
    orders_of,
    owe,
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


@pytest.fixture
def ada_agrees(store, ada):
    """In a shop where silence does not allow: she does, and much is known of her."""
    set_policy(consent_required=True)
    follow_policy([ada.profile])
    agreed = [Consent(purpose, GRANTED) for purpose in (PROFILING, ConsentPurpose.RECOMMENDATIONS)]
    update_consents(ada.profile, agreed, Actor(ActorType.CUSTOMER, ada.user.pk), timezone.now())
    CustomerProfile.objects.filter(pk=ada.profile).update(lifecycle_stage="active", lifecycle_since=timezone.now())
    ProfileMetrics.objects.filter(profile_id=ada.profile).update(rfm_group="new")
    segment = CustomerSegment.objects.create(name="All", slug="all", query="orders_count > 0")
    SegmentMembership.objects.create(segment=segment, profile_id=ada.profile, entered_at=timezone.now())
    RecommendationEvent.objects.create(
        id=uuid4(), type="viewed", product_id=1, channel_id=1, profile_id=ada.profile, occurred_at=timezone.now()
    )


def what_is_known(profile_id: int) -> tuple[bool, ...]:
    return (
        *flags(profile_id),
        CustomerProfile.objects.get(pk=profile_id).lifecycle_stage != "",
        ProfileMetrics.objects.get(profile=profile_id).rfm_group == "new",
        SegmentMembership.objects.filter(profile=profile_id, segment__slug="all").exists(),
        RecommendationEvent.objects.filter(profile=profile_id).exists(),
    )


@pytest.mark.parametrize("by_staff", [False, True])
def test_who_has_said_nothing_has_refused_nothing(store, ada, ada_agrees, by_staff):
    guy = store.guest(GUY, 7)
    if by_staff:
        merge = join(guy, ada.profile)
    else:
        ada.user.email = GUY
        ada.user.save()
        hand_over_orders(ada.user)
        sync_customer(ada.user.pk)
    assert head(guy) == ada.profile
    assert all(what_is_known(ada.profile))
    assert flags(guy) == (False, False)
    if by_staff:
        split(merge)
        assert all(what_is_known(ada.profile))
        assert flags(guy) == (False, False)


def flags(profile_id: int) -> tuple[bool, bool]:
    profile = CustomerProfile.objects.get(pk=profile_id)
    return profile.profiling_allowed, profile.recommendations_allowed


def test_what_an_earlier_version_has_noted_does_not_stand_against_separating(store, ada, eve):
    merge = join(eve.profile, ada.profile)
    merge.carried["flags"] = ["profiling_allowed"]
    merge.save()
    split(merge)
    assert head(eve.profile) is None


def agree(profile_id: int, actor: Actor, state: ConsentState = GRANTED) -> None:
    update_consents(profile_id, [Consent(PROFILING, state, "shop", "v1")], actor, timezone.now())


class TestAnAgreementMeanwhile:
    @pytest.fixture(autouse=True)
    def silence_does_not_allow(self, ada, eve) -> None:
        set_policy(consent_required=True)
        follow_policy([ada.profile, eve.profile])
        self.ada, self.eve = (Actor(ActorType.CUSTOMER, one.user.pk) for one in (ada, eve))

    def test_goes_with_who_gave_it(self, store, ada, eve):
        merge = join(eve.profile, ada.profile)
        agree(eve.profile, self.eve)
        said = ConsentRecord.objects.get()
        assert said.profile_id == ada.profile
        split(merge)
        kept = ConsentRecord.objects.get()
        assert (kept.profile_id, kept.actor_id, kept.source, kept.text_version, kept.recorded_at) == (
            eve.profile, eve.user.pk, "shop", "v1", said.recorded_at,
        )  # fmt: skip
        assert (flags(ada.profile)[0], flags(eve.profile)[0]) == (False, True)

    def test_goes_with_a_user_who_was_merged_into_the_source(self, store, ada, eve):
        zoe = make_customer("zoe@example.com")
        store.buy(5, user=zoe)
        join(profile_of(UserPerson(zoe.pk)), eve.profile)
        merge = join(eve.profile, ada.profile)
        agree(ada.profile, Actor(ActorType.CUSTOMER, zoe.pk))
        split(merge)
        assert (consents(ada.profile), consents(eve.profile)) == ({}, {PROFILING: GRANTED})

    def test_goes_with_its_giver_who_is_deleted_since(self, store, ada, eve):
        guy = store.guest(GUY, 7)
        first, second = join(guy, ada.profile), join(eve.profile, ada.profile)
        agree(eve.profile, self.eve)
        delete_customer(eve.user)
        forget_user(self.eve.id)
        split(first)
        assert consents(ada.profile) == {PROFILING: GRANTED}
        split(second)
        assert (consents(ada.profile), consents(guy)) == ({}, {})
        kept = ConsentRecord.objects.get(profile=eve.profile)
        assert (kept.purpose, kept.state, kept.source, kept.text_version) == (PROFILING, GRANTED, "", "")
        assert not flags(ada.profile)[0]

    def test_outweighs_what_its_giver_has_refused_before(self, store, ada, eve):
        agree(eve.profile, self.eve, REFUSED)
        merge = join(eve.profile, ada.profile)
        assert consents(ada.profile) == {PROFILING: REFUSED}
        agree(eve.profile, self.eve)
        split(merge)
        assert (consents(ada.profile), consents(eve.profile)) == ({}, {PROFILING: GRANTED})

    @pytest.mark.parametrize("by_staff", [False, True])
    def test_stays_with_the_target_if_it_gave_it_or_staff_wrote_it_down(self, store, ada, eve, by_staff):
        merge = join(eve.profile, ada.profile)
        agree(ada.profile, STAFF if by_staff else self.ada)
        split(merge)
        assert (consents(ada.profile), consents(eve.profile)) == ({PROFILING: GRANTED}, {})

    def test_leaves_what_the_target_has_said_before(self, store, ada, eve):
        agree(ada.profile, self.ada, REFUSED)
        merge = join(eve.profile, ada.profile)
        agree(eve.profile, self.eve)
        split(merge)
        assert (consents(ada.profile), consents(eve.profile)) == ({PROFILING: REFUSED}, {PROFILING: GRANTED})

    def test_that_somebody_took_back_is_none(self, store, ada, eve):
        merge = join(eve.profile, ada.profile)
        agree(eve.profile, self.eve)
        agree(ada.profile, self.ada, REFUSED)
        split(merge)
        assert consents(ada.profile) == consents(eve.profile) == {PROFILING: REFUSED}


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


class TestAGuestWhomTheHeadClaims:
    """Eve is merged into Ada, who then shows that a guest's address is hers; Eve goes again."""

    @pytest.fixture
    def guy(self, store) -> int:
        return store.guest(GUY, 7)

    @pytest.fixture
    def merge(self, ada, eve) -> ProfileMerge:
        return join(eve.profile, ada.profile)

    def claim(self, ada) -> None:
        ada.user.email = GUY
        ada.user.save()
        hand_over_orders(ada.user)
        sync_customer(ada.user.pk)

    def test_what_the_guest_refused_is_not_everybodys(self, guy, merge, ada, eve):
        say(guy, PROFILING, REFUSED)
        self.claim(ada)
        split(merge)
        assert (consents(eve.profile), consents(ada.profile)) == ({}, {PROFILING: REFUSED})
        assert (flags(eve.profile)[0], flags(ada.profile)[0]) == (True, False)

    def test_the_head_stays_in_the_segments_of_the_guest(self, guy, ada, eve):
        CustomerSegment.objects.all().delete()
        segment = CustomerSegment.objects.create(name="All", slug="all", query="x")
        for profile_id in (guy, eve.profile):
            SegmentMembership.objects.create(segment=segment, profile_id=profile_id, entered_at=timezone.now())
        merge = join(eve.profile, ada.profile)
        membership = SegmentMembership.objects.get(profile=ada.profile)
        self.claim(ada)
        split(merge)
        assert SegmentMembership.objects.get(profile=ada.profile) == membership
        assert SegmentMembership.objects.filter(profile=eve.profile).exists()

    def test_each_of_many_has_what_the_own_guest_refused(self, store, ada, eve):
        """They are claimed together, and what each was told stands with the own guest."""
        guests = {store.guest(f"{name}@example.com", 1): name for name in ("a", "b")}
        for user, (guest, name), purpose in zip((ada, eve), guests.items(), (EMAIL, PROFILING), strict=True):
            say(guest, purpose, REFUSED)
            tag(guest, name)
            user.user.email = f"{name}@example.com"
            user.user.save()
            hand_over_orders(user.user)
        claim_for(read_customers([ada.user.pk, eve.user.pk]).values())
        for user, guest, purpose in zip((ada, eve), guests, (EMAIL, PROFILING), strict=True):
            carried = ProfileMerge.objects.get(source=guest).carried
            refusal = ConsentRecord.objects.get(profile=user.profile)
            given = CustomerTag.objects.get(profile=user.profile)
            assert (refusal.purpose, given.name) == (purpose, guests[guest])
            assert (carried["consents"], carried["tags"]) == ([refusal.pk], [given.pk])
            assert carried["last_consent"] == refusal.pk


def test_what_was_taken_back_meanwhile_does_not_return_when_a_third_one_goes(store, ada, eve):
    guy = store.guest(GUY, 7)
    for each in (guy, eve.profile):
        say(each, EMAIL, REFUSED)
        tag(each, "vip")
    join(eve.profile, ada.profile)
    third = join(guy, ada.profile)
    say(ada.profile, EMAIL, GRANTED)
    CustomerTag.objects.filter(profile_id=ada.profile).delete()
    split(third)
    assert (consents(ada.profile), tags(ada.profile)) == ({EMAIL: GRANTED}, [])


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


@pytest.mark.parametrize(("state", "of_ada"), [(REFUSED, REFUSED), (GRANTED, None)])
def test_what_was_said_meanwhile_stays_known_when_a_third_one_goes_first(store, ada, eve, state, of_ada):
    """Both sources have refused mails: when the one goes, the refusal is carried again for the other."""
    guy = store.guest(GUY, 7)
    set_policy(consent_required=True)
    follow_policy([ada.profile, eve.profile, guy])
    for profile_id in (guy, eve.profile):
        say(profile_id, EMAIL, REFUSED)
    first, second = join(guy, ada.profile), join(eve.profile, ada.profile)
    agree(eve.profile, Actor(ActorType.CUSTOMER, eve.user.pk), state)
    split(first)
    split(second)
    assert consents(eve.profile) == {EMAIL: REFUSED, PROFILING: state}
    assert consents(ada.profile) == ({PROFILING: of_ada} if of_ada else {})
    assert [flags(profile_id)[0] for profile_id in (ada.profile, eve.profile)] == [False, state == GRANTED]


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


def test_a_refusal_of_profiling_takes_where_each_was_and_leaves_what_a_separation_needs(store, ada, eve):
    CustomerSegment.objects.all().delete()
    segment = CustomerSegment.objects.create(name="All", slug="all", query="x")
    SegmentMembership.objects.create(segment=segment, profile_id=eve.profile, entered_at=timezone.now())
    CustomerProfile.objects.filter(pk=ada.profile).update(lifecycle_stage="prospect", lifecycle_since=timezone.now())
    CustomerProfile.objects.filter(pk=eve.profile).update(lifecycle_stage="lost", lifecycle_since=timezone.now())
    tag(eve.profile, "vip")
    merge = join(eve.profile, ada.profile)
    merge.refresh_from_db()
    computed = ("segments", "memberships", "source_stage", "target_stage")
    assert all(merge.carried[name] for name in computed)
    update_consents(ada.profile, [Consent(PROFILING, REFUSED)], STAFF, timezone.now())
    merge.refresh_from_db()
    assert not merge.carried.keys() & computed
    assert merge.carried["tags"] == [CustomerTag.objects.get(profile_id=ada.profile).pk]
    assert merge.carried["users"] == [eve.user.pk]
    update_consents(ada.profile, [Consent(PROFILING, GRANTED)], Actor(ActorType.CUSTOMER, eve.user.pk), timezone.now())
    split(merge)
    assert (tags(ada.profile), tags(eve.profile)) == ([], ["vip"])
    assert not SegmentMembership.objects.filter(segment=segment).exists()
    # She agreed for both, and takes it along.
    assert (flags(ada.profile), flags(eve.profile)) == ((False, False), (True, True))
    stages = dict(CustomerProfile.objects.values_list("pk", "lifecycle_stage"))
    assert (stages[ada.profile], stages[eve.profile]) == ("", "repeat")


@pytest.mark.parametrize("of", ["merged", "separated"])
def test_who_refused_before_has_it_taken_at_night(store, ada, eve, of):
    merge = join(eve.profile, ada.profile)
    if of == "separated":
        split(merge)
    carried = {"segments": [[1, "2026-01-01T00:00:00+00:00"]], "source_stage": {"lifecycle_stage": "new"}, "users": [1]}
    ProfileMerge.objects.update(carried=carried)
    CustomerProfile.objects.filter(pk=ada.profile).update(profiling_allowed=False)
    say(ada.profile, PROFILING, REFUSED)
    apply_consent_policy(consent_required=False)
    assert ProfileMerge.objects.get().carried == {"users": [1]}


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


class TestAGuestWhomStaffHadMergedTurnsOutToBeThatUser:
    """Separated, the guest would have points and nobody to spend them: the address is the user's by then."""

    @pytest.fixture
    def guy(self, store, ada) -> int:
        """An order worth 7, and a gift of 5."""
        guest = store.guest(GUY, 7)
        give(guest, 5, "gift")
        return guest

    def claim(self, user) -> None:
        user.email = GUY
        user.save()
        hand_over_orders(user)
        sync_customer(user.pk)

    def test_and_stays_one(self, guy, ada):
        merge = join(guy, ada.profile)
        self.claim(ada.user)
        assert (metrics(ada.profile), points(ada.profile)) == ([(2, 67)], (72, 0))
        assert refusal(lambda: split(merge)) == ("NOT_APPLICABLE", "mergeId")
        assert AccountMerge.objects.get().undo_until is None

    def test_who_is_merged_and_takes_the_guest_along(self, guy, ada, eve):
        first, second = join(guy, eve.profile), join(eve.profile, ada.profile)
        self.claim(eve.user)
        split(second)
        assert (points(ada.profile), points(eve.profile)) == ((60, 0), (52, 0))
        assert refusal(lambda: split(first)) == ("NOT_APPLICABLE", "mergeId")

    def test_who_is_merged_into_the_same_customer(self, guy, ada, eve):
        """What staff took for Ada's stays with her; the order is Eve's."""
        first, second = join(guy, ada.profile), join(eve.profile, ada.profile)
        self.claim(eve.user)
        assert refusal(lambda: split(first)) == ("NOT_APPLICABLE", "mergeId")
        split(second)
        assert (points(ada.profile), points(eve.profile), points(guy)) == ((65, 0), (47, 0), (0, 0))

    def test_but_nobody_has_shown_that_another_user_is_one_with_them(self, guy, ada, eve):
        first, second = join(guy, eve.profile), join(eve.profile, ada.profile)
        self.claim(ada.user)
        split(second)
        reconcile(full=True)
        assert (metrics(ada.profile), metrics(eve.profile)) == ([(2, 67)], [(2, 40)])
        assert (points(ada.profile), points(eve.profile)) == ((67, 0), (45, 0))
        split(first)


class TestAGuestWhoHasAnotherGuest:
    """Staff had merged them; then the one registers, and gets the own orders from Saleor, not the other's."""

    def test_is_claimed_with_all_points(self, store):
        guy, other = store.guest(GUY, 7), store.guest("private@example.com", 5)
        merge = join(other, guy)
        give(guy, 3, "gift")
        user = make_customer(GUY)
        hand_over_orders(user)
        sync_customer(user.pk)
        of_user = profile_of(UserPerson(user.pk))
        assert (head(guy), head(other)) == (of_user, of_user)
        assert (metrics(of_user), points(of_user)) == ([(2, 12)], (15, 0))
        assert refusal(lambda: split(merge)) == ("NOT_APPLICABLE", "mergeId")

    def test_is_not_claimed_while_saleor_keeps_the_own_orders(self, store):
        guy, other = store.guest(GUY, 7), store.guest("private@example.com", 5)
        join(other, guy)
        for email in (GUY, "private@example.com"):
            sync_customer(make_customer(email).pk)
        assert find_profiles([GuestPerson(GUY)]) == {GuestPerson(GUY): guy}
        assert (head(guy), head(other)) == (None, guy)


def test_an_account_that_was_opened_meanwhile_follows_and_goes_again(store, ada):
    """Whoever opened it did not see the merge, nor the merge the account: it comes with the next full sweep."""
    guy = profile_of(GuestPerson(GUY))
    merge = join(guy, ada.profile)
    give(guy, 5, "import")
    assert (points(ada.profile), points(guy)) == ((60, 0), (5, 0))
    reconcile(full=True)
    assert (points(ada.profile), points(guy)) == ((65, 0), (0, 0))
    split(merge)
    assert (points(ada.profile), points(guy)) == ((60, 0), (5, 0))


def test_a_user_who_is_merged_claims_guests_for_the_head_and_takes_them_along(store, ada, eve):
    merge = join(eve.profile, ada.profile)
    eve.user.email = GUY
    eve.user.save()
    guy = store.guest(GUY, 7)
    give(guy, 5, "gift")
    tag(guy, "vip")
    say(guy, EMAIL, REFUSED)
    hand_over_orders(eve.user)
    sync_customer(eve.user.pk)
    assert (head(guy), metrics(ada.profile), points(ada.profile)) == (ada.profile, [(4, 107)], (112, 0))
    assert (tags(ada.profile), consents(ada.profile)) == (["vip"], {EMAIL: REFUSED})
    split(merge)
    assert (tags(ada.profile), tags(eve.profile)) == ([], ["vip"])
    assert (consents(ada.profile), consents(eve.profile)) == ({}, {EMAIL: REFUSED})
    assert (head(guy), metrics(ada.profile), metrics(eve.profile)) == (eve.profile, [(1, 60)], [(3, 47)])
    assert (points(ada.profile), points(eve.profile)) == ((60, 0), (52, 0))
    assert find_profiles([GuestPerson(GUY)]) == {GuestPerson(GUY): eve.profile}


class TestAGuestIsClaimedByAMergedUser:
    def claim(self, eve) -> None:
        eve.user.email = GUY
        eve.user.save()
        hand_over_orders(eve.user)
        sync_customer(eve.user.pk)

    def test_what_the_guest_owes_goes_with_the_user(self, store, ada, eve):
        merge = join(eve.profile, ada.profile)
        owe(store.guest(GUY, 7), 9, "more than there is")
        self.claim(eve)
        assert points(ada.profile) == (98, 0)
        split(merge)
        assert (points(ada.profile), points(eve.profile)) == ((60, 0), (38, 0))

    @pytest.mark.parametrize("of_head", [0, 60])
    def test_points_go_with_a_user_who_had_none(self, store, of_head):
        """Nor has the head, so that there is no account to merge the guest's into."""
        zoe, kim = make_customer("zoe@example.com"), make_customer("kim@example.com")
        if of_head:
            store.buy(of_head, user=kim)
        of_zoe, of_kim = (profile_of(UserPerson(user.pk)) for user in (zoe, kim))
        merge = join(of_zoe, of_kim, undo_days=3)
        give(store.guest(GUY, 7), 5, "gift")
        self.claim(SimpleNamespace(user=zoe))
        assert (points(of_kim), points(of_zoe)) == ((of_head + 12, 0), (0, 0))
        assert AccountMerge.objects.get(source__profile=of_zoe).undo_until == merge.undo_until
        split(merge)
        assert (points(of_kim), points(of_zoe)) == ((of_head, 0), (12, 0))

    def test_points_of_a_chain_go_with_each(self, store, ada, eve):
        bob = make_customer("bob@example.com")
        store.buy(1, user=bob)
        of_bob = profile_of(UserPerson(bob.pk))
        first = join(eve.profile, ada.profile)
        second = join(ada.profile, of_bob)
        give(store.guest(GUY, 7), 5, "gift")
        self.claim(eve)
        assert points(of_bob) == (113, 0)
        split(second)
        assert (points(of_bob), points(ada.profile)) == ((1, 0), (112, 0))
        split(first)
        assert (points(ada.profile), points(eve.profile)) == ((60, 0), (52, 0))

    def test_what_the_guest_refused_is_not_everybodys(self, store, ada, eve):
        """Zoe was merged into Eve before, and has refused nothing."""
        of_zoe = profile_of(UserPerson(make_customer("zoe@example.com").pk))
        first, second = join(of_zoe, eve.profile), join(eve.profile, ada.profile)
        say(store.guest(GUY, 7), PROFILING, REFUSED)
        self.claim(eve)
        split(second)
        split(first)
        assert (consents(of_zoe), consents(ada.profile)) == ({}, {})
        assert consents(eve.profile) == {PROFILING: REFUSED}

    def test_what_was_taken_from_the_head_since_stays_away(self, store, ada, eve):
        tag(eve.profile, "old")
        join(eve.profile, ada.profile)
        CustomerTag.objects.filter(profile_id=ada.profile, name="old").delete()
        tag(store.guest(GUY, 7), "new")
        self.claim(eve)
        assert tags(ada.profile) == ["new"]

    def test_the_head_refuses_what_the_guest_refused_though_the_user_had_done_so_before(self, store, ada, eve):
        say(eve.profile, EMAIL, REFUSED)
        join(eve.profile, ada.profile)
        say(ada.profile, EMAIL, GRANTED)
        say(store.guest(GUY, 7), EMAIL, REFUSED)
        self.claim(eve)
        assert consents(ada.profile) == {EMAIL: REFUSED}

    def test_each_of_a_chain_keeps_what_it_had(self, store, ada, eve):
        bob = make_customer("bob@example.com")
        store.buy(1, user=bob)
        of_bob = profile_of(UserPerson(bob.pk))
        first = join(eve.profile, ada.profile)
        second = join(ada.profile, of_bob)
        tag(store.guest(GUY, 7), "vip")
        self.claim(eve)
        assert tags(of_bob) == ["vip"]
        split(second)
        assert (tags(of_bob), tags(ada.profile)) == ([], ["vip"])
        split(first)
        assert (tags(ada.profile), tags(eve.profile)) == ([], ["vip"])

    def test_segments_and_what_staff_said_it_is_go_with_the_user(self, store, ada, eve):
        CustomerSegment.objects.all().delete()
        segment = CustomerSegment.objects.create(name="All", slug="all", query="x")
        merge = join(eve.profile, ada.profile)
        guy = store.guest(GUY, 7)
        entered_at = timezone.now() - timedelta(days=3)
        SegmentMembership.objects.create(segment=segment, profile_id=guy, entered_at=entered_at)
        profiles = CustomerProfile.objects.values_list("customer_type", "customer_type_by_hand")
        CustomerProfile.objects.filter(pk=guy).update(customer_type=CustomerType.B2B, customer_type_by_hand=True)
        self.claim(eve)
        members = SegmentMembership.objects.values_list("profile_id", "entered_at")
        assert (list(members), profiles.get(pk=ada.profile)) == (
            [(ada.profile, entered_at)],
            (CustomerType.B2B, True),
        )
        split(merge)
        assert list(members.all()) == [(eve.profile, entered_at)]
        assert [profiles.get(pk=pk) for pk in (ada.profile, eve.profile)] == [
            (CustomerType.B2C, False),
            (CustomerType.B2B, True),
        ]


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
