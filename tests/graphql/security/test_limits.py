"""What one request can ask for is bounded, however it is written: long, deep, under many names, many at once."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from saleor_crm_plugin.graphql.profiles.search.where import CONDITIONS_LIMIT, DEPTH_LIMIT
from saleor_crm_plugin.profiles.segments.parsing import MAX_CONDITIONS, MAX_DEPTH, MAX_LIST_LENGTH
from saleor_crm_plugin.profiles.segments.syntax import QUERY_MAX_LENGTH
from saleor_crm_plugin.recommendations.tracking.checking import EVENTS_LIMIT
from saleor_crm_plugin.recommendations.tracking.limiting import SENDER_LIMIT
from saleor_crm_plugin.recommendations.tracking.models import RecommendationEvent
from tests.graphql.client import Api, global_id
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

# Mutations in a request: Saleor 3.24 takes no more.
MUTATIONS_LIMIT = 4
LIST = 'recommendations(channel: "default-channel", first: 100) { product { name } reason { products { name } } }'


def statements_about_us(captured: Any) -> list[str]:
    return [one["sql"] for one in captured if "crm_" in one["sql"]]


def refused_before_anything_is_read(api: Api, query: str, **variables: Any) -> str:
    with CaptureQueriesContext(connections["default"]) as captured:
        answer = api.post(query, **variables)
    assert not answer.get("data")
    assert statements_about_us(captured.captured_queries) == []
    return answer["errors"][0]["message"]


def test_many_names_for_one_list_cost_as_many_lists(shop, settings) -> None:
    settings.GRAPHQL_QUERY_MAX_COMPLEXITY = 50_000
    aliases = " ".join(f"a{number}: {LIST}" for number in range(200))
    assert "cost" in refused_before_anything_is_read(Api(), f"{{ {aliases} }}")
    fragment = f"query {{ {' '.join('...F' for _ in range(3))} {aliases} }} fragment F on Query {{ {LIST} }}"
    assert "cost" in refused_before_anything_is_read(Api(), fragment)


def test_a_list_in_a_list_costs_their_product(shop, settings, staff_with) -> None:
    settings.GRAPHQL_QUERY_MAX_COMPLEXITY = 50_000
    query = """{ customerProfiles(first: 100) { edges { node { timeline(first: 100) { edges { node {
      order { id } actorUser { customerProfile { timeline(first: 100) { edges { node { id } } } } }
    } } } } } } }"""
    assert "cost" in refused_before_anything_is_read(staff_with("MANAGE_USERS"), query)


def test_a_circle_of_types_costs_each_round(shop, settings, staff_with) -> None:
    """From customer to account to customer: one at a time it is cheap, and bounded all the same."""
    settings.GRAPHQL_QUERY_MAX_COMPLEXITY = 100
    ann = global_id("User", shop.ann.pk)

    def nested(rounds: int) -> str:
        inner = reduce(lambda within, _: f"user {{ customerProfile {{ {within} }} }}", range(rounds), "id")
        return f'{{ customerProfile(userId: "{ann}") {{ {inner} }} }}'

    staff = staff_with("MANAGE_USERS")
    staff.data(nested(20))
    assert "cost" in refused_before_anything_is_read(staff, nested(60))


@pytest.mark.parametrize("depth", [DEPTH_LIMIT + 1, 100])
def test_a_deep_condition_is_refused(shop, staff_with, depth) -> None:
    query = "query ($where: CustomerProfileWhereInput) { customerProfiles(first: 1, where: $where) { totalCount } }"
    where = reduce(lambda within, _: {"AND": [within]}, range(depth), {"isGuest": True})
    answer = staff_with("MANAGE_USERS").post(query, where=where)
    assert f"nested up to {DEPTH_LIMIT} deep" in answer["errors"][0]["message"]
    wide = {"OR": [{"isGuest": True}] * (CONDITIONS_LIMIT + 1)}
    answer = staff_with("MANAGE_USERS").post(query, where=wide)
    assert f"up to {CONDITIONS_LIMIT} conditions" in answer["errors"][0]["message"]


@pytest.mark.parametrize("amount", ["1e-99999", "-1e-16384", "0e-99999", "1e99999"])
def test_an_amount_that_no_database_holds_is_refused(shop, staff_with, amount) -> None:
    staff = staff_with("MANAGE_USERS")
    where = "query ($where: CustomerProfileWhereInput) { customerProfiles(first: 1, where: $where) { totalCount } }"
    for asked in ({"eq": amount}, {"oneOf": [amount]}, {"range": {"gte": amount}}):
        code, message = staff.error(where, where={"netSpent": {"currency": "USD", **asked}})
        assert (code, message) == ("GraphQLError", "No amount has as many digits as one of `netSpent`.")
    sorted_ = """query ($after: String) { customerProfiles(
        first: 1, after: $after, sortBy: { field: NET_SPENT, currency: "USD", direction: ASC }
    ) { edges { node { id } } } }"""
    cursor = b64encode(json.dumps(["net_spent asc USD", amount, 1]).encode()).decode()
    code, message = staff.error(sorted_, after=cursor)
    assert (code, message.partition(".")[0]) == ("GraphQLError", "The cursor is not one of this list, sorted like this")
    cursor = b64encode(json.dumps(["net_spent asc USD", "0.001", 1]).encode()).decode()
    assert staff.data(sorted_, after=cursor)["customerProfiles"]["edges"]


SEGMENT_QUERIES = {
    "long": "orders_count" + " " * QUERY_MAX_LENGTH + "> 0",
    "deep": "NOT (" * (MAX_DEPTH + 1) + "orders_count > 0" + ")" * (MAX_DEPTH + 1),
    "deepest": "NOT (" * 650 + "orders_count > 0" + ")" * 650,
    "negated": "NOT " * 900 + "orders_count > 0",
    "wide": " OR ".join(["orders_count = 1"] * (MAX_CONDITIONS + 1)),
    "list": f"orders_count IN ({', '.join(['1'] * (MAX_LIST_LENGTH + 1))})",
    "number": "orders_count > " + "9" * 3000,
}


@pytest.mark.parametrize("text", SEGMENT_QUERIES.values(), ids=SEGMENT_QUERIES.keys())
def test_a_segment_asks_for_so_much(shop, staff_with, text) -> None:
    staff = staff_with("MANAGE_USERS")
    preview = "query ($text: String!) { customerSegmentPreview(query: $text) { count errors { message } } }"
    found = staff.data(preview, text=text)["customerSegmentPreview"]
    assert found["count"] is None
    assert found["errors"]
    create = """mutation ($text: String!) {
      customerSegmentCreate(input: { name: "x", query: $text }) { errors { code } } }"""
    assert staff.data(create, text=text)["customerSegmentCreate"]["errors"] == [{"code": "INVALID"}]


def test_brackets_that_change_nothing_cost_nothing(shop, staff_with) -> None:
    """As many as a query has room for."""
    preview = "query ($text: String!) { customerSegmentPreview(query: $text) { count errors { message } } }"
    staff = staff_with("MANAGE_USERS")
    plain = staff.data(preview, text="orders_count > 0")
    assert staff.data(preview, text="(" * 1900 + "orders_count > 0" + ")" * 1900) == plain


@pytest.fixture
def within_a_minute() -> Iterator[None]:
    # After everything in the shop was made.
    with time_machine.travel(timezone.now().replace(second=1) + timedelta(minutes=1), tick=False):
        yield


@pytest.mark.usefixtures("within_a_minute")
def test_events_under_many_names_meet_the_limit_of_their_sender(shop) -> None:
    event = {"type": "SHOWN", "productId": global_id("Product", shop.apple.pk), "kind": "FOR_YOU"}
    answers: list[Any] = []
    count = SENDER_LIMIT // EVENTS_LIMIT + 3
    for first in range(0, count, MUTATIONS_LIMIT):
        calls, variables = [], {}
        for number in range(first, min(first + MUTATIONS_LIMIT, count)):
            events = [{**event, "eventId": f"event-{number}-{one}"} for one in range(EVENTS_LIMIT)]
            variables[f"i{number}"] = {
                "channel": "default-channel", "sessionId": "0123456789abcdef", "events": events
            }  # fmt: skip
            calls.append(f"a{number}: recommendationEventTrack(input: $i{number}) {{ recorded errors {{ code }} }}")
        declared = ", ".join(f"${name}: RecommendationEventTrackInput!" for name in variables)
        answers += Api().data(f"mutation ({declared}) {{ {' '.join(calls)} }}", **variables).values()
    codes = [[error["code"] for error in answer["errors"]] for answer in answers]
    assert codes == [[]] * (SENDER_LIMIT // EVENTS_LIMIT) + [["RATE_LIMITED"]] * 3
    assert RecommendationEvent.objects.count() == SENDER_LIMIT


@pytest.mark.usefixtures("within_a_minute")
def test_made_up_sessions_meet_the_limit_of_the_shop(shop) -> None:
    crm_settings(tracking_events_per_minute="600")
    track = """mutation ($input: RecommendationEventTrackInput!) {
      recommendationEventTrack(input: $input) { recorded errors { code } } }"""
    event = {"type": "VIEWED", "productId": global_id("Product", shop.apple.pk)}
    codes = []
    for number in range(10):
        events = [{**event, "eventId": f"event-{number}-{one}"} for one in range(100)]
        given = {"channel": "default-channel", "sessionId": f"made-up-session-{number:04d}", "events": events}
        answer = Api().data(track, input=given)["recommendationEventTrack"]
        codes.append([error["code"] for error in answer["errors"]])
    assert codes == [[]] * 6 + [["RATE_LIMITED"]] * 4


def test_many_requests_in_one_body_are_as_many_as_the_shop_allows(shop, settings) -> None:
    settings.GRAPHQL_BATCH_MAX_COUNT = 2
    answer = Api().post_raw([{"query": "{ loyaltyTiers { id } }"}] * 3)
    assert "errors" in (answer[0] if isinstance(answer, list) else answer)
    assert "loyaltyTiers" not in json.dumps(answer)


def test_more_things_in_one_call_than_it_takes_are_refused(shop, as_ann, staff_with) -> None:
    many = [global_id("Product", number) for number in range(101)]
    for field in ("productIds", "exclude"):
        query = f'query ($ids: [ID!]) {{ recommendations(channel: "default-channel", {field}: $ids) {{ score }} }}'
        assert Api().error(query, ids=many)[0] == "GraphQLError"
    tags = 'mutation ($ids: [ID!]) { customerTagAssign(ids: $ids, tags: ["x"]) { errors { code } } }'
    ids = [global_id("CustomerProfile", number) for number in range(101)]
    assert staff_with("MANAGE_USERS").data(tags, ids=ids)["customerTagAssign"]["errors"] != []
