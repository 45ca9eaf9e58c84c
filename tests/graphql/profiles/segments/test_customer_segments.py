"""`customerSegments`, `customerSegment`, and `segments` of a customer."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.ingestion.segments import refresh_segments
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from tests.devshop.factories import make_customer, make_order
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

SEGMENTS = """
query ($first: Int!, $after: String) {
  customerSegments(first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges { node {
      id name slug description query error memberCount refreshedAt
      members(first: 2) { totalCount edges { node { email } } }
    } }
  }
}
"""
SEGMENT = """
query ($id: ID, $slug: String) { customerSegment(id: $id, slug: $slug) { name memberCount } }
"""
MEMBERS = """
query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  customerSegment(id: $id) { members(first: $first, after: $after, last: $last, before: $before) {
    totalCount pageInfo { hasNextPage hasPreviousPage endCursor startCursor } edges { node { id } }
  } }
}
"""
OF_CUSTOMER = "query ($id: ID!) { customerProfile(id: $id) { segments { name } } }"


def test_segments_with_their_members(staff, segment):
    found = staff.data(SEGMENTS, first=10)["customerSegments"]
    assert found["totalCount"] == 1
    (edge,) = found["edges"]
    node = edge["node"]
    assert node["refreshedAt"] is not None
    del node["refreshedAt"]
    assert node == {
        "id": global_id("CustomerSegment", segment.pk),
        "name": "Twice",
        "slug": "twice",
        "description": "",
        "query": "orders_count >= 2",
        "error": "",
        "memberCount": 1,
        "members": {"totalCount": 1, "edges": [{"node": {"email": "ann@example.com"}}]},
    }


def test_those_that_the_shop_starts_with(staff):
    found = staff.data(SEGMENTS, first=10)["customerSegments"]
    assert [edge["node"]["slug"] for edge in found["edges"]] == [
        "big-spenders", "at-risk", "one-time-buyers", "lapsed", "new-this-month", "abandoned-checkout", "b2b",
    ]  # fmt: skip
    page = staff.data(SEGMENTS, first=2, after=found["pageInfo"]["endCursor"])["customerSegments"]
    assert (page["edges"], page["totalCount"]) == ([], 7)


def test_statements_do_not_grow(staff, shop, segment):
    # Users and guests, whose addresses stand in different tables.
    CustomerSegment.objects.create(name="All", slug="all", query="orders_count >= 0")
    refresh_segments()
    before = staff.statements(SEGMENTS, first=50)
    for number in range(10):
        CustomerSegment.objects.create(name=f"S{number}", slug=f"s{number}", query=f"orders_count >= {number % 2}")
    refresh_segments()
    assert staff.statements(SEGMENTS, first=50) == before


def test_one_segment(staff, segment):
    expected = {"customerSegment": {"name": "Twice", "memberCount": 1}}
    assert staff.data(SEGMENT, id=global_id("CustomerSegment", segment.pk)) == expected
    assert staff.data(SEGMENT, slug="twice") == expected
    assert staff.data(SEGMENT, slug="thrice") == {"customerSegment": None}
    assert staff.data(SEGMENT, id=global_id("CustomerSegment", 0)) == {"customerSegment": None}
    assert staff.error(SEGMENT)[0] == "GraphQLError"
    assert staff.error(SEGMENT, slug="twice", id=global_id("CustomerSegment", 1))[0] == "GraphQLError"
    assert staff.error(SEGMENT, id=global_id("User", 1))[0] == "GraphQLError"


def test_members_page_by_page(staff, shop, segment):
    for _ in range(4):
        customer = make_customer()
        for _ in range(2):
            make_order(customer, channel=shop.channel)
    from saleor.order.models import Order

    from saleor_crm_plugin.ingestion.sync import sync_orders

    sync_orders(Order.objects.values_list("pk", flat=True))
    key = {"id": global_id("CustomerSegment", segment.pk)}

    def page(**arguments):
        return staff.data(MEMBERS, **key, **arguments)["customerSegment"]["members"]

    everybody = [edge["node"]["id"] for edge in page(first=100)["edges"]]
    expected = segment.memberships.order_by("-profile_id").values_list("profile_id", flat=True)
    assert everybody == [global_id("CustomerProfile", profile_id) for profile_id in expected]
    assert len(everybody) == 5
    first = page(first=2)
    second = page(first=2, after=first["pageInfo"]["endCursor"])
    last = page(first=2, after=second["pageInfo"]["endCursor"])
    assert [edge["node"]["id"] for part in (first, second, last) for edge in part["edges"]] == everybody
    assert [part["pageInfo"]["hasNextPage"] for part in (first, second, last)] == [True, True, False]
    back = page(last=2, before=last["pageInfo"]["startCursor"])
    assert [edge["node"]["id"] for edge in back["edges"]] == everybody[2:4]
    assert staff.error(MEMBERS, **key)[0] == "GraphQLError"
    assert staff.error(MEMBERS, **key, first=101)[0] == "GraphQLError"


def test_the_segments_of_a_customer(staff, segment, profiles):
    ann, guy = (global_id("CustomerProfile", profiles[name].pk) for name in ("ann", "guy"))
    assert staff.data(OF_CUSTOMER, id=ann) == {"customerProfile": {"segments": [{"name": "Twice"}]}}
    assert staff.data(OF_CUSTOMER, id=guy) == {"customerProfile": {"segments": []}}


def test_a_customer_does_not_see_what_the_shop_calls_them(as_ann, segment):
    assert as_ann.denied("{ me { customerProfile { segments { name } } } }") == {"MANAGE_USERS"}


def test_only_who_manages_users(everybody_else, app_with, segment):
    for requestor in everybody_else:
        assert requestor.denied(SEGMENTS, first=1) == {"MANAGE_USERS"}
        assert requestor.denied(SEGMENT, slug="twice") == {"MANAGE_USERS"}
        assert requestor.post(SEGMENT, slug="twice")["data"] == {"customerSegment": None}
    assert app_with("MANAGE_USERS").data(SEGMENT, slug="twice")["customerSegment"]["name"] == "Twice"
