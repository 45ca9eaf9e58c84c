"""Finding a person by what staff type."""

from __future__ import annotations

from saleor.account.models import User

from saleor_crm_plugin.profiles.identity import GuestPerson, Person, UserPerson, find_profiles, normalize_email
from saleor_crm_plugin.texts import can_be_stored


def persons_by_email(email: str, using: str) -> list[Person]:
    """The user who has this address, then the guest who may have ordered with it. For staff only.

    A user who has not confirmed the address comes after the guest: anybody can register with it. Users whose addresses
    differ in capital letters only are several.
    """
    address = normalize_email(email)
    if not address or not can_be_stored(address):
        # Nobody's; and the database refuses to look for the other.
        return []
    users = User.objects.using(using).filter(email__iexact=address).order_by("pk").values_list("pk", "is_confirmed")
    confirmed: list[Person] = []
    others: list[Person] = []
    for user_id, is_confirmed in users:
        (confirmed if is_confirmed else others).append(UserPerson(user_id))
    return [*confirmed, GuestPerson(address), *others]


def profiles_by_email(email: str, using: str) -> dict[Person, int]:
    """The profiles of those of `persons_by_email` who have one, in that order."""
    persons = persons_by_email(email, using)
    found = find_profiles(persons, using)
    return {person: found[person] for person in persons if person in found}


def profile_id_by_email(email: str, using: str) -> int | None:
    """The first of `profiles_by_email`."""
    return next(iter(profiles_by_email(email, using).values()), None)
