"""Walking over many rows along a key, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet


def key_batches(rows: QuerySet[Any, Any], batch_size: int, key: str = "pk") -> Iterator[list[Any]]:
    """Batches of a key, ascending; one SQL statement for each, and one that finds no more.

    Rows that leave the query while the batches are worked on do not shift the others.
    """
    keys = rows.order_by(key).values_list(key, flat=True)
    rest = keys
    while batch := list(rest[:batch_size]):
        yield batch
        rest = keys.filter(**{f"{key}__gt": batch[-1]})
