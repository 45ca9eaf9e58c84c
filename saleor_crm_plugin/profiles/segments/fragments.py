"""Pieces of SQL with their parameters. Text that a query brings is always a parameter. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fragment:
    """SQL that we wrote, with a placeholder (`%s`) for each parameter."""

    sql: str
    parameters: tuple[Any, ...] = ()

    def __add__(self, other: Fragment | str) -> Fragment:
        if isinstance(other, str):
            return Fragment(self.sql + other, self.parameters)
        return Fragment(self.sql + other.sql, self.parameters + other.parameters)

    def __radd__(self, other: str) -> Fragment:
        return Fragment(other + self.sql, self.parameters)


FALSE = Fragment("FALSE")
TRUE = Fragment("TRUE")


def joined(separator: str, fragments: Iterable[Fragment]) -> Fragment:
    parts = list(fragments)
    return Fragment(
        separator.join(part.sql for part in parts), tuple(value for part in parts for value in part.parameters)
    )
