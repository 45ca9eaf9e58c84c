"""Several callers at the same moment: threads, each with a connection of its own to the real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import connection, connections
from saleor.core.db.connection import allow_writer

JOIN_SECONDS: Final = 60


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make all calls at the same time; their results or errors, in order."""
    outcomes: list[Any] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(position: int) -> None:
        try:
            with allow_writer():
                connection.ensure_connection()
                start.wait(JOIN_SECONDS)
                outcomes[position] = calls[position]()
        except Exception as error:
            outcomes[position] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(position,), daemon=True) for position in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(JOIN_SECONDS)
    assert not any(thread.is_alive() for thread in threads)
    return outcomes


def no_errors(outcomes: Sequence[object]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
