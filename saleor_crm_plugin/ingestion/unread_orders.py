"""Orders of somebody who is forgotten that Saleor holds and we have not stored: never seen yet, or failed so far.

Whoever is known by an address would be a new guest once such an order was read. So it is not read any more.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.db import connections

from saleor_crm_plugin.ingestion.snapshots import DRAFT
from saleor_crm_plugin.profiles.identity import EMAIL_KINDS
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileIdentity

# Saleor's table -> the columns of it that we read here.
SALEOR_COLUMNS: Final = {"order_order": ("id", "user_id", "user_email", "status")}

# Saleor's index on addresses is one of trigrams, which knows ILIKE; the exact comparison is as in `normalize_email`.
FORGET_UNREAD: Final = f"""
INSERT INTO crm_order_sync (order_id, error, is_forgotten)
SELECT placed.id, '', true
FROM (
    SELECT id, status FROM order_order
    WHERE user_id IS NULL AND user_email ILIKE ANY (%(patterns)s::text[])
        AND lower(btrim(user_email) COLLATE "C") = ANY (%(emails)s::text[])
    UNION
    SELECT id, status FROM order_order WHERE user_id = ANY (%(users)s::int[])
) AS placed
WHERE placed.status <> '{DRAFT}'
    AND NOT EXISTS (SELECT FROM crm_profile_order AS fact WHERE fact.order_id = placed.id)
ORDER BY placed.id
ON CONFLICT (order_id) DO UPDATE SET is_forgotten = true, error = ''
"""  # nosec B608  # constants only; values are parameters


def forget_unread_orders(profile_ids: Collection[int], using: str, *, with_users: bool) -> None:
    """See to it that no order that these persons have placed so far is read that was not. While their addresses are
    known, in a transaction that has called `change_families`. Three SQL statements at most.

    Args:
        with_users: also those of their accounts; else these are read, and are the nameless profile's.
    """
    names = ProfileIdentity.objects.using(using).filter(profile_id__in=profile_ids, kind__in=EMAIL_KINDS)
    emails = list(names.values_list("value", flat=True))
    users: list[int | None] = []
    if with_users:
        accounts = CustomerProfile.objects.using(using).filter(pk__in=profile_ids, user_id__isnull=False)
        users = list(accounts.values_list("user_id", flat=True))
    if emails or users:
        patterns = [_pattern(email) for email in emails]
        with connections[using].cursor() as cursor:
            cursor.execute(FORGET_UNREAD, {"emails": emails, "patterns": patterns, "users": users})


def _pattern(email: str) -> str:
    """Addresses with this one in them, in any spelling: they may have spaces around it."""
    for special in "\\%_":
        email = email.replace(special, f"\\{special}")
    return f"%{email}%"
