"""When goods were sent. What waits for approval was packed, no more, and Saleor's fulfillment keeps the day of that;
the order's history has the moment of the approval, with the lines that left then.

What was imported as sent has the day of the import, and the history nothing: of that, nothing is known but when the
order was placed.
"""

from __future__ import annotations

from typing import Final

from django.db.models import DateTimeField, F, Func
from saleor.order import FulfillmentStatus, OrderEvents, OrderOrigin

_LEFT: Final = f"""(
    SELECT max(noted.date) FROM order_orderevent noted
    WHERE noted.order_id = parcel.order_id AND noted.type = '{OrderEvents.FULFILLMENT_FULFILLED_ITEMS}' AND EXISTS (
        SELECT 1 FROM order_fulfillmentline line
        WHERE line.fulfillment_id = parcel.id AND noted.parameters -> 'fulfilled_items' @> to_jsonb(line.id)
    )
)"""  # nosec B608  # constants only
# CASE has PostgreSQL look for what left when only in the few orders that have waited, or were imported.
_SENT_AT: Final = f"""(
SELECT CASE
    WHEN parcel.status <> '{FulfillmentStatus.FULFILLED}' THEN parcel.created_at
    WHEN orders.origin = '{OrderOrigin.BULK_CREATE}' THEN COALESCE({_LEFT}, orders.created_at)
    WHEN EXISTS (
        SELECT 1 FROM order_orderevent
        WHERE order_id = parcel.order_id AND type = '{OrderEvents.FULFILLMENT_AWAITS_APPROVAL}'
    ) THEN COALESCE({_LEFT}, parcel.created_at)
    ELSE parcel.created_at END
FROM (SELECT %(expressions)s) AS parcel (id, order_id, status, created_at)
JOIN order_order orders ON orders.id = parcel.order_id
)"""  # nosec B608  # constants only
_COLUMNS: Final = ("id", "order_id", "status", "created_at")


def sent_at(prefix: str = "") -> Func:
    """Of a fulfillment; of one that is not of goods that were sent, when it was made.

    Args:
        prefix: how its columns are reached from the row, for example "fulfillment__".
    """
    columns = [F(f"{prefix}{column}") for column in _COLUMNS]
    return Func(*columns, template=_SENT_AT, output_field=DateTimeField())


def sent_at_sql(table: str) -> str:
    """The same for a statement that is written as text."""
    return _SENT_AT % {"expressions": ", ".join(f"{table}.{column}" for column in _COLUMNS)}
