"""The CSV files that points are imported from: what may stand in them, and what is wrong. Pure.

UTF-8, with or without a byte order mark; separated by commas; the first line names the columns. A cell is text and
nothing else: nothing in it is computed or obeyed.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from enum import StrEnum
from typing import BinaryIO, NamedTuple

from saleor_crm_plugin.exceptions import ImportFileError
from saleor_crm_plugin.loyalty.wallet import MAX_POINTS

USER_ID_MAX = 2**31 - 1
REASON_MAX_LENGTH = 255
EMAIL_MAX_LENGTH = 254
EXTERNAL_REFERENCE_MAX_LENGTH = 250
SCAN_SIZE = 1 << 20

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,10}\Z")
_USER_ID = re.compile(r"[0-9]{1,10}\Z")
_BYTE_ORDER_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


class ImportType(StrEnum):
    # What customers have now: one row for each number of points that expire together.
    BALANCES = "balances"
    # How it came about: one row for each entry, oldest first for each customer.
    HISTORY = "history"


class CustomerColumn(StrEnum):
    """How a row says whose points they are."""

    USER_ID = "user_id"
    EMAIL = "email"
    EXTERNAL_REFERENCE = "external_reference"


class Customer(NamedTuple):
    column: CustomerColumn
    value: str


@dataclass(frozen=True, slots=True)
class ImportRow:
    """`line`: where it begins in the file. `created_at`: of an entry of a history."""

    line: int
    customer: Customer
    points: int
    expires_at: datetime | None = None
    reason: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with a row. Names the column, never what stands in it: that may be personal."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Scan:
    """A file that can be read: SHA-256 of its bytes, and its number of lines."""

    digest: str
    lines: int


def scan(file: BinaryIO) -> Scan:
    """Read a file through once, without keeping it.

    Raises:
        ImportFileError: it is not UTF-8; says where.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    digest = hashlib.sha256()
    lines = before = 0
    while chunk := file.read(SCAN_SIZE):
        if before == 0 and (other := _BYTE_ORDER_MARKS.get(chunk[:2])):
            raise ImportFileError(f"The file is {other}, not UTF-8. Save it as “CSV UTF-8” and try again.")
        if (nothing := chunk.find(b"\0")) >= 0:
            line = lines + chunk.count(b"\n", 0, nothing) + 1
            raise ImportFileError(
                f"Byte {before + nothing + 1} (line {line}) is 0, which no text has; the file may be UTF-16. "
                "Save it as “CSV UTF-8” and try again."
            )
        # The last bytes of the chunk before may be the first ones of a character.
        begun = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            line = lines + chunk.count(b"\n", 0, max(error.start - begun, 0)) + 1
            raise _not_utf8(before - begun + error.start, line) from error
        digest.update(chunk)
        lines += chunk.count(b"\n")
        before += len(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _not_utf8(before - len(error.object), lines + 1) from error
    file.seek(0)
    return Scan(digest.hexdigest(), lines)


def _not_utf8(position: int, line: int) -> ImportFileError:
    return ImportFileError(
        f"Byte {position + 1} (line {line}) is not UTF-8; the file may be in another encoding, such as Windows-1252. "
        "Save it as “CSV UTF-8” and try again."
    )


def read_rows(file: BinaryIO, kind: ImportType, zone: tzinfo, now: datetime) -> Iterator[ImportRow | RowError]:
    """The rows of a file that was scanned, in its order; blank lines are left out.

    Args:
        zone: of dates and times that name none.

    Raises:
        ImportFileError: the first line does not name the columns.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        reader = csv.reader(text, strict=True)
        columns = _columns(reader, kind)
        line = reader.line_num + 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                # Where the next row begins is anybody's guess.
                yield RowError(line, f"this is not CSV: {error}; nothing after it was read")
                return
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                yield _row(line, columns, cells, kind, zone, now)
            line = reader.line_num + 1
    finally:
        text.detach()


def _columns(reader: Iterator[list[str]], kind: ImportType) -> list[str]:
    try:
        columns = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise ImportFileError(f"Line 1 is not CSV: {error}.") from error
    known = [*CustomerColumn, "points", "expires_at", "reason"]
    needed = ["points"]
    if kind == ImportType.HISTORY:
        known.append("created_at")
        needed.append("created_at")
    if unknown := [number for number, name in enumerate(columns, 1) if name not in known]:
        # Not by its text: a file whose first line is a customer is what this is about most often.
        raise ImportFileError(
            f"Column {unknown[0]} of line 1 is none that {kind} have. The first line names the columns, separated by "
            f"commas: {', '.join(known)}."
        )
    if len(set(columns)) < len(columns):
        raise ImportFileError("Line 1 names a column twice.")
    if missing := [name for name in needed if name not in columns]:
        raise ImportFileError(f"Line 1 does not name the column {missing[0]!r}.")
    if not set(columns) & set(CustomerColumn):
        raise ImportFileError(f"Line 1 names none of the columns {', '.join(CustomerColumn)}.")
    return columns


class _WrongCellError(Exception):
    """Says what is wrong with a cell."""


def _row(
    line: int, columns: list[str], cells: list[str], kind: ImportType, zone: tzinfo, now: datetime
) -> ImportRow | RowError:
    if len(cells) != len(columns):
        return RowError(line, f"has {len(cells)} cells, but there are {len(columns)} columns")
    values = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    try:
        return ImportRow(
            line=line,
            customer=_customer(values),
            points=_points(values["points"], kind),
            expires_at=_expiry(values, kind, zone, now),
            reason=_short(values, "reason", REASON_MAX_LENGTH),
            created_at=_creation(values["created_at"], zone, now) if kind == ImportType.HISTORY else None,
        )
    except _WrongCellError as error:
        return RowError(line, str(error))


def _customer(values: dict[str, str]) -> Customer:
    given = [Customer(column, values[column]) for column in CustomerColumn if values.get(column)]
    if len(given) != 1:
        raise _WrongCellError(f"fill in exactly one of {', '.join(c for c in CustomerColumn if c in values)}")
    customer = given[0]
    if customer.column == CustomerColumn.USER_ID:
        if not _USER_ID.match(customer.value) or not 0 < int(customer.value) <= USER_ID_MAX:
            raise _WrongCellError("user_id is the number of a user, such as 42")
    elif customer.column == CustomerColumn.EMAIL:
        if "@" not in customer.value or len(customer.value) > EMAIL_MAX_LENGTH:
            raise _WrongCellError("email is not an address")
    else:
        _short(values, customer.column, EXTERNAL_REFERENCE_MAX_LENGTH)
    return customer


def _points(cell: str, kind: ImportType) -> int:
    if not _WHOLE_NUMBER.match(cell):
        raise _WrongCellError("points is not a whole number; write it without spaces, points and commas")
    points = int(cell)
    if kind == ImportType.BALANCES and points <= 0:
        raise _WrongCellError("points must be more than 0; leave out customers who have none")
    if not 0 < abs(points) <= MAX_POINTS:
        raise _WrongCellError(f"points must not be 0, nor more than {MAX_POINTS}")
    return points


def _expiry(values: dict[str, str], kind: ImportType, zone: tzinfo, now: datetime) -> datetime | None:
    cell = values.get("expires_at", "")
    if not cell:
        return None
    if values["points"].startswith("-"):
        raise _WrongCellError("expires_at belongs to points that were given, not to those that were taken")
    moment = _moment("expires_at", cell, zone)
    if kind == ImportType.BALANCES and moment <= now:
        raise _WrongCellError("expires_at has passed; leave out points that have expired")
    return moment


def _creation(cell: str, zone: tzinfo, now: datetime) -> datetime:
    moment = _moment("created_at", cell, zone)
    if moment > now:
        raise _WrongCellError("created_at is in the future")
    return moment


def _moment(column: str, cell: str, zone: tzinfo) -> datetime:
    try:
        return parse_moment(cell, zone)
    except ValueError as error:
        raise _WrongCellError(
            f"{column} is not a date; write it like 2026-01-31 or 2026-01-31T12:00:00+00:00"
        ) from error


def parse_moment(text: str, zone: tzinfo) -> datetime:
    """An ISO date, which begins at midnight, or date and time; without a zone, in `zone`.

    Raises:
        ValueError: it is neither, or so far away that it is a day off the calendar in some zone.
    """
    if len(text) == len("2026-01-31"):
        moment = datetime.combine(date.fromisoformat(text), time.min)
    else:
        moment = datetime.fromisoformat(text)
    if not 1900 <= moment.year <= 9000:
        raise ValueError(f"The year is {moment.year}.")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _short(values: dict[str, str], column: str, most: int) -> str:
    value = values.get(column, "")
    if len(value) > most:
        raise _WrongCellError(f"{column} has {len(value)} characters; {most} fit")
    return value
