"""Handing a task to the Celery broker from a buyer's request: quickly, or not at all.

Celery's own connection waits six seconds (measured, kombu 5.7) for a broker that is down, even with `retry=False`: that
governs the publishing, while kombu goes on to retry connecting. So this module keeps a connection pool of its own with
short timeouts, and after a failure leaves the broker alone for a while.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from celery import Celery, Task
from kombu.connection import Connection
from kombu.pools import ProducerPool

CONNECT_TIMEOUT_SECONDS = 1
# For an answer from a broker that accepts connections but hangs.
ANSWER_TIMEOUT_SECONDS = 2
# One retry, at once: it reaches the second of two brokers in a failover URL. Without a limit here, kombu 5.3 waits two
# seconds in spite of the connect timeout.
CONNECT_RETRIES = 1
# A connection that the broker has dropped while it was idle shows only when it is used.
PUBLISH_RETRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
POOL_WAIT_SECONDS = 1
POOL_LIMIT = 10
PAUSE_AFTER_FAILURE_SECONDS = 30


class BrokerPausedError(Exception):
    """The broker failed a moment ago and is left alone for now."""


class Breaker:
    """Opens on a failure; after the pause lets one caller try, and closes when that one succeeds."""

    def __init__(self, pause_seconds: float = PAUSE_AFTER_FAILURE_SECONDS) -> None:
        self.pause_seconds = pause_seconds
        self._lock = threading.Lock()
        self._retry_at: float | None = None

    def check(self) -> None:
        """
        Raises:
            BrokerPausedError: while open.
        """
        with self._lock:
            if self._retry_at is None:
                return
            now = time.monotonic()
            if now < self._retry_at:
                raise BrokerPausedError
            self._retry_at = now + self.pause_seconds

    def failed(self) -> None:
        with self._lock:
            self._retry_at = time.monotonic() + self.pause_seconds

    def succeeded(self) -> None:
        with self._lock:
            self._retry_at = None


class Publisher:
    """Publishes tasks of one Celery app. Safe for threads, and for processes forked after the first use."""

    def __init__(self) -> None:
        self.breaker = Breaker()
        self._lock = threading.Lock()
        self._pool: ProducerPool | None = None
        self._pool_pid = 0

    def publish(self, task: Task, args: tuple[Any, ...]) -> None:
        """
        Raises:
            BrokerPausedError: the broker failed within the last `PAUSE_AFTER_FAILURE_SECONDS`.
            Exception: whatever the transport raises.
        """
        self.breaker.check()
        try:
            with self._producers(task.app).acquire(block=True, timeout=POOL_WAIT_SECONDS) as producer:
                task.apply_async(args, producer=producer, retry=True, retry_policy=PUBLISH_RETRY)
        except Exception:
            self.breaker.failed()
            raise
        self.breaker.succeeded()

    def reset(self) -> None:
        with self._lock:
            self._pool = None
        self.breaker.succeeded()

    def _producers(self, app: Celery) -> ProducerPool:
        with self._lock:
            # A socket inherited from the parent process must not be written to by both.
            if self._pool is None or self._pool_pid != os.getpid():
                connections = impatient_connection(app).Pool(limit=POOL_LIMIT)
                self._pool = ProducerPool(connections, limit=POOL_LIMIT)
                self._pool_pid = os.getpid()
            return self._pool


def impatient_connection(app: Celery) -> Connection:
    """A connection to the broker with the operator's options, but for the timeouts above."""
    connection = app.connection_for_write(connect_timeout=CONNECT_TIMEOUT_SECONDS)
    options = {**connection.transport_options, "max_retries": CONNECT_RETRIES, "interval_start": 0}
    if connection.transport.driver_type == "redis":
        options |= {"socket_connect_timeout": CONNECT_TIMEOUT_SECONDS, "socket_timeout": ANSWER_TIMEOUT_SECONDS}
    elif connection.transport.driver_type == "amqp":
        options |= {"read_timeout": ANSWER_TIMEOUT_SECONDS, "write_timeout": ANSWER_TIMEOUT_SECONDS}
    impatient: Connection = app.connection_for_write(connect_timeout=CONNECT_TIMEOUT_SECONDS, transport_options=options)
    return impatient
