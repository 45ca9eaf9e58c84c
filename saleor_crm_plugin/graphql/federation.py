"""The SDL that `_service` gives to a federation gateway, and our types among the federated ones.

Saleor renders the SDL once, from a schema that it builds a second time without subscriptions, so it knows nothing of
what is added to the first. We render it the same way, with our additions, at the first request for it: building
Saleor's schema takes about a second, which no start of a worker should pay.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from typing import Any

import graphene
from graphql import GraphQLField
from saleor.graphql.core.federation.entities import federated_entities, federated_entity
from saleor.graphql.schema_printer import print_schema

# Field that a gateway passes to look one of our objects up.
KEY_FIELD = "id"
# A subgraph's SDL names no root types.
SCHEMA_DEFINITION = re.compile(r"^schema \{[^}]*\}\n*", re.MULTILINE)

_lock = threading.Lock()


def register(entities: Iterable[type[graphene.ObjectType]]) -> None:
    """Let `_entities` look our types up by id."""
    for entity in entities:
        if entity.__name__ not in federated_entities:
            federated_entity(KEY_FIELD)(entity)


def sdl_field(schema: graphene.Schema) -> GraphQLField | None:
    """The `_service` field of a schema with a resolver that knows our additions; None where there is no such field."""
    field = schema.get_query_type().fields.get("_service")
    if field is None:
        return None
    rendered: list[str] = []

    def resolve_service(_root: Any, _info: Any) -> dict[str, str]:
        with _lock:
            if not rendered:
                rendered.append(service_sdl(schema))
        return {"sdl": rendered[0]}

    return GraphQLField(
        field.type,
        args=field.args,
        resolver=resolve_service,
        deprecation_reason=field.deprecation_reason,
        description=field.description,
    )


def service_sdl(schema: graphene.Schema) -> str:
    """The schema without subscriptions as a subgraph's SDL, each federated type with its `@key`."""
    from saleor_crm_plugin.graphql import additions
    from saleor_crm_plugin.graphql.extension import prepare

    copy = graphene.Schema(
        query=schema._query, mutation=schema._mutation, types=schema.types, directives=schema._directives
    )
    prepare(copy, additions.ADDITIONS, additions.ENTITIES).attach()
    sdl = SCHEMA_DEFINITION.sub("", print_schema(copy), count=1).lstrip()
    for name, entity in federated_entities.items():
        definition = re.search(rf"^type {name} [^{{\n]*", sdl, re.MULTILINE)
        if definition:
            sdl = f"{sdl[: definition.end()]}{entity._sdl} {sdl[definition.end() :]}"
    return sdl
