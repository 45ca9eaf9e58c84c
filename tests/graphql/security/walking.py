"""Everything that an answer of the API can hold, field by field."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType
from saleor.graphql import api

from saleor_crm_plugin.graphql.additions import ADDITIONS
from tests.graphql.pristine import build_pristine, own_types
from tests.graphql.security.rules import DENIED, NULL, SEEN

# What is asked for of Saleor's own types, which it guards itself.
SALEORS = {"Money": "amount"}
# Arguments that a field needs.
ARGUMENTS = {"first": "first: 20"}


def our_types() -> dict[str, GraphQLObjectType]:
    named = {name: api.schema.get_type(name) for name in own_types(build_pristine())}
    return {name: kind for name, kind in named.items() if isinstance(kind, GraphQLObjectType)}


def is_plumbing(name: str) -> bool:
    """Whether the type only holds what others are about: a page of a list, an error, the answer of a mutation."""
    return name.endswith(("CountableConnection", "CountableEdge")) or name in answers()


@functools.cache
def answers() -> frozenset[str]:
    """Types of the mutations' answers, and of the errors in them."""
    kinds = [api.schema.get_mutation_type().fields[one.name].type for one in ADDITIONS if one.type_name == "Mutation"]
    return frozenset(name for kind in kinds for name in (kind.name, bare(kind.fields["errors"].type).name))


@dataclass(frozen=True)
class Found:
    """What became of one field of one object."""

    type_name: str
    field: str
    outcome: str
    path: tuple[str | int, ...]


class Schema:
    """Our types, and queries for all there is in them."""

    def __init__(self) -> None:
        self.types = our_types()

    def selection(self, kind: Any, around: tuple[str, ...] = ()) -> str:
        """All of a type; a type within itself only by its id."""
        named = bare(kind)
        if not isinstance(named, GraphQLObjectType):
            return ""
        if named.name not in self.types:
            return f"{{ {SALEORS.get(named.name, 'id')} }}" if named.name != "PageInfo" else "{ hasNextPage }"
        if named.name in around:
            return "{ __typename }"
        inside = (*around, named.name)
        fields = []
        for name, field in named.fields.items():
            arguments = f"({ARGUMENTS['first']})" if "first" in field.args else ""
            fields.append(f"{name}{arguments} {self.selection(field.type, inside)}")
        return f"{{ __typename {' '.join(fields)} }}"

    def found(
        self, value: Any, errors: Mapping[tuple[str | int, ...], str], path: tuple[str | int, ...]
    ) -> Iterator[Found]:
        """What became of each field of each of our objects in a value."""
        if isinstance(value, list):
            for index, one in enumerate(value):
                yield from self.found(one, errors, (*path, index))
        if not isinstance(value, dict) or value.keys() == {"__typename"}:
            return
        type_name = value.get("__typename")
        for name, inner in value.items():
            if name == "__typename":
                continue
            here = (*path, name)
            if type_name in self.types:
                yield Found(type_name, name, outcome(inner, errors.get(here)), here)
            yield from self.found(inner, errors, here)


def outcome(value: Any, error: str | None) -> str:
    if error == "PermissionDenied":
        return DENIED
    if error is not None:
        return error
    return NULL if value is None else SEEN


def errors_of(answer: Mapping[str, Any]) -> dict[tuple[str | int, ...], str]:
    """Codes of the errors, by the field that they are about."""
    return {
        tuple(error.get("path") or ()): error["extensions"]["exception"]["code"] for error in answer.get("errors", ())
    }


def bare(kind: Any) -> Any:
    while isinstance(kind, GraphQLNonNull | GraphQLList):
        kind = kind.of_type
    return kind


def name_of(call: str) -> str:
    """The field that a line of the table calls."""
    found = re.match(r"\w+", call)
    assert found, call
    return found.group()
