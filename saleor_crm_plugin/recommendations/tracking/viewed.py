"""The products that somebody looked at last: the lists of kind RECENTLY_VIEWED."""

from __future__ import annotations

from typing import Final

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
