"""The extension of Saleor's schema: complete, in place, all or nothing."""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import graphene
import pytest
from graphql import GraphQLField, GraphQLString, get_named_type
from saleor.graphql import api, query_cost_map, views
from saleor.graphql.core.federation.entities import federated_entities
from saleor.graphql.schema_printer import print_schema, print_type

import saleor_crm_plugin
from saleor_crm_plugin.exceptions import SchemaClashError
from saleor_crm_plugin.graphql import additions, extension, federation
from saleor_crm_plugin.graphql.addition import Addition
from saleor_crm_plugin.graphql.additions import ADDITIONS
from saleor_crm_plugin.graphql.loyalty.types import PointsExpiry
from tests.graphql.pristine import build_pristine, fields_of, own_types

OUR_ENTITIES = {"LoyaltyAccount", "CustomerProfile"}


@pytest.fixture(scope="module")
def pristine() -> graphene.Schema:
    return build_pristine()


@pytest.fixture
def fresh_api(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What `saleor.graphql.api` is when it has just been imported, and the costs as Saleor has them."""
    costs = copy.deepcopy(query_cost_map.COST_MAP)
    for type_name, fields in additions.costs().items():
        for name in fields:
            del costs[type_name][name]
    monkeypatch.setattr(query_cost_map, "COST_MAP", {name: fields for name, fields in costs.items() if fields})
    for name in OUR_ENTITIES:
        monkeypatch.delitem(federated_entities, name)
    return SimpleNamespace(schema=build_pristine())


# Saleor's own, which the stand-in has no other use for.
RANGES = {"IntRangeInput", "DecimalRangeInput", "DateTimeRangeInput"}


def test_the_difference_is_exactly_the_list_of_additions(pristine):
    before, after = fields_of(pristine), fields_of(api.schema)
    assert before <= after
    theirs = set(pristine.get_type_map())
    assert {field for field in after - before if field[0] in theirs} == {
        (addition.type_name, addition.name) for addition in ADDITIONS
    }
    ours = set(own_types(pristine))
    assert {name for name, _ in after} - theirs <= ours | RANGES
    reached = {get_named_type(api.schema.get_type(a.type_name).fields[a.name].type).name for a in ADDITIONS}
    assert reached <= ours


def test_what_saleor_has_stays_as_it_is(pristine):
    extended = {addition.type_name for addition in ADDITIONS}
    changed = {
        name
        for name, graphql_type in pristine.get_type_map().items()
        if name not in extended and not name.startswith("__") and print_type(graphql_type) != printed(name)
    }
    assert changed == {"_Entity"}
    for type_name in extended:
        kept = list(pristine.get_type(type_name).fields)
        assert list(api.schema.get_type(type_name).fields)[: len(kept)] == kept


def printed(type_name: str) -> str:
    return print_type(api.schema.get_type(type_name))


def test_an_error_in_an_added_field_cannot_null_the_object_around_it():
    required = [
        addition
        for addition in ADDITIONS
        if str(api.schema.get_type(addition.type_name).fields[addition.name].type).endswith("!")
    ]
    assert required == []


def test_everyone_works_on_the_same_object():
    assert views.schema is api.schema
    assert views.COST_MAP is query_cost_map.COST_MAP
    before = print_schema(api.schema)
    extension.extend_api(api)
    assert print_schema(api.schema) == before, "a second time changes nothing"


def test_a_fresh_schema_becomes_what_the_shop_serves(fresh_api):
    extension.extend_api(fresh_api)
    assert fields_of(fresh_api.schema) == fields_of(api.schema)
    assert federated_entities.keys() >= OUR_ENTITIES
    assert query_cost_map.COST_MAP == views.COST_MAP


def test_new_types_join_the_possible_types_of_node(fresh_api):
    node, user = (fresh_api.schema.get_type(name) for name in ("Node", "User"))
    # Fills a cache in the schema, which must not hide what comes later.
    assert fresh_api.schema.is_possible_type(node, user)
    extension.extend_api(fresh_api)
    for name in ("LoyaltyAccount", "PointsTransaction", "CustomerProfile"):
        added = fresh_api.schema.get_type(name)
        assert fresh_api.schema.is_possible_type(node, added)
        assert added in fresh_api.schema.get_possible_types(node)
    union = fresh_api.schema.get_type("_Entity")
    assert {one.name for one in fresh_api.schema.get_possible_types(union)} >= OUR_ENTITIES


BROKEN = {
    "a field that cannot be built": ("additions.ADDITIONS", (*ADDITIONS, Addition("User", "broken", None, None))),
    "a type that Saleor no longer has": (
        "additions.ADDITIONS",
        (*ADDITIONS, Addition("NoSuchType", "points", None, graphene.Field(PointsExpiry))),
    ),
    "costs that cannot be computed": ("additions.costs", lambda: 1 / 0),
    "an SDL that cannot be prepared": ("federation.sdl_field", lambda schema: 1 / 0),
    "a module that cannot be imported": ("additions", None),
}


@pytest.mark.parametrize(("where", "what"), BROKEN.values(), ids=BROKEN.keys())
def test_whatever_else_fails_the_schema_stays_exactly_as_saleor_built_it(fresh_api, monkeypatch, caplog, where, what):
    before, costs = print_schema(fresh_api.schema), copy.deepcopy(query_cost_map.COST_MAP)
    service = fresh_api.schema.get_query_type().fields["_service"]
    if what is None:
        monkeypatch.delattr("saleor_crm_plugin.graphql.additions")
        monkeypatch.setitem(sys.modules, "saleor_crm_plugin.graphql.additions", None)
    else:
        monkeypatch.setattr(f"saleor_crm_plugin.graphql.{where}", what)

    extension._on_api_imported(fresh_api)

    assert print_schema(fresh_api.schema) == before
    assert costs == query_cost_map.COST_MAP
    assert not OUR_ENTITIES & federated_entities.keys()
    assert fresh_api.schema.get_query_type().fields["_service"] is service
    (record,) = [record for record in caplog.records if record.name == extension.logger.name]
    assert record.levelname == "ERROR"
    assert record.exc_info
    assert "runs without the plugin's fields" in record.getMessage()


def test_a_field_of_our_name_stops_the_start_and_says_which(fresh_api):
    fresh_api.schema.get_type("User").fields["loyaltyAccount"] = GraphQLField(GraphQLString)
    before = print_schema(fresh_api.schema)
    with pytest.raises(SchemaClashError) as clash:
        extension.extend_api(fresh_api)
    assert "the field User.loyaltyAccount" in str(clash.value)
    assert "Install a version of saleor-crm-plugin that supports your Saleor" in str(clash.value)
    assert print_schema(fresh_api.schema) == before


def toy_schema(type_name: str) -> graphene.Schema:
    other = type(type_name, (graphene.ObjectType,), {"name": graphene.String()})
    query = type("Query", (graphene.ObjectType,), {"thing": graphene.Field(other)})
    return graphene.Schema(query=query)


@pytest.mark.parametrize(
    "field",
    [
        graphene.Field(PointsExpiry),
        graphene.Field(graphene.NonNull(graphene.List(graphene.NonNull(PointsExpiry)))),
        graphene.Field(type("Wrapper", (graphene.ObjectType,), {"expiry": graphene.Field(PointsExpiry)})),
    ],
    ids=["directly", "in a list", "through another type"],
)
def test_a_type_of_our_name_stops_the_start(field):
    with pytest.raises(SchemaClashError, match="the type PointsExpiry"):
        extension.prepare(toy_schema("PointsExpiry"), [Addition("Query", "expiry", None, field)])
    extension.prepare(toy_schema("SomethingElse"), [Addition("Query", "expiry", None, field)])


def test_a_type_that_only_an_argument_uses(monkeypatch):
    kind = graphene.Enum("Kind", [("ONE", 1)])
    theirs = graphene.Enum("Kind", [("ONE", 1)])
    query = type("Query", (graphene.ObjectType,), {"thing": graphene.Field(theirs)})
    clashing = Addition("Query", "other", None, graphene.Field(graphene.String, kind=graphene.Argument(kind)))
    with pytest.raises(SchemaClashError, match="the type Kind"):
        extension.prepare(graphene.Schema(query=query), [clashing])


def test_a_cost_for_a_field_of_our_name_stops_the_start(fresh_api):
    query_cost_map.COST_MAP["User"]["loyaltyAccount"] = {"complexity": 1}
    with pytest.raises(SchemaClashError, match=r"a query cost for User\.loyaltyAccount"):
        extension.extend_api(fresh_api)


@pytest.fixture
def clashing_module(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A stand-in for `saleor.graphql.api` with a field of ours, that can be imported."""
    name = "saleor_api_with_a_clash"
    (tmp_path / f"{name}.py").write_text(
        "from graphql import GraphQLField, GraphQLString\n"
        "from tests.graphql.pristine import build_pristine\n"
        "schema = build_pristine()\n"
        "schema.get_type('User').fields['loyaltyAccount'] = GraphQLField(GraphQLString)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(extension, "API_MODULE", name)
    monkeypatch.setattr(extension, "_installed", False)
    yield name
    sys.modules.pop(name, None)


def test_a_clash_is_there_again_at_the_next_try(clashing_module):
    """A server that catches the first failure must not go on to serve a schema without us, as if nothing was wrong."""
    extension.install()
    for _ in range(3):
        with pytest.raises(SchemaClashError):
            importlib.import_module(clashing_module)
        assert clashing_module not in sys.modules


def test_the_module_is_extended_before_its_importer_gets_it(tmp_path, monkeypatch):
    name = "saleor_api_without_a_clash"
    (tmp_path / f"{name}.py").write_text("loaded = True\n")
    seen = []
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(extension, "API_MODULE", name)
    monkeypatch.setattr(extension, "_installed", False)
    monkeypatch.setattr(extension, "extend_api", seen.append)
    extension.install()
    extension.install()
    assert seen == []
    module = importlib.import_module(name)
    assert seen == [module], "once, however often it was installed"
    sys.modules.pop(name)


def test_cached_introspection_of_before_is_not_served_after(fresh_api):
    """Saleor keeps it for a week, by its own version and the query."""
    the_views = SimpleNamespace(schema=fresh_api.schema, generate_cache_key=lambda query: f"3.22.0-{query}")
    extension._on_views_imported(the_views)
    assert the_views.generate_cache_key("query") == "3.22.0-query", "as long as the schema is Saleor's own"
    extension.extend_api(fresh_api)
    assert the_views.generate_cache_key("query") == f"3.22.0-query-saleor-crm-plugin-{saleor_crm_plugin.__version__}"


def test_a_saleor_that_caches_no_introspection(fresh_api):
    the_views = SimpleNamespace(schema=fresh_api.schema)
    extension._on_views_imported(the_views)
    assert not hasattr(the_views, "generate_cache_key")


def test_django_setup_does_not_build_the_schema():
    """What the whole approach rests on; in a process of its own, because this one has built it."""
    import subprocess

    code = "import django, sys; django.setup(); print('saleor.graphql.api' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_the_sdl_is_saleors_own_plus_ours(fresh_api, monkeypatch):
    service = fresh_api.schema.get_query_type().fields["_service"].resolver(None, None)["sdl"]
    monkeypatch.setattr(additions, "ADDITIONS", ())
    monkeypatch.setattr(additions, "ENTITIES", ())
    assert federation.service_sdl(fresh_api.schema) == service
