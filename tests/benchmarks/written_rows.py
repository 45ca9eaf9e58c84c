"""Which rows a call has written, and the transaction that writes the same ones without asking anything first.

Our tables only. That transaction is what someone would write by hand who knew the answer: one INSERT for each table
that gets rows, one UPDATE for each row that changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

# Values as text, which PostgreSQL takes for any type.
Row = dict[str, str | None]
Statement = tuple[sql.Composed, list[Any]]


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


class Tables:
    """Our tables as they were at first, and how to put them back."""

    def __init__(self, connection: Any) -> None:
        """`connection`: psycopg's, in autocommit."""
        self._connection = connection
        self.tables = _tables(connection)
        for table in self.tables:
            connection.execute(f"CREATE TABLE before_{table.name} AS SELECT * FROM {table.name}")
        self._first = self.rows()

    def put_back(self) -> None:
        with self._connection.transaction():
            # Entries are append-only by a trigger.
            self._connection.execute("SET LOCAL session_replication_role = replica")
            self._connection.execute(f"TRUNCATE {', '.join(table.name for table in self.tables)}")
            for table in self.tables:
                names = ", ".join(map(_quoted, table.columns))
                self._connection.execute(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM before_{table.name}")
        self._connection.execute("ANALYZE")

    def drop(self) -> None:
        for table in self.tables:
            self._connection.execute(f"DROP TABLE before_{table.name}")

    def rows(self) -> dict[str, dict[tuple[Any, ...], Row]]:
        found: dict[str, dict[tuple[Any, ...], Row]] = {}
        for table in self.tables:
            texts = ", ".join(f"{_quoted(column)}::text" for column in table.columns)
            cursor = self._connection.execute(f"SELECT {texts} FROM {table.name}")
            rows = (dict(zip(table.columns, values, strict=True)) for values in cursor)
            found[table.name] = {tuple(row[name] for name in table.key): row for row in rows}
        return found

    def written_by(self, calls: list[Callable[[], object]]) -> list[list[Statement]]:
        """Calls each; the statements that write what it wrote."""
        written, before = [], self._first
        for call in calls:
            call()
            after = self.rows()
            written.append(
                [
                    statement
                    for table in self.tables
                    for statement in _statements(table, before[table.name], after[table.name])
                ]
            )
            before = after
        return written

    def write(self, statements: list[Statement], after: tuple[Sequence[str], Row] = ((), {})) -> None:
        """In one transaction. `after`: questions to ask first, and their parameters."""
        questions, parameters = after
        with self._connection.transaction():
            for question in questions:
                self._connection.execute(question, parameters).fetchall()
            for statement, values in statements:
                self._connection.execute(statement, values)


def _tables(connection: Any) -> list[Table]:
    """Those that others refer to first."""
    from django.apps import apps

    names = [model._meta.db_table for model in apps.get_app_config("saleor_crm_plugin").get_models()]
    keys: dict[str, list[str]] = {}
    columns: dict[str, list[str]] = {}
    for name, column, is_key in connection.execute(_COLUMNS, [names]):
        columns.setdefault(name, []).append(column)
        if is_key:
            keys.setdefault(name, []).append(column)
    refers = connection.execute(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
        " WHERE contype = 'f' AND conrelid <> confrelid AND confrelid::regclass::text = ANY(%s)",
        [names],
    ).fetchall()
    ordered: list[str] = []
    while len(ordered) < len(columns):
        ready = [
            name
            for name in columns
            if name not in ordered and all(other in ordered for mine, other in refers if mine == name)
        ]
        assert ready, "the tables refer to each other in a circle"
        ordered += ready
    return [Table(name, tuple(columns[name]), tuple(keys[name])) for name in ordered]


_COLUMNS = """
SELECT attribute.attrelid::regclass::text, attname, coalesce(attnum = ANY(indkey), false)
FROM pg_attribute AS attribute LEFT JOIN pg_index ON indrelid = attribute.attrelid AND indisprimary
WHERE attribute.attrelid = ANY(%s::regclass[]) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attribute.attrelid, attnum
"""


def _statements(table: Table, before: dict[tuple[Any, ...], Row], after: dict[tuple[Any, ...], Row]) -> list[Statement]:
    statements: list[Statement] = []
    name = sql.Identifier(table.name)
    if new := [row for key, row in after.items() if key not in before]:
        marks = sql.SQL("({})").format(sql.SQL(", ").join(sql.Placeholder() * len(table.columns)))
        insert = sql.SQL("INSERT INTO {} ({}) VALUES {}").format(
            name,
            sql.SQL(", ").join(map(sql.Identifier, table.columns)),
            sql.SQL(", ").join([marks] * len(new)),
        )
        statements.append((insert, [row[column] for row in new for column in table.columns]))
    for key, row in after.items():
        if key in before and row != before[key]:
            changed = [column for column in table.columns if row[column] != before[key][column]]
            update = sql.SQL("UPDATE {} SET {} WHERE {}").format(
                name, _equal(changed, ", "), _equal(table.key, " AND ")
            )
            statements.append((update, [row[column] for column in changed] + list(key)))
    for key in before.keys() - after.keys():
        statements.append((sql.SQL("DELETE FROM {} WHERE {}").format(name, _equal(table.key, " AND ")), list(key)))
    return statements


def _equal(columns: Any, between: str) -> sql.Composed:
    return sql.SQL(between).join(sql.SQL("{} = {}").format(sql.Identifier(one), sql.Placeholder()) for one in columns)


def _quoted(name: str) -> str:
    return f'"{name}"'
