"""`customerProfileTypeUpdate`: what a customer is, by hand."""

from __future__ import annotations

import pytest
from django.utils import timezone
from saleor.account.models import User

from saleor_crm_plugin.actors import ActorType
from saleor_crm_plugin.ingestion.sync import sync_customer
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

UPDATE = """
mutation ($id: ID, $userId: ID, $email: String, $type: CustomerTypeEnum) {
  customerProfileTypeUpdate(id: $id, userId: $userId, email: $email, customerType: $type) {
    profile { email customerType }
    errors { field message code }
  }
}
"""


def update(api, **arguments):
    return api.data(UPDATE, **arguments)["customerProfileTypeUpdate"]


def refused(api, **arguments):
    answer = update(api, **arguments)
    assert answer["profile"] is None
    (error,) = answer["errors"]
    assert error["message"]
    return error["field"], error["code"]


@pytest.fixture
def staff(shop, staff_with):
    return staff_with("MANAGE_USERS")


def told():
    events = ProfileEvent.objects.filter(kind=EventKind.CUSTOMER_TYPE_CHANGED).order_by("pk")
    return [(event.details, event.actor_type) for event in events]


def test_staff_say_it_and_take_it_back(shop, staff):
    ann = global_id("User", shop.ann.pk)
    answer = update(staff, userId=ann, type="B2G")
    assert answer == {"profile": {"email": "ann@example.com", "customerType": "B2G"}, "errors": []}
    assert update(staff, userId=ann, type="B2G")["errors"] == []
    User.objects.filter(pk=shop.ann.pk).update(metadata={"vat_number": "1"})
    sync_customer(shop.ann.pk)
    assert CustomerProfile.objects.get(user=shop.ann).customer_type == "b2g"
    assert update(staff, userId=ann)["profile"]["customerType"] == "B2B"
    assert not CustomerProfile.objects.get(user=shop.ann).customer_type_by_hand
    assert told() == [
        ({"from": "b2c", "to": "b2g", "cause": "by_hand"}, ActorType.STAFF),
        ({"from": "b2g", "to": "b2b", "cause": "tax_id"}, ActorType.STAFF),
    ]


def test_saying_what_the_rule_says_holds_it_there_and_is_no_change(shop, staff):
    assert update(staff, email="guy@example.com", type="B2C")["profile"]["customerType"] == "B2C"
    assert CustomerProfile.objects.get(user=None).customer_type_by_hand
    assert told() == []


def test_each_way_to_name_the_customer(shop, staff):
    guest = CustomerProfile.objects.get(user=None)
    for whose in ({"id": global_id("CustomerProfile", guest.pk)}, {"email": " GUY@example.com"}):
        assert update(staff, type="B2B", **whose)["profile"] == {"email": "guy@example.com", "customerType": "B2B"}


def test_wrong_arguments(shop, staff):
    ann, profile = (
        global_id("User", shop.ann.pk),
        global_id("CustomerProfile", CustomerProfile.objects.get(user=None).pk),
    )
    assert refused(staff, type="B2B") == (None, "GRAPHQL_ERROR")
    assert refused(staff, type="B2B", userId=ann, id=profile) == (None, "GRAPHQL_ERROR")
    assert refused(staff, type="B2B", id=ann) == ("id", "GRAPHQL_ERROR")
    assert refused(staff, type="B2B", id=global_id("CustomerProfile", 2**30)) == ("id", "NOT_FOUND")
    assert refused(staff, type="B2B", userId=global_id("User", 2**30)) == ("userId", "NOT_FOUND")
    assert refused(staff, type="B2B", email="nobody@example.com") == ("email", "NOT_FOUND")
    assert "errors" in staff.post(UPDATE, userId=ann, type="B2X")
    assert not CustomerProfile.objects.exclude(customer_type="b2c").exists()


def test_a_profile_that_was_merged_leads_to_its_head(shop, staff):
    profiles = CustomerProfile.objects
    ann = profiles.get(user=shop.ann)
    profiles.filter(user=None).update(merged_into=ann)
    answer = staff.data(UPDATE, type="B2B", id=global_id("CustomerProfile", profiles.get(user=None).pk))
    assert answer["customerProfileTypeUpdate"]["errors"] == []
    assert set(profiles.values_list("pk", "customer_type")) == {(ann.pk, "b2b"), (profiles.get(user=None).pk, "b2c")}


def test_not_for_who_is_erased(shop, staff):
    profiles = CustomerProfile.objects
    profiles.filter(user=None).update(erased_at=timezone.now())
    found = global_id("CustomerProfile", profiles.get(user=None).pk)
    assert refused(staff, type="B2B", id=found) == (None, "NOT_APPLICABLE")
    assert profiles.get(user=None).customer_type == "b2c"


def test_only_who_manages_users(shop, as_ann, anonymous, staff_with, app_with):
    ann = global_id("User", shop.ann.pk)
    for requestor in (as_ann, anonymous, staff_with("MANAGE_ORDERS", "MANAGE_DISCOUNTS"), app_with("MANAGE_ORDERS")):
        assert requestor.denied(UPDATE, userId=ann, type="B2B") == {"MANAGE_USERS"}
    assert not CustomerProfile.objects.exclude(customer_type="b2c").exists()
    assert update(app_with("MANAGE_USERS"), userId=ann, type="B2B")["profile"]["customerType"] == "B2B"
    assert told()[-1][1] == ActorType.APP
