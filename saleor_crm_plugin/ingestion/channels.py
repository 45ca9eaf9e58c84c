"""Orders that Saleor has given to another channel: all those of a channel that is deleted, without a hook for them, and
without touching their `updated_at`.

The fact follows, by which segments, bestsellers and reports know where an order was placed, and what the customer said
of the order. Points are brought in line when an order changes; the fact is marked, because an order earns nothing for
the first time by the settings of a channel in which it was not placed.
"""

from __future__ import annotations

from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections, transaction

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS: Final = {"channel_channel": ("id",), "order_order": ("id", "channel_id")}

# By the channels that are gone: to compare the channel of each order would take reading them all. A row that is being
# written is looked at again by the next sweep.
_MOVED: Final = """
WITH moved AS MATERIALIZED (
    SELECT own.order_id, placed.channel_id
    FROM {table} own JOIN order_order placed ON placed.id = own.order_id
    WHERE NOT EXISTS (SELECT FROM channel_channel channel WHERE channel.id = own.channel_id)
    ORDER BY own.order_id LIMIT %s FOR UPDATE OF own SKIP LOCKED
)
UPDATE {table} own SET channel_id = moved.channel_id{mark} FROM moved WHERE moved.order_id = own.order_id
"""
MOVED: Final = _MOVED.format(table="crm_profile_order", mark=", is_moved = true")
MOVED_ANSWERS: Final = _MOVED.format(table="crm_order_feedback", mark="")


def follow_moved_orders(batch_size: int, using: str | None = None) -> int:
    """Let orders of deleted channels count in those that they have come to; returns how many. Memory is bounded."""
    alias = using or DEFAULT_DB_ALIAS
    _follow(MOVED_ANSWERS, batch_size, alias)
    return _follow(MOVED, batch_size, alias)


def _follow(statement: str, batch_size: int, alias: str) -> int:
    followed = 0
    while True:
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute(statement, [batch_size])
            found = int(cursor.rowcount)
        followed += found
        if found < batch_size:
            return followed
