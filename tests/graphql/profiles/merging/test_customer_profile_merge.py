"""`customerProfileMerge`, and what the two people see then."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.devshop.factories import make_customer, make_order
from tests.graphql.client import Api, global_id
from tests.graphql.profiles.merging.conftest import MERGE

pytestmark = pytest.mark.django_db

ME = """
{ me {
    customerProfile { id email ordersCount user { email } metrics { netSpent { amount } } }
    loyaltyAccount { balance transactions(first: 10) { edges { node { points order { userEmail } } } } }
} }
"""
LIST = "query ($search: String) { customerProfiles(first: 10, search: $search) { edges { node { id email } } } }"


def test_a_guest_becomes_part_of_a_customer(shop, ids, staff):
    done = staff.data(MERGE, source=ids["guy"], target=ids["ann"], days=14)["customerProfileMerge"]
    merge = done["merge"]
    assert done["errors"] == []
    assert done["profile"].items() >= {"id": ids["ann"], "email": "ann@example.com", "ordersCount": 3}.items()
    assert (merge["sourceId"], merge["targetId"], merge["undoneAt"]) == (ids["guy"], ids["ann"], None)
    at, until = (datetime.fromisoformat(merge[name]) for name in ("mergedAt", "undoUntil"))
    assert until - at == timedelta(days=14)
    (listed,) = done["profile"]["merges"]
    assert (listed["id"], listed["sourceId"], listed["canBeUndone"]) == (merge["id"], ids["guy"], True)
    assert listed["mergedBy"]["email"].startswith("staff")


def test_an_app_merges_too(ids, app_with):
    done = app_with("MANAGE_USERS").data(MERGE, source=ids["guy"], target=ids["ann"])["customerProfileMerge"]
    assert (done["errors"], done["profile"]["merges"][0]["mergedBy"]) == ([], None)


def test_a_merged_customer_is_in_no_list_and_is_found_as_the_head(shop, ids, merged, staff):
    def listed(search=None):
        return [edge["node"]["id"] for edge in staff.data(LIST, search=search)["customerProfiles"]["edges"]]

    assert listed() == [ids["ann"], ids["guy"]]
    assert listed("ben@") == listed("BAKER") == [ids["ann"]]
    one = """query ($id: ID, $userId: ID, $email: String) {
      customerProfile(id: $id, userId: $userId, email: $email) { id }
    }"""
    for arguments in ({"id": ids["ben"]}, {"userId": global_id("User", shop.ben.pk)}, {"email": "ben@example.com"}):
        assert staff.data(one, **arguments) == {"customerProfile": {"id": ids["ann"]}}
    points = '{ loyaltyAccount(email: "ben@example.com") { balance } }'
    assert staff.data(points)["loyaltyAccount"] == {"balance": 500}


def test_both_see_the_numbers_and_points_and_each_the_own_account(shop, ids, merged, as_ann, as_ben):
    of_ben = make_order(shop.ben, channel=shop.channel, lines=[(shop.plum, 1)])
    sync_orders([of_ben.pk])
    for api, email in ((as_ann, "ann@example.com"), (as_ben, "ben@example.com")):
        me = api.data(ME)["me"]
        profile = {"id": ids["ann"], "email": email, "ordersCount": 3, "user": {"email": email}}
        assert me["customerProfile"] == profile | {"metrics": {"netSpent": {"amount": 55.0}}}
        assert me["loyaltyAccount"]["balance"] == 550
        entries = [edge["node"] for edge in me["loyaltyAccount"]["transactions"]["edges"]]
        seen = [entry["order"] and entry["order"]["userEmail"] for entry in entries]
        # An order tells where its customer lives.
        assert seen == ([None, email, email] if email.startswith("ann") else [email, None, None])


def test_the_profile_is_both_ones_and_nobody_elses(shop, ids, merged, as_ann, as_ben):
    one = "query ($id: ID) { customerProfile(id: $id) { id email user { email } } }"
    for name in ("ann", "ben"):
        for api, email in ((as_ann, "ann@example.com"), (as_ben, "ben@example.com")):
            found = api.data(one, id=ids[name])["customerProfile"]
            assert found == {"id": ids["ann"], "email": email, "user": {"email": email}}
        assert Api(make_customer()).denied(one, id=ids[name]) == {"OWNER", "MANAGE_USERS"}
    assert as_ben.denied(
        "query ($id: ID!) { user(id: $id) { customerProfile { id } } }", id=global_id("User", shop.ann.pk)
    )


def test_both_read_the_timeline(shop, ids, merged, as_ann, as_ben):
    for api, own in ((as_ann, shop.ann), (as_ben, shop.ben)):
        answer = api.data("{ me { customerProfile { timeline(first: 20) { edges { node { kind order { id } } } } } } }")
        events = [edge["node"] for edge in answer["me"]["customerProfile"]["timeline"]["edges"]]
        assert "ORDER_PLACED" in {event["kind"] for event in events}
        orders = {global_id("Order", order.pk) for order in own.orders.all()}
        assert {event["order"]["id"] for event in events if event["order"]} <= orders


def test_only_staff_read_merges(ids, merged, as_ben):
    answer = as_ben.post("{ me { customerProfile { merges { id } } } }")
    assert answer["errors"][0]["extensions"]["exception"]["code"] == "PermissionDenied"
    assert answer["data"]["me"]["customerProfile"] == {"merges": None}


def test_a_gateway_gets_it_for_both(shop, ids, merged, as_ann, as_ben, staff):
    account = global_id("LoyaltyAccount", LoyaltyAccount.objects.get(profile__user=shop.ann).pk)
    asked = [{"__typename": "CustomerProfile", "id": ids["ben"]}, {"__typename": "LoyaltyAccount", "id": account}]
    query = "... on CustomerProfile { id } ... on LoyaltyAccount { balance }"
    for api in (as_ann, as_ben, staff):
        profile, points = api.entities(query, *asked)
        assert (profile["id"], points["balance"]) == (ids["ann"], 500)
    assert Api(make_customer()).entities(query, *asked) == [None, None]


def test_what_is_refused(shop, ids, staff):
    def error(**arguments):
        (found,) = staff.data(MERGE, **arguments)["customerProfileMerge"]["errors"]
        assert found["message"]
        return found["field"], found["code"]

    unknown = global_id("CustomerProfile", 2**30)
    assert error(source=ids["ann"], target=ids["ann"]) == ("targetId", "INVALID")
    assert error(source=unknown, target=ids["ann"]) == ("sourceId", "NOT_FOUND")
    assert error(source=ids["ann"], target=unknown) == ("targetId", "NOT_FOUND")
    assert error(source=global_id("User", shop.ann.pk), target=ids["ann"]) == ("sourceId", "GRAPHQL_ERROR")
    assert error(source=ids["ann"], target="nonsense") == ("targetId", "GRAPHQL_ERROR")
    assert error(source=ids["ann"], target=ids["guy"]) == ("targetId", "INVALID")
    for days in (0, 91):
        assert error(source=ids["guy"], target=ids["ann"], days=days) == ("undoDays", "INVALID")
    LoyaltyAccount.objects.filter(profile__user=None).update(held=1)
    assert error(source=ids["guy"], target=ids["ann"]) == ("sourceId", "NOT_APPLICABLE")
    assert not CustomerProfile.objects.exclude(merged_into=None).exists()


def test_only_who_manages_users(ids, as_ann, anonymous, staff_with, app_with):
    for requestor in (as_ann, anonymous, staff_with("MANAGE_ORDERS", "MANAGE_DISCOUNTS"), app_with("MANAGE_ORDERS")):
        assert requestor.denied(MERGE, source=ids["guy"], target=ids["ann"]) == {"MANAGE_USERS"}
    assert not CustomerProfile.objects.exclude(merged_into=None).exists()


def test_a_list_of_merged_customers_costs_the_same_however_long_it_is(shop, staff):
    heads = [make_customer() for _ in range(6)]
    orders = [make_order(user, channel=shop.channel, lines=[(shop.plum, 1)]).pk for user in heads]
    orders += [
        make_order(email=f"other{number}@example.com", channel=shop.channel, lines=[(shop.plum, 1)]).pk
        for number in range(6)
    ]
    sync_orders(orders)
    guests = CustomerProfile.objects.filter(user=None, identities__value__startswith="other").order_by("pk")
    for user, guest in zip(heads, guests, strict=True):
        target = CustomerProfile.objects.get(user=user)
        pair = {"source": global_id("CustomerProfile", guest.pk), "target": global_id("CustomerProfile", target.pk)}
        assert staff.data(MERGE, **pair)["customerProfileMerge"]["errors"] == []
    query = """query ($n: Int) { customerProfiles(last: $n) { edges { node {
        id email ordersCount merges { id sourceId mergedBy { email } canBeUndone } user { customerProfile { id } }
    } } } }"""
    assert staff.statements(query, n=6) <= staff.statements(query, n=2)


def test_a_note_of_a_merged_customer_is_deleted_from_the_head(ids, staff):
    add = """mutation ($id: ID!) { customerNoteAdd(id: $id, text: "Prefers tea.") { note { id } } }"""
    delete = """mutation ($id: ID!) {
      customerNoteDelete(id: $id) { customerProfile { id ordersCount notes(first: 5) { totalCount } } }
    }"""
    notes = [staff.data(add, id=ids["ben"])["customerNoteAdd"]["note"]["id"] for _ in range(2)]
    staff.data(MERGE, source=ids["ben"], target=ids["ann"])
    answer = staff.data(delete, id=notes[0])["customerNoteDelete"]["customerProfile"]
    assert answer == {"id": ids["ann"], "ordersCount": 2, "notes": {"totalCount": 1}}
