"""The extended schema as clients see it: SDL, introspection, descriptions and cost."""

from __future__ import annotations

import io
import os
from collections import OrderedDict
from pathlib import Path

import graphene
import pytest
from django.core.cache import cache
from django.core.management import call_command
from graphene.types.definitions import GrapheneObjectType
from graphql import build_client_schema
from graphql.execution import ExecutionResult
from graphql.utils.introspection_query import introspection_query
from saleor.graphql import api, views
from saleor.graphql.query_cost_map import COST_MAP
from saleor.graphql.schema_printer import print_type

import saleor_crm_plugin
from saleor_crm_plugin.graphql import additions
from saleor_crm_plugin.graphql.additions import ADDITIONS
from tests.graphql.client import Api
from tests.graphql.pristine import build_pristine, own_types

pytestmark = pytest.mark.django_db

SNAPSHOT = Path(__file__).parent / "__snapshots__" / "additions.graphql"
ADDED = f"Added in saleor-crm-plugin {saleor_crm_plugin.__version__}."


@pytest.fixture(scope="module")
def pristine() -> graphene.Schema:
    return build_pristine()


def test_every_addition_is_described_and_says_since_when(pristine):
    for addition in ADDITIONS:
        field = api.schema.get_type(addition.type_name).fields[addition.name]
        assert ADDED in (field.description or ""), addition
        assert all(argument.description for argument in field.args.values()), addition
    for name in own_types(pristine):
        added = api.schema.get_type(name)
        # Saleor describes neither the edges of its connections nor the list of them.
        if not name.endswith("CountableEdge"):
            assert ADDED in (added.description or ""), name
        for field_name, field in getattr(added, "fields", {}).items():
            assert field.description or field_name in ("edges", "errors"), (name, field_name)
            assert all(argument.description for argument in getattr(field, "args", {}).values()), (name, field_name)
        assert all(value.description for value in getattr(added, "values", ())), name


@pytest.mark.devshop("a real shop describes the arguments that come with its connections in its own words")
def test_the_printed_additions(pristine):
    """Run with CRM_UPDATE_SNAPSHOT=1 to write the file anew, and read its difference before committing it."""
    parts = []
    for type_name in dict.fromkeys(addition.type_name for addition in ADDITIONS):
        owner = api.schema.get_type(type_name)
        fields = OrderedDict((a.name, owner.fields[a.name]) for a in ADDITIONS if a.type_name == type_name)
        part = GrapheneObjectType(graphene_type=graphene.ObjectType, name=type_name, fields=fields)
        parts.append(f"extend {print_type(part)}")
    parts += [print_type(api.schema.get_type(name)) for name in own_types(pristine)]
    # Saleor indents the empty lines of a description; an editor would not let a file keep that.
    sdl = "".join(f"{line.rstrip()}\n" for line in "\n\n".join(parts).splitlines())
    if os.environ.get("CRM_UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(sdl)
    assert sdl == SNAPSHOT.read_text()


def test_the_sdl_for_federation_has_our_fields_and_keys():
    sdl = Api().data("{ _service { sdl } }")["_service"]["sdl"]
    assert Api().data("{ _service { sdl } }")["_service"]["sdl"] == sdl
    for addition in ADDITIONS:
        assert f"\n  {addition.name}" in sdl
    for name in ("LoyaltyAccount", "CustomerProfile"):
        (line,) = [line for line in sdl.splitlines() if line.startswith(f"type {name} ")]
        assert '@key(fields: "id") {' in line
    (user,) = [line for line in sdl.splitlines() if line.startswith("type User ")]
    assert "@key" in user
    assert "\nschema {" not in f"\n{sdl}"
    assert "type Subscription" not in sdl
    assert "_service" not in sdl


def test_the_schema_command_prints_our_fields():
    printed = io.StringIO()
    call_command("get_graphql_schema", stdout=printed)
    for addition in ADDITIONS:
        assert f"\n  {addition.name}" in printed.getvalue()
    assert "type LoyaltyAccount implements Node" in printed.getvalue()


def test_introspection_gives_a_schema_that_clients_can_read():
    answer = Api().data(introspection_query)
    seen = build_client_schema(answer)
    for addition in ADDITIONS:
        assert addition.name in seen.get_type(addition.type_name).fields
    # A default that is no literal of its type stops code generators.
    recommendations = seen.get_type("User").fields["recommendations"]
    assert recommendations.args["first"].default_value == 10
    assert "LoyaltyAccount" in {one.name for one in seen.get_possible_types(seen.get_type("Node"))}


def test_introspection_that_saleor_cached_before_we_came_is_not_served(settings):
    if not hasattr(views, "generate_cache_key"):
        pytest.skip("The stand-in shop caches no introspection.")
    settings.DEBUG = False
    query = '{ __type(name: "LoyaltyAccount") { name } }'
    cache.set(views.generate_cache_key.__wrapped__(query), ExecutionResult(data={"__type": None}))
    for _ in range(2):
        assert Api().data(query) == {"__type": {"name": "LoyaltyAccount"}}


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{ loyaltyAccount { balance pending } }", 1),
        ('{ loyaltyAccount(channel: "x") { worth { amount } expiringSoon { points } } }', 3),
        ("{ loyaltyAccount { transactions(first: 20) { edges { node { points } } } } }", 21),
        ("{ loyaltyAccount { transactions(last: 20) { edges { node { order { id } } } } } }", 41),
        ('{ recommendations(channel: "x", first: 30) { score } }', 30),
        ('{ recommendations(channel: "x") { product { name } } }', 20),
        ('{ recommendations(channel: "x", first: 5) { reason { products { name } } } }', 10),
        ("{ customerProfiles(first: 50) { edges { node { metrics { ordersCount } } } } }", 100),
        ('{ products(channel: "x", first: 10) { edges { node { similarProducts(first: 10) { score } } } } }', 110),
        ("{ crmStatus { version } }", 1),
    ],
)
def test_what_a_query_costs(query, cost):
    assert Api().post(query)["extensions"]["cost"]["requestedQueryCost"] == cost


def test_a_query_that_costs_too_much_is_refused(settings):
    settings.GRAPHQL_QUERY_MAX_COMPLEXITY = 1000
    query = """{ products(channel: "x", first: 100) { edges { node {
        similarProducts(first: 100) { product { name } }
    } } } }"""
    answer = Api().post(query)
    assert "data" not in answer
    assert "cost" in answer["errors"][0]["message"]


def test_every_list_that_we_serve_multiplies_the_cost(pristine):
    ours = [(addition.type_name, addition.name) for addition in ADDITIONS]
    for name in own_types(pristine):
        ours += [(name, field) for field in getattr(api.schema.get_type(name), "fields", ())]
    for type_name, field_name in ours:
        field = api.schema.get_type(type_name).fields[field_name]
        sizes = {"first", "last", "offset"} & getattr(field, "args", {}).keys()
        if sizes:
            assert set(COST_MAP[type_name][field_name]["multipliers"]) == sizes, (type_name, field_name)


def test_every_cost_is_of_a_field_that_exists():
    """An entry for a field that does not exist would break every query of the shop."""
    for type_name, fields in additions.costs().items():
        assert fields.keys() <= api.schema.get_type(type_name).fields.keys()
