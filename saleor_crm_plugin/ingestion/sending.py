"""When goods were sent. What waits for approval was packed, no more, and Saleor's fulfillment keeps the day of that;
the order's history has the moment of the approval, with the lines that left then.
"""

from __future__ import annotations

from typing import Final

from django.db.models import DateTimeField, F, Func
from saleor.order import FulfillmentStatus, OrderEvents

# CASE has PostgreSQL look for what was approved only in the few orders that have waited.
_SENT_AT: Final = f"""(
SELECT COALESCE(
    CASE WHEN parcel.status = '{FulfillmentStatus.FULFILLED}' AND EXISTS (
        SELECT 1 FROM order_orderevent
        WHERE order_id = parcel.order_id AND type = '{OrderEvents.FULFILLMENT_AWAITS_APPROVAL}'
    ) THEN (
        SELECT max(approved.date) FROM order_orderevent approved
        WHERE approved.order_id = parcel.order_id AND approved.type = '{OrderEvents.FULFILLMENT_FULFILLED_ITEMS}'
            AND EXISTS (
                SELECT 1 FROM order_fulfillmentline line
                WHERE line.fulfillment_id = parcel.id
                    AND approved.parameters -> 'fulfilled_items' @> to_jsonb(line.id)
            )
    ) END,
    parcel.created_at
)
FROM (SELECT %(expressions)s) AS parcel (id, order_id, status, created_at)
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
