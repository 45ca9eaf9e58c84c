"""`customerSegmentUpdate`."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

UPDATE = """
mutation ($id: ID!, $input: CustomerSegmentUpdateInput!) {
  customerSegmentUpdate(id: $id, input: $input) {
    segment { name slug description query error members(first: 5) { edges { node { email } } } }
    errors { field code }
  }
}
"""


def update(api, segment, **input):
    return api.data(UPDATE, id=global_id("CustomerSegment", segment.pk), input=input)["customerSegmentUpdate"]


def test_another_query_has_other_members(staff, segment):
    updated = update(staff, segment, query="is_guest", name="Guests", description="Without account.")
    assert updated["errors"] == []
    assert updated["segment"] == {
        "name": "Guests",
        "slug": "twice",
        "description": "Without account.",
        "query": "is_guest",
        "error": "",
        "members": {"edges": [{"node": {"email": "guy@example.com"}}]},
    }


def test_what_is_left_out_stays(staff, segment):
    refreshed_at = CustomerSegment.objects.get(pk=segment.pk).refreshed_at
    updated = update(staff, segment, name="Two times")
    assert updated["segment"]["query"] == "orders_count >= 2"
    assert CustomerSegment.objects.get(pk=segment.pk).refreshed_at == refreshed_at


@pytest.mark.parametrize(
    ("input", "error"),
    [
        ({"name": ""}, ("name", "REQUIRED")),
        ({"name": None}, ("name", "REQUIRED")),
        ({"name": "Other"}, ("name", "UNIQUE")),
        ({"query": None}, ("query", "REQUIRED")),
        ({"name": "New", "query": "nothing = 1"}, ("query", "INVALID")),
        ({"description": "x" * 1001}, ("description", "INVALID")),
    ],
)
def test_bad_input_changes_nothing(staff, segment, input, error):
    CustomerSegment.objects.create(name="Other", slug="other", query="is_guest")
    assert [(e["field"], e["code"]) for e in update(staff, segment, **input)["errors"]] == [error]
    segment.refresh_from_db()
    assert (segment.name, segment.query) == ("Twice", "orders_count >= 2")


def test_one_that_there_is_not(staff, segment):
    assert update(staff, CustomerSegment(pk=0), name="x")["errors"] == [{"field": "id", "code": "NOT_FOUND"}]
    wrong = staff.data(UPDATE, id=global_id("User", 1), input={})["customerSegmentUpdate"]
    assert wrong["errors"] == [{"field": "id", "code": "GRAPHQL_ERROR"}]


def test_only_who_manages_users(everybody_else, app_with, segment):
    arguments = {"id": global_id("CustomerSegment", segment.pk), "input": {"name": "Mine"}}
    for requestor in everybody_else:
        assert requestor.denied(UPDATE, **arguments) == {"MANAGE_USERS"}
    segment.refresh_from_db()
    assert segment.name == "Twice"
    assert update(app_with("MANAGE_USERS"), segment, name="Ours")["segment"]["name"] == "Ours"
