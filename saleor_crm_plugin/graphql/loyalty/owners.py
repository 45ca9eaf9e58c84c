"""Whose points these are, and which orders their owner may see by way of them."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q
from django.db.models.functions import Coalesce
from saleor.permission.enums import AccountPermissions, OrderPermissions

from saleor_crm_plugin.graphql.access import has_any_permission, is_own
from saleor_crm_plugin.profiles.models import CustomerProfile


def owner_ids() -> ArraySubquery:
    """Users of the person whose account it is, for a queryset of accounts: of the profile and of all its family."""
    head = Coalesce(OuterRef("profile__merged_into_id"), OuterRef("profile_id"))
    family = CustomerProfile.objects.filter(Q(pk=head) | Q(merged_into_id=head), user__isnull=False)
    return ArraySubquery(family.order_by("pk").values("user_id"))


def is_order_of(info: Any, order: Any) -> bool:
    """Whether the order that an entry names may be shown to whoever sees the entry.

    Points of somebody else's order can stand in one's account: the order changed hands, or two customers were one for
    a while. An order tells where its customer lives, so it is shown to that customer and to staff only.
    """
    return is_own(info, order.user_id, order.user_email) or has_any_permission(
        info, OrderPermissions.MANAGE_ORDERS, AccountPermissions.MANAGE_USERS
    )
