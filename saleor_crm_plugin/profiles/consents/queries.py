"""Who may not be served or learnt about."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Exists, OuterRef, Q, QuerySet

from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileIdentity


def not_to_be_recommended_to(using: str) -> list[int]:
    """The profiles for which no personal recommendations are made: by refusal, or as the person is erased or gone."""
    refusing = Q(profiling_allowed=False) | Q(recommendations_allowed=False) | Q(erased_at__isnull=False)
    refused = CustomerProfile.objects.using(using).filter(refusing).values_list("pk", flat=True)
    return sorted({*refused, *_of_nobody(using).values_list("pk", flat=True)})


def of_nobody(profile_ids: Collection[int], using: str) -> list[int]:
    """Those of the profiles that nobody can come back to: the account is deleted, and there is no address."""
    return list(_of_nobody(using).filter(pk__in=profile_ids).order_by("pk").values_list("pk", flat=True))


def _of_nobody(using: str) -> QuerySet[CustomerProfile]:
    # Who was merged into a profile uses it as their own, also when its own user is gone.
    own, theirs = ProfileIdentity.objects.filter(profile=OuterRef("pk")), Q(profile__merged_into=OuterRef("pk"))
    users = CustomerProfile.objects.filter(merged_into=OuterRef("pk"), user_id__isnull=False)
    return CustomerProfile.objects.using(using).filter(
        ~Exists(own), ~Exists(ProfileIdentity.objects.filter(theirs)), ~Exists(users), user_id__isnull=True
    )


def may_be_recommended_to(profile: CustomerProfile) -> bool:
    return profile.profiling_allowed and profile.recommendations_allowed and profile.erased_at is None
