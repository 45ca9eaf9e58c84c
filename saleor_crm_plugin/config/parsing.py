"""Parsers for what a person types into a settings field.

Each is called with the stored value and raises ValueError with a message that says what to enter; `limits` is that
same message, for the help text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, Protocol

# Longer than any value that makes sense, so that nothing huge is ever parsed.
MAX_VALUE_LENGTH = 64
MAX_DOMAIN_LENGTH = 253
EARLIEST_YEAR = 2000
LATEST_YEAR = 2100

_WHOLE = re.compile(r"[0-9]+")
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")
_SLUG = re.compile(r"[\w-]+")
_METADATA_KEY = re.compile(r"[^\s\x00-\x1f\ud800-\udfff]+")
# Letters of all alphabets, as people write domains; an address in another script may come encoded (xn--), which is
# another text.
_DOMAIN = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*")
_MONTHS = re.compile(r"([0-9]+) months?")


class Parser(Protocol):
    @property
    def limits(self) -> str: ...

    def __call__(self, value: object) -> Any: ...


@dataclass(frozen=True, slots=True)
class Expiry:
    """When awarded points are lost: never, `months` after they became spendable, or at the end of that year."""

    kind: Literal["never", "months", "end_of_year"]
    months: int = 0


def _text(value: object, limits: str) -> str:
    if not isinstance(value, str | int | float | Decimal):
        raise ValueError(limits)
    text = str(value).strip()
    if len(text) > MAX_VALUE_LENGTH:
        raise ValueError(limits)
    return text


@dataclass(frozen=True, slots=True)
class Flag:
    limits: str = ""

    def __call__(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        raise ValueError("Enter true or false.")


@dataclass(frozen=True, slots=True)
class WholeNumber:
    least: int
    most: int

    @property
    def limits(self) -> str:
        return f"Enter a whole number from {self.least} to {self.most}."

    def __call__(self, value: object) -> int:
        text = _text(value, self.limits)
        if not _WHOLE.fullmatch(text) or not self.least <= int(text) <= self.most:
            raise ValueError(self.limits)
        return int(text)


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal number, with a point: `1,5` could mean fifteen or one and a half."""

    most: Decimal
    places: int
    least: Decimal | None = None
    above: Decimal | None = None
    optional: bool = False

    @property
    def limits(self) -> str:
        lower = (
            f"above {self.above}, at most {self.most}" if self.least is None else f"from {self.least} to {self.most}"
        )
        empty = " or leave empty" if self.optional else ""
        return f"Enter a number {lower}, with a decimal point and at most {self.places} decimals{empty}, like 1.5."

    def __call__(self, value: object) -> Decimal:
        text = _text(value, self.limits)
        if not _DECIMAL.fullmatch(text):
            raise ValueError(self.limits)
        number = Decimal(text)
        too_low = (self.least is not None and number < self.least) or (self.above is not None and number <= self.above)
        if too_low or number > self.most or len(text.partition(".")[2].rstrip("0")) > self.places:
            raise ValueError(self.limits)
        return number


@dataclass(frozen=True, slots=True)
class Choice:
    options: type[StrEnum]

    @property
    def limits(self) -> str:
        *others, last = [option.value for option in self.options]
        return f"Enter {', '.join(others)} or {last}."

    def __call__(self, value: object) -> StrEnum:
        text = re.sub(r"[\s_-]+", " ", _text(value, self.limits)).lower()
        try:
            return self.options(text)
        except ValueError:
            raise ValueError(self.limits) from None


@dataclass(frozen=True, slots=True)
class ExpiryText:
    least_months: int
    most_months: int

    @property
    def limits(self) -> str:
        return (
            f"Enter never, end of year, or a number of months from {self.least_months} to {self.most_months}, "
            "like 12 months."
        )

    def __call__(self, value: object) -> Expiry:
        text = re.sub(r"[\s_-]+", " ", _text(value, self.limits)).lower()
        if text == "never":
            return Expiry("never")
        if text == "end of year":
            return Expiry("end_of_year")
        match = _MONTHS.fullmatch(text)
        if not match or not self.least_months <= int(match[1]) <= self.most_months:
            raise ValueError(self.limits)
        return Expiry("months", int(match[1]))


@dataclass(frozen=True, slots=True)
class Instant:
    """An ISO 8601 date (its first moment) or date and time; UTC unless an offset is given."""

    @property
    def limits(self) -> str:
        return (
            f"Enter a date from {EARLIEST_YEAR} to {LATEST_YEAR} like 2026-01-31, or with a time like "
            "2026-01-31T12:00 (UTC)."
        )

    def __call__(self, value: object) -> datetime:
        text = _text(value, self.limits)
        try:
            # The compact and week forms that fromisoformat takes as well are more likely a slip of the hand.
            if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
                raise ValueError
            moment = datetime.fromisoformat(text)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValueError(self.limits) from None
        if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
            raise ValueError(self.limits)
        return moment


@dataclass(frozen=True, slots=True)
class MetadataKey:
    """A key under which metadata is stored."""

    limits: str = f"Enter up to {MAX_VALUE_LENGTH} characters without spaces."

    def __call__(self, value: object) -> str:
        text = _text(value, self.limits)
        if not _METADATA_KEY.fullmatch(text):
            raise ValueError(self.limits)
        return text


@dataclass(frozen=True, slots=True)
class Slug:
    """The slug by which Saleor names something; letters of any language, as Saleor allows."""

    limits: str = f"Enter up to {MAX_VALUE_LENGTH} letters, digits, hyphens and underscores."

    def __call__(self, value: object) -> str:
        text = _text(value, self.limits)
        if not _SLUG.fullmatch(text):
            raise ValueError(self.limits)
        return text


@dataclass(frozen=True, slots=True)
class Domains:
    """Domains of e-mail addresses; `.gov`, `*.gov` and `@gov` mean the same as `gov`. Lowered, each once, sorted."""

    most: int

    @property
    def limits(self) -> str:
        return f"Enter none, or up to {self.most} domains with commas between them, like example.com, gov."

    def __call__(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, str) or len(value) > self.most * MAX_DOMAIN_LENGTH:
            raise ValueError(self.limits)
        if value.strip().lower() == "none":
            return ()
        names = [re.sub(r"^(@|\*?\.)", "", name).lower() for name in re.split(r"[\s,;]+", value) if name]
        if len(names) > self.most or not all(self._is_domain(name) for name in names):
            raise ValueError(self.limits)
        return tuple(sorted(set(names)))

    @staticmethod
    def _is_domain(name: str) -> bool:
        return len(name) <= MAX_DOMAIN_LENGTH and _DOMAIN.fullmatch(name) is not None
