"""The products that somebody looked at last: the lists of kind RECENTLY_VIEWED."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

# Of somebody's views, so many of the latest are looked through for distinct products: a bounded piece of the index,
# however much a visitor (or a program) has clicked about.
VIEWS_READ: Final = 500

# For each row of `asked`, its latest distinct products, which `serving_sql` completes. `{person}` and
# `{session}` are SQL expressions over `asked`, NULL where not known. A person's views are those of the whole family of
# profiles; given a session as well, also what was looked at in it before signing in.
VIEWED: Final = """
SELECT product_id, row_number() OVER (ORDER BY max(occurred_at) DESC, product_id)::float8 AS position
FROM (
    (
        SELECT event.product_id, event.occurred_at FROM crm_recommendation_event event
        WHERE event.type = 'viewed' AND event.profile_id IN (
            SELECT member.id FROM crm_customer_profile member
            WHERE member.id = {person} OR member.merged_into_id = {person}
        )
        ORDER BY event.occurred_at DESC LIMIT {limit}
    )
    UNION ALL
    (
        SELECT event.product_id, event.occurred_at FROM crm_recommendation_event event
        WHERE event.type = 'viewed' AND event.session = {session} AND event.profile_id IS NULL
        ORDER BY event.occurred_at DESC LIMIT {limit}
    )
) viewed
GROUP BY product_id
"""


def viewed_source(person: str, session: str) -> str:
    """SQL of the columns product_id and position (1: the latest), for use in a lateral join.

    Args:
        person: expression of a profile id, the head of a family. session: of a `session_digest`; `NULL::uuid`: none.
    """
    return VIEWED.format(person=person, session=session, limit=VIEWS_READ)


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
