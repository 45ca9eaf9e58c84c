"""`customerSegmentCreate`."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.ingestion.tasks import refresh_segment_task
from saleor_crm_plugin.profiles.segments import editing
from saleor_crm_plugin.profiles.segments.models import CustomerSegment

pytestmark = pytest.mark.django_db

CREATE = """
mutation ($input: CustomerSegmentCreateInput!) {
  customerSegmentCreate(input: $input) {
    segment { name slug description query memberCount refreshedAt }
    errors { field code message }
  }
}
"""


def create(api, **input):
    return api.data(CREATE, input={"name": "Loyal", "query": "orders_count >= 2", **input})["customerSegmentCreate"]


def test_a_new_segment_with_its_members(staff, shop):
    created = create(staff, description=" Bought twice. ")
    assert created["errors"] == []
    segment = created["segment"]
    assert segment.pop("refreshedAt") is not None
    assert segment == {
        "name": "Loyal",
        "slug": "loyal",
        "description": "Bought twice.",
        "query": "orders_count >= 2",
        "memberCount": 1,
    }


def test_slugs_are_made_of_names_and_taken_once(staff, shop):
    names = ("Très bon!", "tres bon", "Tres Bon?", "ö", "日本", "New this month!")
    slugs = [create(staff, name=name)["segment"]["slug"] for name in names]
    assert slugs == ["tres-bon", "tres-bon-2", "tres-bon-3", "o", "segment", "new-this-month-2"]


@pytest.mark.parametrize(
    ("input", "error"),
    [
        ({"name": "  "}, ("name", "REQUIRED")),
        ({"name": "x" * 129}, ("name", "INVALID")),
        ({"name": "a\x00b"}, ("name", "INVALID")),
        ({"name": "Lapsed"}, ("name", "UNIQUE")),
        ({"query": ""}, ("query", "REQUIRED")),
        ({"query": "orders >= 2"}, ("query", "INVALID")),
        ({"query": "bought_category('none')"}, ("query", "INVALID")),
        ({"query": "is_guest OR " * 400}, ("query", "INVALID")),
        ({"description": "x" * 1001}, ("description", "INVALID")),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_input_makes_nothing(staff, shop, input, error):
    before = CustomerSegment.objects.count()
    created = create(staff, **input)
    assert [(e["field"], e["code"]) for e in created["errors"]] == [error]
    assert created["segment"] is None
    assert CustomerSegment.objects.count() == before


def test_a_wrong_query_says_where(staff, shop):
    (error,) = create(staff, query="orders_cnt >= 2")["errors"]
    assert error["message"] == "Line 1, column 1: found orders_cnt, expected a field. Did you mean orders_count?"


def test_there_is_a_limit(staff, shop, monkeypatch):
    monkeypatch.setattr(editing, "MAX_SEGMENTS", 7)
    (error,) = create(staff)["errors"]
    assert (error["field"], error["code"]) == (None, "LIMIT_REACHED")


def test_without_a_broker_it_waits_for_the_night(staff, shop, monkeypatch):
    def down(*_args, **_kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr(refresh_segment_task, "apply_async", down)
    created = create(staff)
    assert created["errors"] == []
    assert (created["segment"]["memberCount"], created["segment"]["refreshedAt"]) == (0, None)


def test_only_who_manages_users(everybody_else, app_with, shop):
    for requestor in everybody_else:
        assert requestor.denied(CREATE, input={"name": "Mine", "query": "is_guest"}) == {"MANAGE_USERS"}
    assert not CustomerSegment.objects.filter(name="Mine").exists()
    assert create(app_with("MANAGE_USERS"))["errors"] == []
