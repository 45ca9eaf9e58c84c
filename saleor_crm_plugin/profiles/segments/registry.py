"""The fields that a query can ask about: what each is called, takes and means, and the SQL that reads it. Pure.

SQL is about one row `p` of `crm_customer_profile`. Fields over tables of others are handed in by whoever knows those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from saleor_crm_plugin.profiles.segments.fragments import Fragment
from saleor_crm_plugin.profiles.segments.values import LENGTH, ORDER, TIMES, WHOLE, Type

# By parameter, what its value stands for; a parameter that is not given is missing. `now` is always there.
Arguments = Mapping[str, Any]

COUNT_OPERATORS = ("", "=", "!=", *ORDER)


@dataclass(frozen=True, slots=True)
class Parameter:
    """What may stand in the parentheses of a field. The first may go without its name."""

    name: str
    type: Type
    description: str
    required: bool = False


WITHIN = Parameter("within", LENGTH, "Only so far back from today.")
AT_LEAST_TIMES = Parameter("times", TIMES, "At least so many. Without it, one.")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that belong to a profile.

    Attributes:
        value: SQL of what is looked at in each.
        tables: what follows FROM.
        link: the column that leads to `own`, a column of the profile.
        condition: what else holds for them.
    """

    value: str
    tables: str
    link: str
    condition: Fragment
    own: str = "p.id"

    def source(self) -> Fragment:
        return f"FROM {self.tables} WHERE {self.link} = {self.own} AND " + self.condition

    def exists(self, more: Fragment | str = "") -> Fragment:
        return "EXISTS (SELECT 1 " + self.source() + more + ")"

    def of_family(self) -> tuple[Rows, Rows]:
        """These, and the same of the profiles that were merged into it.

        Two, as PostgreSQL hashes rows, or looks them up in an index, by one equality and not by either of two.
        """
        member = f"crm_customer_profile member ON member.{self.own.removeprefix('p.')} = {self.link}"
        # Without this, all profiles are read to be hashed, and few are merged.
        tables = f"{self.tables} JOIN {member} AND member.merged_into_id IS NOT NULL"
        return self, replace(self, tables=tables, link="member.merged_into_id", own="p.id")


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: Type
    description: str
    parameters: tuple[Parameter, ...] = ()
    alias: str = ""

    @property
    def operators(self) -> tuple[str, ...]:
        return self.type.operators

    def parameter(self, name: str) -> Parameter | None:
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarField(Field):
    """A field with one value, or none."""

    sql: Callable[[Arguments], Fragment]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetField(Field):
    """A field with any number of values; `=` asks whether one of them is it."""

    rows: Callable[[Arguments], tuple[Rows, ...]]

    @property
    def operators(self) -> tuple[str, ...]:
        return (*self.type.operators, "CONTAINS")


@dataclass(frozen=True, slots=True, kw_only=True)
class CountField(Field):
    """Something that happened, a number of times. Alone, it asks whether it did."""

    rows: Callable[[Arguments], Rows]

    @property
    def operators(self) -> tuple[str, ...]:
        return COUNT_OPERATORS


def counting(
    name: str, description: str, rows: Callable[[Arguments], Rows], parameters: tuple[Parameter, ...] = ()
) -> CountField:
    return CountField(
        name=name, type=WHOLE, description=description, rows=rows, parameters=(*parameters, WITHIN, AT_LEAST_TIMES)
    )


class Registry:
    """Fields by name and alias."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self.fields = tuple(fields)
        self._by_name = {field.name: field for field in self.fields}
        self._by_name |= {field.alias: field for field in self.fields if field.alias}

    def find(self, name: str) -> Field | None:
        return self._by_name.get(name)

    @property
    def names(self) -> list[str]:
        return list(self._by_name)
