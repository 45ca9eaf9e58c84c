"""Wallets of persons: finding and opening them."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from django.db import connections, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from saleor_crm_plugin.compiled import CompiledQuery
from saleor_crm_plugin.exceptions import AccountClosedError
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, LoyaltyProgram
from saleor_crm_plugin.waiting import wait_for_erasures

# Who was deleted on request and never had an account gets a closed one, as if they had had it then.
_OPEN = """
INSERT INTO crm_loyalty_account (
    program_id, profile_id, active, pending, deficit, held, lifetime, created_at, closed_at
)
SELECT %(program)s, profile_id, 0, 0, 0, 0, 0, %(now)s, (
    SELECT %(now)s FROM crm_customer_profile WHERE id = new.profile_id AND erasure_level = 'delete'
)
FROM unnest(%(profiles)s::bigint[]) AS new (profile_id)
ON CONFLICT (program_id, profile_id) DO NOTHING RETURNING profile_id, id
"""


@partial(CompiledQuery, "is_default")
def _default_programs() -> QuerySet[Any, Any]:
    return LoyaltyProgram.objects.order_by("pk").values_list("pk")


@partial(CompiledQuery, "profile_id")
def _accounts_of_profiles() -> QuerySet[Any, Any]:
    return LoyaltyAccount.objects.values_list("program_id", "profile_id", "pk")


def default_program_id(using: str = "default") -> int:
    """Primary key of the program that every channel belongs to.

    The first migration creates it; it is created again if the tables were emptied since.
    """
    if found := _default_programs([True], using):
        return int(found[0][0])
    return (
        LoyaltyProgram.objects.using(using)
        .get_or_create(slug="default", defaults={"name": "Loyalty points", "is_default": True})[0]
        .pk
    )


def find(program_id: int, profile_ids: Collection[int], using: str) -> dict[int, int]:
    """Account id for each profile id that has one."""
    rows = _accounts_of_profiles(profile_ids, using)
    return {profile_id: pk for program, profile_id, pk in rows if program == program_id}


def ensure(program_id: int, profile_ids: Collection[int], using: str) -> dict[int, int]:
    """Account id for each profile id, opening accounts that do not exist yet. Of who was deleted on request: closed."""
    if not profile_ids:
        return {}
    found = find(program_id, profile_ids, using)
    if missing := sorted(set(profile_ids) - found.keys()):
        with transaction.atomic(using=using, savepoint=False):
            wait_for_erasures(missing, using)
            with connections[using].cursor() as cursor:
                cursor.execute(_OPEN, {"program": program_id, "now": timezone.now(), "profiles": missing})
                found.update(cursor.fetchall())
        if others := set(missing) - found.keys():
            # Somebody else has opened them meanwhile.
            found.update(find(program_id, others, using))
    return found


def lock_open(account_id: int, using: str) -> None:
    """Keep an account from being closed until the transaction ends, which the caller has.

    Raises:
        AccountClosedError: it is closed.
    """
    if LoyaltyAccount.objects.using(using).select_for_update().get(pk=account_id).closed_at is not None:
        raise AccountClosedError("The account is closed.")


def merged_into(account_ids: Collection[int], using: str) -> dict[int, set[int]]:
    """The accounts that were merged into each, directly or not; without those that none was. One statement.

    One more for each merge in a row. No recursive statement: PostgreSQL plans one as if it found ten times as much.
    """
    found: dict[int, set[int]] = {}
    heads = {account_id: {account_id} for account_id in account_ids}
    while heads:
        rows = LoyaltyAccount.objects.using(using).filter(merged_into_id__in=heads)
        below: dict[int, set[int]] = {}
        for account_id, into in rows.values_list("pk", "merged_into_id"):
            assert into is not None
            for head in heads[into]:
                found.setdefault(head, set()).add(account_id)
                below.setdefault(account_id, set()).add(head)
        heads = below
    return found


def with_merged(account_ids: Collection[int], using: str) -> dict[int, int]:
    """These accounts and those that were merged into them, each with the one of `account_ids` that it belongs to.

    Statements as in `merged_into`.
    """
    belongs_to = {account_id: account_id for account_id in account_ids}
    for head_id, merged in merged_into(account_ids, using).items():
        belongs_to.update(dict.fromkeys(merged, head_id))
    return belongs_to


def with_user(account_ids: Collection[int], using: str) -> set[int]:
    """Those of the accounts whose customer has a user: of their own, or of somebody who was merged into them. One
    statement.
    """
    rows = LoyaltyAccount.objects.using(using).filter(
        Q(profile__user__isnull=False) | Q(profile__merged__user__isnull=False), pk__in=account_ids
    )
    return set(rows.values_list("pk", flat=True))


def head_of(account: LoyaltyAccount) -> LoyaltyAccount:
    """The account that has the points of this one now: itself, unless it was merged into another."""
    while account.merged_into is not None:
        account = account.merged_into
    return account


def of_profile(profile_id: int, using: str) -> set[int]:
    """The accounts of a person in all programs, with those that were merged into them."""
    own = set(LoyaltyAccount.objects.using(using).filter(profile_id=profile_id).values_list("pk", flat=True))
    return own.union(*merged_into(own, using).values())
