"""`customerSegmentPreview`: whom a query finds, or what is wrong with it."""

from __future__ import annotations

import pytest
from django.db import connection

from saleor_crm_plugin.profiles.segments import looking
from saleor_crm_plugin.profiles.segments.fragments import Fragment
from saleor_crm_plugin.profiles.segments.models import SegmentMembership
from saleor_crm_plugin.profiles.segments.understanding import Query

pytestmark = pytest.mark.django_db

PREVIEW = """
query ($text: String!, $first: Int) {
  customerSegmentPreview(query: $text, first: $first) {
    count
    sample { email segments { name } }
    errors { message line column found expected suggestion }
  }
}
"""


def preview(api, query, **arguments):
    return api.data(PREVIEW, text=query, **arguments)["customerSegmentPreview"]


def test_count_and_sample(staff, segment):
    members = SegmentMembership.objects.count()
    assert preview(staff, "orders_count >= 1") == {
        "count": 2,
        "sample": [
            {"email": "ann@example.com", "segments": [{"name": "Twice"}]},
            {"email": "guy@example.com", "segments": []},
        ],
        "errors": [],
    }
    one = preview(staff, "orders_count >= 1", first=1)
    assert (one["count"], len(one["sample"])) == (2, 1)
    assert SegmentMembership.objects.count() == members


def test_everything_that_is_wrong(staff, shop):
    found = preview(staff, "ordrs_count >= 'three'\nAND net_spent > 'much'\nAND bought_product('aple')")
    assert (found["count"], found["sample"]) == (None, [])
    assert found["errors"] == [
        {
            "message": "Line 1, column 1: found ordrs_count, expected a field. Did you mean orders_count?",
            "line": 1,
            "column": 1,
            "found": "ordrs_count",
            "expected": "a field",
            "suggestion": "orders_count",
        },
        {
            "message": "Line 2, column 17: found the text 'much', expected an amount.",
            "line": 2,
            "column": 17,
            "found": "the text 'much'",
            "expected": "an amount",
            "suggestion": None,
        },
    ]


def test_a_thing_that_the_shop_does_not_have(staff, shop):
    shop.apple.slug = "apple"
    shop.apple.save()
    (error,) = preview(staff, "bought_product('aple')")["errors"]
    assert (error["found"], error["expected"], error["suggestion"]) == (
        "the text 'aple'",
        "a product that there is",
        "apple",
    )


def test_an_end_too_soon(staff, shop):
    (error,) = preview(staff, "orders_count >")["errors"]
    assert error["message"] == "Line 1, column 15: the query ends, expected a value."
    assert error["found"] == ""


def test_limits(staff, shop):
    assert staff.error(PREVIEW, text="is_guest", first=0)[0] == "GraphQLError"
    assert staff.error(PREVIEW, text="is_guest", first=101)[0] == "GraphQLError"
    (error,) = preview(staff, "is_guest OR " * 400 + "is_guest")["errors"]
    assert error["expected"] == "up to 4000 characters"


def test_a_preview_that_takes_too_long_is_stopped(staff, shop, monkeypatch):
    monkeypatch.setattr(looking.preview, "__defaults__", (0.05,))
    monkeypatch.setattr(Query, "where", lambda _self: Fragment("(SELECT true FROM pg_sleep(5))"))
    code, message = staff.error(PREVIEW, text="is_guest")
    assert code == "GraphQLError"
    assert "stopped" in message
    assert "Narrow the query" in message


def test_the_limit_is_for_the_preview_only(staff, shop):
    def limit():
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            return cursor.fetchone()

    before = limit()
    preview(staff, "is_guest")
    assert limit() == before


def test_only_who_manages_users(everybody_else, app_with, segment):
    for requestor in everybody_else:
        assert requestor.denied(PREVIEW, text="is_guest") == {"MANAGE_USERS"}
    assert preview(app_with("MANAGE_USERS"), "is_guest")["count"] == 1
