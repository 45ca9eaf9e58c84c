"""A shop of any size straight into Saleor's tables, as three years of trade leave them.

Two in five customers have accounts, the others are guests; most buy once or twice, a few very often, five orders each
on average. An order is in one of three channels, each with its currency, and has one to four lines. Of a hundred
orders, one is still a draft, five were cancelled and seven refunded, three of these with goods that came back; the
others are paid, and all but the latest fulfilled. A customer's taste is for a fortieth of the products. Each channel
gives points that wait for two weeks and expire after three years, so none are due when the history has been taken in.
"""

from __future__ import annotations

import json
from typing import Any

from tests.benchmarks.tables import insert, unchecked

CHANNELS = ("USD", "EUR", "GBP")
PRODUCTS = 2_000
CATEGORIES = 40
ORDERS_PER_CUSTOMER = 5
DAYS = 3 * 365
# Customers who share out their orders among themselves, a few of them most: a shop that grows has more such towns, not
# customers who order more.
TOWN = 2_000

# What is drawn for each order, once; everything else follows from it. Ids are spread as Saleor's are, and orders are
# stored in the order in which they were placed, as a shop stores them.
_DRAWN = """
CREATE TEMPORARY TABLE drawn AS
SELECT n, md5(n::text)::uuid AS id, customer, customer <= %(users)s AS has_account, customer %% 3 + 1 AS channel,
    placed_at, 1 + floor(4 * lines ^ 2)::int AS lines,
    CASE WHEN fate < 0.01 THEN 'draft' WHEN fate < 0.06 THEN 'canceled' WHEN fate < 0.09 THEN 'partially_returned'
        WHEN fate < 0.13 THEN 'refunded' WHEN placed_at > now() - interval '5 days' THEN 'unfulfilled'
        ELSE 'fulfilled' END AS fate
FROM (
    SELECT row_number() OVER (ORDER BY placed_at) AS n, *
    FROM (
        SELECT CASE WHEN place <= %(town_users)s THEN town * %(town_users)s + place
                ELSE %(users)s + town * (%(town)s - %(town_users)s) + place - %(town_users)s END AS customer,
            random() AS lines, random() AS fate,
            date_trunc('second', now() - interval '1 hour' - %(days)s * interval '1 day' * random()) AS placed_at
        FROM (
            SELECT floor(%(towns)s * random())::int AS town, 1 + floor(%(town)s * random() ^ 2)::int AS place
            FROM generate_series(1, %(orders)s::bigint)
        ) AS dice
    ) AS dice
) AS placed
ORDER BY n
"""
_DRAWN_LINES = f"""
CREATE TEMPORARY TABLE drawn_line AS
SELECT md5(n || '.' || number)::uuid AS id, drawn.id AS order_id, number, channel, placed_at, quantity, product,
    (quantity * (5 + product * 7 %% 80))::numeric(20, 3) AS gross
FROM (
    SELECT *, 1 + floor(3 * random() ^ 3)::int AS quantity,
        1 + CASE WHEN random() < 0.7 THEN customer %% 40 * 50 + floor(50 * random() ^ 2)::int
            ELSE floor({PRODUCTS} * random() ^ 3)::int END AS product
    FROM drawn CROSS JOIN LATERAL generate_series(1, drawn.lines) AS number
) AS drawn
"""
_SUMS = """
CREATE TEMPORARY TABLE total AS
SELECT order_id, sum(gross) AS gross FROM drawn_line GROUP BY order_id;
CREATE INDEX ON total (order_id)
"""

_EMAIL = "CASE WHEN {0} <= {users} THEN 'user' ELSE 'guest' END || {0} || '@example.com'"
_CURRENCY = "(ARRAY['" + "','".join(CHANNELS) + "'])[channel]"
_IS_PAID = "fate NOT IN ('draft', 'canceled')"
# A refund gives back everything, or the first line.
_REFUNDED = "CASE fate WHEN 'refunded' THEN gross WHEN 'partially_returned' THEN first ELSE 0 END"
_MONEY = """
FROM drawn JOIN total ON total.order_id = drawn.id
JOIN (SELECT order_id, gross AS first, quantity FROM drawn_line WHERE number = 1) AS line ON line.order_id = drawn.id
"""

# Table -> where its rows come from, and its columns as expressions over that; other columns get a filler.
_TABLES: dict[str, tuple[str, dict[str, str]]] = {
    "channel_channel": (
        f"FROM (SELECT channel, {_CURRENCY} AS currency FROM generate_series(1, {len(CHANNELS)}) AS channel) AS it",
        {
            "id": "channel",
            "name": "currency",
            "slug": "lower(currency)",
            "is_active": "true",
            "currency_code": "currency",
            "default_country": "'US'",
        },
    ),
    "product_category": (
        f"FROM generate_series(1, {CATEGORIES}) AS n",
        {"id": "n", "name": "'Category ' || n", "slug": "'c' || n"},
    ),
    "product_producttype": ("FROM generate_series(1, 2) AS n", {"id": "n", "slug": "'t' || n"}),
    "product_product": (
        f"FROM generate_series(1, {PRODUCTS}) AS n",
        {"id": "n", "name": "'Product ' || n", "slug": "'p' || n", "product_type_id": "1 + n % 2",
         "category_id": f"1 + (n - 1) / {PRODUCTS // CATEGORIES}"},
    ),
    "product_productvariant": (f"FROM generate_series(1, {PRODUCTS}) AS n", {"id": "n", "product_id": "n"}),
    "product_productchannellisting": (
        f"FROM generate_series(1, {PRODUCTS}) AS product, generate_series(1, {len(CHANNELS)}) AS channel",
        {"product_id": "product", "channel_id": "channel", "is_published": "true", "visible_in_listings": "true",
         "published_at": "now() - interval '4 years'", "available_for_purchase_at": "now() - interval '4 years'",
         "currency": _CURRENCY},
    ),
    "product_productvariantchannellisting": (
        f"FROM generate_series(1, {PRODUCTS}) AS product, generate_series(1, {len(CHANNELS)}) AS channel",
        {"variant_id": "product", "channel_id": "channel", "price_amount": "5 + product * 7 % 80",
         "currency": _CURRENCY},
    ),
    "account_address": (
        "FROM generate_series(1, {customers}) AS n",
        {"id": "n", "country": "(ARRAY['US', 'US', 'DE', 'FR'])[1 + n % 4]", "city": "'City ' || n % 200",
         "company_name": "CASE WHEN n % 8 = 0 THEN 'Company ' || n ELSE '' END"},
    ),
    "account_user": (
        "FROM generate_series(1, {users}) AS n",
        {"id": "n", "email": _EMAIL.format("n", users="{users}"), "uuid": "md5('user' || n)::uuid", "is_active": "true",
         "is_confirmed": "n % 20 > 0", "language_code": "(ARRAY['en', 'de'])[1 + n % 2]",
         "date_joined": "now() - interval '1100 days'", "updated_at": "now() - interval '1100 days'",
         "default_billing_address_id": "n"},
    ),
    "order_order": (
        "FROM drawn JOIN total ON total.order_id = drawn.id ORDER BY n",
        {"id": "drawn.id", "number": "n", "created_at": "placed_at", "updated_at": "placed_at",
         "status": "CASE fate WHEN 'refunded' THEN 'fulfilled' ELSE fate END", "origin": "'checkout'",
         "user_id": "CASE WHEN has_account THEN customer END", "user_email": _EMAIL.format("customer", users="{users}"),
         "billing_address_id": "customer", "channel_id": "channel", "currency": _CURRENCY, "language_code": "'en'",
         "total_gross_amount": "gross + 5", "total_net_amount": "round((gross + 5) / 1.2, 2)",
         "shipping_price_gross_amount": "5", "shipping_price_net_amount": "4.17",
         "total_charged_amount": f"CASE WHEN {_IS_PAID} THEN gross + 5 ELSE 0 END",
         "charge_status": f"CASE WHEN {_IS_PAID} THEN 'full' ELSE 'none' END"},
    ),
    "order_orderline": (
        "FROM drawn_line",
        {"id": "id", "created_at": "placed_at", "order_id": "order_id", "variant_id": "product",
         "product_name": "'Product ' || product",
         "quantity": "quantity", "quantity_fulfilled": "quantity", "currency": _CURRENCY, "tax_rate": "0.2",
         "unit_price_gross_amount": "gross / quantity", "unit_price_net_amount": "round(gross / quantity / 1.2, 2)",
         "total_price_gross_amount": "gross", "total_price_net_amount": "round(gross / 1.2, 2)",
         "base_unit_price_amount": "gross / quantity", "is_shipping_required": "true"},
    ),
    "order_fulfillment": (
        "FROM drawn WHERE fate IN ('fulfilled', 'refunded', 'partially_returned')",
        {"id": "n", "order_id": "id", "status": "'fulfilled'", "created_at": "placed_at + interval '2 days'",
         "fulfillment_order": "1"},
    ),
    "order_fulfillmentline": (
        "FROM drawn_line JOIN drawn ON drawn.id = drawn_line.order_id"
        " WHERE fate IN ('fulfilled', 'refunded') OR fate = 'partially_returned' AND number > 1",
        {"fulfillment_id": "n", "order_line_id": "drawn_line.id", "quantity": "quantity"},
    ),
    "order_orderevent": (
        "FROM drawn WHERE fate = 'canceled'",
        {"date": "placed_at + interval '1 day'", "type": "'canceled'", "order_id": "id"},
    ),
    "payment_payment": (
        f"{_MONEY} WHERE {_IS_PAID} ORDER BY n",
        {"id": "n", "order_id": "drawn.id", "gateway": "'bench'", "created_at": "placed_at",
         "modified_at": "placed_at", "charge_status": "CASE WHEN fate IN ('refunded', 'partially_returned')"
         " THEN 'partially-refunded' ELSE 'fully-charged' END",
         "total": "gross + 5", "captured_amount": f"gross + 5 - {_REFUNDED}", "currency": _CURRENCY},
    ),
    "payment_transaction": (
        f"{_MONEY} WHERE fate IN ('refunded', 'partially_returned')",
        {"payment_id": "n", "kind": "'refund'", "is_success": "true", "created_at": "placed_at + interval '9 days'",
         "amount": _REFUNDED, "currency": _CURRENCY},
    ),
}  # fmt: skip

# Goods that came back, beside those that were sent.
_RETURNS = (
    ("order_fulfillment", "FROM drawn WHERE fate = 'partially_returned'",
     {"id": "{orders} + n", "order_id": "id", "status": "'returned'", "created_at": "placed_at + interval '9 days'",
      "fulfillment_order": "2"}),
    ("order_fulfillmentline",
     "FROM drawn_line JOIN drawn ON drawn.id = drawn_line.order_id WHERE fate = 'partially_returned' AND number = 1",
     {"fulfillment_id": "{orders} + n", "order_line_id": "drawn_line.id", "quantity": "quantity"}),
)  # fmt: skip

LOYALTY = {
    "points_per_unit": "10",
    "earn_from": "2000-01-01",
    "pending_days": "14",
    "expiry": "36 months",
    "point_value": "0.01",
}


def fill(connection: Any, orders: int) -> None:
    """A shop with about `orders` orders, drafts included."""
    town = min(max(orders // ORDERS_PER_CUSTOMER, 10), TOWN)
    towns = max(orders // ORDERS_PER_CUSTOMER // town, 1)
    town_users = town * 2 // 5
    sizes = {"orders": orders, "customers": town * towns, "users": town_users * towns, "days": DAYS}
    sizes |= {"town": town, "towns": towns, "town_users": town_users}
    with unchecked(connection) as cursor:
        cursor.execute("SELECT setseed(0.2026)")
        cursor.execute(_DRAWN, sizes)
        cursor.execute(_DRAWN_LINES, {})
        for statement in _SUMS.split(";"):
            cursor.execute(statement)
        cursor.execute("ANALYZE drawn, drawn_line, total")
        for table, source, columns in [*((table, *rest) for table, rest in _TABLES.items()), *_RETURNS]:
            filled = {name: value.format(**sizes) for name, value in columns.items()}
            insert(cursor, table, source.format(**sizes), filled)
        # Refunds lower what is charged.
        cursor.execute(
            "UPDATE order_order SET total_charged_amount = payment.captured_amount FROM payment_payment AS payment"
            " WHERE payment.order_id = order_order.id AND payment.charge_status <> 'fully-charged'"
        )
        cursor.execute("DROP TABLE drawn, drawn_line, total")
        configuration = json.dumps([{"name": name, "value": value} for name, value in LOYALTY.items()])
        cursor.execute(
            "INSERT INTO plugins_pluginconfiguration (identifier, name, description, active, configuration, channel_id)"
            " SELECT 'crm.loyalty', '', '', true, %s, id FROM channel_channel",
            [configuration],
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
