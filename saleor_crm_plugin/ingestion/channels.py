"""Orders that Saleor has given to another channel: all those of a channel that is deleted, without a hook for them, and
without touching their `updated_at`.

The fact alone follows, by which segments, bestsellers and reports know where an order was placed. Points are brought in
line when an order changes.
"""

from __future__ import annotations

from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections, transaction

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS: Final = {"channel_channel": ("id",), "order_order": ("id", "channel_id")}

# By the channels that are gone: to compare the channel of each order would take reading them all. A fact that is being
# written is looked at again by the next sweep.
MOVED: Final = """
WITH moved AS MATERIALIZED (
    SELECT fact.order_id, placed.channel_id
    FROM crm_profile_order fact JOIN order_order placed ON placed.id = fact.order_id
    WHERE NOT EXISTS (SELECT FROM channel_channel channel WHERE channel.id = fact.channel_id)
    ORDER BY fact.order_id LIMIT %s FOR UPDATE OF fact SKIP LOCKED
)
UPDATE crm_profile_order fact SET channel_id = moved.channel_id FROM moved WHERE moved.order_id = fact.order_id
"""


def follow_moved_orders(batch_size: int, using: str | None = None) -> int:
    """Let orders of deleted channels count in those that they have come to; returns how many. Memory is bounded."""
    alias = using or DEFAULT_DB_ALIAS
    followed = 0
    while True:
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute(MOVED, [batch_size])
            found = int(cursor.rowcount)
        followed += found
        if found < batch_size:
            return followed
