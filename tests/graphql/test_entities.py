"""`_entities`: what a federation gateway gets, for itself or for a customer."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

FIELDS = """
... on LoyaltyAccount { balance worth { amount } }
... on CustomerProfile { ordersCount email }
... on User { loyaltyAccount { balance } }
... on Node { id }
"""


@pytest.fixture
def entities(shop):
    account = global_id("LoyaltyAccount", LoyaltyAccount.objects.get(profile__user=shop.ann).pk)
    profile = global_id("CustomerProfile", CustomerProfile.objects.get(user=shop.ann).pk)
    return [{"__typename": "LoyaltyAccount", "id": account}, {"__typename": "CustomerProfile", "id": profile}]


def test_our_types_are_looked_up_by_id(entities, as_ann, staff_with, app_with):
    account, profile = entities
    for requestor in (as_ann, staff_with("MANAGE_USERS"), app_with("MANAGE_USERS")):
        assert requestor.entities(FIELDS, *entities) == [
            {**account, "balance": 500, "worth": None},
            {**profile, "ordersCount": 2, "email": "ann@example.com"},
        ]


def test_who_may_not_see_them_gets_nothing(entities, as_ben, anonymous, staff_with):
    unknown = [{**entity, "id": global_id(entity["__typename"], 2**30)} for entity in entities]
    for requestor in (as_ben, anonymous, staff_with("MANAGE_DISCOUNTS", "MANAGE_ORDERS")):
        assert requestor.entities(FIELDS, *entities, *unknown) == [None] * 4


def test_a_profile_without_a_user_belongs_to_nobody(shop, anonymous, as_ann):
    """An anonymous request has no user either; the two must not match."""
    guest = CustomerProfile.objects.get(user=None)
    entity = {"__typename": "CustomerProfile", "id": global_id("CustomerProfile", guest.pk)}
    for requestor in (anonymous, as_ann):
        assert requestor.entities(FIELDS, entity) == [None]


def test_saleors_own_types_have_our_fields_there_too(shop, staff_with):
    user = {"__typename": "User", "id": global_id("User", shop.ann.pk)}
    staff = staff_with("MANAGE_USERS", "MANAGE_STAFF")
    assert staff.entities(FIELDS, user) == [{**user, "loyaltyAccount": {"balance": 500}}]
