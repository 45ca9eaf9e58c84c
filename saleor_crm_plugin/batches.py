"""Walking over many rows along a key, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet


def key_batches(rows: QuerySet[Any, Any], batch_size: int, key: str = "pk") -> Iterator[list[int]]:
    """Batches of a whole-number key above 0, ascending; one SQL statement for each, and one that finds no more.

    Rows that leave the query while the batches are worked on do not shift the others.
    """
    keys = rows.order_by(key).values_list(key, flat=True)
    last = 0
    while batch := list(keys.filter(**{f"{key}__gt": last})[:batch_size]):
        last = batch[-1]
        yield batch
