"""What somebody looked at last, straight from the source that serving completes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from saleor_crm_plugin.recommendations.tracking.viewed import viewed_source

_LATEST: Final = f"""
SELECT asked.number, viewed.product_id
FROM unnest(%(profiles)s::bigint[], %(sessions)s::uuid[]) WITH ORDINALITY AS asked (profile_id, session, number)
CROSS JOIN LATERAL (
    SELECT * FROM ({viewed_source("asked.profile_id", "asked.session")}) source
    WHERE product_id <> ALL (%(without)s::int[]) ORDER BY position LIMIT %(first)s
) viewed
ORDER BY asked.number, viewed.position
"""


def recently_viewed(
    visitors: Iterable[tuple[int | None, UUID | None]],
    first: int,
    using: str | None = None,
    *,
    without: Collection[int] = (),
) -> dict[tuple[int | None, UUID | None], list[int]]:
    """Product ids, the latest first, whether or not they are still sold; one statement for any number of visitors.

    Args:
        visitors: (head of the person's profiles, session digest), either of them None.
        without: product ids that are left out, for example the page that is open.
    """
    asked = list(dict.fromkeys(visitors))
    found: dict[tuple[int | None, UUID | None], list[int]] = {visitor: [] for visitor in asked}
    if not asked or first <= 0:
        return found
    values: dict[str, Any] = {
        "profiles": [profile_id for profile_id, _ in asked],
        "sessions": [session for _, session in asked],
        "without": list(without),
        "first": first,
    }
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_LATEST, values)
        for number, product_id in cursor.fetchall():
            found[asked[number - 1]].append(product_id)
    return found
