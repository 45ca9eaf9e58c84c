"""The types of values: what may be written for each, and how it is compared in SQL. Pure.

A value is read twice: once for its form (`Type.read`), which needs nothing but the query, and once for its meaning
(`resolve`), which needs the day and what the shop calls things.

A day stands for all of it, in the shop's time zone: `= 2026-01-31` is any moment of that day, `< -90d` is before the
day that was 90 days ago began. So what a query says changes with the clock at midnight only.
"""

from __future__ import annotations

import calendar
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from saleor_crm_plugin.profiles.segments import syntax
from saleor_crm_plugin.profiles.segments.fragments import FALSE, Fragment, joined
from saleor_crm_plugin.profiles.segments.problems import Problem, SegmentQueryError, Span, nearest

ORDER = ("<", "<=", ">", ">=", "BETWEEN")
EQUALITY = ("=", "!=", "IN", "IS NULL")
# Far enough for every customer, and near enough that no arithmetic leaves the calendar.
FIRST_YEAR, LAST_YEAR = 1900, 2999
MAX_YEARS = 100
_MAX_COUNT = {"d": 366 * MAX_YEARS, "w": 53 * MAX_YEARS, "m": 12 * MAX_YEARS, "y": MAX_YEARS}
# Of money, as in the tables.
MONEY_PLACES = 3


@dataclass(frozen=True, slots=True)
class Name:
    """A thing of the shop by its name, for example a category by its slug."""

    kind: str
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Days:
    """A number of units before (negative) or after today; without a sign, a length of time."""

    count: int
    unit: str


Constant = Decimal | bool | str | date | Days | Name
Names = Mapping[tuple[str, str], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the words of a query stand for now.

    Attributes:
        now: aware, in the shop's time zone.
        names: the primary keys of each thing that the query names, by kind and name; all of them are there.
    """

    now: datetime
    names: Names = field(default_factory=dict)

    def day(self, constant: Any) -> date:
        if isinstance(constant, date):
            return constant
        return moved(self.now.date(), constant)

    def start_of(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.now.tzinfo)

    def since(self, length: Days) -> datetime:
        """The start of the day that is so long ago."""
        return self.start_of(moved(self.now.date(), Days(-length.count, length.unit)))


def moved(day: date, by: Days) -> date:
    """The day so many units on; a month later than the 31st is the last day of a shorter month."""
    if by.unit in "dw":
        return day + timedelta(days=by.count * (7 if by.unit == "w" else 1))
    months = day.year * 12 + day.month - 1 + by.count * (12 if by.unit == "y" else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def refuse(value: syntax.Literal, expected: str, suggestion: str = "") -> SegmentQueryError:
    if isinstance(value, syntax.Word) and value.value.lower() == "null":
        suggestion = "IS NULL"
    return SegmentQueryError([Problem(value.span, written(value), expected, suggestion)])


def written(value: syntax.Literal) -> str:
    """What a value is, as in the query."""
    match value:
        case syntax.Text():
            return f"the text '{value.value}'"
        case syntax.Number():
            return f"the number {value.value:f}"
        case syntax.Date():
            return f"the day {value.year:04}-{value.month:02}-{value.day:02}"
        case syntax.Duration():
            return f"{value.sign}{value.count}{value.unit}"
        case syntax.Word():
            return value.value


@dataclass(frozen=True, slots=True)
class Type(ABC):
    """A type of values.

    Attributes:
        label: what it is called.
        operators: what may be asked about a field of it.
        cast: the SQL type of its parameters.
    """

    label: str
    operators: tuple[str, ...]
    cast: str = "text"

    @abstractmethod
    def read(self, value: syntax.Literal) -> Constant:
        """
        Raises:
            SegmentQueryError: this is not a value of the type.
        """

    def resolve(self, constant: Any, _meaning: Meaning) -> Any:
        """The parameter that the constant becomes."""
        return constant

    def any_of(self, value: Fragment, constants: Sequence[Constant], meaning: Meaning) -> Fragment:
        """SQL that asks whether a value is one of the constants; null where it is missing."""
        wanted = list(dict.fromkeys(self.resolve(constant, meaning) for constant in constants))
        if len(wanted) == 1:
            return value + Fragment(f" = %s::{self.cast}", (wanted[0],))
        return value + Fragment(f" = ANY(%s::{self.cast}[])", (wanted,))

    def compare(self, value: Fragment, operator: str, constants: Sequence[Constant], meaning: Meaning) -> Fragment:
        """The same for `=`, `IN` and the order; `!=` is the opposite of `=`, which the caller sees to."""
        if operator in ("=", "IN"):
            return self.any_of(value, constants, meaning)
        parameters = tuple(self.resolve(constant, meaning) for constant in constants)
        if operator == "BETWEEN":
            return value + Fragment(f" BETWEEN %s::{self.cast} AND %s::{self.cast}", parameters)
        return value + Fragment(f" {operator} %s::{self.cast}", parameters)


@dataclass(frozen=True, slots=True)
class NumberType(Type):
    """A number with at most so many decimal places.

    Attributes:
        least: nothing less may be written.
    """

    cast: str = "numeric"
    places: int = 15
    least: int | None = None

    def read(self, value: syntax.Literal) -> Constant:
        if not isinstance(value, syntax.Number):
            raise refuse(value, f"{_article(self.label)} {self.label}", _unquoted(value))
        exponent = value.value.as_tuple().exponent
        if isinstance(exponent, int) and -exponent > self.places:
            places = f"with up to {self.places} decimal places" if self.places else "without decimal places"
            raise refuse(value, f"a number {places}")
        if self.least is not None and value.value < self.least:
            raise refuse(value, f"at least {self.least}")
        return value.value


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _unquoted(value: syntax.Literal) -> str:
    return value.value if isinstance(value, syntax.Text) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value.value) else ""


@dataclass(frozen=True, slots=True)
class DateType(Type):
    def read(self, value: syntax.Literal) -> Constant:
        expected = "a day: 2026-01-31, today, -90d (90 days ago) or +1m (in a month)"
        match value:
            case syntax.Date():
                try:
                    day = date(value.year, value.month, value.day)
                except ValueError:
                    raise refuse(value, "a day that is in the calendar") from None
                if not FIRST_YEAR <= day.year <= LAST_YEAR:
                    raise refuse(value, f"a year from {FIRST_YEAR} to {LAST_YEAR}")
                return day
            case syntax.Duration(sign=("-" | "+") as sign):
                length = _length(value)
                return Days(-length.count if sign == "-" else length.count, length.unit)
            case syntax.Duration():
                raise refuse(value, expected, f"-{value.count}{value.unit}")
            case syntax.Word(value=word) if word.lower() == "today":
                return Days(0, "d")
        raise refuse(value, expected, _bare(value, r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[+-][0-9]+[dwmy]|today"))

    def compare(self, value: Fragment, operator: str, constants: Sequence[Constant], meaning: Meaning) -> Fragment:
        days = [meaning.day(constant) for constant in constants]
        start, end = meaning.start_of(days[0]), meaning.start_of(days[-1] + timedelta(days=1))
        if operator in ("=", "BETWEEN"):
            if start >= end:
                return FALSE
            return Fragment("tstzrange(%s::timestamptz, %s::timestamptz) @> ", (start, end)) + value
        comparison, bound = {"<": ("<", start), "<=": ("<", end), ">": (">=", end), ">=": (">=", start)}[operator]
        return value + Fragment(f" {comparison} %s::timestamptz", (bound,))


def _bare(value: syntax.Literal, pattern: str) -> str:
    """What was meant to stand without quotes."""
    return value.value if isinstance(value, syntax.Text) and re.fullmatch(pattern, value.value) else ""


def _length(value: syntax.Duration) -> Days:
    if value.count > _MAX_COUNT[value.unit]:
        raise refuse(value, f"up to {MAX_YEARS} years")
    return Days(value.count, value.unit)


@dataclass(frozen=True, slots=True)
class LengthType(Type):
    """A length of time, counted back from today."""

    def read(self, value: syntax.Literal) -> Constant:
        if not isinstance(value, syntax.Duration) or value.sign:
            hint = f"{value.count}{value.unit}" if isinstance(value, syntax.Duration) else ""
            raise refuse(value, "a length of time: 90d, 12w, 3m or 1y", hint)
        return _length(value)

    def resolve(self, constant: Any, meaning: Meaning) -> Any:
        return meaning.since(constant)


@dataclass(frozen=True, slots=True)
class FlagType(Type):
    cast: str = "boolean"

    def read(self, value: syntax.Literal) -> Constant:
        word = value.value.lower() if isinstance(value, syntax.Word) else ""
        if word not in ("true", "false"):
            raise refuse(value, "true or false")
        return word == "true"


@dataclass(frozen=True, slots=True)
class WordType(Type):
    """One of a few words, with or without quotes, in any case. They are stored in lower case."""

    words: tuple[str, ...] = ()

    def read(self, value: syntax.Literal) -> Constant:
        word = value.value if isinstance(value, syntax.Word | syntax.Text) else ""
        if word.lower() in self.words:
            return word.lower()
        raise refuse(value, f"one of {', '.join(self.words)}", nearest(word, self.words))


@dataclass(frozen=True, slots=True)
class TextType(Type):
    """Any text in quotes, compared without regard to case."""

    def read(self, value: syntax.Literal) -> Constant:
        if not isinstance(value, syntax.Text):
            raise refuse(value, "a text in quotes", f"'{value.value}'" if isinstance(value, syntax.Word) else "")
        return value.value

    def any_of(self, value: Fragment, constants: Sequence[Constant], _meaning: Meaning) -> Fragment:
        # By the database on both sides: what lower case is depends on its locale.
        wanted = joined(", ", (Fragment("lower(%s::text)", (text,)) for text in constants))
        return "lower(" + value + ") IN (" + wanted + ")"


@dataclass(frozen=True, slots=True)
class CodeType(Type):
    """A code of letters in capitals, with or without quotes."""

    pattern: str = ""
    example: str = ""

    def read(self, value: syntax.Literal) -> Constant:
        code = value.value.upper() if isinstance(value, syntax.Word | syntax.Text) else ""
        if not re.fullmatch(self.pattern, code):
            raise refuse(value, f"a {self.label}, for example {self.example}")
        return code


@dataclass(frozen=True, slots=True)
class NameType(Type):
    """A thing of the shop, by its name in quotes. As a parameter, its primary keys, or the name itself.

    Attributes:
        kind: what `Names` calls such things.
        by_key: compared by primary key.
    """

    kind: str = ""
    by_key: bool = False

    def read(self, value: syntax.Literal) -> Constant:
        if not isinstance(value, syntax.Text):
            hint = f"'{value.value}'" if isinstance(value, syntax.Word) else ""
            raise refuse(value, f"the {self.label} in quotes", hint)
        return Name(self.kind, value.value, value.span)

    def resolve(self, constant: Any, meaning: Meaning) -> Any:
        return list(meaning.names[constant.kind, constant.text]) if self.by_key else constant.text


NUMBER = NumberType("number", (*EQUALITY, *ORDER))
WHOLE = NumberType("whole number", (*EQUALITY, *ORDER), places=0)
MONEY = NumberType("amount", (*EQUALITY, *ORDER), places=MONEY_PLACES)
DATE = DateType("date", ("=", "!=", "IS NULL", *ORDER))
FLAG = FlagType("true or false", ("", "=", "!=", "IS NULL"))
TEXT = TextType("text", EQUALITY)
LENGTH = LengthType("length of time", ())
TIMES = NumberType("whole number", (), places=0, least=1)
CURRENCY = CodeType("currency", EQUALITY, pattern="[A-Z]{3}", example="'USD'")
COUNTRY = CodeType("country code", EQUALITY, pattern="[A-Z]{2}", example="'US'")


def words(label: str, choices: Sequence[str]) -> WordType:
    return WordType(label, EQUALITY, words=tuple(choices))


def name_of(label: str, kind: str, *, by_key: bool = False) -> NameType:
    return NameType(label, EQUALITY, kind=kind, by_key=by_key)
