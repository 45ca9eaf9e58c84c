"""What happened to orders, as events of their customers' timelines.

Level-triggered like everything that `sync` does: the events follow from Saleor's rows as they are now, each has the
time that Saleor gives it and a key made of Saleor's own ids, so a hook, a replay and the backfill write the same rows
once. What Saleor forgets stays: a fulfilment whose goods all came back is gone from its tables, not from a timeline
that had it.

Goods come back in fulfilments of their own, and staff grant refunds for lines, often for the same goods. In the order
of time, each of the two is an event for as many goods as go beyond what the other kind has said before. Staff may
change a grant, and its refund may fail, once it is an event, which stays as it is: what follows is reckoned with the
lines that the event keeps. Goods that were only paid back (a fulfilment with status "refunded") did not come back: the
money is the event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from saleor_crm_plugin.ingestion.sending import sent_at_sql
from saleor_crm_plugin.ingestion.snapshots import OrderSnapshot
from saleor_crm_plugin.profiles.timeline.log import Event, follow_orders, order_prefix, record
from saleor_crm_plugin.profiles.timeline.models import EventKind, SubjectType
from saleor_crm_plugin.without_jit import read_without_jit

# How the key and the details of an event name a granted refund.
GRANTED: Final = "granted_refund"

# `OFFSET 0` has PostgreSQL look up what belongs to each row. On its own it would read all lines and payments of the
# shop for a few hundred orders. The key of an event is that of `events_of`.
_FACTS: Final = f"""
SELECT fulfillment.order_id, fulfillment.status, fulfillment.id, happened.at, line.order_line_id,
    sum(line.quantity)::int, NULL::numeric
FROM order_fulfillment fulfillment CROSS JOIN LATERAL (
    SELECT {sent_at_sql("fulfillment")} AS at OFFSET 0
) happened CROSS JOIN LATERAL (
    SELECT order_line_id, quantity FROM order_fulfillmentline WHERE fulfillment_id = fulfillment.id OFFSET 0
) line
WHERE fulfillment.order_id = ANY(%(orders)s)
    AND fulfillment.status IN ('fulfilled', 'returned', 'refunded_and_returned')
GROUP BY fulfillment.id, happened.at, line.order_line_id
UNION ALL
SELECT granted.order_id, CASE granted.status WHEN 'failure' THEN 'failed' ELSE 'granted' END, granted.id,
    granted.created_at, line.order_line_id, sum(line.quantity)::int, NULL
FROM order_ordergrantedrefund granted LEFT JOIN LATERAL (
    SELECT key, details -> 'lines' AS lines FROM crm_profile_event
    WHERE key = 'order:' || granted.order_id || ':3:returned:granted_refund:' || granted.id OFFSET 0
) said ON true CROSS JOIN LATERAL (
    SELECT order_line_id, quantity FROM order_ordergrantedrefundline
    WHERE granted_refund_id = granted.id AND said.lines IS NULL
    UNION ALL
    SELECT line_id::uuid, quantity::int FROM jsonb_each_text(said.lines) AS told (line_id, quantity)
    OFFSET 0
) line
WHERE granted.order_id = ANY(%(orders)s) AND (granted.status <> 'failure' OR said.key IS NOT NULL)
GROUP BY granted.id, line.order_line_id
UNION ALL
SELECT payment.order_id, 'payment', operation.id, operation.created_at, NULL, NULL, operation.amount
FROM payment_payment payment CROSS JOIN LATERAL (
    SELECT id, created_at, amount FROM payment_transaction
    WHERE payment_id = payment.id AND kind = 'refund' AND is_success AND NOT action_required OFFSET 0
) operation
WHERE payment.order_id = ANY(%(orders)s)
UNION ALL
SELECT item.order_id, 'transaction', event.id, event.created_at, NULL, NULL, event.amount_value
FROM payment_transactionitem item CROSS JOIN LATERAL (
    SELECT id, created_at, amount_value FROM payment_transactionevent
    WHERE transaction_id = item.id AND type = 'refund_success' AND include_in_calculations OFFSET 0
) event
WHERE item.order_id = ANY(%(orders)s)
UNION ALL
SELECT order_id, 'cancelled', id, date, NULL, NULL, NULL
FROM order_orderevent WHERE order_id = ANY(%(cancelled)s) AND type IN ('canceled', 'expired')
"""  # nosec B608  # constants only; values are parameters

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS: Final = {
    "order_fulfillment": ("id", "order_id", "status", "created_at"),
    "order_fulfillmentline": ("id", "fulfillment_id", "order_line_id", "quantity"),
    "order_ordergrantedrefund": ("id", "order_id", "status", "created_at"),
    "order_ordergrantedrefundline": ("granted_refund_id", "order_line_id", "quantity"),
    "order_order": ("id", "origin", "created_at"),
    "order_orderevent": ("id", "order_id", "type", "date", "parameters"),
    "payment_payment": ("id", "order_id"),
    "payment_transaction": ("id", "payment_id", "kind", "is_success", "action_required", "amount", "created_at"),
    "payment_transactionitem": ("id", "order_id"),
    "payment_transactionevent": (
        "id",
        "transaction_id",
        "type",
        "include_in_calculations",
        "amount_value",
        "created_at",
    ),
}


@dataclass(frozen=True, slots=True)
class Goods:
    """Goods that were sent, came back or were written off. `quantities` by line id; `id` of the row that says so.

    `has_failed`: a refund was granted for them and failed, after an event had told of it.
    """

    id: int
    at: datetime
    quantities: Mapping[UUID, int]
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that was given back. `source` and `id` name the row that says so."""

    source: str
    id: int
    at: datetime
    amount: Decimal


@dataclass(slots=True)
class OrderHistory:
    """What Saleor knows of an order beside what is in its snapshot."""

    sent: list[Goods] = field(default_factory=list)
    returned: list[Goods] = field(default_factory=list)
    granted: list[Goods] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    cancelled_at: datetime | None = None


def record_order_events(orders: Collection[OrderSnapshot], owner: Mapping[UUID, int], using: str) -> None:
    """Write the events that the orders' customers lack; events go where their orders went. Three SQL statements; two
    for orders that nothing was recorded of.

    Args:
        owner: profile id by order id.
    """
    owned = [order for order in orders if order.order_id in owner]
    if not owned:
        return
    histories = read_histories(owned, using)
    events = [event for order in owned for event in events_of(order, histories[order.order_id], owner[order.order_id])]
    # Whatever is recorded of an order, that it was placed is among it: where all was new, there was nothing to follow.
    if record(events, using) < len(events):
        follow_orders({order.order_id: owner[order.order_id] for order in owned}, using)


def read_histories(orders: Collection[OrderSnapshot], using: str) -> dict[UUID, OrderHistory]:
    """One SQL statement."""
    histories = {order.order_id: OrderHistory() for order in orders}
    cancelled = [order.order_id for order in orders if order.is_cancelled]
    goods: defaultdict[tuple[UUID, str, int, datetime], dict[UUID, int]] = defaultdict(dict)
    facts = read_without_jit(_FACTS, {"orders": list(histories), "cancelled": cancelled}, using)
    for order_id, what, row_id, at, line_id, quantity, amount in facts:
        history = histories[order_id]
        if what == "cancelled":
            history.cancelled_at = min(at, history.cancelled_at or at)
        elif amount is not None:
            history.refunds.append(Refund(what, row_id, at, amount))
        else:
            goods[order_id, what, row_id, at][line_id] = quantity
    for (order_id, what, row_id, at), quantities in goods.items():
        history = histories[order_id]
        groups = {"fulfilled": history.sent, "granted": history.granted, "failed": history.granted}
        groups.get(what, history.returned).append(Goods(row_id, at, quantities, has_failed=what == "failed"))
    return histories


def events_of(order: OrderSnapshot, history: OrderHistory, profile_id: int) -> Iterator[Event]:
    """All that has happened to an order, in no particular order."""
    prefix = order_prefix(order.order_id)

    def event(kind: EventKind, at: datetime, key: str, **details: Any) -> Event:
        return Event(profile_id, kind, at, f"{prefix}:{key}", SubjectType.ORDER, str(order.order_id), details=details)

    def money(amount: Decimal) -> dict[str, Any]:
        return {"amount": amount, "currency": order.currency}

    quantity = sum(line.quantity for line in order.lines)
    yield event(EventKind.ORDER_PLACED, order.placed_at, "0:placed", quantity=quantity, **money(order.total_gross))
    if order.paid_at is not None:
        yield event(EventKind.ORDER_PAID, order.paid_at, "1:paid", **money(order.total_gross - order.let_go))
    for goods in history.sent:
        yield event(
            EventKind.ORDER_FULFILLED,
            goods.at,
            f"2:fulfilled:{goods.id}",
            fulfillment=goods.id,
            quantity=sum(goods.quantities.values()),
        )
    for what, goods, came_back in _returns(history):
        lines = {str(line_id): quantity for line_id, quantity in goods.quantities.items()}
        yield event(
            EventKind.ORDER_RETURNED,
            goods.at,
            f"3:returned:{what}:{goods.id}",
            quantity=came_back,
            **{what: goods.id},
            **({"lines": lines} if what == GRANTED else {}),
        )
    for refund in history.refunds:
        if refund.amount > 0:
            yield event(
                EventKind.ORDER_REFUNDED,
                refund.at,
                f"4:refunded:{refund.source}:{refund.id}",
                **money(refund.amount),
            )
    if order.is_cancelled:
        # Whoever imports orders leaves no event of Saleor's: then, when the order last changed.
        yield event(EventKind.ORDER_CANCELLED, history.cancelled_at or order.updated_at, "5:cancelled")


def _returns(history: OrderHistory) -> Iterator[tuple[str, Goods, int]]:
    """Returns and grants in the order of time, each with how many goods it adds to what the others have said."""
    said: dict[str, defaultdict[UUID, int]] = {
        "fulfillment": defaultdict(int),
        GRANTED: defaultdict(int),
    }
    known: defaultdict[UUID, int] = defaultdict(int)
    happened = [("fulfillment", goods) for goods in history.returned]
    happened += [(GRANTED, goods) for goods in history.granted]
    for what, goods in sorted(happened, key=lambda one: (one[1].at, one[0], one[1].id)):
        added = 0
        for line_id, quantity in goods.quantities.items():
            in_all = said[what][line_id] + quantity
            # What failed has been told, and is no more when it is granted again.
            if not goods.has_failed:
                said[what][line_id] = in_all
            beyond = max(in_all - known[line_id], 0)
            known[line_id] += beyond
            added += beyond
        if added:
            yield what, goods, added
