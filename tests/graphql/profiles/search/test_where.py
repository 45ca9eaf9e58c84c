"""`customerProfiles(where:)`: each field alone, together, and what it refuses."""

from __future__ import annotations

from uuid import uuid4

import pytest

from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics, ProfileOrder
from tests.graphql.client import global_id
from tests.graphql.profiles.search.conftest import PROFILES, day

pytestmark = pytest.mark.django_db

EVERYBODY = ["ada", "ben", "cat", "dan", "eve", "guy"]


def moment(number: int) -> str:
    return day(number).isoformat()


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, EVERYBODY),
        ({"tags": {"containsAny": ["VIP"]}}, ["ada", "ben"]),
        ({"tags": {"containsAny": ["vip", "eu"]}}, ["ada", "ben", "cat"]),
        ({"tags": {"containsAll": ["vip", "eu"]}}, ["ada"]),
        ({"tags": {"containsAny": ["vip"], "containsAll": ["eu"]}}, ["ada"]),
        ({"tags": {"containsAny": ["unknown"]}}, []),
        ({"lifecycleStage": {"eq": "LOYAL"}}, ["ada"]),
        ({"lifecycleStage": {"oneOf": ["LOYAL", "REPEAT"]}}, ["ada", "ben"]),
        ({"rfmGroup": {"eq": "CHAMPIONS"}}, ["ada"]),
        ({"rfmGroup": {"oneOf": ["CHAMPIONS", "LOYAL"]}}, ["ada", "ben"]),
        ({"rfmGroup": {"oneOf": ["CHAMPIONS", "LOYAL"], "currency": "eur"}}, ["ben"]),
        # Eve has no order at all, Dan one that was cancelled; Guy has ordered, but not yet in dollars.
        ({"rfmGroup": {"eq": "PROSPECTS"}}, ["dan", "eve"]),
        ({"rfmGroup": {"eq": "PROSPECTS", "currency": "USD"}}, ["dan", "eve", "guy"]),
        ({"rfmGroup": {"oneOf": ["LOYAL", "PROSPECTS"]}}, ["ben", "dan", "eve"]),
        ({"customerType": {"eq": "B2B"}}, ["ada"]),
        ({"customerType": {"oneOf": ["B2C", "B2G"]}}, ["ben", "cat", "dan", "eve", "guy"]),
        ({"ordersCount": {"eq": 3}}, ["ada", "cat"]),
        ({"ordersCount": {"eq": 0}}, ["dan", "eve"]),
        ({"ordersCount": {"eq": 5}}, ["ben"]),
        ({"ordersCount": {"oneOf": [2, 5]}}, ["ben", "guy"]),
        ({"ordersCount": {"range": {"gte": 2, "lte": 3}}}, ["ada", "cat", "guy"]),
        ({"ordersCount": {"range": {"gte": 4}}}, ["ben"]),
        ({"netSpent": {"currency": "USD", "eq": 300}}, ["ada", "cat"]),
        ({"netSpent": {"currency": "usd", "range": {"gte": "40.50"}}}, ["ada", "ben", "cat"]),
        ({"netSpent": {"currency": "USD", "range": {"gte": "40.51"}}}, ["ada", "cat"]),
        ({"netSpent": {"currency": "USD", "range": {"lte": 100}}}, ["ben"]),
        ({"netSpent": {"currency": "EUR", "oneOf": [90, 300]}}, ["ben", "guy"]),
        ({"netSpent": {"currency": "JPY", "range": {"gte": 0}}}, []),
        ({"lastOrderAt": {"gte": moment(15)}}, ["ben", "guy"]),
        # Ben bought on the 20th in dollars, but on the 25th in euros.
        ({"lastOrderAt": {"lte": moment(22)}}, ["ada", "cat", "guy"]),
        ({"lastOrderAt": {"gte": moment(10), "lte": moment(22)}}, ["ada", "guy"]),
        ({"createdAt": {"gte": moment(3), "lte": moment(4)}}, ["cat", "dan"]),
        ({"isGuest": True}, ["guy"]),
        ({"isGuest": False}, ["ada", "ben", "cat", "dan", "eve"]),
        ({"consent": {"purpose": "MARKETING_EMAIL", "state": "GRANTED"}}, ["ada"]),
        ({"consent": {"purpose": "MARKETING_EMAIL", "state": "REFUSED"}}, ["ben"]),
        ({"consent": {"purpose": "MARKETING_EMAIL"}}, ["cat", "dan", "eve", "guy"]),
        ({"consent": {"purpose": "MARKETING_SMS", "state": "GRANTED"}}, []),
        ({"isGuest": False, "ordersCount": {"eq": 3}, "tags": {"containsAny": ["vip"]}}, ["ada"]),
        ({"AND": [{"isGuest": False}, {"tags": {"containsAny": ["eu"]}}]}, ["ada", "cat"]),
        ({"OR": [{"isGuest": True}, {"tags": {"containsAll": ["vip", "eu"]}}]}, ["ada", "guy"]),
        (
            {"AND": [{"OR": [{"isGuest": True}, {"ordersCount": {"eq": 3}}]}, {"customerType": {"eq": "B2C"}}]},
            ["cat", "guy"],
        ),
        ({"isGuest": None, "tags": None}, EVERYBODY),
    ],
)
def test_what_is_found(marks, find, where, found):
    assert find(where=where) == found


@pytest.mark.parametrize("why", [{"profiling_allowed": False}, {"erased_at": day(9)}])
def test_who_may_not_be_profiled_is_no_prospect(marks, find, people, why):
    CustomerProfile.objects.filter(pk=people.eve.pk).update(**why)
    assert find(where={"rfmGroup": {"eq": "PROSPECTS"}}) == ["dan"]


def test_who_bought_in_one_currency_is_no_prospect_for_what_was_cancelled_in_another(marks, find, people):
    ProfileMetrics.objects.filter(profile=people.guy).exclude(currency="USD").update(rfm_group="loyal")
    ProfileMetrics.objects.create(
        profile=people.guy, currency="USD", rfm_group="prospects",
        orders_count=0, gross_spent=0, refunded=0, net_spent=0,
    )  # fmt: skip
    assert find(where={"rfmGroup": {"eq": "PROSPECTS"}}) == ["dan", "eve"]
    assert find(where={"rfmGroup": {"oneOf": ["LOYAL", "PROSPECTS"]}}) == ["ben", "dan", "eve", "guy"]
    assert find(where={"rfmGroup": {"eq": "PROSPECTS", "currency": "usd"}}) == ["dan", "eve", "guy"]


def test_orders_without_numbers_make_no_prospects(marks, find, people):
    """As they are while profiles are switched off."""
    ProfileMetrics.objects.filter(profile=people.guy).delete()
    ProfileOrder.objects.create(
        order_id=uuid4(), profile=people.guy, channel_id=1, currency="EUR", placed_at=day(1), counts=True,
        gross_amount=10, refunded_amount=0,
    )  # fmt: skip
    assert find(where={"rfmGroup": {"eq": "PROSPECTS"}}) == ["dan", "eve"]
    assert find(where={"rfmGroup": {"eq": "PROSPECTS", "currency": "EUR"}}) == ["ada", "cat", "dan", "eve"]


def test_by_id_segment_and_tier(marks, find, people):
    big, small = marks.segments
    assert find(where={"segment": {"eq": big}}) == ["ada"]
    assert find(where={"segment": {"oneOf": [big, small]}}) == ["ada", "ben"]
    assert find(where={"segment": {"eq": global_id("CustomerSegment", 2**30)}}) == []
    assert find(where={"tier": {"eq": marks.tier}}) == ["cat"]
    assert find(where={"tier": {"oneOf": [marks.tier]}}) == ["cat"]
    ids = [global_id("CustomerProfile", profile.pk) for profile in (people.dan, people.ben)]
    assert find(where={"ids": ids}) == ["ben", "dan"]


def test_together_with_search_and_count(marks, find, staff):
    assert find(search="a", where={"tags": {"containsAny": ["eu"]}}) == ["ada", "cat"]
    count = "query ($where: CustomerProfileWhereInput) { customerProfiles(where: $where) { totalCount } }"
    assert staff.data(count, where={"ordersCount": {"eq": 3}}) == {"customerProfiles": {"totalCount": 2}}
    assert staff.data(count) == {"customerProfiles": {"totalCount": 6}}


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"ordersCount": {}}, "`ordersCount`"),
        ({"ordersCount": {"eq": 1, "oneOf": [1]}}, "`ordersCount`"),
        ({"ordersCount": {"oneOf": []}}, "`ordersCount`"),
        ({"ordersCount": {"oneOf": list(range(101))}}, "1 to 100"),
        ({"ordersCount": {"range": {}}}, "`gte`"),
        ({"ordersCount": {"range": {"gte": 3, "lte": 2}}}, "`gte` is above `lte`"),
        ({"createdAt": {"gte": "2026-05-02T00:00:00Z", "lte": "2026-05-01T00:00:00Z"}}, "`createdAt`"),
        ({"tags": {}}, "`tags`"),
        ({"tags": {"containsAny": ["a,b"]}}, "'a,b' is no tag"),
        ({"segment": {"eq": "nonsense"}}, ""),
        ({"segment": {"eq": global_id("User", 1)}}, ""),
        ({"ids": []}, "`ids`"),
        ({"AND": [{"isGuest": True}], "isGuest": True}, "`AND`"),
        ({"AND": [{"isGuest": True}], "OR": [{"isGuest": True}]}, "`AND`"),
        ({"OR": []}, "`OR`"),
        ({"AND": [{"AND": [{"AND": [{"AND": [{"AND": [{"isGuest": True}]}]}]}]}]}, "5 deep"),
        ({"OR": [{"isGuest": True}] * 51}, "50 conditions"),
    ],
)
def test_what_contradicts_itself_is_said(marks, staff, where, says):
    code, message = staff.error(PROFILES, first=1, where=where)
    assert code == "GraphQLError"
    assert says in message


def test_whatever_is_asked_is_one_statement(marks, staff):
    plain = staff.statements(PROFILES, first=1)
    everything = {
        "OR": [
            {"tags": {"containsAll": ["vip", "eu"], "containsAny": ["vip"]}, "isGuest": False},
            {"netSpent": {"currency": "USD", "range": {"gte": 1}}, "ordersCount": {"range": {"lte": 9}}},
            {"consent": {"purpose": "PROFILING"}, "lastOrderAt": {"lte": moment(9)}, "tier": {"eq": marks.tier}},
        ]
    }
    sort = {"field": "NET_SPENT", "direction": "DESC", "currency": "USD"}
    assert staff.statements(PROFILES, first=50, where=everything, sortBy=sort, search="a") == plain
