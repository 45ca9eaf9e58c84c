"""Who may not be served or learnt about."""

from __future__ import annotations

from django.db.models import Q

from saleor_crm_plugin.profiles.models import CustomerProfile


def not_to_be_recommended_to(using: str) -> list[int]:
    """The profiles for which no personal recommendations are made: by refusal, or because the person is erased."""
    refusing = Q(profiling_allowed=False) | Q(recommendations_allowed=False) | Q(erased_at__isnull=False)
    return list(CustomerProfile.objects.using(using).filter(refusing).order_by("pk").values_list("pk", flat=True))


def may_be_recommended_to(profile: CustomerProfile) -> bool:
    return profile.profiling_allowed and profile.recommendations_allowed and profile.erased_at is None
