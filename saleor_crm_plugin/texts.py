"""Texts that people send."""

from __future__ import annotations

import re
from typing import Final

# NUL, and halves of a character that UTF-16 writes as two: JSON can spell both, PostgreSQL can store neither.
UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def can_be_stored(text: str) -> bool:
    """Whether the database can hold this text, or compare it with what it holds."""
    return UNSTORABLE.search(text) is None
