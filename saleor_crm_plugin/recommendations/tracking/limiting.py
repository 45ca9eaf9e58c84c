"""How many events somebody may send in a minute. Counted in PostgreSQL, so it holds for all servers and needs no other
store; by a digest of session or user, so no address is kept.

A limit for each sender keeps a broken storefront from filling the table; whoever makes up a new session for each
request meets the limit of the whole shop. Saleor's cache would not do: unless the operator has set one up it belongs to
a single process.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

from saleor_crm_plugin.recommendations.tracking.identity import quota_key

# Six pages a minute with a hundred products shown on each.
SENDER_LIMIT: Final = 600
_SHOP: Final = "shop"
_MINUTE: Final = timedelta(minutes=1)

# The shop's row is touched only by who is within the own limit, and last, so the one row that all share is locked for
# the shortest time and a sender beyond the limit does not use up that of the others. Once the shop has had its share,
# nobody gets a row of their own any more: made-up sessions would fill the table.
_TAKE: Final = """
WITH own AS (
    INSERT INTO crm_recommendation_quota AS kept (id, minute, events)
    SELECT %(own)s, %(minute)s, %(events)s
    WHERE NOT EXISTS (SELECT FROM crm_recommendation_quota WHERE id = %(shop)s AND events >= %(shop_limit)s)
    ON CONFLICT (id) DO UPDATE SET events = LEAST(kept.events::bigint + excluded.events, 1000000000)
    RETURNING events
), shop AS (
    INSERT INTO crm_recommendation_quota AS kept (id, minute, events)
    SELECT %(shop)s, %(minute)s, %(events)s FROM own WHERE own.events <= %(own_limit)s
    ON CONFLICT (id) DO UPDATE SET events = LEAST(kept.events::bigint + excluded.events, 1000000000)
    RETURNING events
)
SELECT COALESCE((SELECT events <= %(shop_limit)s FROM shop), false)
"""


def take_quota(
    who: str, events: int, shop_limit: int, now: datetime, using: str | None = None, own_limit: int = SENDER_LIMIT
) -> int | None:
    """Count events that somebody sends; one SQL statement.

    Returns:
        None if they may be recorded; else the seconds (1 to 60) after which to try again.
    """
    minute = now.replace(second=0, microsecond=0)
    values: dict[str, Any] = {
        "own": quota_key(who, minute),
        "shop": quota_key(_SHOP, minute),
        "minute": minute,
        "events": events,
        "own_limit": own_limit,
        "shop_limit": shop_limit,
    }
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_TAKE, values)
        if cursor.fetchone()[0]:
            return None
    return max(1, -(-(minute + _MINUTE - now) // timedelta(seconds=1)))
