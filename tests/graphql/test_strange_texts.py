"""Texts that PostgreSQL refuses, in each argument of our fields in turn: refused or not found, never a fault.

The queries are made from the schema, so that a field that is added is asked as well. What mutations store, they check
by themselves: `test_strange_values`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLList, GraphQLNonNull, GraphQLObjectType
from saleor.graphql import api

from saleor_crm_plugin.graphql.additions import ADDITIONS
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

# With NUL, and with half of a surrogate pair.
TEXTS = ("a\0b", "a\ud800b")
EVERYTHING = ("MANAGE_USERS", "MANAGE_ORDERS", "MANAGE_DISCOUNTS", "MANAGE_PRODUCTS", "MANAGE_PLUGINS")
# How deep an answer is read: a text may be looked for only when the field that needs it is.
DEPTH = 3
# What else a field is asked with.
NUMBERS_AND_TIMES = {"Int": 1, "Decimal": 1, "DateTime": "2026-01-01T00:00:00Z"}
# How fields of these types are reached.
PARENTS = {
    "Query": "%s",
    "User": 'user(id: "{ann}") { %s }',
    "Product": 'product(id: "{apple}", channel: "default-channel") { %s }',
    "CustomerProfile": 'customerProfile(userId: "{ann}") { %s }',
    "LoyaltyAccount": 'loyaltyAccount(userId: "{ann}") { %s }',
    "CustomerSegment": "customerSegments(first: 1) { edges { node { %s } } }",
}

Path = tuple[str, ...]


def bare(kind: Any) -> Any:
    while isinstance(kind, GraphQLNonNull | GraphQLList):
        kind = kind.of_type
    return kind


def texts_in(kind: Any, path: Path, around: Path = ()) -> Iterator[Path]:
    """Where a text stands in a value of this type."""
    inner = bare(kind)
    if isinstance(inner, GraphQLInputObjectType):
        for name, field in inner.fields.items() if inner.name not in around else ():
            yield from texts_in(field.type, (*path, name), (*around, inner.name))
    elif inner.name in ("String", "ID"):
        yield path


def asked() -> Iterator[Any]:
    for type_name in PARENTS:
        fields = api.schema.get_type(type_name).fields
        added = {addition.name for addition in ADDITIONS if addition.type_name == type_name}
        for name in sorted(added or fields):
            for argument, described in fields[name].args.items():
                for path in texts_in(described.type, (argument,)):
                    yield pytest.param(type_name, name, path, id=f"{type_name}.{name}.{'.'.join(path)}")


def value_of(kind: Any, path: Path | None, text: str) -> Any:
    """A value of this type with the text at the path, and as little else as the type lets one say."""
    if isinstance(kind, GraphQLNonNull):
        return value_of(kind.of_type, path, text)
    if isinstance(kind, GraphQLList):
        return [value_of(kind.of_type, path, text)]
    if isinstance(kind, GraphQLInputObjectType):
        head = path[0] if path else None
        return {
            name: value_of(field.type, path[1:] if path and name == head else None, text)
            for name, field in kind.fields.items()
            if name == head or isinstance(field.type, GraphQLNonNull)
        }
    if path is not None:
        return text
    return kind.values[0].name if isinstance(kind, GraphQLEnumType) else NUMBERS_AND_TIMES.get(kind.name, "x")


def selection(kind: Any, depth: int = DEPTH) -> str:
    inner = bare(kind)
    if not isinstance(inner, GraphQLObjectType):
        return ""
    # Lists that need to be told how many, and fields that need an argument, are asked by themselves.
    fields = [
        f"{name} {selection(field.type, depth - 1)}"
        for name, field in inner.fields.items()
        if depth and "first" not in field.args
        if not any(isinstance(argument.type, GraphQLNonNull) for argument in field.args.values())
    ]
    return f"{{ __typename {' '.join(fields)} }}"


def cursor(text: str) -> str:
    """Cursors hold what their row is sorted by."""
    return base64.b64encode(json.dumps([text, text]).encode()).decode()


@pytest.mark.parametrize(("type_name", "name", "path"), list(asked()))
def test_no_field_breaks(shop, staff_with, type_name, name, path):
    segment = CustomerSegment.objects.create(name="All", slug="all", query="orders_count > 0")
    for profile in CustomerProfile.objects.all():
        SegmentMembership.objects.create(segment=segment, profile=profile, entered_at=timezone.now())
    ann = global_id("User", shop.ann.pk)
    parent = PARENTS[type_name].replace("{ann}", ann).replace("{apple}", global_id("Product", shop.apple.pk))
    field = api.schema.get_type(type_name).fields[name]
    for text in TEXTS:
        given = arguments(field, path, text, ann)
        declared = ", ".join(f"${argument}: {field.args[argument].type}" for argument in given)
        passed = ", ".join(f"{argument}: ${argument}" for argument in given)
        asks = parent.replace("%s", f"{name}({passed}) {selection(field.type)}")
        answer = staff_with(*EVERYTHING).post_raw({"query": f"query ({declared}) {{ {asks} }}", "variables": given})
        errors = {error["extensions"]["exception"]["code"]: error["message"] for error in answer.get("errors", ())}
        assert errors.keys() <= {"GraphQLError"}, errors


def arguments(field: Any, path: Path, text: str, ann: str) -> dict[str, Any]:
    """The arguments that the field needs, and the text where the path leads."""
    given = {
        argument: value_of(described.type, path[1:] if argument == path[0] else None, text)
        for argument, described in field.args.items()
        if argument == path[0] or isinstance(described.type, GraphQLNonNull)
    }
    if path == ("before",):
        return given | {"before": cursor(text), "last": 1}
    if path == ("after",):
        given["after"] = cursor(text)
    if "first" in field.args:
        given["first"] = 1
    if path == ("channel",) and "userId" in field.args:
        given["userId"] = ann
    return given
