"""Whose points these are."""

from __future__ import annotations

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q
from django.db.models.functions import Coalesce

from saleor_crm_plugin.profiles.models import CustomerProfile


def owner_ids() -> ArraySubquery:
    """Users of the person whose account it is, for a queryset of accounts: of the profile and of all its family."""
    head = Coalesce(OuterRef("profile__merged_into_id"), OuterRef("profile_id"))
    family = CustomerProfile.objects.filter(Q(pk=head) | Q(merged_into_id=head), user__isnull=False)
    return ArraySubquery(family.order_by("pk").values("user_id"))
