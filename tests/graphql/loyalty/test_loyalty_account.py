"""`loyaltyAccount`: the points of oneself, or for staff of anybody."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.ingestion.sync import sync_customer
from tests.devshop.factories import make_customer
from tests.devshop.flows import hand_over_orders
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

BY_USER = "query ($id: ID) { loyaltyAccount(userId: $id) { balance } }"
BY_EMAIL = "query ($email: String) { loyaltyAccount(email: $email) { balance } }"


def test_without_arguments_it_is_the_own_account(shop, as_ann, as_ben, anonymous):
    assert as_ann.data("{ loyaltyAccount { balance } }") == {"loyaltyAccount": {"balance": 500}}
    assert as_ben.data("{ loyaltyAccount { balance } }") == {"loyaltyAccount": None}
    assert anonymous.data("{ loyaltyAccount { balance } }") == {"loyaltyAccount": None}


def test_by_user(shop, as_ann, as_ben, anonymous, staff_with, app_with):
    ann = global_id("User", shop.ann.pk)
    for requestor in (as_ann, staff_with("MANAGE_USERS"), app_with("MANAGE_USERS")):
        assert requestor.data(BY_USER, id=ann) == {"loyaltyAccount": {"balance": 500}}
    for requestor in (as_ben, anonymous, staff_with("MANAGE_DISCOUNTS"), app_with()):
        assert requestor.denied(BY_USER, id=ann) == {"OWNER", "MANAGE_USERS"}


@pytest.mark.parametrize("email", ["ann@example.com", "  Ann@Example.COM "])
def test_by_email_is_for_staff_and_does_not_mind_the_spelling(shop, as_ann, staff_with, email):
    assert staff_with("MANAGE_USERS").data(BY_EMAIL, email=email) == {"loyaltyAccount": {"balance": 500}}
    # An address proves nothing, not even one's own.
    assert as_ann.denied(BY_EMAIL, email=email) == {"MANAGE_USERS"}


def test_a_guest_is_found_by_email(shop, staff_with):
    assert staff_with("MANAGE_USERS").data(BY_EMAIL, email="guy@example.com") == {"loyaltyAccount": {"balance": 100}}
    assert staff_with("MANAGE_USERS").data(BY_EMAIL, email="nobody@example.com") == {"loyaltyAccount": None}


def test_who_registers_with_an_address_and_does_not_confirm_it_does_not_hide_the_guest(shop, staff_with):
    guy = make_customer("guy@example.com", is_confirmed=False)
    staff = staff_with("MANAGE_USERS")
    assert staff.data(BY_EMAIL, email="guy@example.com") == {"loyaltyAccount": {"balance": 100}}
    type(guy).objects.filter(pk=guy.pk).update(is_confirmed=True)
    hand_over_orders(guy)
    sync_customer(guy.pk)
    assert staff.data(BY_EMAIL, email="guy@example.com") == {"loyaltyAccount": {"balance": 100}}


def test_wrong_arguments(shop, staff_with):
    staff = staff_with("MANAGE_USERS")
    both = "query ($id: ID, $email: String) { loyaltyAccount(userId: $id, email: $email) { balance } }"
    assert staff.error(both, id=global_id("User", shop.ann.pk), email="ann@example.com") == (
        "GraphQLError",
        "Give either `userId` or `email`, not both.",
    )
    code, message = staff.error(BY_USER, id=global_id("Order", shop.first.pk))
    assert (code, "User" in message) == ("GraphQLError", True)
    assert staff.error(BY_USER, id="nonsense")[0] == "GraphQLError"
    assert staff.data(BY_USER, id=global_id("User", 2**30)) == {"loyaltyAccount": None}


def test_what_is_left_blank_does_not_stand_for_oneself(shop, as_ann, staff_with):
    assert as_ann.denied(BY_EMAIL, email="") == {"MANAGE_USERS"}
    assert staff_with("MANAGE_USERS").data(BY_EMAIL, email=" ") == {"loyaltyAccount": None}
    assert as_ann.error(BY_USER, id="")[0] == "GraphQLError"
