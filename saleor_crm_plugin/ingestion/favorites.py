"""Which categories customers buy from: Saleor's order lines, net of what came back or was refunded, by category.

The product's own, and not one above it: "coffee" says something about a customer, "food" about the shop.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from django.db import connections

from saleor_crm_plugin.ingestion.returned_goods import TAKEN_BACK

# Saleor's table -> the columns of it that we read here.
SALEOR_COLUMNS = {
    "order_order": ("id", "total_gross_amount", "shipping_price_gross_amount"),
    "order_orderline": ("id", "order_id", "variant_id", "quantity", "is_gift", "unit_price_gross_amount"),
    "order_fulfillmentline": ("order_line_id", "fulfillment_id", "quantity"),
    "order_fulfillment": ("id", "status", "total_refund_amount", "shipping_refund_amount"),
    "order_orderevent": ("order_id", "type", "parameters"),
    "order_ordergrantedrefundline": ("order_line_id", "granted_refund_id", "quantity"),
    "order_ordergrantedrefund": ("id", "status", "amount_value", "shipping_costs_included"),
    "product_productvariant": ("id", "product_id"),
    "product_product": ("id", "category_id"),
}

# Pieces of a line that refunds name, by the share of their price that they give back: a little for goods that were kept
# is no refund of a piece. No more is given back than gift cards have left to pay.
_PIECES = """
    SELECT greatest({came_back}, round(sum(named.quantity * least(1, {amount} / nullif(
        least(orders.total_gross_amount, {shipping} + (
            SELECT sum(other.quantity * priced.unit_price_gross_amount)
            FROM {lines} other JOIN order_orderline priced ON priced.id = other.order_line_id
            WHERE other.{refund} = refund.id
        )), 0)))))
    FROM {lines} named JOIN {refunds} refund ON refund.id = named.{refund}
    WHERE named.order_line_id = line.id AND {counts}"""
_IN_FULFILLMENTS = _PIECES.format(
    lines="order_fulfillmentline",
    refunds="order_fulfillment",
    refund="fulfillment_id",
    # Without an amount, all of it: what came back is gone, whatever the shop paid for it.
    amount="CASE refund.status WHEN 'refunded' THEN refund.total_refund_amount END",
    shipping="coalesce(refund.shipping_refund_amount, 0)",
    # What came back and is refunded later, Saleor moves to what was only refunded. Its history tells.
    came_back="""CASE WHEN bool_or(refund.status = 'refunded') THEN least(sum(named.quantity), coalesce((
        SELECT sum((returned ->> 'quantity')::int)
        FROM order_orderevent event CROSS JOIN jsonb_path_query(event.parameters, '$.lines[*]') returned
        WHERE event.order_id = line.order_id AND event.type = 'fulfillment_returned'
          AND returned ->> 'line_pk' = line.id::text
    ), 0)) END""",
    counts="refund.status = ANY(%(taken_back)s)",
)
_GRANTED = _PIECES.format(
    lines="order_ordergrantedrefundline",
    refunds="order_ordergrantedrefund",
    refund="granted_refund_id",
    amount="refund.amount_value",
    shipping="CASE WHEN refund.shipping_costs_included THEN orders.shipping_price_gross_amount ELSE 0 END",
    came_back="0",
    counts="refund.status <> 'failure'",
)

# A line of which everything came back is no purchase. What the shop gave for nothing was not chosen.
FAVORITES = f"""
WITH line AS (
    SELECT fact.profile_id, fact.order_id, product.category_id,
           line.quantity - least(line.quantity, greatest(({_IN_FULFILLMENTS}), ({_GRANTED}), 0)) AS quantity
    FROM crm_profile_order fact
    JOIN crm_customer_profile profile ON profile.id = fact.profile_id
    JOIN order_order orders ON orders.id = fact.order_id
    JOIN order_orderline line ON line.order_id = fact.order_id
    JOIN product_productvariant variant ON variant.id = line.variant_id
    JOIN product_product product ON product.id = variant.product_id
    WHERE fact.profile_id = ANY(%(profiles)s::bigint[]) AND fact.counts AND product.category_id IS NOT NULL
      AND line.quantity > 0 AND NOT line.is_gift
      AND profile.profiling_allowed AND profile.erased_at IS NULL
), favorite AS (
    SELECT profile_id, category_id, count(DISTINCT order_id) AS orders, sum(quantity) AS quantity,
           row_number() OVER (
               PARTITION BY profile_id ORDER BY count(DISTINCT order_id) DESC, sum(quantity) DESC, category_id
           ) AS place
    FROM line
    WHERE quantity > 0
    GROUP BY profile_id, category_id
)
SELECT profile_id, category_id, orders, quantity FROM favorite WHERE place <= %(first)s ORDER BY profile_id, place
"""  # nosec B608  # constants only; values are parameters


class Favorite(NamedTuple):
    """A category, the orders with something of it, and the pieces that the customer kept."""

    category_id: int
    orders: int
    quantity: int


def favorite_categories(profile_ids: Collection[int], first: int, using: str) -> dict[int, list[Favorite]]:
    """Up to so many categories of each customer, by number of orders, then pieces. One SQL statement.

    There are none of who refuses profiling.
    """
    found: dict[int, list[Favorite]] = {}
    with connections[using].cursor() as cursor:
        parameters: dict[str, Any] = {"profiles": list(profile_ids), "taken_back": list(TAKEN_BACK), "first": first}
        cursor.execute(FAVORITES, parameters)
        for profile_id, *favorite in cursor.fetchall():
            category_id, orders, quantity = favorite
            found.setdefault(profile_id, []).append(Favorite(category_id, orders, int(quantity)))
    return found
