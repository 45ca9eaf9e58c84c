"""Whoever was merged is no guest as long as one of the accounts is there."""

from __future__ import annotations

import pytest
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.claims import forget_user
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from tests.devshop.factories import delete_customer
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

WHERE = """
query Guests($guest: Boolean) {
  customerProfiles(first: 9, where: {isGuest: $guest}) { edges { node { id isGuest } } }
}
"""


@pytest.fixture(autouse=True)
def ben(shop) -> str:
    """Ann was merged into him, and he is gone."""
    of_ann, of_ben = UserPerson(shop.ann.pk), UserPerson(shop.ben.pk)
    found = resolve_profiles([of_ann, of_ben])
    merge_customers(found[of_ann], found[of_ben], SYSTEM, timezone.now())
    delete_customer(shop.ben)
    forget_user(of_ben.user_id)
    return global_id("CustomerProfile", found[of_ben])


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
