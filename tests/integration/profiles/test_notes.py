"""Tags and notes: what staff write down about customers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import NOTE_MAX_LENGTH, CustomerNote, CustomerTag
from saleor_crm_plugin.profiles.notes.tags import (
    CUSTOMERS_PER_CALL,
    TAGS_PER_CALL,
    TAGS_PER_CUSTOMER,
    assign_tags,
    normalize_tag,
    unassign_tags,
)
from saleor_crm_plugin.profiles.notes.writing import NOTES_PER_CUSTOMER, add_note, delete_note
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
STAFF = Actor(ActorType.STAFF, 7)


def customers(count: int) -> list[int]:
    return [profile.pk for profile in CustomerProfile.objects.bulk_create(CustomerProfile() for _ in range(count))]


def tags_of(profile_id: int) -> list[str]:
    return list(CustomerTag.objects.filter(profile_id=profile_id).order_by("name").values_list("name", flat=True))


def events() -> list[tuple[str, int, str]]:
    rows = ProfileEvent.objects.order_by("pk").values_list("kind", "profile_id", "details__tag")
    return list(rows)


class TestNames:
    @pytest.mark.parametrize(
        ("typed", "stored"),
        [
            ("wholesale", "wholesale"),
            ("  Big   Spender ", "big spender"),
            ("VIP-2026", "vip-2026"),
            ("b2b/eu", "b2b/eu"),
            ("Größe", "größe"),
            ("\uff37\uff49\uff44\uff45", "wide"),
            ("x", "x"),
            ("x" * 64, "x" * 64),
        ],
    )
    def test_are_brought_into_one_form(self, typed: str, stored: str) -> None:
        assert normalize_tag(typed) == stored
        assert normalize_tag(stored) == stored

    @pytest.mark.parametrize(
        ("typed", "code"),
        [
            ("", "REQUIRED"),
            ("   ", "REQUIRED"),
            ("x" * 65, "INVALID"),
            ("it's", "INVALID"),
            ('"quoted"', "INVALID"),
            ("a,b", "INVALID"),
            ("-vip", "INVALID"),
            ("vip-", "INVALID"),
            ("a\x00b", "INVALID"),
            ("🙂", "INVALID"),
        ],
    )
    def test_that_are_none(self, typed: str, code: str) -> None:
        with pytest.raises(CustomerInputError) as refusal:
            normalize_tag(typed)
        assert (refusal.value.code, refusal.value.field) == (code, "tags")


class TestTags:
    def test_each_on_each_once_with_an_event(self) -> None:
        ada, ben = sorted(customers(2))
        assert assign_tags([ada, ben, ada], ["VIP", "wholesale", " vip"], STAFF, NOW).changed == 4
        assert tags_of(ada) == tags_of(ben) == ["vip", "wholesale"]
        assert assign_tags([ben, ada], ["vip", "new"], STAFF, NOW).changed == 2
        names = ["new", "vip", "wholesale"]
        # Those of one moment come in the order of their keys, which hold the number of a row as text.
        assert sorted(events()) == [("tag_assigned", who, name) for who in (ada, ben) for name in names]
        event = ProfileEvent.objects.earliest("pk")
        assert (event.actor_type, event.actor_id, event.happened_at) == ("staff", 7, NOW)

    def test_off_and_on_again_is_three_events(self) -> None:
        (ada,) = customers(1)
        assign_tags([ada], ["vip"], STAFF, NOW)
        assert unassign_tags([ada], ["VIP", "never there"], STAFF, NOW).changed == 1
        assert unassign_tags([ada], ["vip"], STAFF, NOW).changed == 0
        assign_tags([ada], ["vip"], STAFF, NOW)
        assert [kind for kind, _, _ in events()] == ["tag_assigned", "tag_unassigned", "tag_assigned"]

    def test_of_the_person_not_of_the_profile_that_was_merged(self) -> None:
        (ada,) = customers(1)
        old = CustomerProfile.objects.create(merged_into_id=ada).pk
        assert assign_tags([old], ["vip"], STAFF, NOW).profile_ids == [ada]
        assert (tags_of(ada), tags_of(old)) == (["vip"], [])

    def test_bad_input_writes_nothing(self) -> None:
        ada, gone = customers(2)
        CustomerProfile.objects.filter(pk=gone).update(erased_at=NOW)
        for profile_ids, tags, refused in [
            ([], ["vip"], ("REQUIRED", "ids")),
            ([ada], [], ("REQUIRED", "tags")),
            ([ada] * (CUSTOMERS_PER_CALL + 1), ["vip"], ("LIMIT_REACHED", "ids")),
            ([ada], ["vip"] * (TAGS_PER_CALL + 1), ("LIMIT_REACHED", "tags")),
            ([ada, 2**40], ["vip"], ("NOT_FOUND", "ids")),
            ([ada, gone], ["vip"], ("NOT_APPLICABLE", "ids")),
            ([ada], ["vip", "!"], ("INVALID", "tags")),
        ]:
            for change in (assign_tags, unassign_tags):
                with pytest.raises(CustomerInputError) as refusal:
                    change(profile_ids, tags, STAFF, NOW)
                assert (refusal.value.code, refusal.value.field) == refused
        assert not CustomerTag.objects.exists()
        assert not ProfileEvent.objects.exists()

    def test_a_customer_with_too_many_keeps_what_there_was(self) -> None:
        ada, ben = customers(2)
        names = [f"tag {number}" for number in range(TAGS_PER_CUSTOMER)]
        for start in range(0, TAGS_PER_CUSTOMER, TAGS_PER_CALL):
            assign_tags([ada], names[start : start + TAGS_PER_CALL], STAFF, NOW)
        assign_tags([ada], names[:1], STAFF, NOW)
        with pytest.raises(CustomerInputError) as refusal:
            assign_tags([ben, ada], ["one more"], STAFF, NOW)
        assert refusal.value.code == "LIMIT_REACHED"
        assert (len(tags_of(ada)), tags_of(ben)) == (TAGS_PER_CUSTOMER, [])

    def test_who_has_more_from_a_merger_keeps_nobody_from_getting_theirs(self) -> None:
        ada, ben = customers(2)
        names = [f"tag {number:02}" for number in range(TAGS_PER_CUSTOMER + 1)]
        CustomerTag.objects.bulk_create(CustomerTag(profile_id=ada, name=name, assigned_at=NOW) for name in names)
        assert assign_tags([ada, ben], names[:1], STAFF, NOW).changed == 1
        assert (tags_of(ada), tags_of(ben)) == (names, names[:1])
        with pytest.raises(CustomerInputError) as refusal:
            assign_tags([ada, ben], ["one more"], STAFF, NOW)
        assert refusal.value.code == "LIMIT_REACHED"

    def test_as_many_statements_for_many_as_for_one(self) -> None:
        def statements(count: int, tags: int) -> list[int]:
            ids, names = customers(count), [f"tag {number}" for number in range(tags)]
            counts = []
            for change in (assign_tags, unassign_tags):
                with CaptureQueriesContext(connection) as captured:
                    change(ids, names, STAFF, NOW)
                counts.append(len(captured))
            return counts

        assert statements(1, 1) == statements(CUSTOMERS_PER_CALL, TAGS_PER_CALL)
        assert ProfileEvent.objects.count() == 2 * (1 + CUSTOMERS_PER_CALL * TAGS_PER_CALL)


class TestNotes:
    def test_are_added_and_deleted(self) -> None:
        (ada,) = customers(1)
        note = add_note(ada, "  Prefers the phone. ", STAFF, NOW)
        note.refresh_from_db()
        assert (note.profile_id, note.text, note.actor_type, note.actor_id) == (ada, "Prefers the phone.", "staff", 7)
        assert note.created_at == NOW
        assert delete_note(note.pk) == ada
        assert not CustomerNote.objects.exists()

    def test_of_the_person_not_of_the_profile_that_was_merged(self) -> None:
        (ada,) = customers(1)
        old = CustomerProfile.objects.create(merged_into_id=ada).pk
        assert add_note(old, "x", STAFF, NOW).profile_id == ada

    def test_bad_input_writes_nothing(self) -> None:
        ada, gone = customers(2)
        CustomerProfile.objects.filter(pk=gone).update(erased_at=NOW)
        for profile_id, text, refused in [
            (ada, " ", ("REQUIRED", "text")),
            (ada, "x" * (NOTE_MAX_LENGTH + 1), ("INVALID", "text")),
            (ada, "a\x00b", ("INVALID", "text")),
            (2**40, "x", ("NOT_FOUND", "id")),
            (gone, "x", ("NOT_APPLICABLE", "id")),
        ]:
            with pytest.raises(CustomerInputError) as refusal:
                add_note(profile_id, text, STAFF, NOW)
            assert (refusal.value.code, refusal.value.field) == refused
        assert not CustomerNote.objects.exists()
        with pytest.raises(CustomerInputError) as refusal:
            delete_note(1)
        assert (refusal.value.code, refusal.value.field) == ("NOT_FOUND", "id")

    def test_no_more_than_anybody_reads(self) -> None:
        (ada,) = customers(1)
        CustomerNote.objects.bulk_create(
            CustomerNote(profile_id=ada, text="x", created_at=NOW) for _ in range(NOTES_PER_CUSTOMER)
        )
        with pytest.raises(CustomerInputError) as refusal:
            add_note(ada, "x", STAFF, NOW)
        assert refusal.value.code == "LIMIT_REACHED"
