"""Which orders of Saleor are not as we last saw them: the question that reconciliation, status and dry runs ask.

An order is out of line if we never saw it, if our last attempt failed, if its `updated_at` or its user is not the one
that we saw (Saleor attaches a guest's orders to a new account without touching `updated_at`), if it has expired since
(Saleor does that without touching it either), or if it is gone.
A full sweep looks at payments and transactions too: Saleor touches the order with them (`updates_amounts_for_order`),
others that write them may not. And at fulfillments: goods that come back after others leave the order untouched. A
granted refund fires no hook and leaves the order untouched, so both look at those. One that fails without an answer of
the payment app has not even its own `updated_at` moved: what knows is the transaction's event.
Drafts are not orders yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from saleor.order import OrderGrantedRefundStatus

from saleor_crm_plugin.ingestion.snapshots import DRAFT

# Times in rows are those of the start of a write, which others see only when it commits. Saleor's transactions take
# seconds; what commits later than this after its own timestamp is left to the next full sweep.
IN_FLIGHT: Final = timedelta(minutes=10)
FIRST_ID: Final = UUID(int=0)

# As in `OrderSnapshot.updated_at`. Not whether it expired after the sync, which may have read before that committed.
_UPDATED_AT = "GREATEST(orders.updated_at, orders.expired_at)"
_DIFFERS = f"""(
    seen.order_id IS NULL OR seen.error <> '' OR seen.synced_at IS NULL
    OR seen.seen_updated_at IS DISTINCT FROM {_UPDATED_AT} OR seen.seen_user_id IS DISTINCT FROM orders.user_id
)"""
_REASON = """CASE
    WHEN seen.order_id IS NULL OR (seen.synced_at IS NULL AND seen.error = '') THEN 'unseen'
    WHEN seen.error <> '' THEN 'failed'
    WHEN seen.seen_user_id IS DISTINCT FROM orders.user_id THEN 'moved'
    ELSE 'changed'
END"""
_ORDERS = f"""
FROM order_order orders LEFT JOIN crm_order_sync seen ON seen.order_id = orders.id {{more}}
WHERE orders.status <> '{DRAFT}' AND seen.is_forgotten IS NOT TRUE
"""
_ALL, _AFTER = _ORDERS.format(more=""), _ORDERS.format(more="AND seen.order_id > %(after)s")

# Everything, in the order of the key: one walk along two primary keys. Where it goes on is said of both: PostgreSQL
# would take the other from its beginning each time.
_SWEEP = f"""
SELECT orders.id, {_REASON} {_AFTER} AND {_DIFFERS} AND orders.id > %(after)s ORDER BY orders.id LIMIT %(limit)s
"""
_GONE = """
SELECT seen.order_id, 'gone' FROM crm_order_sync seen
WHERE seen.order_id > %(after)s AND NOT seen.is_forgotten
  AND NOT EXISTS (SELECT 1 FROM order_order orders WHERE orders.id = seen.order_id AND orders.id > %(after)s)
ORDER BY seen.order_id LIMIT %(limit)s
"""
_UNTOUCHED = """
SELECT DISTINCT seen.order_id, 'changed' FROM crm_order_sync seen
JOIN (
    SELECT order_id, modified_at FROM payment_payment
    UNION ALL
    SELECT order_id, modified_at FROM payment_transactionitem
    UNION ALL
    SELECT order_id, updated_at FROM order_ordergrantedrefund
    UNION ALL
    SELECT order_id, created_at FROM order_fulfillment
    UNION ALL
    SELECT granted.order_id, event.created_at FROM payment_transactionevent event
    JOIN order_ordergrantedrefund granted ON granted.id = event.related_granted_refund_id
) AS facts ON facts.order_id = seen.order_id AND facts.modified_at > seen.synced_at
WHERE seen.order_id > %(after)s AND NOT seen.is_forgotten
ORDER BY 1 LIMIT %(limit)s
"""
# Lately, along the index on each `updated_at`: what a hook should have told us since the last run. No index knows when
# orders expired, but those on the event that Saleor writes with it do: on its type, and from 3.22 on its time. Before
# 3.23 none knows when a refund failed: few have, and OFFSET keeps PostgreSQL from walking all events instead of theirs.
_LATELY = f"""
SELECT id, reason FROM (
    SELECT orders.id, {_REASON} AS reason {_ALL} AND {_DIFFERS} AND orders.updated_at > %(since)s
    UNION
    SELECT orders.id, {_REASON} {_ALL} AND {_DIFFERS}
        AND orders.user_id IN (SELECT id FROM account_user WHERE updated_at > %(since)s)
    UNION
    SELECT orders.id, {_REASON} {_ALL} AND {_DIFFERS}
        AND orders.id IN (SELECT order_id FROM order_orderevent WHERE type = 'expired' AND date > %(since)s)
    UNION
    SELECT orders.id, {_REASON} {_ALL} AND seen.error <> ''
    UNION
    SELECT seen.order_id, 'changed' FROM order_ordergrantedrefund granted
    JOIN crm_order_sync seen ON seen.order_id = granted.order_id AND seen.synced_at < granted.updated_at
    WHERE granted.updated_at > %(since)s AND NOT seen.is_forgotten
    UNION
    SELECT seen.order_id, 'changed' FROM order_ordergrantedrefund granted
    CROSS JOIN LATERAL (
        SELECT created_at FROM payment_transactionevent
        WHERE related_granted_refund_id = granted.id AND created_at > %(since)s OFFSET 0
    ) event
    JOIN crm_order_sync seen ON seen.order_id = granted.order_id AND seen.synced_at < event.created_at
    WHERE granted.status = '{OrderGrantedRefundStatus.FAILURE}' AND NOT seen.is_forgotten
) AS lately
WHERE id > %(after)s ORDER BY id LIMIT %(limit)s
"""  # nosec B608  # constants only; values are parameters

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS: Final = {
    "account_user": ("id", "updated_at"),
    "order_fulfillment": ("order_id", "created_at"),
    "order_order": ("id", "status", "user_id", "updated_at", "expired_at"),
    "order_orderevent": ("order_id", "type", "date"),
    "order_ordergrantedrefund": ("id", "order_id", "status", "updated_at"),
    "payment_payment": ("order_id", "modified_at"),
    "payment_transactionevent": ("related_granted_refund_id", "created_at"),
    "payment_transactionitem": ("order_id", "modified_at"),
}

Difference = tuple[UUID, str]


def all_differences(batch_size: int, using: str | None = None) -> Iterator[list[Difference]]:
    """Batches of (order id, reason) over all orders; time linear in their number, memory that of a batch."""
    for statement in (_SWEEP, _GONE, _UNTOUCHED):
        yield from _batches(statement, {}, batch_size, using)


def differences_since(since: datetime, batch_size: int, using: str | None = None) -> Iterator[list[Difference]]:
    """Batches of (order id, reason) over orders and users changed after `since`, and over failed attempts."""
    yield from _batches(_LATELY, {"since": since}, batch_size, using)


def count_differences(since: datetime | None, limit: int, using: str | None = None) -> int:
    """How many orders are out of line, at most `limit`; of all, or with `since` of those changed after it."""
    statement = _SWEEP if since is None else _LATELY
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM ({statement}) AS behind",  # nosec B608  # constants only; values are parameters
            {"after": FIRST_ID, "limit": limit, "since": since},
        )
        return int(cursor.fetchone()[0])


def _batches(
    statement: str, parameters: dict[str, Any], batch_size: int, using: str | None
) -> Iterator[list[Difference]]:
    after = FIRST_ID
    while True:
        with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(statement, parameters | {"after": after, "limit": batch_size})
            batch: list[Difference] = cursor.fetchall()
        if batch:
            after = batch[-1][0]
            yield batch
        if len(batch) < batch_size:
            return
