"""Finding a person by what staff type."""

from __future__ import annotations

from saleor.account.models import User

from saleor_crm_plugin.profiles.identity import GuestPerson, Person, UserPerson, find_profiles, normalize_email
from saleor_crm_plugin.texts import can_be_stored


def persons_by_email(email: str, using: str) -> list[Person]:
    """The user who has this address, then the guest who may have ordered with it. For staff only.

    A user who has not confirmed the address comes after the guest: anybody can register with it.
    """
    address = normalize_email(email)
    if not address or not can_be_stored(address):
        # Nobody's; and the database refuses to look for the other.
        return []
    persons: list[Person] = [GuestPerson(address)]
    for user_id, is_confirmed in (
        User.objects.using(using).filter(email__iexact=address).values_list("pk", "is_confirmed")[:1]
    ):
        persons.insert(0 if is_confirmed else 1, UserPerson(user_id))
    return persons


def profile_id_by_email(email: str, using: str) -> int | None:
    """The profile of the first of `persons_by_email` who has one."""
    persons = persons_by_email(email, using)
    found = find_profiles(persons, using)
    return next((found[person] for person in persons if person in found), None)
