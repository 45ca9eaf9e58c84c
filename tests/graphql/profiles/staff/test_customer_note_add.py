"""`customerNoteAdd`, `customerNoteDelete` and `CustomerProfile.notes`."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerNote
from tests.devshop.factories import make_customer, make_staff
from tests.graphql.client import Api, global_id
from tests.graphql.conftest import PERMISSIONS

pytestmark = pytest.mark.django_db

ADD = """
mutation ($id: ID, $userId: ID, $email: String, $text: String!) {
  customerNoteAdd(id: $id, userId: $userId, email: $email, text: $text) {
    note { id text author { type name } } customerProfile { email } errors { field message code }
  }
}
"""
DELETE = """
mutation ($id: ID!) { customerNoteDelete(id: $id) { customerProfile { email } errors { field message code } } }
"""
NOTES = """
query ($id: ID!, $first: Int, $last: Int, $after: String, $before: String) { customerProfile(id: $id) {
  notes(first: $first, last: $last, after: $after, before: $before) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { text } }
  }
} }
"""
ALL = """
{ customerProfiles(first: 50) { edges { node {
  tags notes(first: 5) { totalCount edges { node { text author { name } } } }
  consents { state recordedBy { name } } consentHistory(first: 5) { totalCount edges { node { state } } }
  profilingAllowed
} } } }
"""


def add(api: Api, **arguments):
    return api.data(ADD, **{"text": "Prefers the phone.", **arguments})["customerNoteAdd"]


def test_a_note_says_who_wrote_it(shop, staff, app_with, ann_id):
    writer = make_staff(permissions=[PERMISSIONS["MANAGE_USERS"]])
    writer.first_name, writer.last_name = "Sam", "Staff"
    writer.save()
    answer = add(Api(writer), id=ann_id, text="  Prefers the phone. ")
    assert answer["errors"] == []
    assert answer["customerProfile"] == {"email": "ann@example.com"}
    assert answer["note"]["text"] == "Prefers the phone."
    assert answer["note"]["author"] == {"type": "STAFF", "name": "Sam Staff"}
    of_app = add(app_with("MANAGE_USERS"), email="guy@example.com")
    assert of_app["note"]["author"] == {"type": "APP", "name": "App"}
    assert of_app["customerProfile"] == {"email": "guy@example.com"}
    assert add(staff, userId=global_id("User", shop.ben.pk))["customerProfile"] == {"email": "ben@example.com"}


def test_bad_input_names_the_field_and_writes_nothing(shop, staff, ann_id):
    for arguments, refused in [
        ({"id": ann_id, "text": " "}, ("text", "REQUIRED")),
        ({"id": ann_id, "text": "x" * 4001}, ("text", "INVALID")),
        ({"userId": global_id("User", shop.ben.pk), "text": " "}, ("text", "REQUIRED")),
        ({"email": "ben@example.com", "text": "x" * 4001}, ("text", "INVALID")),
        ({"id": global_id("CustomerProfile", 2**30)}, ("id", "NOT_FOUND")),
        ({"id": global_id("User", shop.ann.pk)}, ("id", "GRAPHQL_ERROR")),
        ({"email": "nobody@example.com"}, ("email", "NOT_FOUND")),
        ({}, (None, "GRAPHQL_ERROR")),
    ]:
        answer = add(staff, **arguments)
        (error,) = answer["errors"]
        assert (error["field"], error["code"]) == refused, arguments
        assert answer["note"] is None
    assert not CustomerNote.objects.exists()
    assert not CustomerProfile.objects.filter(user=shop.ben).exists()


def test_a_note_is_deleted_for_good(staff, ann_id):
    note = add(staff, id=ann_id)["note"]["id"]
    answer = staff.data(DELETE, id=note)["customerNoteDelete"]
    assert answer == {"customerProfile": {"email": "ann@example.com"}, "errors": []}
    assert not CustomerNote.objects.exists()
    for gone, refused in ((note, ("id", "NOT_FOUND")), (ann_id, ("id", "GRAPHQL_ERROR"))):
        (error,) = staff.data(DELETE, id=gone)["customerNoteDelete"]["errors"]
        assert (error["field"], error["code"]) == refused


def test_newest_first_page_by_page(staff, ann_id):
    for text in ("one", "two", "three"):
        add(staff, id=ann_id, text=text)

    def page(**arguments):
        found = staff.data(NOTES, id=ann_id, **arguments)["customerProfile"]["notes"]
        return [edge["node"]["text"] for edge in found["edges"]], found

    texts, first = page(first=2)
    assert (texts, first["totalCount"], first["pageInfo"]["hasNextPage"]) == (["three", "two"], 3, True)
    texts, second = page(first=2, after=first["pageInfo"]["endCursor"])
    assert (texts, second["pageInfo"]["hasNextPage"], second["pageInfo"]["hasPreviousPage"]) == (["one"], False, True)
    assert page(last=2, before=second["pageInfo"]["startCursor"])[0] == ["three", "two"]
    assert staff.error(NOTES, id=ann_id)[0] == "GraphQLError"


def test_a_list_of_customers_takes_as_many_statements_as_one(shop, staff):
    def fill(customers: int) -> None:
        for _ in range(customers):
            user_id = global_id("User", make_customer().pk)
            add(staff, userId=user_id)
            add(staff, userId=user_id)
            staff.data(
                """mutation ($id: ID!) { customerConsentUpdate(
                    userId: $id, consents: [{purpose: PROFILING, state: GRANTED}]
                ) { errors { code } } }""",
                id=user_id,
            )
            staff.data(
                'mutation ($id: ID!) { customerTagAssign(userIds: [$id], tags: ["vip"]) { errors { code } } }',
                id=user_id,
            )

    fill(1)
    few = staff.statements(ALL)
    fill(8)
    assert staff.statements(ALL) == few
