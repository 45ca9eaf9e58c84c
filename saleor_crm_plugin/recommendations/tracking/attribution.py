"""What was bought after a click: derived from events and orders as they are when somebody asks, never stored.

So it is right after a cancellation, a refund, a merge, another length of the window, in any order and any number of
times. One statement for any number of events.

A line of an order belongs to the last click or addition of its product, in a list of the same channel, at most the
window before the order, by the same visitor: the person themselves; the session that the storefront has left in the
checkout's metadata; or a session in which the person was signed in at some time. An order that does not count
(cancelled, expired, unconfirmed) has bought nothing; of one that was refunded in part, each line keeps its share of
what was not.

A line counts in the time in which its last click or addition lies, so that of two times that adjoin it is in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections

from saleor_crm_plugin.recommendations.tracking.identity import METADATA_KEY, secret, sql_session_digest

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS: Final = {
    "order_order": ("id", "metadata"),
    "order_orderline": ("id", "order_id", "variant_id", "quantity", "is_gift", "total_price_gross_amount"),
    "product_productvariant": ("id", "product_id"),
}

_IN_TIME: Final = """
    touch.product_id = purchase.product_id
    AND touch.occurred_at <= purchase.placed_at AND touch.occurred_at > purchase.placed_at - %(window)s
"""
# Metadata is null in Saleor 3.21 where nobody has set any; whoever has the checkout may write whatever they like.
_SESSION_ID: Final = f"placed.metadata ->> '{METADATA_KEY}'"

# The share of an order `bought` that was not refunded. What gift cards paid is in the price of the lines, and not in
# that of the order, which may be nothing.
NOT_REFUNDED: Final = """CASE
            WHEN bought.refunded_amount <= 0 THEN 1
            WHEN bought.gross_amount > 0
            THEN GREATEST(bought.gross_amount - bought.refunded_amount, 0) / bought.gross_amount
            ELSE 0
        END"""

ATTRIBUTED: Final = f"""
WITH touch AS MATERIALIZED (
    SELECT event.id, event.type, event.kind, event.product_id, event.occurred_at, event.session,
        COALESCE(profile.merged_into_id, profile.id) AS person, event.occurred_at < %(until)s AS is_asked_for
    FROM crm_recommendation_event event LEFT JOIN crm_customer_profile profile ON profile.id = event.profile_id
    WHERE event.occurred_at >= %(since)s AND event.occurred_at < %(until)s + %(window)s
        AND event.channel_id = %(channel)s AND event.type IN ('clicked', 'added')
        AND (event.profile_id IS NOT NULL OR event.session IS NOT NULL)
), purchase AS MATERIALIZED (
    SELECT line.id AS line_id, bought.order_id, bought.profile_id AS person, bought.placed_at, variant.product_id,
        line.total_price_gross_amount * {NOT_REFUNDED} AS amount,
        CASE WHEN length({_SESSION_ID}) <= 64 THEN {sql_session_digest(_SESSION_ID)} END AS session
    FROM crm_profile_order bought
    JOIN crm_customer_profile person ON person.id = bought.profile_id
        AND person.profiling_allowed AND person.recommendations_allowed AND person.erased_at IS NULL
    JOIN order_order placed ON placed.id = bought.order_id
    JOIN order_orderline line ON line.order_id = bought.order_id
    JOIN product_productvariant variant ON variant.id = line.variant_id
    WHERE bought.counts AND bought.channel_id = %(channel)s
        AND bought.placed_at >= %(since)s AND bought.placed_at < %(until)s + %(window)s
        AND line.quantity > 0 AND NOT line.is_gift
        AND variant.product_id IN (SELECT product_id FROM touch)
), signed_in AS MATERIALIZED (
    SELECT DISTINCT event.session, COALESCE(profile.merged_into_id, profile.id) AS person
    FROM crm_recommendation_event event JOIN crm_customer_profile profile ON profile.id = event.profile_id
    WHERE event.session IN (SELECT session FROM touch WHERE person IS NULL)
), pair AS MATERIALIZED (
    SELECT purchase.line_id, touch.id AS touch_id FROM purchase
    JOIN touch ON touch.person = purchase.person AND {_IN_TIME}
    UNION
    SELECT purchase.line_id, touch.id FROM purchase
    JOIN touch ON touch.session = purchase.session AND touch.person IS NULL AND {_IN_TIME}
    UNION
    SELECT purchase.line_id, touch.id FROM purchase
    JOIN signed_in ON signed_in.person = purchase.person
    JOIN touch ON touch.session = signed_in.session AND touch.person IS NULL AND {_IN_TIME}
), last_touch AS (
    SELECT DISTINCT ON (pair.line_id) pair.line_id, touch.kind, touch.is_asked_for, purchase.order_id,
        purchase.amount
    FROM pair JOIN touch ON touch.id = pair.touch_id JOIN purchase ON purchase.line_id = pair.line_id
    ORDER BY pair.line_id, touch.occurred_at DESC, touch.type, touch.id
), converted AS (
    SELECT touch.kind, count(DISTINCT touch.id) AS clicks
    FROM pair JOIN touch ON touch.id = pair.touch_id WHERE touch.type = 'clicked' AND touch.is_asked_for
    GROUP BY touch.kind
), sold AS (
    SELECT kind, count(DISTINCT order_id) AS orders, count(*) AS lines, sum(amount) AS amount
    FROM last_touch WHERE is_asked_for GROUP BY GROUPING SETS ((kind), ())
)
SELECT kind, COALESCE(converted.clicks, 0), COALESCE(sold.orders, 0), COALESCE(sold.lines, 0), COALESCE(sold.amount, 0)
FROM converted FULL JOIN (SELECT * FROM sold WHERE kind IS NOT NULL) sold USING (kind)
UNION ALL
SELECT NULL, (SELECT COALESCE(sum(clicks), 0) FROM converted)::bigint, orders, lines, COALESCE(amount, 0)
FROM sold WHERE kind IS NULL
"""  # nosec B608  # constants only; values are parameters


@dataclass(frozen=True, slots=True)
class Attributed:
    """What followed clicks and additions in the lists of a kind.

    Attributes:
        converted_clicks: clicks after which the same visitor bought the product.
        orders, lines: that hold what was clicked or added last in a list of this kind. An order may count for several
            kinds, and once in the total.
        revenue: of these lines, gross, less refunds, not rounded.
    """

    converted_clicks: int = 0
    orders: int = 0
    lines: int = 0
    revenue: Decimal = Decimal(0)


def attributed(
    channel_id: int, since: datetime, until: datetime, window: timedelta, using: str | None = None
) -> dict[str | None, Attributed]:
    """By kind, of clicks and additions from `since` until before `until`; the total under None."""
    values: dict[str, Any] = {
        "channel": channel_id,
        "since": since,
        "until": until,
        "window": window,
        "secret": secret(),
    }
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(ATTRIBUTED, values)
        return {kind: Attributed(*numbers) for kind, *numbers in cursor.fetchall()}
