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
    """To make a call, on a connection of its own, that has to wait for what our transaction has locked."""

    def run(call: Callable[[], Any]) -> Any:
        try:
            with allow_writer():
                return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:

        def let_wait(call: Callable[[], Any]) -> Future[Any]:
            running = other.submit(run, call)
            _until_it_waits(running)
            return running

        yield let_wait


def _until_it_waits(running: Future[Any]) -> None:
    end = monotonic() + JOIN_SECONDS
    with connection.cursor() as cursor:
        while not running.done() and monotonic() < end:
            # Of pg_stat_activity, a transaction sees again and again what it saw first.
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))")
            if cursor.rowcount:
                return
            sleep(0.01)
    raise AssertionError(f"It does not wait: {running}")


def no_errors(outcomes: Sequence[object]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
