"""Orders as facts about persons. `metrics` follows from them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from saleor_crm_plugin.fields import INTEGER_MAX

# Rows are taken in the order of their key, so that two writers wait for each other instead of deadlocking. An
# unchanged fact is not written: replays cost no new row versions. `before` is what was there when the statement began.
_STORE = """
WITH facts (
    order_id, profile_id, placed_by_id, channel_id, currency, placed_at, counts, gross_amount, refunded_amount,
    items, returned_items
) AS (
    SELECT * FROM unnest(
        %s::uuid[], %s::bigint[], %s::bigint[], %s::int[], %s::text[], %s::timestamptz[], %s::bool[], %s::numeric[],
        %s::numeric[], %s::int[], %s::int[]
    )
), before AS (
    SELECT order_id, profile_id FROM crm_profile_order WHERE order_id IN (SELECT order_id FROM facts)
), stored AS (
    INSERT INTO crm_profile_order AS kept
        (order_id, profile_id, placed_by_id, channel_id, currency, placed_at, counts, gross_amount, refunded_amount,
         items, returned_items)
    SELECT facts.* FROM facts
    -- Of a person who was deleted nothing is kept.
    JOIN crm_customer_profile profile ON profile.id = facts.profile_id AND profile.erasure_level <> 'delete'
    ORDER BY order_id
    ON CONFLICT (order_id) DO UPDATE SET
        profile_id = excluded.profile_id, placed_by_id = excluded.placed_by_id, channel_id = excluded.channel_id,
        currency = excluded.currency, placed_at = excluded.placed_at, counts = excluded.counts,
        gross_amount = excluded.gross_amount, refunded_amount = excluded.refunded_amount, items = excluded.items,
        returned_items = excluded.returned_items,
        is_moved = kept.is_moved OR kept.channel_id <> excluded.channel_id
    WHERE (kept.profile_id, kept.placed_by_id, kept.channel_id, kept.currency, kept.placed_at, kept.counts,
           kept.gross_amount, kept.refunded_amount, kept.items, kept.returned_items)
        IS DISTINCT FROM
          (excluded.profile_id, excluded.placed_by_id, excluded.channel_id, excluded.currency, excluded.placed_at,
           excluded.counts, excluded.gross_amount, excluded.refunded_amount, excluded.items, excluded.returned_items)
    RETURNING order_id, profile_id
)
SELECT profile_id FROM stored
UNION
SELECT before.profile_id FROM before JOIN stored USING (order_id)
"""
_FORGET = "DELETE FROM crm_profile_order WHERE order_id = ANY(%s::uuid[]) RETURNING profile_id"


@dataclass(frozen=True, slots=True)
class OrderFact:
    """What an order says about the person who placed it. Amounts are gross, in `currency`.

    Attributes:
        placed_by: the profile that was merged into `profile_id`, if it is the order of that one.
        items: pieces, whatever they are.
        returned_items: those of them that came back.
    """

    order_id: UUID
    profile_id: int
    channel_id: int
    currency: str
    placed_at: datetime
    counts: bool
    gross_amount: Decimal
    refunded_amount: Decimal
    placed_by: int | None = None
    items: int = 0
    returned_items: int = 0


def store_order_facts(facts: Collection[OrderFact], using: str | None = None) -> set[int]:
    """Insert or update the facts; one SQL statement.

    Returns:
        The profiles whose metrics may have changed: the owners of every fact that is new or different, and, where an
        order moved, its previous owner. Pass them to `metrics.refresh_metrics` in the same transaction.
    """
    if not facts:
        return set()
    columns: list[Any] = [
        [fact.order_id for fact in facts],
        [fact.profile_id for fact in facts],
        [fact.placed_by for fact in facts],
        [fact.channel_id for fact in facts],
        [fact.currency for fact in facts],
        [fact.placed_at for fact in facts],
        [fact.counts for fact in facts],
        [fact.gross_amount for fact in facts],
        [fact.refunded_amount for fact in facts],
        [min(fact.items, INTEGER_MAX) for fact in facts],
        [min(fact.returned_items, INTEGER_MAX) for fact in facts],
    ]
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_STORE, columns)
        return {profile_id for (profile_id,) in cursor.fetchall()}


def forget_orders(order_ids: Collection[UUID], using: str | None = None) -> set[int]:
    """Remove orders that are nobody's or no longer exist; one SQL statement.

    Returns:
        The profiles that lost an order.
    """
    if not order_ids:
        return set()
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_FORGET, [list(order_ids)])
        return {profile_id for (profile_id,) in cursor.fetchall()}
