"""Whose data is meant: an address may be a user's and a guest's, who are two customers."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import graphene
from django.core.exceptions import ValidationError
from saleor.account.models import User

from saleor_crm_plugin.graphql.mutations import invalid
from saleor_crm_plugin.graphql.profiles.whose import profile_id_of
from saleor_crm_plugin.ingestion.lookup import profiles_by_email
from saleor_crm_plugin.profiles.identity import UserPerson

NOT_APPLICABLE = "not_applicable"


def only_profile_id_of(whose: Mapping[str, str | None]) -> int:
    """As `profile_id_of`.

    Raises:
        ValidationError: also if several customers have the address.
    """
    profile_id = profile_id_of(whose)
    if email := whose.get("email"):
        profile_ids = set(profiles_by_email(email, "default").values())
        if len(profile_ids) > 1:
            raise _several("Several customers have this address. Name each by its id", profile_ids)
    return profile_id


def all_profile_ids_of(whose: Mapping[str, str | None]) -> list[int]:
    """As `profile_id_of`, but an address stands for all customers who have it; that one is the first.

    Raises:
        ValidationError: also if one of several has not confirmed the address: whoever registers with somebody's address
            is not to be taken for them, nor the other way round.
    """
    profile_id = profile_id_of(whose)
    if not (email := whose.get("email")):
        return [profile_id]
    found = profiles_by_email(email, "default")
    profile_ids = list(dict.fromkeys([profile_id, *found.values()]))
    user_ids = [person.user_id for person in found if isinstance(person, UserPerson)]
    if len(profile_ids) > 1 and User.objects.filter(pk__in=user_ids, is_confirmed=False).exists():
        message = "Several customers have this address, and one has not confirmed it. Name who is meant by the id"
        raise _several(message, profile_ids)
    return profile_ids


def _several(message: str, profile_ids: Collection[int]) -> ValidationError:
    ids = [graphene.Node.to_global_id("CustomerProfile", profile_id) for profile_id in sorted(profile_ids)]
    return invalid("email", f"{message}: {', '.join(ids)}.", NOT_APPLICABLE)
