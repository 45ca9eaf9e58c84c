"""Events forget whose they are: on erasure, on a refusal, and when the account is deleted. That they happened stays, so
impressions and clicks stay right.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections

# With the visits before somebody signed in, as far as they are known to be theirs. The key goes as well: it was made
# from who it was.
_FORGET: Final = """
WITH person AS MATERIALIZED (
    SELECT id FROM crm_customer_profile
    WHERE id = ANY (%(profiles)s::bigint[]) OR (%(with_merged)s AND merged_into_id = ANY (%(profiles)s::bigint[]))
), theirs AS MATERIALIZED (
    SELECT id, session FROM crm_recommendation_event WHERE profile_id IN (SELECT id FROM person)
), before AS (
    SELECT id FROM crm_recommendation_event
    WHERE profile_id IS NULL AND session IN (SELECT session FROM theirs WHERE session IS NOT NULL)
), known AS (
    SELECT id FROM crm_recommendation_event
    WHERE id IN (SELECT id FROM theirs UNION ALL SELECT id FROM before)
    ORDER BY id FOR UPDATE
)
UPDATE crm_recommendation_event event SET id = gen_random_uuid(), profile_id = NULL, session = NULL
FROM known WHERE known.id = event.id
"""


def forget_events(profile_ids: Collection[int], using: str | None = None, *, with_merged: bool = True) -> int:
    """Cut the tie between persons and their events; one SQL statement.

    The caller holds locks on their profiles, for which `recording` waits.

    Args:
        with_merged: also of all profiles that were merged into theirs.

    Returns:
        How many events were theirs.
    """
    if not profile_ids:
        return 0
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_FORGET, {"profiles": list(profile_ids), "with_merged": with_merged})
        return int(cursor.rowcount)
