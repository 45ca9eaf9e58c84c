"""Reading with a statement that PostgreSQL must not compile to machine code.

The planner takes some of our statements for far more than they are: recursions, long lists of stages, and lookups in
many tables for each of a few hundred orders. On its own it would compile them, which takes half a second and more, to
run them for milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import connections

_SETTING: Final = "SET LOCAL jit = off; "


def read_without_jit(
    statement: str, parameters: Mapping[str, Any] | Sequence[Any], using: str
) -> list[tuple[Any, ...]]:
    """All rows that a statement gives. One round trip."""
    connection = connections[using]
    # PostgreSQL runs the two in one transaction, at whose end the setting is gone. Where parameters are bound by the
    # server, it takes one statement at a time.
    setting = "" if getattr(connection.features, "uses_server_side_binding", False) else _SETTING
    with connection.cursor() as cursor:
        cursor.execute(setting + statement, parameters)
        if setting:
            cursor.nextset()
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
