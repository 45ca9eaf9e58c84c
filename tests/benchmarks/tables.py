"""Rows straight into tables; what a column must have and nobody reads is filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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


def copy(
    connection: Any,
    table: str,
    constants: Mapping[str, str],
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_name = %s AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
            [table],
        )
        fixed = {name: _FILLERS.get(kind, "") for name, kind in cursor.fetchall() if name not in columns}
        fixed.update(constants)
        tail = "".join(f"\t{value}" for value in fixed.values())
        with cursor.copy(f"COPY {table} ({', '.join([*columns, *fixed])}) FROM STDIN") as copy:
            for row in rows:
                copy.write("\t".join(map(str, row)) + tail + "\n")
