"""`CustomerProfile.timeline`: what happened to a customer, for them and for staff."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import timedelta

import pytest
from django.db import connection
from graphql_relay import from_global_id
from saleor.order.models import Order

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.ingestion.timeline import SOURCES
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerNote
from saleor_crm_plugin.profiles.timeline.log import Event, record
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent, SubjectType
from tests.devshop.factories import make_customer, make_order, make_staff
from tests.devshop.flows import refund_order
from tests.graphql.client import Api, global_id
from tests.graphql.conftest import APRIL, MARCH, PERMISSIONS

pytestmark = pytest.mark.django_db

EVENTS = """
  totalCount
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  edges { cursor node { id kind happenedAt label subjectId order { id } amount { amount currency } quantity points
    actorType actorUser { id } details } }
"""
MINE = f"""
query ($first: Int, $last: Int, $after: String, $before: String, $filter: TimelineFilterInput) {{
  me {{ customerProfile {{
    timeline(first: $first, last: $last, after: $after, before: $before, filter: $filter) {{ {EVENTS} }}
  }} }}
}}
"""
OF_USER = f"""
query ($user: ID!, $first: Int = 20, $filter: TimelineFilterInput) {{
  customerProfile(userId: $user) {{ timeline(first: $first, filter: $filter) {{ {EVENTS} }} }}
}}
"""


def mine(api: Api, **arguments) -> dict:
    return api.data(MINE, **arguments)["me"]["customerProfile"]["timeline"]


def nodes(page: dict) -> list[dict]:
    return [edge["node"] for edge in page["edges"]]


def of_ann(api: Api, shop, **arguments) -> list[dict]:
    answer = api.data(OF_USER, user=global_id("User", shop.ann.pk), **arguments)
    return nodes(answer["customerProfile"]["timeline"])


@pytest.fixture
def busy(shop):
    """Staff have written a note, put a tag on Ann and exported her data."""
    profile = CustomerProfile.objects.get(user=shop.ann)
    shop.staff = make_staff(permissions=[PERMISSIONS["MANAGE_USERS"]])
    CustomerNote.objects.create(
        profile=profile, text="Likes pears", actor_type="staff", actor_id=shop.staff.pk, created_at=APRIL
    )
    staff = Actor(ActorType.STAFF, shop.staff.pk)
    for hours, kind in ((1, EventKind.TAG_ASSIGNED), (2, EventKind.DATA_EXPORTED)):
        record(
            [
                Event(
                    profile.pk, kind, APRIL + timedelta(hours=hours), f"test:{kind}", actor=staff,
                    details={"tag": "vip"}, subject_type=SubjectType.PROFILE, subject_id=str(profile.pk),
                )
            ]
        )  # fmt: skip
    shop.profile = profile
    return shop


def test_more_items_than_an_int_holds_are_as_many_as_it_does(busy, as_ann):
    details = {"amount": "30", "currency": "USD", "quantity": 4_000_000_000, "variants": {}}
    record([Event(busy.profile.pk, EventKind.CHECKOUT_STARTED, APRIL, "test:huge", details=details)])
    started = [node for node in nodes(mine(as_ann, first=20)) if node["kind"] == "CHECKOUT_STARTED"]
    assert [node["quantity"] for node in started] == [2**31 - 1]


def test_a_customer_reads_the_own_timeline(busy, as_ann):
    page = mine(as_ann, first=20)
    second, first = global_id("Order", busy.second.pk), global_id("Order", busy.first.pk)
    assert page["totalCount"] == 7
    assert page["pageInfo"]["hasNextPage"] is False
    found = [
        (
            node["kind"],
            node["happenedAt"],
            node["order"] and node["order"]["id"],
            node["amount"] and node["amount"]["amount"],
            node["quantity"],
            node["actorType"],
        )
        for node in nodes(page)
        if node["kind"] != "POINTS_CHANGED"
    ]
    assert found == [
        ("DATA_EXPORTED", (APRIL + timedelta(hours=2)).isoformat(), None, None, None, "STAFF"),
        ("ORDER_PAID", APRIL.isoformat(), second, 30.0, None, "SYSTEM"),
        ("ORDER_PLACED", APRIL.isoformat(), second, 30.0, 1, "SYSTEM"),
        ("ORDER_PAID", MARCH.isoformat(), first, 20.0, None, "SYSTEM"),
        ("ORDER_PLACED", MARCH.isoformat(), first, 20.0, 1, "SYSTEM"),
    ]
    points = [node for node in nodes(page) if node["kind"] == "POINTS_CHANGED"]
    assert [(node["points"], node["label"], node["order"]["id"]) for node in points] == [
        (300, "earn", second),
        (200, "earn", first),
    ]
    # Neither names of staff nor what they wrote.
    assert all(node["actorUser"] is None and node["details"] is None for node in nodes(page))


def test_staff_see_all_of_it(busy):
    found = {node["kind"]: node for node in of_ann(Api(busy.staff), busy)}
    assert {"NOTE_ADDED", "TAG_ASSIGNED", "DATA_EXPORTED", "ORDER_PAID", "POINTS_CHANGED"} <= found.keys()
    assert found["NOTE_ADDED"]["label"] == "Likes pears"
    assert found["NOTE_ADDED"]["actorUser"] == {"id": global_id("User", busy.staff.pk)}
    assert json.loads(found["TAG_ASSIGNED"]["details"]) == {"tag": "vip"}
    assert found["TAG_ASSIGNED"]["subjectId"] == global_id("CustomerProfile", busy.profile.pk)
    # Orders are another permission.
    assert found["ORDER_PAID"]["amount"] == {"amount": 20.0, "currency": "USD"}
    assert (found["ORDER_PAID"]["subjectId"], found["POINTS_CHANGED"]["subjectId"]) == (None, None)
    assert {node["order"] and 1 for node in found.values()} == {None}


def test_orders_are_for_those_who_may_see_them(busy, staff_with, as_ann):
    both = {node["kind"]: node for node in of_ann(staff_with("MANAGE_USERS", "MANAGE_ORDERS"), busy)}
    first = global_id("Order", busy.first.pk)
    for kind in ("ORDER_PAID", "POINTS_CHANGED"):
        assert (both[kind]["order"], both[kind]["subjectId"]) == ({"id": first}, first)
    Order.objects.filter(pk=busy.first.pk).update(user=busy.ben)
    seen = [node["order"] for node in nodes(mine(as_ann, first=20)) if node["kind"] == "ORDER_PAID"]
    assert seen == [{"id": global_id("Order", busy.second.pk)}, None]


def test_checkouts_are_for_those_who_may_see_them(busy, staff_with, app_with, as_ann, checkout_of):
    """Whoever has the id of a checkout, has the checkout."""
    checkout = checkout_of(as_ann, [(busy.pear, 1)])
    event = Event(
        busy.profile.pk, EventKind.CHECKOUT_STARTED, APRIL, "test:checkout", SubjectType.CHECKOUT,
        str(from_global_id(checkout)[1]), details={"amount": "30", "currency": "USD"},
    )  # fmt: skip
    record([event])
    only = {"kinds": ["CHECKOUT_STARTED"]}
    for make in (staff_with, app_with):
        (without,) = of_ann(make("MANAGE_USERS", "MANAGE_ORDERS"), busy, filter=only)
        assert (without["subjectId"], without["amount"]["amount"]) == (None, 30.0)
        (allowed,) = of_ann(make("MANAGE_USERS", "MANAGE_CHECKOUTS"), busy, filter=only)
        assert allowed["subjectId"] == checkout
    (own,) = nodes(mine(as_ann, first=1, filter=only))
    assert own["subjectId"] == checkout


def test_an_order_that_is_gone_leaves_its_events(busy, as_ann):
    ProfileEvent.objects.filter(kind="data_exported").delete()
    record(
        [
            Event(
                busy.profile.pk, EventKind.ORDER_CANCELLED, APRIL, "test:gone",
                SubjectType.ORDER, "00000000-0000-0000-0000-000000000000",
            )
        ]
    )  # fmt: skip
    (node,) = nodes(mine(as_ann, first=20, filter={"kinds": ["ORDER_CANCELLED"]}))
    assert (node["order"], node["amount"]) == (None, None)
    assert node["subjectId"] == global_id("Order", "00000000-0000-0000-0000-000000000000")


def test_more_points_than_an_int_holds_are_shown_as_the_most(busy, as_ann):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE crm_points_transaction SET points = %s WHERE order_id = %s", [2**31, busy.second.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")
    (node,) = nodes(mine(as_ann, first=1, filter={"kinds": ["POINTS_CHANGED"]}))
    assert node["points"] == 2**31 - 1


def test_an_app_with_the_permission_sees_it(busy, app_with):
    assert "NOTE_ADDED" in {node["kind"] for node in of_ann(app_with("MANAGE_USERS"), busy)}


@pytest.mark.parametrize("who", ["anonymous", "as_ben", "staff", "app"])
def test_nobody_else_does(busy, who, request, staff_with, app_with):
    api = {"staff": staff_with("MANAGE_ORDERS"), "app": app_with("MANAGE_ORDERS")}.get(who)
    api = api or request.getfixturevalue(who)
    assert api.denied(OF_USER, user=global_id("User", busy.ann.pk)) == {"OWNER", "MANAGE_USERS"}


def test_a_customer_does_not_get_internal_kinds_by_name(busy, as_ann):
    page = mine(as_ann, first=20, filter={"kinds": ["NOTE_ADDED", "TAG_ASSIGNED", "DATA_EXPORTED"]})
    assert [node["kind"] for node in nodes(page)] == ["DATA_EXPORTED"]
    assert page["totalCount"] == 1


def test_pages_forwards_and_backwards(busy, as_ann):
    whole = [node["id"] for node in nodes(mine(as_ann, first=20))]
    forwards, after = [], None
    while True:
        page = mine(as_ann, first=3, after=after)
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        forwards += [node["id"] for node in nodes(page)]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert forwards == whole
    last = mine(as_ann, last=3)
    assert [node["id"] for node in nodes(last)] == whole[-3:]
    before = mine(as_ann, last=3, before=last["pageInfo"]["startCursor"])
    assert [node["id"] for node in nodes(before)] == whole[-6:-3]


def test_what_happens_meanwhile_does_not_shift_a_page(busy, as_ann):
    first = mine(as_ann, first=3)
    expected = nodes(mine(as_ann, first=3, after=first["pageInfo"]["endCursor"]))
    refund_order(busy.second, 5)
    sync_orders([busy.second.pk])
    assert nodes(mine(as_ann, first=3, after=first["pageInfo"]["endCursor"])) == expected
    assert nodes(mine(as_ann, first=20))[0]["kind"] in {"ORDER_REFUNDED", "POINTS_CHANGED"}


def test_times(busy, as_ann):
    until = (MARCH + timedelta(seconds=1)).isoformat()
    page = mine(as_ann, first=20, filter={"until": until, "kinds": ["ORDER_PLACED", "ORDER_PAID"]})
    assert [node["happenedAt"] for node in nodes(page)] == [MARCH.isoformat()] * 2
    page = mine(as_ann, first=20, filter={"since": (APRIL + timedelta(hours=1)).isoformat(), "until": None})
    assert {node["kind"] for node in nodes(page)} <= {"DATA_EXPORTED", "POINTS_CHANGED"}


def cursor(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({}, "give `first` or `last`"),
        ({"first": 0}, "Argument `first` of the `timeline` connection must be between 1 and 100"),
        ({"first": 101}, "Argument `first`"),
        ({"first": 2, "last": 2}, "not both"),
        ({"first": 2, "before": "x"}, "`before` goes with `last`"),
        ({"first": 2, "after": "nonsense"}, "The cursor is not one of this list"),
        ({"first": 2, "after": cursor("12")}, "The cursor is not one of this list"),
        ({"first": 2, "after": cursor("12:nowhere:1")}, "The cursor is not one of this list"),
        ({"first": 2, "after": cursor("x:event:1")}, "The cursor is not one of this list"),
        ({"first": 2, "after": cursor("9" * 30 + ":event:1")}, "The cursor is not one of this list"),
        ({"first": 2, "after": cursor("12:event:" + "9" * 30)}, "The cursor is not one of this list"),
        ({"first": 2, "after": cursor("12:event:-1")}, "The cursor is not one of this list"),
        (
            {"first": 2, "filter": {"since": APRIL.isoformat(), "until": MARCH.isoformat()}},
            "In `filter`, `since` must not be later than `until`.",
        ),
    ],
)
def test_bad_arguments_are_named(busy, as_ann, arguments, part):
    code, message = as_ann.error(MINE, **arguments)
    assert code == "GraphQLError"
    assert part in message


MANY = """
query ($first: Int!) { customerProfiles(first: $first) { edges { node {
  timeline(first: $first) {
    totalCount edges { node { kind happenedAt order { id } actorUser { email } amount { amount } } }
  }
} } } }
"""


def test_a_constant_number_of_statements(busy, staff_with):
    api = staff_with("MANAGE_USERS", "MANAGE_ORDERS")
    few = api.statements(MANY, first=20)
    for _ in range(5):
        sync_orders([make_order(make_customer(), channel=busy.channel).pk])
    assert api.statements(MANY, first=20) == few


def test_each_source_can_be_asked_for(busy):
    api, kinds = Api(busy.staff), set()
    for source in SOURCES:
        kinds |= source.kinds
    names = api.data('{ __type(name: "TimelineEventKindEnum") { enumValues { name } } }')["__type"]["enumValues"]
    assert {value["name"].lower() for value in names} == kinds
    of_ann(api, busy, filter={"kinds": [value["name"] for value in names]})
