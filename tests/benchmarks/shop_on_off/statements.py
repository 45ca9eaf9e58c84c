"""How many SQL statements an operation sends, as `pg_stat_statements` counts them in the shop's own database."""

from __future__ import annotations

import re
from collections import Counter as TextCounter
from types import TracebackType
from typing import Any, Self

import psycopg

# Statements of ours, of the extension itself, and of other databases do not count.
CALLS = """
SELECT queryid, calls, query FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT LIKE '%pg_stat_statements%'
"""


Calls = dict[Any, tuple[int, str]]


class Counter:
    """Of one database, to which nobody else talks meanwhile.

    Raises:
        psycopg.Error: it cannot be reached, or has no `pg_stat_statements`.
    """

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute(CALLS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def calls(self) -> Calls:
        """By statement: how often it has run so far, and its text."""
        return {key: (calls, text) for key, calls, text in self._connection.execute(CALLS).fetchall()}


def since(before: Calls, after: Calls) -> TextCounter[str]:
    """What ran in between, by its text."""
    ran: TextCounter[str] = TextCounter()
    for key, (calls, text) in after.items():
        ran[text] += calls - before.get(key, (0, ""))[0]
    return +ran


def tables(ran: TextCounter[str]) -> str:
    """The first table that each statement names, with how many name it."""
    named: TextCounter[str] = TextCounter()
    for text, times in ran.items():
        found = re.search(r'(?:FROM|INTO|UPDATE) "?(\w+)', text)
        named[found.group(1) if found else "no table"] += times
    return ", ".join(f"{times} of {table}" for table, times in named.most_common())
