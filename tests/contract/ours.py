"""The stand-in, described in the terms of the facts."""

import inspect
import sys
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
)


def our_models() -> dict[str, Any]:
    return {
        model._meta.label: {
            "db_table": model._meta.db_table,
            "ordering": [str(name) for name in model._meta.ordering or ()],
            "fields": {
                field.name: _field(field)
                for field in model._meta.get_fields()
                if field.concrete or (field.many_to_many and not field.auto_created)
            },
        }
        for model in apps.get_models()
        if model.__module__.startswith("saleor.")
    }


def _field(field: Any) -> dict[str, Any]:
    described: dict[str, Any] = {"type": field.get_internal_type()}
    for name, value in (
        ("null", field.null),
        ("unique", getattr(field, "unique", False)),
        ("pk", getattr(field, "primary_key", False)),
        ("max_length", getattr(field, "max_length", None)),
        ("max_digits", getattr(field, "max_digits", None)),
        ("decimal_places", getattr(field, "decimal_places", None)),
    ):
        if value:
            described[name] = value
    if field.is_relation:
        described["to"] = field.related_model._meta.label
        if getattr(field.remote_field, "on_delete", None):
            described["on_delete"] = field.remote_field.on_delete.__name__
        if getattr(field.remote_field, "related_name", None):
            described["related_name"] = field.remote_field.related_name
    if getattr(field, "choices", None):
        described["choices"] = [str(value) for value, _name in field.choices]
    return described


def our_manager() -> dict[str, Any]:
    from saleor.plugins.manager import PluginsManager

    return {
        name: _arguments(method)
        for name, method in inspect.getmembers(PluginsManager, inspect.isfunction)
        if not name.startswith("_")
    }


def our_base_plugin() -> tuple[dict[str, str], dict[str, None], dict[str, Any]]:
    """Attributes with their values, hooks, and methods with their arguments."""
    from saleor.plugins.base_plugin import BasePlugin

    own = vars(BasePlugin)
    attributes = {name: repr(value) for name, value in own.items() if name.isupper()}
    hooks = {name: None for name in BasePlugin.__annotations__ if name.islower()}
    methods = {name: _arguments(value) for name, value in own.items() if inspect.isfunction(value) and name[0] != "_"}
    return attributes, hooks, methods


def _arguments(function: Any) -> list[dict[str, str]]:
    described = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        argument = {"name": parameter.name, "kind": parameter.kind.name}
        if parameter.default is not parameter.empty:
            argument["default"] = repr(parameter.default)
        described.append(argument)
    return described


def our_graphql() -> dict[str, Any]:
    """The types of the stand-in, without what the plugin adds to them."""
    from saleor.graphql.api import schema

    used_by_the_plugin_only = {name: _describe_type(type_) for name, type_ in _types(schema) if _is_saleors(type_)}
    return {**used_by_the_plugin_only, **describe_schema(_schema_without_additions())}


def plugin_additions() -> tuple[set[str], set[tuple[str, str]]]:
    """The types, and the (type, field) pairs, that the plugin adds to the shop's schema."""
    from saleor.graphql.api import schema

    own = describe_schema(_schema_without_additions())
    fields = {
        (name, field)
        for name, type_ in describe_schema(schema).items()
        if name in own
        for field in type_.get("fields", {})
        if field not in own[name].get("fields", {})
    }
    return {name for name, type_ in _types(schema) if name not in own and not _is_saleors(type_)}, fields


def _schema_without_additions() -> Any:
    """Built afresh from the stand-in's classes: only the schema of `saleor.graphql.api` has the additions in it."""
    from saleor.graphql import api
    from saleor.graphql.core.federation.schema import build_federated_schema

    return build_federated_schema(api.Query, api.Mutation, types=[], subscription=None)


def _types(schema: Any) -> Iterator[tuple[str, Any]]:
    return ((name, type_) for name, type_ in schema.get_type_map().items() if not name.startswith("__"))


def _is_saleors(type_: Any) -> bool:
    """Is it a class of one of Saleor's modules, and not made by one for the plugin, as an edge of a connection is?"""
    made_from = getattr(type_, "graphene_type", None)
    module = sys.modules[made_from.__module__] if made_from else None
    return module is not None and module.__name__.startswith("saleor.") and made_from in vars(module).values()


def describe_schema(schema: Any) -> dict[str, Any]:
    return {name: _describe_type(type_) for name, type_ in _types(schema)}


def _describe_type(type_: Any) -> dict[str, Any]:
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        return {
            "kind": "OBJECT" if isinstance(type_, GraphQLObjectType) else "INTERFACE",
            "interfaces": [interface.name for interface in getattr(type_, "interfaces", [])],
            "fields": {
                name: {
                    "type": str(field.type),
                    "args": {argument: str(value.type) for argument, value in field.args.items()},
                }
                for name, field in type_.fields.items()
            },
        }
    if isinstance(type_, GraphQLInputObjectType):
        return {"kind": "INPUT", "fields": {name: {"type": str(item.type)} for name, item in type_.fields.items()}}
    if isinstance(type_, GraphQLEnumType):
        return {"kind": "ENUM", "values": [value.name for value in type_.values]}
    if isinstance(type_, GraphQLUnionType):
        return {"kind": "UNION", "types": [item.name for item in type_.types]}
    assert isinstance(type_, GraphQLScalarType), f"Unknown kind of type: {type_}"
    return {"kind": "SCALAR"}
