"""Puts our fields into the schema object that Saleor has built, before anyone else sees it.

Saleor has no seam for this, but nothing imports `saleor.graphql.api` during `django.setup()`: a post-import hook runs
before the first importer gets the module, and everything downstream (the view, the query cost, the SDL, the schema
command) works on the object that we change.

Two kinds of failure, and what becomes of them:

- A name clash (a later Saleor, or another plugin, has a field or type of ours) stops the start with a
  `SchemaClashError`: serving the wrong field under our name would be worse than not starting.
- Anything else is logged with its traceback and leaves the schema exactly as Saleor built it: the shop goes on selling
  without our fields. For this, everything is prepared first, on copies, and attached only when all of it is ready.
"""

from __future__ import annotations

import logging
import sys
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import graphene
import wrapt
from graphene.types.definitions import GrapheneGraphQLType
from graphene.types.typemap import TypeMap
from graphql import GraphQLField, GraphQLObjectType, GraphQLScalarType
from graphql.type.definition import GraphQLNamedType
from graphql.type.typemap import GraphQLTypeMap

from saleor_crm_plugin.exceptions import SchemaClashError
from saleor_crm_plugin.graphql import introspection_cache

if TYPE_CHECKING:
    from saleor_crm_plugin.graphql.addition import Addition

logger = logging.getLogger(__name__)

API_MODULE = "saleor.graphql.api"
ENTITY_UNION = "_Entity"

_extended: WeakSet[graphene.Schema] = WeakSet()
_installed = False


def install() -> None:
    """Have the schema extended as soon as Saleor has built it. Called from `AppConfig.ready()`; repeats do nothing."""
    global _installed
    if not _installed:
        _installed = True
        wrapt.register_post_import_hook(_on_api_imported, API_MODULE)
        wrapt.register_post_import_hook(_on_views_imported, introspection_cache.VIEWS_MODULE)


def _on_views_imported(views: ModuleType) -> None:
    introspection_cache.separate(views, lambda schema: schema in _extended)


def _on_api_imported(api: ModuleType) -> None:
    try:
        extend_api(api)
    except SchemaClashError:
        # The import fails and may be tried again, for example by each request of a development server. wrapt runs a
        # hook once, so without this the second try would quietly serve a schema that lacks our fields.
        sys.modules.pop(API_MODULE, None)
        wrapt.register_post_import_hook(_on_api_imported, API_MODULE)
        raise
    except Exception:
        logger.exception(
            "saleor-crm-plugin could not extend the GraphQL schema; the shop runs without the plugin's fields. "
            "Check that this version of the plugin supports your version of Saleor."
        )


def extend_api(api: ModuleType) -> None:
    """Extend the schema, the query costs and the federation of a freshly imported `saleor.graphql.api`.

    Raises:
        SchemaClashError: a field or type of ours exists already.
    """
    schema: graphene.Schema = api.schema
    if schema in _extended:
        return
    # Imported here, and not at the top: these modules import Saleor's types, which must not happen before
    # django.setup() is through.
    from saleor.graphql.query_cost_map import COST_MAP

    from saleor_crm_plugin.graphql import additions, federation

    extension = prepare(schema, additions.ADDITIONS, additions.ENTITIES)
    costs = additions.costs()
    _check_costs(costs, COST_MAP)
    sdl_field = federation.sdl_field(schema)

    extension.attach()
    for type_name, fields in costs.items():
        COST_MAP.setdefault(type_name, {}).update(fields)
    federation.register(additions.ENTITIES)
    if sdl_field is not None:
        schema.get_query_type().fields["_service"] = sdl_field
    _extended.add(schema)


@dataclass(frozen=True, slots=True)
class Extension:
    """What is going to be added to one schema object, all of it built."""

    schema: graphene.Schema
    fields: dict[str, dict[str, GraphQLField]]
    types: dict[str, GraphQLNamedType]
    entities: list[GraphQLObjectType]

    def attach(self) -> None:
        """Put everything in. Plain assignments to dicts and lists: nothing here can fail half-way."""
        type_map: TypeMap = self.schema.get_type_map()
        type_map.update(self.types)
        for type_name, fields in self.fields.items():
            type_map[type_name].fields.update(fields)
        for new_type in _object_types(self.types.values()):
            for interface in new_type.interfaces:
                type_map._implementations[interface.name].append(new_type)
                # A cache that is filled from `_implementations` at first use; an empty entry would count as filled.
                if interface.name in type_map._possible_type_map:
                    type_map._possible_type_map[interface.name].add(new_type.name)
        if self.entities:
            type_map[ENTITY_UNION].types.extend(self.entities)


def prepare(
    schema: graphene.Schema, additions: Iterable[Addition], entities: Iterable[type[graphene.ObjectType]] = ()
) -> Extension:
    """Build all new fields and types for a schema without touching it.

    Args:
        additions: fields for types that the schema has.
        entities: our object types that a federation gateway may look up by id.

    Raises:
        SchemaClashError: a field or type of ours exists already.
    """
    additions, entities = list(additions), list(entities)
    type_map: TypeMap = schema.get_type_map()
    for addition in additions:
        owner = type_map[addition.type_name]
        if addition.name in owner.fields:
            raise SchemaClashError(_clash_message(f"the field {addition.type_name}.{addition.name}"))
    seen: set[Any] = set()
    for addition in additions:
        _check_type_names(type_map, addition.field, seen)

    # Saleor's types in it are shared, so that ours refer to them; the mapping itself is a copy that only grows.
    scratch = OrderedDict(type_map)
    fields: dict[str, dict[str, GraphQLField]] = {}
    for type_name in dict.fromkeys(addition.type_name for addition in additions):
        declared: dict[str, Any] = {}
        for addition in additions:
            if addition.type_name == type_name:
                declared |= addition.declaration()
        holder = type(f"{type_name}Additions", (graphene.ObjectType,), declared)
        fields[type_name] = type_map.construct_fields_for_type(scratch, holder)
    types = {name: new_type for name, new_type in scratch.items() if name not in type_map}
    for new_type in _object_types(types.values()):
        for interface in new_type.interfaces:
            GraphQLTypeMap.assert_object_implements_interface(scratch, new_type, interface)
    entity_types = [scratch[entity._meta.name] for entity in entities] if ENTITY_UNION in type_map else []
    return Extension(schema, fields, types, entity_types)


def _check_type_names(type_map: TypeMap, field: Any, seen: set[Any]) -> None:
    """Follow a field to every type that the schema does not have yet, and see that none of their names is taken."""
    for mounted in (field, *getattr(field, "args", {}).values()):
        reached = _named(mounted.type)
        existing = type_map.get(reached._meta.name)
        if existing is None:
            if reached not in seen:
                seen.add(reached)
                for inner in getattr(reached._meta, "fields", {}).values():
                    _check_type_names(type_map, inner, seen)
        elif not _is_type_of(existing, reached):
            raise SchemaClashError(_clash_message(f"the type {reached._meta.name}"))


def _is_type_of(existing: GraphQLNamedType, graphene_type: Any) -> bool:
    if isinstance(existing, GrapheneGraphQLType):
        return existing.graphene_type is graphene_type
    # The built-in scalars stand in a type map without their graphene classes.
    return isinstance(existing, GraphQLScalarType) and issubclass(graphene_type, graphene.Scalar)


def _named(graphene_type: Any) -> Any:
    while hasattr(graphene_type, "of_type"):
        graphene_type = graphene_type.of_type
    return graphene_type


def _object_types(types: Iterable[GraphQLNamedType]) -> Iterable[GraphQLObjectType]:
    return (candidate for candidate in types if isinstance(candidate, GraphQLObjectType))


def _check_costs(costs: dict[str, dict[str, Any]], cost_map: dict[str, dict[str, Any]]) -> None:
    for type_name, fields in costs.items():
        for name in fields.keys() & cost_map.get(type_name, {}).keys():
            raise SchemaClashError(_clash_message(f"a query cost for {type_name}.{name}"))


def _clash_message(what: str) -> str:
    return (
        f"Saleor's GraphQL schema already has {what}, which saleor-crm-plugin is about to add. Either this version of "
        "Saleor has taken the name, or another plugin adds it, or two versions of this plugin are installed. Install a "
        "version of saleor-crm-plugin that supports your Saleor, or uninstall the other plugin; "
        "`pip uninstall saleor-crm-plugin` starts the shop without the plugin."
    )
