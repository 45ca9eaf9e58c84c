from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.identity import GuestPerson, UserPerson, normalize_email, person_of


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  ada@example.com ", "ada@example.com"),
        ("", ""),
        (None, ""),
        ("   ", ""),
        # Only spaces come off, as SQL's btrim does it.
        ("\tada@example.com", "\tada@example.com"),
        # No Unicode folding: these are different mailboxes, and a Turkish dotless i must not become an i.
        ("ÄDA@example.com", "Äda@example.com"),
        ("İda@example.com", "İda@example.com"),
        # No provider's rules.
        ("a.d.a+shop@gmail.com", "a.d.a+shop@gmail.com"),
    ],
)
def test_normalized_email(written: str | None, stored: str) -> None:
    assert normalize_email(written) == stored


@pytest.mark.parametrize(
    ("user_id", "email", "person"),
    [
        (7, "ada@example.com", UserPerson(7)),
        (7, "", UserPerson(7)),
        (None, "ada@example.com", GuestPerson("ada@example.com")),
        (None, "", None),
    ],
)
def test_whose_order_it_is(user_id: int | None, email: str, person: object) -> None:
    assert person_of(user_id, email) == person


def test_a_guest_prints_no_address() -> None:
    assert "ada" not in repr(GuestPerson("ada@example.com"))
