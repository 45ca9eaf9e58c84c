"""What waits until the request that it comes from has been answered: a buyer waits for no broker, and what Saleor tells
several times in one request goes out once.

Django begins, runs and ends a request in one thread, under WSGI and ASGI alike, and ends it after the answer was sent.
Outside of a request, as in a worker or a command, nothing waits. A process that is killed between answer and end loses
what waits; so do those that are killed before, and reconciliation makes up for both.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any

from django.core.signals import request_finished, request_started


class _Request(threading.local):
    """What waits for the end of this thread's request; None outside of one."""

    waiting: dict[Hashable, Callable[[], None]] | None = None


_request = _Request()


def install() -> None:
    request_started.connect(_begin, dispatch_uid=__name__)
    request_finished.connect(_end, dispatch_uid=__name__)


def defer(name: Hashable, action: Callable[[], None]) -> bool:
    """Let `action`, which raises nothing, wait for the end of the request; of several with one name, the first.

    Returns:
        False outside of a request: it has not been done, and will not be.
    """
    if _request.waiting is None:
        return False
    _request.waiting.setdefault(name, action)
    return True


def _begin(**kwargs: Any) -> None:
    # Where a request has broken off without an end, what it has left goes out with the next one of its thread.
    _request.waiting = _request.waiting or {}


def _end(**kwargs: Any) -> None:
    waiting, _request.waiting = _request.waiting, None
    for action in (waiting or {}).values():
        action()
