"""Wallets of persons: finding and opening them."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connections
from django.db.models.expressions import RawSQL

from saleor_crm_plugin.loyalty.models import LoyaltyAccount, LoyaltyProgram


def default_program_id(using: str = "default") -> int:
    """Primary key of the program that every channel belongs to.

    The first migration creates it; it is created again if the tables were emptied since.
    """
    programs = LoyaltyProgram.objects.using(using)
    found = programs.filter(is_default=True).values_list("pk", flat=True).first()
    if found is not None:
        return found
    return programs.get_or_create(slug="default", defaults={"name": "Loyalty points", "is_default": True})[0].pk


def find(program_id: int, profile_ids: Collection[int], using: str) -> dict[int, int]:
    """Account id for each profile id that has one."""
    rows = LoyaltyAccount.objects.using(using).filter(program_id=program_id, profile_id__in=profile_ids)
    return dict(rows.values_list("profile_id", "pk"))


def ensure(program_id: int, profile_ids: Collection[int], using: str) -> dict[int, int]:
    """Account id for each profile id, opening accounts that do not exist yet."""
    if not profile_ids:
        return {}
    found = find(program_id, profile_ids, using)
    if missing := sorted(set(profile_ids) - found.keys()):
        LoyaltyAccount.objects.using(using).bulk_create(
            [LoyaltyAccount(program_id=program_id, profile_id=profile_id) for profile_id in missing],
            ignore_conflicts=True,
        )
        found.update(find(program_id, missing, using))
    return found


_WITH_MERGED = """
WITH RECURSIVE family AS (
    SELECT id FROM crm_loyalty_account WHERE id = ANY(%s)
    UNION
    SELECT account.id FROM crm_loyalty_account AS account JOIN family ON account.merged_into_id = family.id
)
SELECT id FROM family
"""


_HEADS = """
WITH RECURSIVE family AS (
    SELECT id, id AS head_id FROM crm_loyalty_account WHERE id = ANY(%s)
    UNION
    SELECT account.id, family.head_id
    FROM crm_loyalty_account AS account JOIN family ON account.merged_into_id = family.id
)
SELECT id, head_id FROM family
"""


def heads(account_ids: Collection[int], using: str) -> dict[int, int]:
    """Those of the accounts that were not merged, by their own ids and those of all that were merged into them."""
    with connections[using].cursor() as cursor:
        cursor.execute(_HEADS, [list(account_ids)])
        return dict(cursor.fetchall())


def with_merged(account_ids: Collection[int], using: str) -> set[int]:
    """The accounts, and all that were merged into them, directly or not."""
    family = LoyaltyAccount.objects.using(using).filter(pk__in=RawSQL(_WITH_MERGED, [list(account_ids)]))
    return set(family.values_list("pk", flat=True))


def of_profile(profile_id: int, using: str) -> set[int]:
    """The accounts of a person in all programs, with those that were merged into them."""
    own = LoyaltyAccount.objects.using(using).filter(profile_id=profile_id)
    return with_merged(list(own.values_list("pk", flat=True)), using)
