"""`customerProfileUnmerge`: two customers are two again."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.graphql.client import global_id
from tests.graphql.profiles.merging.conftest import MERGE, UNMERGE
from tests.integration.recommendations.shop import publish

pytestmark = pytest.mark.django_db


def test_each_is_as_before(ids, staff):
    merge = staff.data(MERGE, source=ids["guy"], target=ids["ann"])["customerProfileMerge"]["merge"]["id"]
    done = staff.data(UNMERGE, merge=merge)["customerProfileUnmerge"]
    assert done["merge"].pop("undoneAt")
    assert done == {
        "source": {"id": ids["guy"], "email": "guy@example.com", "ordersCount": 1},
        "target": {"id": ids["ann"], "email": "ann@example.com", "ordersCount": 2, "merges": []},
        "merge": {"id": merge, "canBeUndone": False},
        "points": 100,
        "debt": 0,
        "errors": [],
    }


def test_neither_sees_anything_of_the_other_any_more(ids, merged, staff, as_ann, as_ben):
    staff.data(UNMERGE, merge=merged)
    query = "query ($id: ID) { customerProfile(id: $id) { id } }"
    for api, own, other in ((as_ann, "ann", "ben"), (as_ben, "ben", "ann")):
        assert api.data(query, id=ids[own]) == {"customerProfile": {"id": ids[own]}}
        assert api.denied(query, id=ids[other]) == {"OWNER", "MANAGE_USERS"}
    assert as_ben.data("{ me { loyaltyAccount { balance } } }")["me"] == {"loyaltyAccount": None}


def test_nobody_keeps_a_list_that_was_learnt_from_both(shop, ids, merged, staff, as_ann):
    head = CustomerProfile.objects.get(user=shop.ann, merged_into=None)
    publish(popular={shop.channel: [shop.plum]}, again={head.pk: [shop.plum]})
    query = '{ me { recommendations(channel: "default-channel", kind: BUY_AGAIN, first: 1) { reason { kind } } } }'
    assert as_ann.data(query)["me"]["recommendations"] == [{"reason": {"kind": "BOUGHT_BEFORE"}}]
    staff.data(UNMERGE, merge=merged)
    assert as_ann.data(query)["me"]["recommendations"] != [{"reason": {"kind": "BOUGHT_BEFORE"}}]


def test_what_is_refused(shop, ids, merged, staff):
    def error(merge):
        (found,) = staff.data(UNMERGE, merge=merge)["customerProfileUnmerge"]["errors"]
        return found["field"], found["code"]

    assert error(global_id("CustomerMerge", 2**30)) == ("mergeId", "NOT_FOUND")
    assert error(ids["ann"]) == ("mergeId", "GRAPHQL_ERROR")
    staff.data(UNMERGE, merge=merged)
    assert error(merged) == ("mergeId", "NOT_APPLICABLE")


def test_only_who_manages_users(merged, as_ann, as_ben, anonymous, staff_with, app_with):
    requestors = (as_ann, as_ben, anonymous, staff_with("MANAGE_ORDERS", "MANAGE_DISCOUNTS"), app_with("MANAGE_ORDERS"))
    for requestor in requestors:
        assert requestor.denied(UNMERGE, merge=merged) == {"MANAGE_USERS"}
    assert CustomerProfile.objects.exclude(merged_into=None).exists()
    assert app_with("MANAGE_USERS").data(UNMERGE, merge=merged)["customerProfileUnmerge"]["errors"] == []
