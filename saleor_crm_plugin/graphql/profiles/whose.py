"""Which customer is meant."""

from __future__ import annotations

from collections.abc import Mapping

from saleor.account.models import User

from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.mutations import GRAPHQL_ERROR, invalid, key_argument
from saleor_crm_plugin.ingestion.lookup import persons_by_email, profile_id_by_email
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.merging.family import heads_of

NOT_FOUND = "not_found"


def profile_id_of(whose: Mapping[str, str | None]) -> int:
    """The profile that exactly one of `id`, `user_id` and `email` names, or the one that it was merged into; a user
    without one gets it.

    For mutations: reads and writes the writer.

    Raises:
        ValidationError: not exactly one is given, or there is no such customer.
    """
    given = {name: value for name, value in whose.items() if value}
    if len(given) != 1:
        raise invalid(None, "Give exactly one of id, userId and email.", GRAPHQL_ERROR)
    if profile := given.get("id"):
        primary_key = key_argument(integer_key, profile, "CustomerProfile", "id")
        head = heads_of([primary_key], "default").get(primary_key)
        if head is None:
            raise invalid("id", "There is no such customer.", NOT_FOUND)
        return head
    if email := given.get("email"):
        return profile_id_of_email(email)
    return profile_id_of_user(given["user_id"])


def profile_id_of_email(email: str) -> int:
    """The profile that queries show for this address. If there is none, the user who has it gets one.

    Raises:
        ValidationError: nobody with this address is known.
    """
    profile_id = profile_id_by_email(email, "default")
    if profile_id is not None:
        return profile_id
    for person in persons_by_email(email, "default"):
        if isinstance(person, UserPerson):
            return resolve_profiles([person])[person]
    raise invalid("email", "Nobody with this address is known.", NOT_FOUND)


def profile_id_of_user(user_id: str) -> int:
    """The profile of the user with this global id; made if there is none.

    Raises:
        ValidationError: there is no such user.
    """
    primary_key = key_argument(integer_key, user_id, "User", "user_id")
    if not User.objects.filter(pk=primary_key).exists():
        raise invalid("user_id", "There is no such user.", NOT_FOUND)
    person = UserPerson(primary_key)
    return resolve_profiles([person])[person]
