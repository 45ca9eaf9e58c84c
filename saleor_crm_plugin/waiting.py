"""Who waits for whom, where the rows that are written do not say it by themselves."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.db import connections

_LOCK_NOT_AVAILABLE: Final = "55P03"
# Waits for FOR UPDATE, as an erasure locks, and for nothing else that is done to a profile.
_KEEP: Final = "SELECT id FROM crm_customer_profile WHERE id = ANY(%s::bigint[]) ORDER BY id FOR KEY SHARE"


def wait_for_erasures(profile_ids: Collection[int], using: str) -> None:
    """Wait for erasures of these customers that are being written; until the transaction ends, later ones wait for us.
    One SQL statement, none for nobody.

    For whoever writes what an erasure takes away: an INSERT alone waits for it at its commit, where it is too late to
    see what was erased, and the erasure does not see the INSERT. Before accounts and answers are locked, as erasures do
    it. What is to be seen of an erasure is read by a statement after this one.
    """
    if profile_ids:
        with connections[using].cursor() as cursor:
            cursor.execute(_KEEP, [sorted(profile_ids)])


def waited_too_long(error: Exception) -> bool:
    """Whether a lock was not to be had within `lock_timeout`: somebody else is busy, and no data are at fault."""
    return getattr(error.__cause__, "sqlstate", None) == _LOCK_NOT_AVAILABLE
