"""`customerConsentUpdate`: the customer, staff or an app say what the customer agrees to; it holds at once."""

from __future__ import annotations

import pytest
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.profiles.consents.models import ConsentRecord
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile, PredictionStatus, ProfileMetrics
from saleor_crm_plugin.profiles.rfm import refresh_rfm
from tests.devshop.factories import make_customer
from tests.graphql.client import Api, global_id
from tests.graphql.conftest import APRIL
from tests.integration.recommendations.shop import publish

pytestmark = pytest.mark.django_db

UPDATE = """
mutation ($id: ID, $userId: ID, $email: String, $consents: [CustomerConsentInput!]!) {
  customerConsentUpdate(id: $id, userId: $userId, email: $email, consents: $consents) {
    recordedCount
    customerProfile { consents { purpose state source textVersion } profilingAllowed recommendationsAllowed }
    errors { field message code }
  }
}
"""
HISTORY = """
query ($id: ID!) { customerProfile(id: $id) {
  consentHistory(first: 10) { totalCount edges { node { purpose state recordedAt recordedBy { type name } } } }
} }
"""
METRICS = """
{ me { customerProfile { metrics {
  ordersCount netSpent { amount } recencyScore frequencyScore monetaryScore rfmGroup
} } } }
"""
FOR_YOU = """
{ me { recommendations(channel: "default-channel", first: 5) { product { name } reason { kind } } } }
"""
NO_PROFILING = {"purpose": "PROFILING", "state": "REFUSED"}
NO_LISTS = {"purpose": "RECOMMENDATIONS", "state": "REFUSED"}


def update(api: Api, *consents: dict[str, str], **whose: str):
    return api.data(UPDATE, consents=list(consents), **whose)["customerConsentUpdate"]


def test_a_customer_speaks_for_oneself(shop, as_ann, ann_id):
    said = {"purpose": "MARKETING_EMAIL", "state": "GRANTED", "source": "account page", "textVersion": "2026-01"}
    for whose in ({}, {"id": ann_id}, {"userId": global_id("User", shop.ann.pk)}):
        answer = update(as_ann, said, **whose)
        assert answer["errors"] == []
        assert answer["customerProfile"] == {
            "consents": [said],
            "profilingAllowed": True,
            "recommendationsAllowed": True,
        }
    record = ConsentRecord.objects.get()
    assert (record.actor_type, record.actor_id) == ("customer", shop.ann.pk)


def test_also_before_the_first_order(shop, as_ben):
    answer = update(as_ben, NO_PROFILING)
    assert answer["recordedCount"] == 1
    assert not CustomerProfile.objects.get(user=shop.ben).profiling_allowed


def test_staff_and_apps_speak_for_users_and_guests(shop, staff, app_with, guest_id):
    assert update(staff, NO_PROFILING, email="guy@example.com")["customerProfile"] == {
        "consents": [{**NO_PROFILING, "source": "", "textVersion": ""}],
        "profilingAllowed": False,
        "recommendationsAllowed": False,
    }
    assert update(app_with("MANAGE_USERS"), NO_PROFILING, id=guest_id)["recordedCount"] == 0
    assert update(app_with("MANAGE_USERS"), NO_LISTS, userId=global_id("User", shop.ann.pk))["recordedCount"] == 1
    assert set(ConsentRecord.objects.values_list("actor_type", flat=True)) == {"staff", "app"}


def test_staff_read_the_history(shop, staff, as_ann, ann_id):
    update(as_ann, NO_PROFILING)
    update(staff, {"purpose": "PROFILING", "state": "GRANTED"}, id=ann_id)
    history = staff.data(HISTORY, id=ann_id)["customerProfile"]["consentHistory"]
    assert history["totalCount"] == 2
    newest, oldest = (edge["node"] for edge in history["edges"])
    assert (newest["state"], newest["recordedBy"]["type"]) == ("GRANTED", "STAFF")
    assert (oldest["state"], oldest["recordedBy"]) == ("REFUSED", {"type": "CUSTOMER", "name": "Ann Archer"})


def test_bad_input_names_the_field_and_writes_nothing(shop, staff, as_ann, as_ben, app_with, ann_id):
    for api, consents, whose, refused in [
        (as_ann, [], {}, ("consents", "REQUIRED")),
        (as_ben, [], {}, ("consents", "REQUIRED")),
        (as_ben, [{**NO_PROFILING, "source": "x" * 65}], {}, ("source", "INVALID")),
        (staff, [], {"userId": global_id("User", shop.ben.pk)}, ("consents", "REQUIRED")),
        (as_ann, [NO_PROFILING, {**NO_PROFILING, "state": "GRANTED"}], {}, ("consents", "INVALID")),
        (as_ann, [{**NO_PROFILING, "source": "x" * 65}], {}, ("source", "INVALID")),
        (as_ann, [{**NO_PROFILING, "textVersion": "x" * 65}], {}, ("textVersion", "INVALID")),
        (staff, [NO_PROFILING], {"email": "nobody@example.com"}, ("email", "NOT_FOUND")),
        (staff, [NO_PROFILING], {"id": ann_id, "email": "ann@example.com"}, (None, "GRAPHQL_ERROR")),
        (app_with("MANAGE_USERS"), [NO_PROFILING], {}, (None, "GRAPHQL_ERROR")),
        (as_ann, [NO_PROFILING], {"userId": "nonsense"}, ("userId", "GRAPHQL_ERROR")),
    ]:
        answer = update(api, *consents, **whose)
        (error,) = answer["errors"]
        assert (error["field"], error["code"]) == refused, (consents, whose)
        assert answer["customerProfile"] is None
    assert not ConsentRecord.objects.exists()
    assert not CustomerProfile.objects.filter(user=shop.ben).exists()


def test_nobody_speaks_for_another_or_learns_who_there_is(shop, as_ben, anonymous, staff_with, ann_id):
    somebody, nobody = global_id("User", shop.ann.pk), global_id("User", 2**30)
    for whose in (
        {"id": ann_id},
        {"id": global_id("CustomerProfile", 2**30)},
        {"userId": somebody},
        {"userId": nobody},
        {"email": "ann@example.com"},
        {"email": "ben@example.com"},
    ):
        for api in (as_ben, staff_with("MANAGE_ORDERS")):
            assert "MANAGE_USERS" in api.denied(UPDATE, consents=[NO_PROFILING], **whose)
    assert "MANAGE_USERS" in anonymous.denied(UPDATE, consents=[NO_PROFILING])
    assert not ConsentRecord.objects.exists()


def test_who_refuses_profiling_has_no_scores_even_if_a_job_writes_them(shop, as_ann, ann_profile):
    refresh_rfm(365, APRIL)
    assert as_ann.data(METRICS)["me"]["customerProfile"]["metrics"]["rfmGroup"] is not None
    update(as_ann, NO_PROFILING)
    stored = ProfileMetrics.objects.get(profile=ann_profile)
    assert (stored.rfm_group, stored.prediction_status) == ("", PredictionStatus.REFUSED)
    ProfileMetrics.objects.filter(profile=ann_profile).update(recency_score=5, rfm_group="loyal")
    assert as_ann.data(METRICS)["me"]["customerProfile"]["metrics"] == {
        "ordersCount": 2,
        "netSpent": {"amount": 50.0},
        "recencyScore": None,
        "frequencyScore": None,
        "monetaryScore": None,
        "rfmGroup": None,
    }


@pytest.mark.parametrize("refusal", [NO_PROFILING, NO_LISTS])
def test_who_refuses_recommendations_is_served_like_a_visitor(shop, as_ann, ann_profile, refusal):
    def served():
        items = as_ann.data(FOR_YOU)["me"]["recommendations"]
        return [(item["product"]["name"], item["reason"]["kind"]) for item in items]

    publish(again={ann_profile.pk: [shop.pear]}, popular={shop.channel: [shop.plum, shop.apple]})
    assert served()[0] == ("Pear", "BOUGHT_BEFORE")
    update(as_ann, refusal)
    assert served() == [("Plum", "POPULAR"), ("Apple", "POPULAR"), ("Pear", "NEW")]
    # A list that is there all the same is not served.
    publish(again={}, popular={shop.channel: [shop.plum]})
    CustomerProfile.objects.filter(pk=ann_profile.pk).update(profiling_allowed=True, recommendations_allowed=True)
    publish(again={ann_profile.pk: [shop.pear]}, popular={shop.channel: [shop.plum]})
    CustomerProfile.objects.filter(pk=ann_profile.pk).update(recommendations_allowed=False)
    assert served()[0] == ("Plum", "POPULAR")


@pytest.mark.parametrize("whose", [{"id": ""}, {"userId": ""}, {"email": ""}])
def test_staff_who_leave_the_customer_blank_do_not_speak_for_themselves(shop, staff, as_ann, whose):
    assert [error["code"] for error in update(staff, NO_PROFILING, **whose)["errors"]] == ["GRAPHQL_ERROR"]
    assert not ConsentRecord.objects.exists()
    as_ann.post(UPDATE, consents=[NO_PROFILING], **whose)
    assert not ConsentRecord.objects.exists()


def test_a_merged_customer_speaks_for_oneself_by_the_id_that_they_are_shown(shop, as_ben, ann_profile):
    of_ben = resolve_profiles([UserPerson(shop.ben.pk)])[UserPerson(shop.ben.pk)]
    merge_customers(of_ben, ann_profile.pk, SYSTEM, timezone.now())
    shown = as_ben.data("{ me { customerProfile { id } } }")["me"]["customerProfile"]["id"]
    assert update(as_ben, NO_LISTS, id=shown)["errors"] == []
    record = ConsentRecord.objects.get()
    assert (record.profile_id, record.actor_type, record.actor_id) == (ann_profile.pk, "customer", shop.ben.pk)


def test_staff_name_a_user_who_has_bought_nothing_yet(shop, staff):
    cay = make_customer("cay@example.com")
    assert update(staff, NO_LISTS, email="cay@example.com")["errors"] == []
    assert ConsentRecord.objects.get().profile.user_id == cay.pk
