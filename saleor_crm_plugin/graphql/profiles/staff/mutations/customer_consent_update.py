"""`customerConsentUpdate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import graphene
from django.db import transaction
from django.utils import timezone
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.types.base import BaseInputObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.permission.auth_filters import AuthorizationFilters
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.graphql.access import (
    authenticated_user,
    has_any_permission,
    is_owner_of,
    require_owner_of,
    require_owner_or_permission,
    require_permission,
)
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.mutations import DomainMutation, actor_of, key_argument
from saleor_crm_plugin.graphql.profiles.errors import CustomerError
from saleor_crm_plugin.graphql.profiles.staff.enums import CustomerConsentPurposeEnum, CustomerConsentStateEnum
from saleor_crm_plugin.graphql.profiles.types import CustomerProfile
from saleor_crm_plugin.graphql.profiles.whose import profile_id_of
from saleor_crm_plugin.ingestion.consents import follow_consents, take_consents
from saleor_crm_plugin.profiles import models
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentState
from saleor_crm_plugin.profiles.consents.recording import SOURCE_MAX_LENGTH, TEXT_VERSION_MAX_LENGTH, Consent
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.merging.family import found_by_id, with_family


class CustomerConsentInput(BaseInputObjectType):
    purpose = CustomerConsentPurposeEnum(required=True, description="What it is about.")
    state = CustomerConsentStateEnum(required=True, description="What the customer says.")
    source = graphene.String(
        description=f"Where it is said, in the shop's words, like `checkout`. Up to {SOURCE_MAX_LENGTH} characters."
    )
    text_version = graphene.String(
        description=f"Which text the customer is shown. Up to {TEXT_VERSION_MAX_LENGTH} characters."
    )

    class Meta:
        description = "What a customer says about one purpose." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS


class CustomerConsentUpdate(DomainMutation):
    customer_profile = graphene.Field(CustomerProfile, description="The customer after it.")
    recorded_count = graphene.Int(description="How many records are new. The same state and text again is none.")

    class Arguments:
        id = graphene.ID(description="The ID of a customer profile.")
        user_id = graphene.ID(description="The ID of a user. A profile is made if the user has none.")
        email = graphene.String(
            description="The e-mail address of a user, or of a guest who has ordered. For MANAGE_USERS."
        )
        consents = NonNullList(
            CustomerConsentInput, required=True, description="What the customer says, each purpose once."
        )

    class Meta:
        description = (
            "Records what a customer agrees to or refuses: without `id`, `userId` and `email`, the authenticated "
            "customer. Refusing takes effect at once." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        permissions = (AuthorizationFilters.AUTHENTICATED_USER, AccountPermissions.MANAGE_USERS)
        error_type_class = CustomerError

    @classmethod
    def perform_mutation(
        cls, _root: Any, info: Any, /, *, consents: Sequence[Mapping[str, Any]], **whose: str | None
    ) -> CustomerConsentUpdate:
        said = [
            Consent(
                ConsentPurpose(one["purpose"]),
                ConsentState(one["state"]),
                one.get("source") or "",
                one.get("text_version") or "",
            )
            for one in consents
        ]
        # A blank one is a mistake of whoever sends it, and does not stand for oneself.
        given = {name: value for name, value in whose.items() if value is not None}
        now = timezone.now()
        # A profile that is made for consents which are refused then is none.
        with transaction.atomic():
            profile_id = _whose(info, given)
            recorded = take_consents(profile_id, said, _actor(info, profile_id), now)
        follow_consents(recorded, now)
        profile = with_family(models.CustomerProfile.objects.filter(pk=recorded.profile_id)).get()
        return cls(customer_profile=profile, recorded_count=recorded.new)


def _whose(info: Any, given: Mapping[str, str]) -> int:
    """The profile that is meant, if the requestor may speak for it; who may not does not learn whether it exists."""
    user = authenticated_user(info)
    if not given and user is not None:
        person = UserPerson(user.pk)
        return resolve_profiles([person])[person]
    if not has_any_permission(info, AccountPermissions.MANAGE_USERS):
        if given.keys() - {"id", "user_id"}:
            require_permission(info, AccountPermissions.MANAGE_USERS)
        if "user_id" in given:
            user_id = key_argument(integer_key, given["user_id"], "User", "user_id")
            require_owner_or_permission(info, user_id, AccountPermissions.MANAGE_USERS)
        else:
            profile_id = key_argument(integer_key, given["id"], "CustomerProfile", "id")
            # Of two accounts that were merged, both are shown the ID of the one profile, and both speak for it.
            named = found_by_id([profile_id], "default").get(profile_id)
            require_owner_of(info, named, AccountPermissions.MANAGE_USERS)
    return profile_id_of(given)


def _actor(info: Any, profile_id: int) -> Actor:
    user = authenticated_user(info)
    found = found_by_id([profile_id], "default").get(profile_id)
    return Actor(ActorType.CUSTOMER, user.pk) if user is not None and is_owner_of(info, found) else actor_of(info)
