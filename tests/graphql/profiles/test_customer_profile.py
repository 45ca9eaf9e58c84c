"""`customerProfile`: one person, by id, user or e-mail."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

PROFILE = """
query ($id: ID, $userId: ID, $email: String) {
  customerProfile(id: $id, userId: $userId, email: $email) { isGuest email ordersCount user { email } }
}
"""
ANN = {"isGuest": False, "email": "ann@example.com", "ordersCount": 2, "user": {"email": "ann@example.com"}}
GUEST = {"isGuest": True, "email": "guy@example.com", "ordersCount": 1, "user": None}


@pytest.fixture
def ids(shop):
    return {
        "profile": global_id("CustomerProfile", CustomerProfile.objects.get(user=shop.ann).pk),
        "guest": global_id("CustomerProfile", CustomerProfile.objects.get(user=None).pk),
        "user": global_id("User", shop.ann.pk),
    }


def test_staff_find_a_person_in_each_way(ids, staff_with, app_with):
    for requestor in (staff_with("MANAGE_USERS"), app_with("MANAGE_USERS")):
        for arguments in ({"id": ids["profile"]}, {"userId": ids["user"]}, {"email": "Ann@Example.com"}):
            assert requestor.data(PROFILE, **arguments) == {"customerProfile": ANN}
        for arguments in ({"id": ids["guest"]}, {"email": "guy@example.com"}):
            assert requestor.data(PROFILE, **arguments) == {"customerProfile": GUEST}
        for arguments in (
            {"id": global_id("CustomerProfile", 2**30)},
            {"userId": global_id("User", 2**30)},
            {"email": "nobody@example.com"},
        ):
            assert requestor.data(PROFILE, **arguments) == {"customerProfile": None}


def test_a_customer_finds_the_own_profile_only(ids, as_ann, as_ben):
    for arguments in ({"id": ids["profile"]}, {"userId": ids["user"]}):
        assert as_ann.data(PROFILE, **arguments) == {"customerProfile": ANN}
        assert as_ben.denied(PROFILE, **arguments) == {"OWNER", "MANAGE_USERS"}


def test_who_may_not_see_a_profile_does_not_learn_whether_it_exists(ids, as_ben, anonymous, staff_with):
    for requestor in (as_ben, anonymous, staff_with("MANAGE_ORDERS", "MANAGE_DISCOUNTS")):
        for profile in (ids["guest"], global_id("CustomerProfile", 2**30)):
            assert requestor.denied(PROFILE, id=profile) == {"OWNER", "MANAGE_USERS"}
        for email in ("guy@example.com", "nobody@example.com"):
            assert requestor.denied(PROFILE, email=email) == {"MANAGE_USERS"}


def test_wrong_arguments(ids, staff_with):
    staff = staff_with("MANAGE_USERS")
    for arguments in ({}, {"id": ids["profile"], "email": "ann@example.com"}, {"id": ids["user"]}, {"id": "nonsense"}):
        code, message = staff.error(PROFILE, **arguments)
        assert code == "GraphQLError"
        assert message
