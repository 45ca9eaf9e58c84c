"""Who is in a segment, and the events when that changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from importlib import import_module
from threading import Barrier

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from saleor.product.models import Category

from saleor_crm_plugin.ingestion.segments import (
    VOCABULARY,
    refresh_for,
    refresh_segment,
    refresh_segments,
)
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerTag
from saleor_crm_plugin.profiles.segments import membership
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from saleor_crm_plugin.profiles.segments.understanding import understand
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent, SubjectType
from tests.concurrently import JOIN_SECONDS, at_once, no_errors, others_who_wait
from tests.devshop.factories import make_address, make_customer, make_order
from tests.integration.profiles.segments.people import NOW, Person, Purchase, make_catalogue, store
from tests.shop_settings import crm_settings

VIP = Person("vip", tags=frozenset({"vip"}))
PLAIN = Person("plain")


def make_segment(query: str, name: str = "Ours") -> CustomerSegment:
    return CustomerSegment.objects.create(name=name, slug=name.lower(), query=query)


def members(segment: CustomerSegment) -> set[int]:
    return set(segment.memberships.values_list("profile_id", flat=True))


def events(profile_id: int) -> list[tuple[str, str, str]]:
    rows = ProfileEvent.objects.filter(profile_id=profile_id, subject_type=SubjectType.SEGMENT).order_by("pk")
    return list(rows.values_list("kind", "subject_id", "details__name"))


def tag(profile_id: int, name: str = "vip") -> None:
    CustomerTag.objects.create(profile_id=profile_id, name=name, assigned_at=NOW)


@pytest.fixture
def no_segments(db):
    """Without those that the shop starts with."""
    CustomerSegment.objects.all().delete()


@pytest.fixture
def segment(no_segments):
    return make_segment("tag = 'vip'")


class TestFullRefresh:
    def test_customers_enter_and_leave_and_each_move_is_one_event(self, segment):
        vip, plain = store([VIP, PLAIN])
        assert refresh_segment(segment.pk, NOW) == membership.Moves(1, 0)
        assert members(segment) == {vip}
        assert events(vip) == [(EventKind.SEGMENT_ENTERED, str(segment.pk), "Ours")]
        segment.refresh_from_db()
        assert (segment.refreshed_at, segment.error) == (NOW, "")

        assert refresh_segment(segment.pk, NOW) == membership.Moves(0, 0)

        CustomerTag.objects.all().delete()
        tag(plain)
        later = NOW + timedelta(days=1)
        assert refresh_segment(segment.pk, later) == membership.Moves(1, 1)
        assert members(segment) == {plain}
        assert [kind for kind, _, _ in events(vip)] == [EventKind.SEGMENT_ENTERED, EventKind.SEGMENT_LEFT]
        left = ProfileEvent.objects.get(kind=EventKind.SEGMENT_LEFT)
        assert (left.happened_at, left.actor_type, left.actor_id) == (later, "system", None)

        # Who comes back enters again.
        tag(vip)
        refresh_segment(segment.pk, later)
        assert [kind for kind, _, _ in events(vip)][2:] == [EventKind.SEGMENT_ENTERED]
        assert SegmentMembership.objects.get(profile_id=vip).entered_at == later

    @pytest.mark.parametrize(
        "change",
        [{"profiling_allowed": False}, {"erased_at": NOW}, {"merged_into": "head"}],
        ids=lambda c: next(iter(c)),
    )
    def test_who_is_no_customer_any_more_goes_without_an_event(self, segment, change):
        vip, head = store([VIP, PLAIN])
        refresh_segment(segment.pk, NOW)
        change = {
            field: CustomerProfile.objects.get(pk=head) if value == "head" else value for field, value in change.items()
        }
        CustomerProfile.objects.filter(pk=vip).update(**change)
        refresh_segment(segment.pk, NOW)
        assert members(segment) == set()
        assert [kind for kind, _, _ in events(vip)] == [EventKind.SEGMENT_ENTERED]

    def test_a_query_without_a_meaning_keeps_its_members_and_says_why(self, no_segments):
        make_catalogue()
        segment = make_segment("bought_category('kitchen')")
        other = make_segment("is_guest", "Other")
        (buyer,) = store([replace(PLAIN, purchases=(Purchase(1, products=("mug",)),))])
        refresh_segments(NOW)
        assert members(segment) == members(other) == {buyer}

        Category.objects.filter(slug="kitchen").update(slug="kitchens")
        SegmentMembership.objects.filter(segment=other).delete()
        refresh_segments(NOW + timedelta(days=1))

        segment.refresh_from_db()
        assert members(segment) == members(other) == {buyer}
        assert segment.error == "Line 1, column 17: found the text 'kitchen', expected a category that there is."
        assert segment.refreshed_at == NOW
        # Nor does a change of some customer touch it.
        refresh_for([buyer], NOW)
        assert members(segment) == {buyer}

        Category.objects.filter(slug="kitchens").update(slug="kitchen")
        refresh_segments(NOW)
        segment.refresh_from_db()
        assert segment.error == ""

    @pytest.mark.parametrize("refresh", [refresh_segments, lambda now: refresh_for([0], now)], ids=["all", "some"])
    def test_a_name_that_is_gone_is_not_compared_with_all_that_there_are(self, no_segments, monkeypatch, refresh):
        def read(kind, _using):
            raise AssertionError(f"the names of every {kind} were read")

        monkeypatch.setattr("saleor_crm_plugin.ingestion.segments.VOCABULARY", replace(VOCABULARY, known=read))
        segment = make_segment("bought_product('gone')")
        refresh(NOW)
        segment.refresh_from_db()
        assert segment.error == "Line 1, column 16: found the text 'gone', expected a product that there is."

    def test_one_that_fails_leaves_the_others_alone(self, segment, monkeypatch):
        broken = make_segment("is_guest", "Broken")
        (vip,) = store([VIP])
        real = membership._move

        def fail(queries, *args):
            if broken.pk in queries:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1 / 0")
            return real(queries, *args)

        monkeypatch.setattr(membership, "_move", fail)
        refresh_segments(NOW)
        broken.refresh_from_db()
        assert broken.error == "The members could not be computed (DataError); the log says why."
        assert members(segment) == {vip}

    def test_a_segment_that_is_gone_is_nothing_to_do(self, db):
        assert refresh_segment(0, NOW) == membership.Moves()

    def test_a_category_means_all_below_it(self, no_segments):
        make_catalogue()
        segment = make_segment("bought_category('drinks')")
        deeper = Category.objects.create(name="ristretto", slug="ristretto", parent=Category.objects.get(slug="coffee"))
        (buyer,) = store([replace(PLAIN, purchases=(Purchase(1, products=("espresso",)),))])
        Category.objects.get(slug="coffee").products.update(category=deeper)
        refresh_segment(segment.pk, NOW)
        assert members(segment) == {buyer}


class TestRefreshOfSome:
    def test_only_they_are_looked_at_in_all_segments(self, segment):
        guests = make_segment("is_guest", "Guests")
        vip, other = store([VIP, VIP])
        refresh_for([vip], NOW)
        assert members(segment) == members(guests) == {vip}
        CustomerTag.objects.all().delete()
        refresh_for([vip, other], NOW)
        assert (members(segment), members(guests)) == (set(), {vip, other})
        assert [kind for kind, segment_id, _ in events(vip) if segment_id == str(segment.pk)] == [
            EventKind.SEGMENT_ENTERED,
            EventKind.SEGMENT_LEFT,
        ]

    @pytest.mark.parametrize("people", [1, 20])
    @pytest.mark.parametrize("segments", [1, 15])
    def test_statements_do_not_grow(self, no_segments, segments, people):
        make_catalogue()
        for number in range(segments):
            make_segment(f"bought_category('drinks') >= {number} OR tier = 'Gold'", str(number))
        ids = store([VIP] * people)
        with CaptureQueriesContext(connection) as statements:
            refresh_for(ids, NOW)
        texts = [statement["sql"] for statement in statements if "SAVEPOINT" not in statement["sql"]]
        # Segments, profiles, the names in their queries, members.
        assert len(texts) == 4

    def test_without_segments_one_statement(self, no_segments):
        (vip,) = store([VIP])
        with CaptureQueriesContext(connection) as statements:
            refresh_for([vip], NOW)
        assert len([statement for statement in statements if "SAVEPOINT" not in statement["sql"]]) == 1
        with CaptureQueriesContext(connection) as statements:
            refresh_for([], NOW)
        assert len(statements) == 0

    def test_the_caller_does_not_fail_with_it(self, segment, monkeypatch, caplog):
        def fail(*_args):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")

        (vip,) = store([VIP])
        monkeypatch.setattr(membership, "_move", fail)
        refresh_for([vip], NOW)
        assert "nightly refresh" in caplog.text
        # The transaction around it goes on.
        assert CustomerProfile.objects.filter(pk=vip).exists()


class TestSync:
    def test_an_order_brings_its_customer_in_line(self, no_segments):
        segment = make_segment("orders_count = 1 AND country = 'US'")
        ann = make_customer("ann@example.com")
        first = make_order(ann)
        sync_orders([first.pk])
        profile = CustomerProfile.objects.get(user=ann)
        assert members(segment) == {profile.pk}
        sync_orders([make_order(ann).pk])
        assert members(segment) == set()

    def test_with_profiles_switched_off_nothing_happens(self, no_segments):
        segment = make_segment("orders_count >= 0")
        ann = make_customer("ann@example.com")
        sync_orders([make_order(ann).pk])
        SegmentMembership.objects.all().delete()
        crm_settings(profiles_enabled=False)
        sync_orders([make_order(ann).pk])
        assert members(segment) == set()

    def test_a_change_of_the_account_does_too(self, no_segments):
        segment = make_segment("country = 'NO'")
        ann = make_customer("ann@example.com")
        sync_customer(ann.pk)
        assert members(segment) == set()
        ann.default_shipping_address = make_address(country="NO")
        ann.save()
        sync_customer(ann.pk)
        assert members(segment) == {CustomerProfile.objects.get(user=ann).pk}


READY_MADE = import_module("saleor_crm_plugin.migrations.0018_segments").READY_MADE


@pytest.mark.django_db
class TestReadyMade:
    def test_they_are_there_after_migrate(self):
        stored = CustomerSegment.objects.values_list("slug", "name", "description", "query")
        assert list(stored.order_by("pk")) == list(READY_MADE)

    @pytest.mark.parametrize("query", [query for *_, query in READY_MADE])
    def test_each_is_a_query_in_any_shop(self, query):
        understand(query, VOCABULARY, NOW, "default")


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def test_all_refreshes_at_once_end_as_one_after_the_other(self):
        CustomerSegment.objects.all().delete()
        segments = [make_segment("tag = 'vip'"), make_segment("is_guest", "Guests")]
        ids = store([VIP, PLAIN, VIP, PLAIN])
        barrier = Barrier(6)

        def work(number: int) -> None:
            try:
                barrier.wait()
                for _ in range(5):
                    if number % 2:
                        refresh_for(ids, NOW)
                    else:
                        refresh_segments(NOW)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(6)))
        assert [members(segment) for segment in segments] == [{ids[0], ids[2]}, set(ids)]
        # Each entered once, however many saw it.
        assert ProfileEvent.objects.count() == 6

    def test_a_full_refresh_does_not_bring_back_what_has_gone_meanwhile(self):
        """It has read the tag; before it writes, the tag goes, and the refresh of that customer must wait for it."""
        CustomerSegment.objects.all().delete()
        segment = make_segment("tag = 'vip'")
        (vip,) = store([VIP])
        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                assert refresh_segment(segment.pk, NOW) == membership.Moves(1, 0)

                def untag() -> None:
                    try:
                        CustomerTag.objects.all().delete()
                        refresh_for([vip], NOW)
                    finally:
                        connections.close_all()

                other = pool.submit(untag)
                with pytest.raises(TimeoutError):
                    other.result(timeout=0.3)
            other.result(timeout=10)
        assert members(segment) == set()

    def test_a_query_that_changes_while_a_refresh_of_some_waits_is_the_one_that_counts(self):
        CustomerSegment.objects.all().delete()
        first, second = make_segment("is_guest"), make_segment("tag = 'vip'", "Second")
        everybody = store([VIP, PLAIN])

        def change() -> None:
            CustomerSegment.objects.filter(pk=second.pk).update(query="is_guest")
            refresh_segment(second.pk, NOW)

        with others_who_wait() as let_wait, transaction.atomic():
            refresh_segment(first.pk, NOW)
            refreshing = let_wait(partial(refresh_for, everybody, NOW))
            no_errors(at_once([change]))
        refreshing.result(JOIN_SECONDS)
        assert members(second) == set(everybody)
