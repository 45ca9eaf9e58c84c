"""All sources in one list, a page at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleor_crm_plugin.ingestion.timeline import SOURCES
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.reminders.models import LoyaltyReminder
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier, TierChange
from saleor_crm_plugin.profiles.consents.models import ConsentRecord
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerNote
from saleor_crm_plugin.profiles.timeline.log import Event, record
from saleor_crm_plugin.profiles.timeline.models import EventKind
from saleor_crm_plugin.profiles.timeline.reading import Selection, count_entries, read_timelines

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
ALL = Selection(internal=True)
NAMES = ("consent", "event", "note", "points", "reminder", "tier")


def hour(number: int) -> datetime:
    return MONDAY + timedelta(hours=number)


def account_of(profile: CustomerProfile) -> LoyaltyAccount:
    account_id = accounts.ensure(accounts.default_program_id("default"), [profile.pk], "default")[profile.pk]
    return LoyaltyAccount.objects.get(pk=account_id)


def write(profile: CustomerProfile, source: str, at: datetime, kind: EventKind = EventKind.ORDER_PAID) -> None:
    """A row of the source; keys are made of the number of rows there are."""
    if source == "event":
        record([Event(profile.pk, kind, at, f"test:{profile.pk}:{profile.events.count()}")])
    elif source == "consent":
        ConsentRecord.objects.create(profile=profile, purpose="profiling", state="granted", recorded_at=at)
    elif source == "note":
        CustomerNote.objects.create(profile=profile, text="Likes tea", created_at=at)
    elif source == "points":
        number = PointsTransaction.objects.count()
        PointsTransaction.objects.create(
            account=account_of(profile), type="adjust", points=5, balance_after=5, idempotency_key=f"test:{number}",
            created_at=at, reason="Sorry",
        )  # fmt: skip
    elif source == "reminder":
        number = LoyaltyReminder.objects.count()
        LoyaltyReminder.objects.create(account=account_of(profile), kind="expiry", subject=str(number), sent_at=at)
    else:
        tier, _ = LoyaltyTier.objects.get_or_create(
            program_id=accounts.default_program_id("default"), name="Gold", level=1
        )
        TierChange.objects.create(account=account_of(profile), to_tier=tier, cause="upgrade", at=at)


def read(profile: CustomerProfile, selection: Selection = ALL, limit: int = 100, **asked) -> list:
    return read_timelines([profile.pk], SOURCES, selection, limit=limit, **asked).get(profile.pk, [])


@pytest.fixture
def profile(db: None) -> CustomerProfile:
    return CustomerProfile.objects.create()


def test_what_each_source_says(profile):
    for number, source in enumerate(NAMES):
        write(profile, source, hour(number))
    assert [
        (entry.source, entry.kind, entry.happened_at, entry.label, entry.actor_type, entry.details)
        for entry in reversed(read(profile))
    ] == [
        ("consent", "consent_granted", hour(0), "profiling", "system", {"source": "", "text_version": ""}),
        ("event", "order_paid", hour(1), None, "system", {}),
        ("note", "note_added", hour(2), "Likes tea", "system", {}),
        ("points", "points_changed", hour(3), "adjust", "system", {"points": 5, "balance": 5, "reason": "Sorry"}),
        ("reminder", "reminder_sent", hour(4), "expiry", "system", {"subject": "0"}),
        ("tier", "tier_changed", hour(5), "Gold", "system", {"cause": "upgrade", "reason": "", "from": None}),
    ]


def test_kinds_that_staff_keep_to_themselves(profile):
    for kind in EventKind:
        write(profile, "event", MONDAY, kind)
    write(profile, "note", MONDAY)
    for_customer = {entry.kind for entry in read(profile, Selection(internal=False))}
    assert for_customer == {
        "account_created", "account_confirmed", "checkout_started", "checkout_changed", "checkout_abandoned",
        "order_placed", "order_paid", "order_fulfilled", "order_returned", "order_refunded", "order_cancelled",
        "data_exported", "data_erased",
    }  # fmt: skip
    # Asking for them by name does not help.
    asked = Selection(internal=False, kinds=frozenset({"note_added", "segment_entered", "order_paid"}))
    assert [entry.kind for entry in read(profile, asked)] == ["order_paid"]
    assert read(profile, Selection(internal=False, kinds=frozenset({"note_added"}))) == []
    assert count_entries([profile.pk], SOURCES, asked) == {profile.pk: 1}


def test_kinds_and_times(profile):
    for number in range(6):
        write(profile, "event", hour(number), [EventKind.ORDER_PAID, EventKind.ORDER_PLACED][number % 2])
        write(profile, "consent", hour(number))
    chosen = Selection(True, frozenset({"order_paid"}), since=hour(2), until=hour(4))
    assert [(entry.kind, entry.happened_at) for entry in read(profile, chosen)] == [("order_paid", hour(2))]
    assert count_entries([profile.pk], SOURCES, chosen) == {profile.pk: 1}
    assert [entry.happened_at for entry in read(profile, Selection(True, since=hour(5)))] == [hour(5), hour(5)]
    assert read(profile, Selection(True, kinds=frozenset())) == []


class TestPages(TestCase):
    @settings(max_examples=30)
    @given(
        st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 2)), max_size=14), st.integers(1, 4), st.booleans()
    )
    def test_pages_give_each_entry_once_in_order_whatever_the_ties(self, happened, size, backwards):
        profile, other = CustomerProfile.objects.create(), CustomerProfile.objects.create()
        for source, at in happened:
            write(profile, source, hour(at))
            write(other, source, hour(at))
        whole = read(profile)
        assert [(entry.happened_at, entry.source, entry.id) for entry in whole] == sorted(
            ((entry.happened_at, entry.source, entry.id) for entry in whole), reverse=True
        )
        assert len(whole) == len(happened) == count_entries([profile.pk], SOURCES, ALL).get(profile.pk, 0)
        paged, after = [], None
        while page := read(profile, limit=size, after=after, backwards=backwards):
            assert len(page) <= size
            paged += page
            after = page[-1].position
            # What happens meanwhile does not shift the pages.
            write(profile, "event", hour(-9 if backwards else 9))
        assert paged == (whole[::-1] if backwards else whole)


def test_profiles_that_were_joined_are_one_person(profile):
    first, second = (CustomerProfile.objects.create() for _ in range(2))
    for number, one in enumerate((profile, first, second)):
        for source in ("event", "points"):
            write(one, source, hour(number))
    first.merged_into = profile
    second.merged_into = profile
    first.save()
    second.save()
    assert [(entry.source, entry.happened_at) for entry in read(profile)] == [
        (source, hour(number)) for number in (2, 1, 0) for source in ("points", "event")
    ]
    assert {entry.person for entry in read(profile)} == {profile.pk}
    assert len(read(second)) == 2


def test_points_of_an_account_that_was_merged_are_those_of_the_person_and_moves_are_no_news(profile):
    guest = CustomerProfile.objects.create()
    write(guest, "points", hour(0))
    old, new = account_of(guest), account_of(profile)
    for account, kind, points in ((old, "merge_out", -5), (new, "merge_in", 5)):
        PointsTransaction.objects.create(
            account=account, type=kind, points=points, balance_after=0, idempotency_key=kind, created_at=hour(1)
        )
    LoyaltyAccount.objects.filter(pk=old.pk).update(merged_into=new, closed_at=hour(1))
    assert [entry.details["points"] for entry in read(profile)] == [5]


def test_many_persons_in_one_statement(profile):
    others = [CustomerProfile.objects.create() for _ in range(4)]
    for one in (profile, *others[:3]):
        for number in range(5):
            for source in NAMES:
                write(one, source, hour(number))
    with CaptureQueriesContext(connection) as captured:
        found = read_timelines([one.pk for one in (profile, *others)], SOURCES, ALL, limit=7)
    assert len(captured) == 1
    assert {person: len(entries) for person, entries in found.items()} == {one.pk: 7 for one in (profile, *others[:3])}
    assert [(e.happened_at, e.source) for e in found[profile.pk]] == [(hour(4), name) for name in NAMES[::-1]] + [
        (hour(3), "tier")
    ]
    assert read_timelines([], SOURCES, ALL, limit=7) == {}


@pytest.mark.parametrize(
    ("table", "index"),
    [
        ("crm_profile_event", "crm_event_timeline"),
        ("crm_points_transaction", "crm_transaction_timeline"),
        ("crm_customer_note", "crm_note_of_profile"),
        # Few rows of one owner, so the time need not be in the index.
        ("crm_consent_record", "crm_consent_newest"),
        ("crm_tier_change", "crm_tier_change_of_account"),
        ("crm_loyalty_reminder", "crm_reminder_goes_out_once"),
    ],
)
@pytest.mark.usefixtures("never_analyzed")
def test_each_source_is_read_along_an_index(profile, table, index):
    for number in range(3):
        for source in NAMES:
            write(profile, source, hour(number))
    with CaptureQueriesContext(connection) as captured, connection.cursor() as cursor:
        # A table of a page is read as a whole otherwise.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        page = read(profile, limit=5, after=read(profile)[4].position)
    assert page
    with connection.cursor() as cursor:
        *_, statement = captured[-1]["sql"].partition("; ")
        cursor.execute(f"EXPLAIN {statement}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    lines = [line for line in plan.splitlines() if f"on {table} " in line]
    assert lines, plan
    assert all(index in line or f"{table}_account_id" in line for line in lines), "\n".join(lines)


@pytest.mark.parametrize("read", [lambda *of: read_timelines(*of, limit=5), count_entries])
def test_it_is_not_compiled_to_machine_code(read):
    ann = CustomerProfile.objects.create()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = on")
        read([ann.pk], SOURCES, ALL)
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)
