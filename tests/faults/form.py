"""How thorough the drills are: short in CI, long when somebody asks for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, TypeVar

LONG: Final = os.environ.get("CRM_FAULTS") == "long"

T = TypeVar("T")


def some(points: Sequence[T], short: int) -> list[T]:
    """All of them in the long form; in the short one that many, spread evenly, first and last among them."""
    if LONG or len(points) <= short:
        return list(points)
    step = (len(points) - 1) / (short - 1)
    return [points[round(number * step)] for number in range(short)]
