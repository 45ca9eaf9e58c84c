"""`customerTagAssign` and `customerTagUnassign`."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerTag
from saleor_crm_plugin.profiles.notes.tags import CUSTOMERS_PER_CALL, TAGS_PER_CALL
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from tests.graphql.client import Api, global_id

pytestmark = pytest.mark.django_db

CHANGE = """
mutation ($ids: [ID!], $userIds: [ID!], $tags: [String!]!) {
  %s(ids: $ids, userIds: $userIds, tags: $tags) {
    changedCount customerProfiles { email tags } errors { field message code }
  }
}
"""


def assign(api: Api, **arguments):
    return api.data(CHANGE % "customerTagAssign", **arguments)["customerTagAssign"]


def unassign(api: Api, **arguments):
    return api.data(CHANGE % "customerTagUnassign", **arguments)["customerTagUnassign"]


def test_on_several_customers_and_off_one(shop, staff, ann_id, guest_id):
    assert assign(staff, ids=[guest_id, ann_id], tags=["VIP", "wholesale"]) == {
        "changedCount": 4,
        "customerProfiles": [
            {"email": "ann@example.com", "tags": ["vip", "wholesale"]},
            {"email": "guy@example.com", "tags": ["vip", "wholesale"]},
        ],
        "errors": [],
    }
    assert assign(staff, ids=[ann_id], tags=["vip"])["changedCount"] == 0
    assert unassign(staff, ids=[ann_id], tags=["Wholesale", "unknown"]) == {
        "changedCount": 1,
        "customerProfiles": [{"email": "ann@example.com", "tags": ["vip"]}],
        "errors": [],
    }
    assert unassign(staff, ids=[ann_id], tags=["wholesale"])["changedCount"] == 0


def test_a_user_who_has_not_bought_yet_gets_a_profile(shop, staff):
    answer = assign(staff, userIds=[global_id("User", shop.ben.pk)], tags=["press"])
    assert answer["customerProfiles"] == [{"email": "ben@example.com", "tags": ["press"]}]


def test_who_did_it_is_kept(shop, staff, app_with, ann_id, guest_id):
    assign(staff, ids=[ann_id], tags=["vip"])
    assign(app_with("MANAGE_USERS"), ids=[guest_id], tags=["vip"])
    rows = (
        ProfileEvent.objects.filter(kind="tag_assigned")
        .order_by("pk")
        .values_list("kind", "actor_type", "details__tag")
    )
    assert list(rows) == [("tag_assigned", "staff", "vip"), ("tag_assigned", "app", "vip")]
    assert list(CustomerTag.objects.order_by("pk").values_list("actor_type", flat=True)) == ["staff", "app"]


def test_bad_input_names_the_field_and_writes_nothing(shop, staff, ann_id):
    nobody, ben = global_id("CustomerProfile", 2**30), global_id("User", shop.ben.pk)
    for arguments, refused in [
        ({"ids": [ann_id], "tags": ["a,b"]}, ("tags", "INVALID")),
        ({"ids": [ann_id], "tags": [" "]}, ("tags", "REQUIRED")),
        ({"ids": [ann_id], "tags": []}, ("tags", "REQUIRED")),
        ({"ids": [ann_id], "tags": ["x"] * (TAGS_PER_CALL + 1)}, ("tags", "LIMIT_REACHED")),
        ({"tags": ["x"]}, ("ids", "REQUIRED")),
        ({"ids": [ann_id] * (CUSTOMERS_PER_CALL + 1), "tags": ["x"]}, ("ids", "LIMIT_REACHED")),
        ({"ids": [ann_id, nobody], "tags": ["x"]}, ("ids", "NOT_FOUND")),
        ({"ids": [global_id("User", shop.ann.pk)], "tags": ["x"]}, ("ids", "GRAPHQL_ERROR")),
        ({"userIds": [global_id("User", 2**30)], "tags": ["x"]}, ("userIds", "NOT_FOUND")),
        ({"userIds": [ann_id], "tags": ["x"]}, ("userIds", "GRAPHQL_ERROR")),
        ({"userIds": [ben], "tags": ["a,b"]}, ("tags", "INVALID")),
        ({"userIds": [ben], "tags": ["x"] * (TAGS_PER_CALL + 1)}, ("tags", "LIMIT_REACHED")),
        ({"userIds": [ben], "ids": [nobody], "tags": ["x"]}, ("ids", "NOT_FOUND")),
    ]:
        for change in (assign, unassign):
            (error,) = change(staff, **arguments)["errors"]
            assert (error["field"], error["code"]) == refused, arguments
            assert error["message"]
    assert not CustomerTag.objects.exists()
    assert CustomerProfile.objects.count() == 2
