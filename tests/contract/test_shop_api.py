"""The stand-in's GraphQL endpoint answers as Saleor's does."""

import re
from typing import Any

import pytest
from django.test import Client
from graphql import parse, validate
from saleor.graphql.api import schema
from saleor.permission.enums import OrderPermissions

from tests.devshop import explorer, factories
from tests.devshop.client import GraphQLClient
from tests.devshop.samples import samples

from .storefront import global_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> GraphQLClient:
    return GraphQLClient(user=factories.make_staff(permissions=[OrderPermissions.MANAGE_ORDERS]))


def code_of(body: dict[str, Any]) -> str:
    return body["errors"][0]["extensions"]["exception"]["code"]


def test_who_may_not_is_told_so(graphql_client: GraphQLClient) -> None:
    body = graphql_client.post("{ orders(first: 1) { totalCount } }")
    assert body["data"] == {"orders": None}
    assert code_of(body) == "PermissionDenied"


def test_an_app_may_what_it_was_given(graphql_client: GraphQLClient) -> None:
    _app, token = factories.make_app(permissions=[OrderPermissions.MANAGE_ORDERS])
    assert graphql_client.data("{ orders(first: 1) { totalCount } }", app=token) == {"orders": {"totalCount": 0}}


def test_a_field_that_is_not_there_is_an_error(graphql_client: GraphQLClient) -> None:
    response = graphql_client.send({"query": "{ nope }"})
    assert response.status_code == 400
    assert code_of(response.json()) == "GraphQLError"


@pytest.mark.parametrize(("arguments", "refused"), [("first: 101", True), ("", True), ("first: 100", False)])
def test_a_list_is_asked_for_in_pages(staff: GraphQLClient, arguments: str, refused: bool) -> None:
    field = f"orders({arguments})" if arguments else "orders"
    body = staff.post(f"{{ {field} {{ edges {{ node {{ id }} }} }} }}")
    assert ("errors" in body) is refused


def test_a_query_has_a_cost(graphql_client: GraphQLClient, channel: Any, settings: Any) -> None:
    query = '{ products(first: 100, channel: "default-channel") { edges { node { name } } } }'
    cost = graphql_client.post(query)["extensions"]["cost"]["requestedQueryCost"]
    assert cost >= 100
    settings.GRAPHQL_QUERY_MAX_COMPLEXITY = cost - 1
    assert code_of(graphql_client.post(query)) == "QueryCostError"


def test_one_request_holds_one_query(graphql_client: GraphQLClient, settings: Any) -> None:
    queries = [{"query": "{ me { id } }"}] * 2
    assert graphql_client.send(queries).status_code == 400
    settings.GRAPHQL_BATCH_MAX_COUNT = 2
    assert graphql_client.send(queries).json() == [graphql_client.post("{ me { id } }")] * 2


def test_it_is_a_subgraph(graphql_client: GraphQLClient, product: Any) -> None:
    sdl = graphql_client.data("{ _service { sdl } }")["_service"]["sdl"]
    assert re.search(r'type Product implements Node @key\(fields: "id"\)|type Product .*@key', sdl)
    entities = graphql_client.data(
        "query($found: [_Any!]!) { _entities(representations: $found) { ... on Product { name } } }",
        {"found": [{"__typename": "Product", "id": global_id(product), "channel": "default-channel"}]},
    )
    assert entities == {"_entities": [{"name": "Apple"}]}


def test_the_explorer_needs_no_internet(client: Client) -> None:
    response = client.get("/graphql/")
    assert response.status_code == 200
    page = explorer.PAGE.read_text()
    assert explorer.OFFER in page
    assert explorer.OFFER not in response.content.decode()
    assert not re.findall(r"https?://|src=|@import|url\(", page)


def test_the_samples_can_be_asked() -> None:
    for sample in samples():
        assert not validate(schema, parse(sample.query)), sample.title
