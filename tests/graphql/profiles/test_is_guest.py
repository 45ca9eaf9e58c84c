"""Whoever was merged is no guest as long as one of the accounts is there, and is shown by it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.claims import forget_user
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity
from tests.devshop.factories import delete_customer, make_customer
from tests.graphql.client import Api, global_id

pytestmark = pytest.mark.django_db

WHERE = """
query Guests($guest: Boolean) {
  customerProfiles(first: 9, where: {isGuest: $guest}) { edges { node { id isGuest } } }
}
"""
PROFILES = """
query { customerProfiles(first: 9) { edges { node { id isGuest email user { email firstName } } } } }
"""


def merge_and_delete(merged, head) -> str:
    """Returns the id of what is left of the head."""
    of_merged, of_head = UserPerson(merged.pk), UserPerson(head.pk)
    found = resolve_profiles([of_merged, of_head])
    merge_customers(found[of_merged], found[of_head], SYSTEM, timezone.now())
    delete_customer(head)
    forget_user(of_head.user_id)
    return global_id("CustomerProfile", found[of_head])


@pytest.fixture(autouse=True)
def ben(shop) -> str:
    """Ann was merged into him, and he is gone."""
    return merge_and_delete(shop.ann, shop.ben)


def test_to_herself(as_ann):
    assert as_ann.data("{ me { customerProfile { isGuest } } }")["me"]["customerProfile"] == {"isGuest": False}


def test_to_who_looks_for_guests(ben, staff_with):
    staff = staff_with("MANAGE_USERS")

    def found(guest: bool) -> dict[str, bool]:
        edges = staff.data(WHERE, guest=guest)["customerProfiles"]["edges"]
        return {edge["node"]["id"]: edge["node"]["isGuest"] for edge in edges}

    assert found(False) == {ben: False}
    assert ben not in found(True)
    assert list(found(True).values()) == [True]


def test_her_account_is_shown(ben, as_ann, staff_with, app_with):
    ann = {"email": "ann@example.com", "user": {"email": "ann@example.com"}}
    query = "query ($email: String, $id: ID) { customerProfile(email: $email, id: $id) { email user { email } } }"
    for requestor in (staff_with("MANAGE_USERS"), app_with("MANAGE_USERS")):
        for arguments in ({"email": "ann@example.com"}, {"id": ben}):
            assert requestor.data(query, **arguments) == {"customerProfile": ann}
    assert as_ann.data(query, id=ben) == {"customerProfile": ann}


def test_of_two_accounts_that_are_left_staff_see_the_first_one_and_each_customer_the_own_one(staff_with):
    cara, dora, eve = (make_customer(f"{name}@example.com") for name in ("cara", "dora", "eve"))
    found = resolve_profiles(UserPerson(user.pk) for user in (cara, eve))
    merge_customers(found[UserPerson(cara.pk)], found[UserPerson(eve.pk)], SYSTEM, timezone.now())
    left = merge_and_delete(dora, eve)
    query = "query ($id: ID) { customerProfile(id: $id) { email user { email } } }"

    def shown(requestor: Api) -> dict[str, object]:
        return requestor.data(query, id=left)["customerProfile"]

    assert shown(staff_with("MANAGE_USERS")) == {"email": "cara@example.com", "user": {"email": "cara@example.com"}}
    assert shown(Api(dora)) == {"email": "dora@example.com", "user": {"email": "dora@example.com"}}


def test_the_address_of_a_guest_who_was_merged_is_shown_where_there_is_no_other(staff_with):
    head = CustomerProfile.objects.create()
    guest = CustomerProfile.objects.create(merged_into=head)
    ProfileIdentity.objects.create(profile=guest, kind=IdentityKind.UNVERIFIED_EMAIL, value="gil@example.com")
    query = "query ($id: ID) { customerProfile(id: $id) { isGuest email user { email } } }"
    shown = staff_with("MANAGE_USERS").data(query, id=global_id("CustomerProfile", head.pk))["customerProfile"]
    assert shown == {"isGuest": True, "email": "gil@example.com", "user": None}


def test_any_number_of_them_takes_as_many_statements(staff_with):
    staff = staff_with("MANAGE_USERS")
    for_one = staff.statements(PROFILES)
    for number in range(3):
        merge_and_delete(make_customer(f"left{number}@example.com"), make_customer(f"gone{number}@example.com"))
    edges = staff.data(PROFILES)["customerProfiles"]["edges"]
    assert [edge["node"]["email"] for edge in edges if edge["node"]["user"]] == [
        "ann@example.com", "left0@example.com", "left1@example.com", "left2@example.com"
    ]  # fmt: skip
    assert staff.statements(PROFILES) == for_one
