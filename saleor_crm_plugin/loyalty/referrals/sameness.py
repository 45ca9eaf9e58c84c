"""Are these two the same person, or the same household? Only to refuse a reward: nobody is joined by it. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Home(NamedTuple):
    """Where somebody of a name lives, in a form in which spellings compare equal."""

    last_name: str
    street: str
    postal_code: str
    city: str
    country: str


def mailbox_of(email: str) -> str:
    """The mailbox that an address leads to with the usual providers: without dots and what follows a plus sign.

    Stricter than `normalize_email`, which must not join different people.
    """
    local, _, domain = email.strip().casefold().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def home_of(last_name: str, street: str, more_street: str, postal_code: str, city: str, country: str) -> Home | None:
    """None where the name or the street is missing: that says nothing about anybody."""
    home = Home(
        _folded(last_name),
        _folded(f"{street} {more_street}"),
        _folded(postal_code),
        _folded(city),
        _folded(country),
    )
    return home if home.last_name and home.street else None


def _folded(text: str) -> str:
    """Letters and digits only."""
    return "".join(character for character in text.casefold() if character.isalnum())
