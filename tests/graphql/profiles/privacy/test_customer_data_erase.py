"""`customerDataErase`; what each level does is in tests/integration/profiles/privacy."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileIdentity, ProfileOrder
from saleor_crm_plugin.profiles.notes.models import CustomerNote
from saleor_crm_plugin.profiles.privacy.models import DataRequest
from tests.devshop.factories import make_customer, make_order
from tests.graphql.client import global_id
from tests.holds import hold_ten_points

pytestmark = pytest.mark.django_db

ERASE = """
mutation ($user: ID, $email: String, $level: CustomerErasureLevelEnum!) {
  customerDataErase(userId: $user, email: $email, level: $level) {
    request { kind level customer { email } requestedBy { email } expiresAt } errors { field code }
  }
}
"""
BY_EMAIL = """
mutation ($email: String) { customerDataErase(email: $email, level: DELETE) {
  request { id } requests { id customer { id } } errors { field code message }
} }
"""
EMAIL = "dee@example.com"


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
    by_id = staff_with("MANAGE_USERS").data(ERASE, user=global_id("User", cay.pk), level="STOP")["customerDataErase"]
    assert by_id["errors"] == []
    assert CustomerProfile.objects.get(user=cay).erasure_level == "stop"


class TestAUserAndAGuestOfTheSameAddress:
    """Saleor keeps the guest's order from the account."""

    @pytest.fixture
    def both(self, shop):
        def made(**fields) -> list[CustomerProfile]:
            sync_orders([make_order(email=EMAIL, channel=shop.channel).pk])
            user = make_customer(EMAIL, **fields)
            sync_orders([make_order(user, channel=shop.channel).pk])
            sync_customer(user.pk)
            of_user = CustomerProfile.objects.get(user=user)
            return [of_user, ProfileIdentity.objects.get(value=EMAIL).profile]

        return made

    def test_are_both_forgotten(self, staff_with, both):
        profiles = both()
        done = staff_with("MANAGE_USERS").data(BY_EMAIL, email=EMAIL)["customerDataErase"]
        assert done["errors"] == []
        ids = [global_id("CustomerProfile", profile.pk) for profile in profiles]
        assert [request["customer"]["id"] for request in done["requests"]] == ids
        assert done["request"]["id"] == done["requests"][0]["id"]
        assert not ProfileIdentity.objects.filter(value=EMAIL).exists()
        assert not ProfileOrder.objects.filter(profile__in=profiles).exists()

    def test_or_neither(self, staff_with, both):
        user, guest = both()
        hold_ten_points(LoyaltyAccount.objects.get(profile=guest))
        done = staff_with("MANAGE_USERS").data(BY_EMAIL, email=EMAIL)["customerDataErase"]
        assert [(error["field"], error["code"]) for error in done["errors"]] == [("level", "NOT_APPLICABLE")]
        assert ProfileOrder.objects.filter(profile=user).exists()
        assert not DataRequest.objects.exists()

    def test_if_the_user_has_not_confirmed_it_staff_say_who_is_meant(self, staff_with, both):
        profiles = both(is_confirmed=False)
        done = staff_with("MANAGE_USERS").data(BY_EMAIL, email=EMAIL)["customerDataErase"]
        (error,) = done["errors"]
        assert (done["request"], done["requests"], error["field"], error["code"]) == (
            None,
            None,
            "email",
            "NOT_APPLICABLE",
        )
        for profile in profiles:
            assert global_id("CustomerProfile", profile.pk) in error["message"]
            assert ProfileOrder.objects.filter(profile=profile).exists()
