"""`customerSegmentExplain`: why a customer is in a segment, or is not; and `customerSegmentFields`."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.ingestion.segments import VOCABULARY
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

EXPLAIN = """
query ($segment: ID!, $profile: ID!) {
  customerSegmentExplain(segmentId: $segment, profileId: $profile) {
    matches isCustomer conditions { text value holds isNegated }
  }
}
"""
FIELDS = """
{ customerSegmentFields {
  name type description operators standsAlone values parameters { name type description isRequired }
} }
"""


def explain(api, segment, profile):
    arguments = {
        "segment": global_id("CustomerSegment", segment.pk),
        "profile": global_id("CustomerProfile", profile.pk),
    }
    return api.data(EXPLAIN, **arguments)["customerSegmentExplain"]


def test_each_condition_with_what_the_customer_has(staff, shop, segment, profiles):
    CustomerSegment.objects.filter(pk=segment.pk).update(
        query="orders_count >= 2 AND first_order_at < 2026-03-02 AND NOT (channel = 'default-channel' OR is_guest)"
        f" AND tag IS NULL AND bought_product('{shop.apple.slug}') = 1 AND net_spent BETWEEN 50 AND 60"
    )
    found = explain(staff, segment, profiles["ann"])
    assert (found["matches"], found["isCustomer"]) == (False, True)
    assert [tuple(condition.values()) for condition in found["conditions"]] == [
        ("orders_count >= 2", "2", True, False),
        ("first_order_at < 2026-03-02", "2026-03-01", True, False),
        ("channel = 'default-channel'", "default-channel", True, True),
        ("is_guest", "false", False, True),
        ("tag IS NULL", None, True, False),
        (f"bought_product('{shop.apple.slug}') = 1", "1", True, False),
        ("net_spent BETWEEN 50 AND 60", "50.000", True, False),
    ]


def test_who_cannot_be_in_any(staff, segment, profiles):
    assert explain(staff, segment, profiles["ann"])["matches"] is True
    CustomerProfile.objects.update(profiling_allowed=False)
    found = explain(staff, segment, profiles["ann"])
    assert (found["matches"], found["isCustomer"]) == (False, False)


def test_what_there_is_not(staff, segment, profiles):
    other = CustomerSegment(pk=0)
    assert explain(staff, other, profiles["ann"]) is None
    assert explain(staff, segment, CustomerProfile(pk=0)) is None
    CustomerSegment.objects.filter(pk=segment.pk).update(query="bought_category('gone')")
    arguments = {
        "segment": global_id("CustomerSegment", segment.pk),
        "profile": global_id("CustomerProfile", profiles["ann"].pk),
    }
    code, message = staff.error(EXPLAIN, **arguments)
    assert (code, "the text 'gone'" in message) == ("GraphQLError", True)
    assert staff.error(EXPLAIN, **{**arguments, "segment": global_id("User", 1)})[0] == "GraphQLError"


def test_all_fields_for_completion(staff):
    found = {field["name"]: field for field in staff.data(FIELDS)["customerSegmentFields"]}
    assert list(found) == [field.name for field in VOCABULARY.registry.fields]
    assert found["is_guest"]["standsAlone"] is True
    assert found["customer_type"]["values"] == ["b2c", "b2b", "b2g"]
    assert found["orders_count"]["operators"] == ["=", "!=", "IN", "IS NULL", "<", "<=", ">", ">=", "BETWEEN"]
    assert found["bought_category"]["parameters"] == [
        {
            "name": "category",
            "type": "slug of a category",
            "description": "Slug of the category.",
            "isRequired": True,
        },
        {
            "name": "within",
            "type": "length of time",
            "description": "Only so far back from today.",
            "isRequired": False,
        },
        {
            "name": "times",
            "type": "whole number",
            "description": "At least so many. Without it, one.",
            "isRequired": False,
        },
    ]


def test_only_who_manages_users(everybody_else, app_with, segment, profiles):
    arguments = {
        "segment": global_id("CustomerSegment", segment.pk),
        "profile": global_id("CustomerProfile", profiles["ann"].pk),
    }
    for requestor in everybody_else:
        assert requestor.denied(EXPLAIN, **arguments) == {"MANAGE_USERS"}
        assert requestor.denied(FIELDS) == {"MANAGE_USERS"}
    assert explain(app_with("MANAGE_USERS"), segment, profiles["ann"])["matches"] is True
