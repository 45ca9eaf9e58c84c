"""`customerProfiles`: the shop's customers, guests included."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.models import IdentityKind, ProfileIdentity
from tests.graphql.client import Api

pytestmark = pytest.mark.django_db

PROFILES = """
query ($first: Int, $after: String, $search: String, $sortBy: CustomerProfileSortingInput) {
  customerProfiles(first: $first, after: $after, search: $search, sortBy: $sortBy) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges { node { email } }
  }
}
"""


def emails(api: Api, **arguments) -> list[str]:
    found = api.data(PROFILES, **{"first": 10, **arguments})["customerProfiles"]
    return [edge["node"]["email"] for edge in found["edges"]]


@pytest.fixture
def staff(shop, staff_with):
    return staff_with("MANAGE_USERS")


def test_users_and_guests_oldest_first(staff):
    assert emails(staff) == ["ann@example.com", "guy@example.com"]


def test_the_other_way_round(staff):
    assert emails(staff, sortBy={"field": "CREATED_AT", "direction": "DESC"}) == ["guy@example.com", "ann@example.com"]


def test_page_by_page(staff):
    first = staff.data(PROFILES, first=1)["customerProfiles"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (2, True)
    assert emails(staff, first=1, after=first["pageInfo"]["endCursor"]) == ["guy@example.com"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ann@", ["ann@example.com"]),
        ("ARCHER", ["ann@example.com"]),
        ("Ann Archer", ["ann@example.com"]),
        ("archer,  ann@", []),
        ("archer  ann@", ["ann@example.com"]),
        ("Ann Baker", []),
        ("guy", ["guy@example.com"]),
        (" example.com ", ["ann@example.com", "guy@example.com"]),
        ("100%", []),
        ("ben", []),
        ("", ["ann@example.com", "guy@example.com"]),
    ],
)
def test_search(staff, search, found):
    assert emails(staff, search=search) == found


def test_a_former_address_leads_to_nobody(staff):
    guy = ProfileIdentity.objects.get(value="guy@example.com")
    ProfileIdentity.objects.create(profile=guy.profile, kind=IdentityKind.FORMER_EMAIL, value="gil@example.com")
    assert emails(staff, search="gil@") == []
    assert emails(staff, search="guy@") == ["guy@example.com"]


def test_limits(staff):
    assert staff.error(PROFILES, first=10, search="x" * 255)[0] == "GraphQLError"
    assert emails(staff, search=" ".join("ann@examp")) == ["ann@example.com"]
    assert staff.error(PROFILES, first=10, search=" ".join("abcdefghijk"))[0] == "GraphQLError"
    assert "errors" in staff.post(PROFILES, first=101)
    code, message = staff.error("{ customerProfiles { edges { node { id } } } }")
    assert (code, "`first`" in message) == ("GraphQLError", True)


def test_only_who_manages_users(as_ann, anonymous, staff_with, app_with):
    for requestor in (as_ann, anonymous, staff_with("MANAGE_ORDERS", "MANAGE_DISCOUNTS"), app_with("MANAGE_ORDERS")):
        assert requestor.denied(PROFILES, first=1) == {"MANAGE_USERS"}
        assert requestor.post(PROFILES, first=1)["data"] == {"customerProfiles": None}
    assert app_with("MANAGE_USERS").data(PROFILES, first=1)["customerProfiles"]["totalCount"] == 2


def test_the_count_and_the_page_may_come_from_two_fragments(staff):
    query = """
    query { ...Count ...Page }
    fragment Count on Query { customerProfiles(first: 10) { totalCount } }
    fragment Page on Query { customerProfiles(first: 10) { edges { node { email } } pageInfo { hasNextPage } } }
    """
    found = staff.data(query)["customerProfiles"]
    assert (found["totalCount"], found["pageInfo"]["hasNextPage"]) == (2, False)
    assert [edge["node"]["email"] for edge in found["edges"]] == ["ann@example.com", "guy@example.com"]
