"""Whose points these are, and which orders their owner may see by way of them."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q
from django.db.models.functions import Coalesce
from saleor.permission.enums import AccountPermissions, OrderPermissions

from saleor_crm_plugin.graphql.access import has_any_permission, is_owner
from saleor_crm_plugin.loyalty.models import TransactionType
from saleor_crm_plugin.profiles.models import CustomerProfile

MOVES: Final = frozenset({TransactionType.MERGE_IN, TransactionType.MERGE_OUT})


def owner_ids() -> ArraySubquery:
    """Users of the person whose account it is, for a queryset of accounts: of the profile and of all its family."""
    head = Coalesce(OuterRef("profile__merged_into_id"), OuterRef("profile_id"))
    family = CustomerProfile.objects.filter(Q(pk=head) | Q(merged_into_id=head), user__isnull=False)
    return ArraySubquery(family.order_by("pk").values("user_id"))


def is_order_of(info: Any, order: Any, *, moved: bool = False) -> bool:
    """Whether the order that an entry names may be shown to whoever sees the entry.

    Points of somebody else's order can stand in one's account: the order changed hands, or two customers were one for
    a while. An order tells where its customer lives, so it is shown to that customer and to staff only. A guest's
    order is that of the account in which it has earned.

    Args:
        moved: the entry has come from, or gone to, another account.
    """
    if order.user_id is None and not moved:
        return True
    return is_owner(info, order.user_id) or has_any_permission(
        info, OrderPermissions.MANAGE_ORDERS, AccountPermissions.MANAGE_USERS
    )
