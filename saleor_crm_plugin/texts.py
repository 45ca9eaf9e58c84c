"""Texts that somebody sent."""

from __future__ import annotations


def can_be_stored(text: str) -> bool:
    """Whether PostgreSQL can hold a text, or look for it: it has no NUL, and no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
