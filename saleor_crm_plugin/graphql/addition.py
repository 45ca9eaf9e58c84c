"""A field that we add to one of Saleor's types. The lists of them are in `additions`, one for each domain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import graphene
from graphene.utils.str_converters import to_camel_case

from saleor_crm_plugin.graphql.guard import guarded

PAGE = ("first", "last")
LIST = ("first",)


@dataclass(frozen=True, slots=True)
class Addition:
    """A field that we add to one of Saleor's types.

    Attributes:
        python_name: in snake_case; the API shows it in camelCase.
        resolver: None for mutations, which bring their own. It is not given to the field itself: a `PermissionsField`
            with a resolver of its own does not check its permissions.
        complexity: cost of the field in Saleor's query cost.
        multipliers: arguments whose values multiply the cost of the field and of what is selected in it.
    """

    type_name: str
    python_name: str
    resolver: Callable[..., Any] | None
    field: graphene.Field
    complexity: int = 1
    multipliers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return to_camel_case(self.python_name)

    def declaration(self) -> dict[str, Any]:
        """The field and its resolver as attributes of a graphene class."""
        declared: dict[str, Any] = {self.python_name: self.field}
        if self.resolver is not None:
            declared[f"resolve_{self.python_name}"] = staticmethod(guarded(self.resolver))
        return declared


def mutation(python_name: str, field: graphene.Field) -> Addition:
    """A mutation. It costs nothing, as Saleor's own."""
    return Addition("Mutation", python_name, None, field, complexity=0)
