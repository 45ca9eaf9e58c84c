"""Many rows into a model's table by PostgreSQL's COPY, with the model's defaults where a column is not given.

So the same code fills the stand-in shop and a real Saleor, whose tables have more columns.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.utils import timezone

# Rows turned into text at a time: some 20 MB for an order line.
CHUNK_ROWS: Final = 50_000
NAMESPACE: Final = uuid.UUID("9f0c1a52-6c1e-4a07-8d0c-6f1d5c0e2017")

Progress = Callable[[int], object]
Ids = npt.NDArray[np.int64]


def copy_rows(model: type[models.Model], columns: Mapping[str, Any], progress: Progress) -> Ids:
    """Insert rows of one table.

    Args:
        columns: column attribute name (`order_id`, not `order`) -> one value for each row, or one for all of them. At
            least one is an array. Amounts are in whole units of the currency.

    Returns:
        The primary keys, in the order of the rows; of no use where the key is given in `columns`.
    """
    fields = {field.attname: field for field in model._meta.concrete_fields}
    if unknown := columns.keys() - fields.keys():
        raise ValueError(f"{model.__name__} has no column {', '.join(sorted(unknown))}.")
    rows = max(len(values) for values in columns.values() if _is_array(values))
    key = model._meta.pk
    assert key is not None
    ids = np.arange(0)
    filled = dict(columns)
    if key.attname not in columns:
        ids = reserve_ids(model, rows)
        filled[key.attname] = ids
    for name, field in fields.items():
        if name not in filled:
            filled[name] = _default(field)
    names = ", ".join(connection.ops.quote_name(fields[name].column) for name in filled)
    with connection.cursor() as cursor:
        for start in range(0, rows, CHUNK_ROWS):
            end = min(start + CHUNK_ROWS, rows)
            table = pa.table([_arrow(values, start, end) for values in filled.values()], names=list(filled))
            text = BytesIO()
            pa.csv.write_csv(table, text, pa.csv.WriteOptions(include_header=False))
            with cursor.copy(f"COPY {model._meta.db_table} ({names}) FROM STDIN (FORMAT csv)") as copy:
                copy.write(text.getbuffer())
            progress(end - start)
    return ids


def reserve_ids(model: type[models.Model], count: int) -> Ids:
    """Take that many numbers from the table's sequence. Nobody else may use it meanwhile."""
    key = model._meta.pk
    assert key is not None
    return take_numbers(f"pg_get_serial_sequence('{model._meta.db_table}', '{key.column}')", count)


def take_numbers(sequence: str, count: int) -> Ids:
    """The next `count` numbers of a sequence, which is given as an SQL expression."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT setval({sequence}, nextval({sequence}) + %s)", [count - 1])
        last = cursor.fetchone()[0]
    return np.arange(last - count + 1, last + 1)


def fixed_uuids(kind: str, keys: Iterable[Any]) -> list[str]:
    """The same for the same key in every run, so that two runs can be compared."""
    return [str(uuid.uuid5(NAMESPACE, f"{kind} {key}")) for key in keys]


def _default(field: models.Field[Any, Any]) -> Any:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return timezone.now()
    if field.unique and field.has_default():
        raise ValueError(f"{field.model.__name__}.{field.attname} must be different in each row: give its values.")
    value = field.get_default()
    if isinstance(field, ArrayField) and value == []:
        return "{}"
    if isinstance(field, models.JSONField):
        return None if value is None else json.dumps(value)
    return field.get_prep_value(value)


def _is_array(values: Any) -> bool:
    return hasattr(values, "__len__") and not isinstance(values, str)


def _arrow(values: Any, start: int, end: int) -> pa.Array:
    if _is_array(values):
        return pa.array(values[start:end], from_pandas=True)
    return pa.nulls(end - start) if values is None else pa.repeat(pa.scalar(values), end - start)
