"""Queries that are compiled once answer as Django's own would."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import connection, transaction
from django.db.models import BooleanField, Count
from django.db.models.expressions import RawSQL
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from saleor_crm_plugin.compiled import KEYS, CompiledLookup, CompiledQuery
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerTag

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def states():
    for number in range(4):
        SyncState.objects.create(name=f"job {number}", value={"number": number, "parts": [number]})


def values(rows):
    return rows.values_list("name", "value")


@pytest.mark.parametrize("names", [["job 1"], ["job 3", "job 0", "nobody's"], {"job 2"}])
def test_the_rows_of_any_number_of_keys(names):
    query = CompiledQuery("name", lambda: values(SyncState.objects.order_by("-name")))

    assert query(names, "default") == list(values(SyncState.objects.filter(name__in=names).order_by("-name")))


def test_one_statement_and_none_without_keys():
    query = CompiledQuery("name", lambda: values(SyncState.objects.all()))

    with CaptureQueriesContext(connection) as statements:
        query(["job 1", "job 2"], "default")
    assert len(statements) == 1
    with CaptureQueriesContext(connection) as statements:
        assert query([], "default") == []
    assert len(statements) == 0


def test_it_is_compiled_once():
    asked = []

    def rows():
        asked.append(1)
        return values(SyncState.objects.all())

    query = CompiledQuery("name", rows)

    assert [query([f"job {number}"], "default")[0][1]["number"] for number in (0, 1, 2)] == [0, 1, 2]
    assert asked == [1]


def test_joins_and_sums():
    ann, bob = CustomerProfile.objects.create(), CustomerProfile.objects.create()
    for profile, tags in ((ann, ["vip", "new"]), (bob, ["vip"])):
        for tag in tags:
            profile.tags.create(name=tag, assigned_at=timezone.now())

    @partial(CompiledQuery, "profile__pk")
    def counted():
        return CustomerTag.objects.order_by("profile_id").values_list("profile_id").annotate(count=Count("pk"))

    assert counted([ann.pk, bob.pk], "default") == [(ann.pk, 2), (bob.pk, 1)]
    assert counted([bob.pk], "default") == [(bob.pk, 1)]


def test_whole_rows_are_instances_that_can_be_saved():
    lookup = CompiledLookup("name", lambda: SyncState.objects.order_by("name"))

    first, second = lookup.instances(["job 2", "job 1"], "default")

    assert (first, second) == (SyncState.objects.get(name="job 1"), SyncState.objects.get(name="job 2"))
    assert first.value == {"number": 1, "parts": [1]}
    first.value = {"number": 9}
    first.save()
    assert SyncState.objects.get(name="job 1").value == {"number": 9}


def test_a_query_that_names_the_keys_itself_and_locks():
    @partial(CompiledLookup, None)
    def others():
        wanted = RawSQL("NOT name = ANY(%s) AND NOT upper(name) = ANY(%s)", [KEYS, KEYS], BooleanField())
        return SyncState.objects.select_for_update().order_by("name").filter(wanted, name__startswith="job")

    with transaction.atomic(), CaptureQueriesContext(connection) as statements:
        found = others.instances(["job 1", "JOB 2"], "default")

    assert [state.name for state in found] == ["job 0", "job 3"]
    assert statements[-1]["sql"].endswith("FOR UPDATE")
