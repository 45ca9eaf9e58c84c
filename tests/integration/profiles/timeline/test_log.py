"""Events are recorded once, in whatever order and however often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.timeline.log import Event, follow_orders, order_prefix, record
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent, SubjectType

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def make_events(profile_id: int) -> list[Event]:
    return [
        Event(
            profile_id,
            kind,
            MONDAY + timedelta(hours=number),
            f"test:{number}",
            SubjectType.SEGMENT,
            str(number),
            Actor(ActorType.STAFF, number),
            {"number": number},
        )
        for number, kind in enumerate([*EventKind][:6])
    ]


def rows() -> list[tuple]:
    return sorted(
        ProfileEvent.objects.values_list(
            "profile_id", "kind", "happened_at", "key", "subject_type", "subject_id", "actor_type", "actor_id",
            "details__number",
        )
    )  # fmt: skip


class TestAnyOrder(TestCase):
    @settings(max_examples=40)
    @given(
        st.permutations(range(6)), st.lists(st.integers(0, 5), max_size=10), st.lists(st.integers(0, 16), max_size=4)
    )
    def test_random_order_with_repeats_in_any_batches_gives_the_same_rows(self, order, repeats, cuts):
        profile = CustomerProfile.objects.create()
        happened = make_events(profile.pk)
        told = [happened[number] for number in [*order, *repeats]]
        bounds = [0, *sorted(cut for cut in cuts if cut < len(told)), len(told)]
        written = sum(record(told[start:end]) for start, end in pairwise(bounds))
        assert written == 6
        assert rows() == sorted(
            (profile.pk, one.kind.value, one.happened_at, one.key, "segment", one.subject_id, "staff", number, number)
            for number, one in enumerate(happened)
        )


@pytest.fixture
def profile(db: None) -> CustomerProfile:
    return CustomerProfile.objects.create()


def test_one_statement_for_any_number_none_for_nothing(profile):
    with CaptureQueriesContext(connection) as captured:
        assert record([]) == 0
        assert record(make_events(profile.pk)) == 6
    assert len(captured) == 1


def test_the_first_telling_counts(profile):
    first, *_ = make_events(profile.pk)
    record([first])
    changed = Event(profile.pk, EventKind.DATA_EXPORTED, MONDAY, first.key, details={"number": 7})
    assert record([changed]) == 0
    assert ProfileEvent.objects.get().details == {"number": 0}


def test_what_is_erased_is_written_about_no_more_but_for_the_erasure(profile):
    CustomerProfile.objects.update(erased_at=MONDAY)
    told = [Event(profile.pk, kind, MONDAY, kind.value) for kind in EventKind]
    assert record(told) == 1
    assert ProfileEvent.objects.get().kind == EventKind.DATA_ERASED


def test_rows_are_never_changed(profile):
    record(make_events(profile.pk))
    for change in ({"kind": "note"}, {"happened_at": MONDAY - timedelta(days=1)}, {"details": {"number": 9}}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ProfileEvent.objects.update(**change)


def of_order(profile_id: int, order_id: UUID, number: int) -> Event:
    return Event(profile_id, EventKind.ORDER_PAID, MONDAY, f"{order_prefix(order_id)}:{number}:paid")


def test_orders_take_their_events_along_and_no_others(profile):
    other, mine, theirs = CustomerProfile.objects.create(), uuid4(), uuid4()
    record([of_order(profile.pk, mine, 1), of_order(profile.pk, mine, 2), of_order(profile.pk, theirs, 1)])
    record(make_events(profile.pk))
    with CaptureQueriesContext(connection) as captured:
        assert follow_orders({mine: other.pk, theirs: profile.pk}) == 2
        assert follow_orders({}) == 0
    assert len(captured) == 1
    assert follow_orders({mine: other.pk}) == 0
    assert set(ProfileEvent.objects.filter(profile=other).values_list("key", flat=True)) == {
        f"order:{mine}:1:paid",
        f"order:{mine}:2:paid",
    }
