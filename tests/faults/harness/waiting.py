"""Waiting until something is so, instead of for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

PATIENCE_SECONDS: Final = 30
LOOK_EVERY_SECONDS: Final = 0.02

T = TypeVar("T")


def until(look: Callable[[], T], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """The first truth that `look` returns."""
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        if found := look():
            return found
        if began > deadline:
            raise AssertionError(f"After {seconds:.0f} s still not: {what}")
        # Looking is no more than half of what is done meanwhile.
        time.sleep(max(LOOK_EVERY_SECONDS, time.monotonic() - began))
