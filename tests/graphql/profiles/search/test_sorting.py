"""`customerProfiles(sortBy:)`: values that are not known come last, and pages neither repeat nor skip anybody."""

from __future__ import annotations

from base64 import b64encode

import pytest

from saleor_crm_plugin.profiles.models import ProfileMetrics
from tests.graphql.client import global_id
from tests.graphql.profiles.search.conftest import PROFILES

pytestmark = pytest.mark.django_db

SORTED = [
    ("CREATED_AT", None, "ASC", ["ada", "ben", "cat", "dan", "eve", "guy"]),
    ("CREATED_AT", None, "DESC", ["guy", "eve", "dan", "cat", "ben", "ada"]),
    ("ORDERS_COUNT", None, "ASC", ["dan", "eve", "guy", "ada", "cat", "ben"]),
    ("ORDERS_COUNT", None, "DESC", ["ben", "cat", "ada", "guy", "eve", "dan"]),
    ("ORDERS_COUNT", "EUR", "DESC", ["ben", "guy", "eve", "dan", "cat", "ada"]),
    ("LAST_ORDER_AT", None, "ASC", ["cat", "ada", "guy", "ben", "dan", "eve"]),
    ("LAST_ORDER_AT", None, "DESC", ["ben", "guy", "ada", "cat", "eve", "dan"]),
    ("LAST_ORDER_AT", "USD", "DESC", ["ben", "ada", "cat", "guy", "eve", "dan"]),
    ("NET_SPENT", "USD", "ASC", ["dan", "ben", "ada", "cat", "eve", "guy"]),
    ("NET_SPENT", "usd", "DESC", ["cat", "ada", "ben", "dan", "guy", "eve"]),
    ("NET_SPENT", "EUR", "DESC", ["guy", "ben", "eve", "dan", "cat", "ada"]),
    ("PREDICTED_CLV", "USD", "ASC", ["cat", "ada", "ben", "dan", "eve", "guy"]),
    ("PREDICTED_CLV", "USD", "DESC", ["ada", "cat", "guy", "eve", "dan", "ben"]),
]


def sorting(field, currency, direction):
    return {"field": field, "direction": direction} | ({"currency": currency} if currency else {})


@pytest.mark.parametrize(("field", "currency", "direction", "found"), SORTED)
def test_the_order(find, field, currency, direction, found):
    assert find(sortBy=sorting(field, currency, direction)) == found


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize(("field", "currency", "direction", "found"), SORTED)
def test_pages_there_and_back(staff, people, field, currency, direction, found, size):
    names = {global_id("CustomerProfile", profile.pk): name for name, profile in vars(people).items()}
    arguments = {"sortBy": sorting(field, currency, direction)}

    def page(**where_to):
        answer = staff.data(PROFILES, **arguments, **where_to)["customerProfiles"]
        assert answer["totalCount"] == len(found)
        return [names[edge["node"]["id"]] for edge in answer["edges"]], answer["pageInfo"]

    there, info = page(first=size)
    while info["hasNextPage"]:
        some, info = page(first=size, after=info["endCursor"])
        there += some
        assert info["hasPreviousPage"]
    assert there == found
    back, info = page(last=size)
    while info["hasPreviousPage"]:
        some, info = page(last=size, before=info["startCursor"])
        back = some + back
    assert back == found


def test_a_page_stays_where_it_was_when_others_change(staff, people):
    arguments = {"sortBy": sorting("NET_SPENT", "USD", "DESC")}
    first = staff.data(PROFILES, first=2, **arguments)["customerProfiles"]
    # The second row itself loses its value, and somebody new comes first.
    ProfileMetrics.objects.filter(profile=people.ada).delete()
    ProfileMetrics.objects.create(
        profile=people.eve, currency="USD", orders_count=1, gross_spent=999, refunded=0, net_spent=999
    )
    second = staff.data(PROFILES, first=2, after=first["pageInfo"]["endCursor"], **arguments)["customerProfiles"]
    ids = [edge["node"]["id"] for edge in second["edges"]]
    assert ids == [global_id("CustomerProfile", profile.pk) for profile in (people.ben, people.dan)]


@pytest.mark.parametrize(
    ("sort", "says"),
    [
        ({"field": "NET_SPENT", "direction": "ASC"}, "NET_SPENT needs a `currency`"),
        ({"field": "PREDICTED_CLV", "direction": "ASC", "currency": " "}, "PREDICTED_CLV needs a `currency`"),
        ({"field": "CREATED_AT", "direction": "ASC", "currency": "USD"}, "takes no `currency`"),
        ({"field": "NET_SPENT", "direction": "ASC", "currency": "dollars"}, "three letters"),
    ],
)
def test_what_makes_no_sense_is_said(staff, sort, says):
    code, message = staff.error(PROFILES, first=1, sortBy=sort)
    assert (code, says in message) == ("GraphQLError", True)


def test_a_cursor_of_another_order_is_refused(staff):
    of_spending = staff.data(PROFILES, first=1, sortBy=sorting("NET_SPENT", "USD", "DESC"))
    cursor = of_spending["customerProfiles"]["pageInfo"]["endCursor"]
    for arguments in (
        {"sortBy": sorting("NET_SPENT", "USD", "ASC")},
        {"sortBy": sorting("NET_SPENT", "EUR", "DESC")},
        {"sortBy": sorting("LAST_ORDER_AT", None, "DESC")},
        {},
    ):
        assert staff.error(PROFILES, first=1, after=cursor, **arguments)[0] == "GraphQLError"
    for broken in ("nonsense", "W10=", "eyJhIjogMX0=", "MQ=="):
        assert staff.error(PROFILES, first=1, after=broken)[0] == "GraphQLError"
    forged = b64encode(b'["net_spent desc USD", "NaN", 1]').decode()
    assert staff.error(PROFILES, first=1, after=forged, sortBy=sorting("NET_SPENT", "USD", "DESC"))[0] == "GraphQLError"
