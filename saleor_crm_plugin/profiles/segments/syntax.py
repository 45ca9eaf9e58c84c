"""A query as a tree of what is written, before anybody has asked whether it makes sense. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from saleor_crm_plugin.profiles.segments.problems import Span

QUERY_MAX_LENGTH = 4000


@dataclass(frozen=True, slots=True)
class Text:
    """A text in quotes."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Number:
    value: Decimal
    span: Span


@dataclass(frozen=True, slots=True)
class Date:
    """A day that is written out; whether the calendar has it is not known yet."""

    year: int
    month: int
    day: int
    span: Span


@dataclass(frozen=True, slots=True)
class Duration:
    """A number of days, weeks, months or years.

    Attributes:
        sign: "-" from today back, "+" from today on, "" neither.
    """

    sign: str
    count: int
    unit: str
    span: Span


@dataclass(frozen=True, slots=True)
class Word:
    """A name without quotes: `true`, `today`, or one of a field's words."""

    value: str
    span: Span


Literal = Text | Number | Date | Duration | Word


@dataclass(frozen=True, slots=True)
class Argument:
    """What stands in the parentheses of a field; without a name it is the first."""

    name: str
    value: Literal
    span: Span


@dataclass(frozen=True, slots=True)
class Operand:
    """A field, with its arguments."""

    name: str
    arguments: tuple[Argument, ...]
    span: Span
    name_span: Span


@dataclass(frozen=True, slots=True)
class Condition:
    """A field and what is asked about it.

    Attributes:
        operator: "" for a field that stands alone, else `=`, `!=`, `<`, `<=`, `>`, `>=`, `IN`, `BETWEEN`, `CONTAINS` or
            `IS NULL`. `NOT` in front of one of the last four is `negated`.
    """

    operand: Operand
    operator: str
    values: tuple[Literal, ...]
    negated: bool
    span: Span
    operator_span: Span


@dataclass(frozen=True, slots=True)
class Not:
    term: Node


@dataclass(frozen=True, slots=True)
class And:
    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    terms: tuple[Node, ...]


Node = Condition | Not | And | Or
