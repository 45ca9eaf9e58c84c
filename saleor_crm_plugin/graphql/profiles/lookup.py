"""Finding a person by what staff type."""

from __future__ import annotations

from django.contrib.auth import get_user_model

from saleor_crm_plugin.profiles.identity import GuestPerson, UserPerson, find_profiles, normalize_email


def profile_id_by_email(email: str, using: str) -> int | None:
    """The profile of the user who has this address, else of the guest who has ordered with it. For staff only."""
    address = normalize_email(email)
    user_id = get_user_model().objects.using(using).filter(email__iexact=address).values_list("pk", flat=True).first()
    persons = [GuestPerson(address), *([UserPerson(user_id)] if user_id else [])]
    found = find_profiles(persons, using)
    return found.get(persons[-1]) or found.get(persons[0])
