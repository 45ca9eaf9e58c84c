"""Finding a person by what staff type."""

from __future__ import annotations

from saleor.account.models import User

from saleor_crm_plugin.profiles.identity import GuestPerson, Person, UserPerson, find_profiles, normalize_email


def profile_id_by_email(email: str, using: str) -> int | None:
    """The profile of the user who has this address, else of the guest who has ordered with it. For staff only."""
    address = normalize_email(email)
    user_id = User.objects.using(using).filter(email__iexact=address).values_list("pk", flat=True).first()
    guest = GuestPerson(address)
    persons: list[Person] = [guest] if user_id is None else [UserPerson(user_id), guest]
    found = find_profiles(persons, using)
    return next((found[person] for person in persons if person in found), None)
