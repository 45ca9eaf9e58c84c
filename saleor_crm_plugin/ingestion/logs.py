"""Log lines that say a lasting problem once, not once for each order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Hashable
from typing import Any

REPEAT_AFTER_SECONDS = 600
# A key is a kind of problem (with a channel or field at most), so this is never reached but by a fault of ours.
MAX_KEYS = 1000

_lock = threading.Lock()
_logged_at: dict[Hashable, float] = {}


def log_once(
    logger: logging.Logger, key: Hashable, message: str, *args: object, level: int = logging.ERROR, **kwargs: Any
) -> None:
    """Log, unless the same key was logged by this process within `REPEAT_AFTER_SECONDS`."""
    now = time.monotonic()
    with _lock:
        last = _logged_at.get(key)
        if last is not None and now - last < REPEAT_AFTER_SECONDS:
            return
        if len(_logged_at) >= MAX_KEYS:
            _logged_at.clear()
        _logged_at[key] = now
    logger.log(level, message, *args, **kwargs)


def forget_logged() -> None:
    """Start anew; for tests, and when a problem has gone so that its return is news."""
    with _lock:
        _logged_at.clear()
