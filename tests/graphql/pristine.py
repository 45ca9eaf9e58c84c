"""Saleor's schema as it is without the plugin."""

from __future__ import annotations

import graphene
from saleor.graphql import api
from saleor.graphql.core.federation.schema import build_federated_schema

ADDED_BY_FEDERATION = ("_Any", "_Entity", "_Service")


def build_pristine() -> graphene.Schema:
    """Another schema from the classes that Saleor's own is built from."""
    schema = api.schema
    return build_federated_schema(
        schema._query,
        mutation=schema._mutation,
        types=[one for one in schema.types if one._meta.name not in ADDED_BY_FEDERATION],
        subscription=schema._subscription,
        directives=schema._directives,
    )


def fields_of(schema: graphene.Schema) -> set[tuple[str, str]]:
    """(type, field) of all object, interface and input types."""
    return {
        (name, field)
        for name, graphql_type in schema.get_type_map().items()
        if not name.startswith("__")
        for field in getattr(graphql_type, "fields", ())
    }


def own_types(pristine: graphene.Schema) -> list[str]:
    """Names of our types, sorted: of those that only the extended schema has, the ones that Saleor does not declare."""
    added = set(api.schema.get_type_map()) - set(pristine.get_type_map())
    return sorted(name for name in added if _is_ours(name))


def _is_ours(type_name: str) -> bool:
    # The edges of our connections are made in Saleor's module.
    module = api.schema.get_type(type_name).graphene_type.__module__
    return module.startswith("saleor_crm_plugin.") or type_name.endswith("CountableEdge")
