"""Rows straight into tables; what a column must have and nobody reads is filled in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

# As COPY writes it.
NULL = "\\N"

# For columns that must have a value and do not matter here, by the type's name in information_schema.
_FILLERS = {
    "boolean": "false",
    "integer": "0",
    "bigint": "0",
    "smallint": "0",
    "numeric": "0",
    "double precision": "0",
    "jsonb": "{}",
    "timestamp with time zone": "2017-01-01T00:00:00Z",
    "uuid": "00000000-0000-0000-0000-000000000000",
}


@contextmanager
def unchecked(connection: Any) -> Iterator[Any]:
    """A cursor; neither triggers nor foreign keys hold meanwhile. What was filled is analyzed at the end."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield cursor
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("ANALYZE")


def copy(
    connection: Any,
    table: str,
    constants: Mapping[str, str],
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> None:
    with connection.cursor() as cursor:
        fixed = {**_required(cursor, table, columns), **constants}
        tail = "".join(f"\t{value}" for value in fixed.values())
        with cursor.copy(f"COPY {table} ({', '.join([*columns, *fixed])}) FROM STDIN") as copy:
            for row in rows:
                copy.write("\t".join(map(str, row)) + tail + "\n")


def make(cursor: Any, table: str, count: int, *, first: int = 1, **columns: str) -> None:
    """`count` rows; each column an SQL expression over their number `n`."""
    insert(cursor, table, f"FROM generate_series({first}::bigint, {first + count - 1}::bigint) AS n", columns)


def insert(cursor: Any, table: str, source: str, columns: Mapping[str, str]) -> None:
    """A row for each that `source`, beginning with FROM, has; each column an SQL expression over it."""
    fixed = {name: f"'{value}'" for name, value in _required(cursor, table, columns).items()}
    values = {**fixed, **columns}
    cursor.execute(f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} {source}")


def noise(seed: int, below: int) -> str:
    """For `make`: a number that looks like any, and is the same in each run."""
    return f"(abs(hashint8extended(n, {seed})) % {below})"


def _required(cursor: Any, table: str, known: Iterable[str]) -> dict[str, str]:
    """The columns that have neither a default nor a value of ours, and something to put there."""
    cursor.execute(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_name = %s AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
        [table],
    )
    return {name: _FILLERS.get(kind, "") for name, kind in cursor.fetchall() if name not in {*known}}
