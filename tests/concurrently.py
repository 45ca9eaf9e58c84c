"""Several callers at the same moment: threads, each with a connection of its own to the real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, Final

from django.db import connection, connections, transaction
from saleor.core.db.connection import allow_writer

JOIN_SECONDS: Final = 60

# Those who wait for us, and whoever waits for them in turn. Of pg_stat_activity, a transaction sees again and again
# what it saw first.
_WAITING: Final = """
WITH RECURSIVE waiting AS (
    SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))
    UNION
    SELECT behind.pid FROM pg_locks behind JOIN waiting ON waiting.pid = ANY (pg_blocking_pids(behind.pid))
    WHERE NOT behind.granted
)
SELECT FROM waiting
"""
# Who can be made to wait at once.
_OTHERS: Final = 4


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


def behind(first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """Make the second call once the first has written; what the first wrote is committed when the second waits for it.
    The second one's result.
    """
    with others_who_wait() as let_wait:
        with transaction.atomic():
            first()
            running = let_wait(second)
        return running.result(JOIN_SECONDS)


@contextmanager
def others_who_wait() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """To make a call, on a connection of its own, that has to wait for what our transaction has locked, or for another
    one that waits for it.
    """

    def run(call: Callable[[], Any]) -> Any:
        try:
            with allow_writer():
                return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(_OTHERS) as others:

        def let_wait(call: Callable[[], Any]) -> Future[Any]:
            before = _waiting()
            running = others.submit(run, call)
            _until_it_waits(running, before)
            return running

        yield let_wait


def _waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return cursor.rowcount


def _until_it_waits(running: Future[Any], before: int) -> None:
    end = monotonic() + JOIN_SECONDS
    while not running.done() and monotonic() < end:
        if _waiting() > before:
            return
        sleep(0.01)
    raise AssertionError(f"It does not wait: {running}")


def no_errors(outcomes: Sequence[object]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
