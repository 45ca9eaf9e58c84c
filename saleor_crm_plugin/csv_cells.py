"""Cells of the CSV files that we write."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Protocol
from uuid import UUID

# A spreadsheet takes a cell that begins with one of these for a formula, some also the wide signs of a Chinese
# or Japanese keyboard (OWASP, "CSV Injection").
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Value = str | int | float | Decimal | datetime | UUID | None


class Writable(Protocol):
    """A file, as far as it is written to."""

    def write(self, text: str, /) -> object: ...


def cell(value: Value, *, is_text: bool = False) -> str | int | float:
    """A value as a cell; times in UTC, nothing as an empty cell.

    Args:
        is_text: somebody wrote it: it must not turn into a formula.
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if is_text and isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value if isinstance(value, int | float) else str(value)
