"""`customerDataErase`; what each level does is in tests/integration/profiles/privacy."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerNote
from saleor_crm_plugin.profiles.privacy.models import DataRequest
from tests.devshop.factories import make_customer, make_order
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

ERASE = """
mutation ($user: ID, $email: String, $level: CustomerErasureLevelEnum!) {
  customerDataErase(userId: $user, email: $email, level: $level) {
    request { kind level customer { email } requestedBy { email } expiresAt } errors { field code }
  }
}
"""


@pytest.fixture
def noted(shop):
    profile = CustomerProfile.objects.get(user=shop.ann)
    CustomerNote.objects.create(profile=profile, text="Likes pears", created_at=profile.created_at)
    return shop


def test_a_user(staff_with, noted):
    staff = staff_with("MANAGE_USERS")
    answer = staff.data(ERASE, user=global_id("User", noted.ann.pk), level="ANONYMISE")["customerDataErase"]
    assert answer == {
        "request": {
            "kind": "ERASURE",
            "level": "ANONYMISE",
            "customer": {"email": "ann@example.com"},
            "requestedBy": {"email": staff.user.email},
            "expiresAt": None,
        },
        "errors": [],
    }
    assert not CustomerNote.objects.exists()


def test_a_guest(staff_with, noted):
    staff = staff_with("MANAGE_USERS")
    answer = staff.data(ERASE, email="guy@example.com", level="DELETE")["customerDataErase"]
    assert answer["request"]["customer"] == {"email": None}
    again = staff.data(ERASE, email="guy@example.com", level="DELETE")["customerDataErase"]
    assert again["errors"] == [{"field": "email", "code": "NOT_FOUND"}]


def test_who_may(anonymous, as_ann, staff_with, app_with, noted):
    ann = global_id("User", noted.ann.pk)
    for api in (anonymous, as_ann, staff_with("MANAGE_ORDERS", "MANAGE_PRODUCTS"), app_with("MANAGE_ORDERS")):
        assert api.denied(ERASE, user=ann, level="STOP") == {"MANAGE_USERS"}
    assert CustomerNote.objects.exists()
    assert app_with("MANAGE_USERS").data(ERASE, user=ann, level="STOP")["customerDataErase"]["errors"] == []


def test_of_a_user_of_whom_nothing_is_known_and_a_guest_the_guest_is_forgotten(shop, staff_with):
    cay = make_customer("cay@example.com")
    sync_orders([make_order(None, email="cay@example.com", channel=shop.channel).pk])
    done = staff_with("MANAGE_USERS").data(ERASE, email="cay@example.com", level="STOP")["customerDataErase"]
    assert done["errors"] == []
    assert CustomerProfile.objects.get(pk=DataRequest.objects.get().profile_id).user_id is None
    assert not CustomerProfile.objects.filter(user=cay).exists()
