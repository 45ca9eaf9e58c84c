"""Apollo Federation: `_service` gives the schema as text, `_entities` the objects that another service refers to."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import graphene
from graphene.utils.str_converters import to_snake_case
from graphql import GraphQLArgument, GraphQLField, GraphQLList

from ...schema_printer import print_schema
from ..context import BaseContext
from .entities import federated_entities


class _Any(graphene.Scalar):
    @staticmethod
    def serialize(any_value: Any) -> Any:
        return any_value

    @staticmethod
    def parse_literal(any_value: Any) -> Any:
        return any_value

    @staticmethod
    def parse_value(any_value: Any) -> Any:
        return any_value


class _Entity(graphene.Union):
    class Meta:
        types = tuple(federated_entities.values())


class _Service(graphene.ObjectType):
    sdl = graphene.String()


def build_federated_schema(
    query: Any, mutation: Any, types: Any, subscription: Any, directives: Any = None
) -> graphene.Schema:
    schema = graphene.Schema(
        query=query,
        mutation=mutation,
        subscription=subscription,
        types=[*types, _Any, _Entity, _Service],
        directives=directives,
    )
    entity_type = schema.get_type("_Entity")
    entity_type.resolve_type = create_entity_type_resolver(schema)
    query_type = schema.get_type("Query")
    query_type.fields["_entities"] = GraphQLField(
        GraphQLList(entity_type),
        args={"representations": GraphQLArgument(GraphQLList(schema.get_type("_Any")))},
        resolver=resolve_entities,
    )
    query_type.fields["_service"] = GraphQLField(
        schema.get_type("_Service"), resolver=create_service_sdl_resolver(schema)
    )
    return schema


def create_entity_type_resolver(schema: graphene.Schema) -> Callable:
    def resolve_entity_type(instance: Any, info: Any) -> Any:
        model = type(instance.node if isinstance(instance, BaseContext) else instance)
        found = schema.get_type(model._meta.object_name)
        if found is None:
            raise ValueError(f"The schema has no type for {model}.")
        return found

    return resolve_entity_type


def resolve_entities(_: Any, info: Any, *, representations: list[dict[str, Any]]) -> list:
    batches = defaultdict(list)
    for representation in representations:
        keys = {to_snake_case(name): value for name, value in representation.items() if name != "__typename"}
        type_name = representation["__typename"]
        batches[type_name].append(federated_entities[type_name](**keys))
    found: list = []
    for type_name, roots in batches.items():
        resolver = getattr(federated_entities[type_name], f"_{type_name}__resolve_references", None)
        if resolver:
            found.extend(resolver(roots, info))
    return found


def create_service_sdl_resolver(schema: graphene.Schema) -> Callable:
    """Print once, when the schema is built: what is added to it later does not appear. As in Saleor."""
    without_subscriptions = graphene.Schema(
        query=schema._query,
        mutation=schema._mutation,
        types=schema.types,
        directives=schema._directives,
    )
    sdl = print_schema(without_subscriptions)
    start = sdl.find("schema {")
    sdl = (sdl[:start] + sdl[sdl.find("}", start) + 1 :]).lstrip()
    for type_name, graphql_type in federated_entities.items():
        opening = sdl.find("{", sdl.find(f"type {type_name} "))
        sdl = f"{sdl[:opening]}{graphql_type._sdl} {sdl[opening:]}"

    def resolve_service_sdl(_root: Any, _info: Any) -> dict[str, str]:
        return {"sdl": sdl}

    return resolve_service_sdl
