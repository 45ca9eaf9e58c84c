"""What the two mutations of tags have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import graphene
from django.db import transaction
from django.utils import timezone
from saleor.account.models import User
from saleor.graphql.core.types.common import NonNullList

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of, key_argument
from saleor_crm_plugin.graphql.profiles.types import CustomerProfile
from saleor_crm_plugin.ingestion.segments import refresh_for
from saleor_crm_plugin.profiles import models
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.notes.models import TAG_MAX_LENGTH
from saleor_crm_plugin.profiles.notes.tags import CUSTOMERS_PER_CALL, TAGS_PER_CALL, Tagged

Change = Callable[[Sequence[int], Sequence[str], Actor, datetime], Tagged]


class TagMutation(DomainMutation):
    customer_profiles = NonNullList(CustomerProfile, description="The customers after it.")
    changed_count = graphene.Int(description="How many tags were put on or taken off. A repeated call changes none.")

    class Arguments:
        ids = NonNullList(
            graphene.ID,
            description=f"IDs of customer profiles; with `userIds`, 1 to {CUSTOMERS_PER_CALL} customers.",
        )
        user_ids = NonNullList(graphene.ID, description="IDs of users. A profile is made for each that has none.")
        tags = NonNullList(
            graphene.String,
            required=True,
            description=f"1 to {TAGS_PER_CALL} tags of up to {TAG_MAX_LENGTH} characters: letters and digits, with "
            "blanks and `_ - . : / & +` between them. Upper case is lowered.",
        )

    class Meta:
        abstract = True

    @classmethod
    def change(
        cls,
        info: Any,
        how: Change,
        *,
        tags: Sequence[str],
        ids: Sequence[str] | None = None,
        user_ids: Sequence[str] | None = None,
    ) -> Any:
        profile_ids = [key_argument(integer_key, one, "CustomerProfile", "ids") for one in ids or ()]
        users = [key_argument(integer_key, one, "User", "user_ids") for one in user_ids or ()]
        if len(profile_ids) + len(users) > CUSTOMERS_PER_CALL:
            raise CustomerInputError(f"At most {CUSTOMERS_PER_CALL} customers in one call.", "LIMIT_REACHED", "ids")
        now = timezone.now()
        # A profile that is made for tags which are refused then is none. Segments wait for the locks to be given up.
        with transaction.atomic():
            tagged = how([*profile_ids, *_profiles_of(users)], tags, actor_of(info), now)
        if tagged.changed:
            # Segments ask about tags.
            refresh_for(tagged.profile_ids, now)
        profiles = models.CustomerProfile.objects.filter(pk__in=tagged.profile_ids).order_by("pk")
        return cls(customer_profiles=list(profiles), changed_count=tagged.changed)


def _profiles_of(user_ids: Sequence[int]) -> list[int]:
    if not user_ids:
        return []
    if User.objects.filter(pk__in=user_ids).count() < len(set(user_ids)):
        raise CustomerInputError("There is no such user.", "NOT_FOUND", "userIds")
    return list(resolve_profiles({UserPerson(user_id) for user_id in user_ids}).values())
