"""Events of recommendations over thirty days, and orders with lines in the shop's own tables, straight into them.

Of the events nine in ten were shown, the others clicked, added or viewed; half of the visitors are customers.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from saleor_crm_plugin.recommendations.tracking.holdout import sql_in_holdout

DAYS = 30

_PROFILES = "INSERT INTO crm_customer_profile (created_at) SELECT now() FROM generate_series(1, %s)"
_EVENTS = f"""
INSERT INTO crm_recommendation_event
    (id, type, kind, product_id, channel_id, position, profile_id, session, held_out, occurred_at)
SELECT gen_random_uuid(), type, CASE WHEN type = 'viewed' THEN '' ELSE kind END, product_id, %(channel)s,
    CASE WHEN type <> 'viewed' THEN 1 + number %% 20 END,
    CASE WHEN visitor %% 10 < 5 THEN %(first)s::bigint + visitor / 2 END,
    md5(visitor::text)::uuid,
    visitor %% 10 < 5 AND {sql_in_holdout("%(first)s::bigint + visitor / 2", "0.1")},
    %(now)s::timestamptz - number * %(step)s
FROM (
    SELECT number, abs(hashint4(number)::bigint) %% %(visitors)s AS visitor,
        CASE WHEN number %% 10 < 9 THEN 'shown' WHEN number %% 30 = 9 THEN 'viewed' WHEN number %% 30 = 19 THEN 'added'
            ELSE 'clicked' END AS type,
        (ARRAY['for_you', 'similar', 'frequently_bought_together', 'bestsellers'])[1 + number %% 4] AS kind,
        (%(products)s::int[])[1 + number %% %(count)s] AS product_id
    FROM generate_series(1, %(events)s) AS number
) numbered
"""
_ORDERS = """
INSERT INTO crm_profile_order
    (order_id, profile_id, channel_id, currency, placed_at, counts, gross_amount, refunded_amount)
SELECT gen_random_uuid(), %(first)s::bigint + (number::bigint * 104729) %% %(customers)s, %(channel)s, 'USD',
    %(now)s::timestamptz - number * %(step)s, true, 10 + number %% 90, 0
FROM generate_series(1, %(orders)s) AS number
"""


def fill(connection: Any, channel: Any, products: list[Any], events: int, now: datetime) -> tuple[range, int]:
    """The ids of the customers, and how many orders there are."""
    from saleor_crm_plugin.profiles.models import CustomerProfile
    from tests.devshop.factories import make_order

    customers, orders = max(events // 20, 100), max(events // 50, 100)
    with connection.cursor() as cursor:
        cursor.execute(_PROFILES, [customers])
        first = CustomerProfile.objects.earliest("pk").pk
        values: dict[str, Any] = {
            "first": first,
            "channel": channel.pk,
            "now": now,
            "events": events,
            "customers": customers,
            "visitors": 2 * customers,
            "products": [product.pk for product in products],
            "count": len(products),
            "orders": orders,
        }
        cursor.execute(_EVENTS, {**values, "step": timedelta(days=DAYS) / events})
        cursor.execute(_ORDERS, {**values, "step": timedelta(days=DAYS) / orders})
        sample = make_order(channel=channel, lines=[(products[0], 1)])
        _copy_orders(cursor, sample, [product.default_variant.pk for product in products])
        cursor.execute("VACUUM ANALYZE")
    return range(first, first + customers), orders


def _copy_orders(cursor: Any, sample: Any, variants: list[int]) -> None:
    """An order with one line for each fact, like the sample's but for id, number and product."""
    variant = "(%s::int[])[1 + (row_number() OVER ())::int %% cardinality(%s::int[])]"
    for table, key, others, parameters in (
        ("order_order", "id", {"id": "bought.order_id", "number": "1000000 + row_number() OVER ()"}, []),
        (
            "order_orderline",
            "order_id",
            {"id": "gen_random_uuid()", "order_id": "bought.order_id", "variant_id": variant},
            [variants, variants],
        ),
    ):
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = 'public'",
            [table],
        )
        columns = [name for (name,) in cursor.fetchall()]
        chosen = ", ".join(others.get(name, f"kept.{name}") for name in columns)
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM crm_profile_order bought, {table} kept "
            f"WHERE kept.{key} = %s",
            [*parameters, sample.pk],
        )
