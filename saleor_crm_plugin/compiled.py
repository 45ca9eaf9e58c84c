"""Queries that Django compiles once.

Compiling a query takes Django as long as PostgreSQL takes to answer it, for a lookup by key. Where the same lookup runs
for each order that a shop sells, the statement is kept, and only the keys change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from django.db import connections
from django.db.models import BooleanField, F, Lookup, Model, QuerySet

from saleor_crm_plugin.without_jit import read_without_jit

ModelT = TypeVar("ModelT", bound=Model)

# Stands for the keys where a query names them itself, in an expression of its own.
KEYS: Final = object()


def column_names(model: type[Model]) -> list[str]:
    """The model's own columns, as `from_db` takes them."""
    return [field.attname for field in model._meta.concrete_fields]


class CompiledQuery:
    """Rows of a model by any number of keys, as `QuerySet.values_list` gives them. One statement.

    Args:
        key: the path of the field that the keys are values of, for example "order_id"; None: the query says what it
            wants with `KEYS`.
        rows: makes the query without the condition on the key; called once. A function, because models may not be
            loaded yet. Nothing in it may depend on anything but the code. Annotations come after the model's own
            columns.
        is_costly: PostgreSQL takes it for so much work that it would compile it on its part, at each call.
    """

    def __init__(self, key: str | None, rows: Callable[[], QuerySet[Any, Any]], *, is_costly: bool = False) -> None:
        self._key, self._rows, self._is_costly = key, rows, is_costly
        self._compiled: _Compiled | None = None

    def __call__(self, keys: Collection[Any], using: str) -> list[tuple[Any, ...]]:
        """The rows with one of the keys; none without keys, and then without a statement."""
        if not keys:
            return []
        if self._compiled is None:
            self._compiled = self._compile(using)
        wanted = list(keys)
        read = read_without_jit if self._is_costly else _read
        parameters = [wanted if one is KEYS else one for one in self._compiled.parameters]
        rows = read(self._compiled.statement, parameters, using)
        return list(map(tuple, self._compiled.converted(rows, using))) if self._compiled.converters else rows

    def _compile(self, using: str) -> _Compiled:
        rows = self._columns(self._rows().using(using))
        if self._key is not None:
            rows = rows.filter(_IsOneOf(F(self._key), KEYS))
        compiler = rows.query.get_compiler(using)
        statement, parameters = compiler.as_sql()
        columns = [column for column, _, _ in compiler.select]
        return _Compiled(statement, parameters, compiler.get_converters(columns))

    def _columns(self, rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        return rows


class CompiledLookup(CompiledQuery, Generic[ModelT]):
    """The same for whole rows, as instances of the model. Without `select_related`."""

    def __init__(self, key: str | None, rows: Callable[[], QuerySet[ModelT]]) -> None:
        super().__init__(key, rows)
        self._model: type[ModelT] | None = None

    def instances(self, keys: Collection[Any], using: str) -> list[ModelT]:
        rows = self(keys, using)
        if self._model is None:
            return []
        names = column_names(self._model)
        return [self._model.from_db(using, names, row) for row in rows]

    def _columns(self, rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        self._model = rows.model
        return rows.values_list(*column_names(rows.model))


def _read(statement: str, parameters: Sequence[Any], using: str) -> list[tuple[Any, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement, and the converters of its columns, by their number, as Django's compiler has them."""

    statement: str
    parameters: Sequence[Any]
    converters: Mapping[int, tuple[Sequence[Callable[..., Any]], Any]]

    def converted(self, rows: Iterable[Sequence[Any]], using: str) -> Iterator[list[Any]]:
        connection = connections[using]
        for values in rows:
            row = list(values)
            for column, (converters, expression) in self.converters.items():
                for convert in converters:
                    row[column] = convert(row[column], expression, connection)
            yield row


class _IsOneOf(Lookup):
    """`field = ANY(keys)`: unlike IN, the same text for any number of keys."""

    prepare_rhs = False
    output_field = BooleanField()

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        field, parameters = self.process_lhs(compiler, connection)
        return f"{field} = ANY(%s)", (*parameters, self.rhs)
