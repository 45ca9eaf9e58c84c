"""What somebody would write by hand in place of the plugin's jobs: SQL over all rows at once, and pandas for scores.

None of it can be interrupted, repeated, or run beside a shop that sells. Points are the base rate of the goods, less
the share of the total that was refunded; nothing explains itself.
"""

from __future__ import annotations

import datetime
from typing import Any

from tests.benchmarks.tables import unchecked

FILLED = (
    "crm_lot_consumption, crm_points_lot, crm_points_transaction, crm_loyalty_account, crm_profile_event,"
    " crm_profile_metrics, crm_profile_order, crm_order_sync, crm_profile_identity, crm_segment_membership,"
    " crm_customer_profile"
)

_FACTS = """
CREATE TEMPORARY TABLE fact AS
SELECT placed.*, coalesce(profile.id, identity.profile_id) AS profile_id
FROM (
    SELECT orders.id, orders.user_id, lower(btrim(orders.user_email)) AS email, orders.channel_id, orders.currency,
        orders.created_at, orders.updated_at, orders.status, orders.status <> 'canceled' AS counts,
        orders.total_gross_amount AS gross, coalesce(refunds.amount, 0) AS refunded, lines.items, lines.goods,
        coalesce(returns.items, 0) AS returned
    FROM order_order AS orders
    JOIN (
        SELECT order_id, sum(quantity) AS items, sum(total_price_gross_amount) AS goods
        FROM order_orderline GROUP BY order_id
    ) AS lines ON lines.order_id = orders.id
    LEFT JOIN (
        SELECT order_id, sum(amount) AS amount
        FROM payment_transaction JOIN payment_payment AS payment ON payment.id = payment_id
        WHERE kind = 'refund' AND is_success GROUP BY order_id
    ) AS refunds ON refunds.order_id = orders.id
    LEFT JOIN (
        SELECT order_id, sum(quantity) AS items
        FROM order_fulfillment AS fulfillment JOIN order_fulfillmentline ON fulfillment_id = fulfillment.id
        WHERE status = 'returned' GROUP BY order_id
    ) AS returns ON returns.order_id = orders.id
    WHERE orders.status <> 'draft'
) AS placed
LEFT JOIN crm_customer_profile AS profile ON profile.user_id = placed.user_id
LEFT JOIN crm_profile_identity AS identity ON placed.user_id IS NULL AND identity.value = placed.email
"""
_USERS = """
INSERT INTO crm_customer_profile (user_id, created_at)
SELECT DISTINCT user_id, now() FROM order_order WHERE status <> 'draft' AND user_id IS NOT NULL
"""
_GUESTS = """
WITH guest AS MATERIALIZED (
    SELECT email, nextval(pg_get_serial_sequence('crm_customer_profile', 'id')) AS id
    FROM (
        SELECT DISTINCT lower(btrim(user_email)) AS email FROM order_order
        WHERE status <> 'draft' AND user_id IS NULL
    ) AS emails
), named AS (
    INSERT INTO crm_profile_identity (profile_id, kind, value, created_at)
    SELECT id, 'unverified_email', email, now() FROM guest
)
INSERT INTO crm_customer_profile (id, created_at) SELECT id, now() FROM guest
"""
_SEEN = """
INSERT INTO crm_order_sync (order_id, synced_at, seen_updated_at, seen_user_id, error)
SELECT id, now(), updated_at, user_id, '' FROM fact
"""
_ORDERS = """
INSERT INTO crm_profile_order (order_id, profile_id, channel_id, currency, placed_at, counts, gross_amount,
    refunded_amount, items, returned_items)
SELECT id, profile_id, channel_id, currency, created_at, counts, gross, refunded, items, returned FROM fact
"""
_METRICS = """
INSERT INTO crm_profile_metrics (profile_id, currency, orders_count, gross_spent, refunded, net_spent,
    average_order_value, first_order_at, last_order_at, average_days_between_orders, items_count, returned_items,
    rfm_group)
SELECT profile_id, currency, count(*), sum(gross), sum(refunded), sum(gross - refunded), avg(gross - refunded),
    min(created_at), max(created_at),
    extract(epoch FROM max(created_at) - min(created_at)) / 86400 / nullif(count(*) - 1, 0), sum(items), sum(returned),
    ''
FROM fact WHERE counts GROUP BY profile_id, currency
"""
_EVENTS = """
INSERT INTO crm_profile_event (profile_id, kind, happened_at, recorded_at, key, subject_type, subject_id, actor_type,
    details)
SELECT profile_id, kind, at, now(), 'order:' || order_id || ':' || stage || ':' || number, 'order', order_id, 'system',
    jsonb_build_object('amount', amount)
FROM (
    SELECT id AS order_id, 'order_placed' AS kind, created_at AS at, 0 AS stage, 0 AS number, gross AS amount FROM fact
    UNION ALL SELECT id, 'order_paid', created_at, 1, 0, gross FROM fact WHERE counts
    UNION ALL SELECT id, 'order_cancelled', updated_at, 5, 0, gross FROM fact WHERE NOT counts
    UNION ALL
    SELECT order_id, CASE status WHEN 'returned' THEN 'order_returned' ELSE 'order_fulfilled' END, created_at, 2, id, 0
    FROM order_fulfillment
    UNION ALL
    SELECT order_id, 'order_refunded', operation.created_at, 4, operation.id, amount
    FROM payment_transaction AS operation JOIN payment_payment AS payment ON payment.id = payment_id
    WHERE kind = 'refund'
) AS happened JOIN fact ON fact.id = order_id
"""
_ACCOUNTS = """
INSERT INTO crm_loyalty_account (program_id, profile_id, active, pending, deficit, held, lifetime, created_at)
SELECT (SELECT id FROM crm_loyalty_program WHERE is_default), profile_id,
    sum(floor(goods * 10) - floor(goods * 10 * refunded / gross)), 0, 0, 0, sum(floor(goods * 10)), now()
FROM fact WHERE counts GROUP BY profile_id
"""
_ENTRIES = """
INSERT INTO crm_points_transaction (account_id, type, points, balance_after, idempotency_key, order_id, actor_type,
    reason, breakdown, created_at, earned_at)
SELECT account.id, type, points, sum(points) OVER (PARTITION BY account.id ORDER BY fact.created_at, fact.id, type),
    type || fact.id, fact.id, 'system', '', '{}', now(), fact.created_at
FROM fact JOIN crm_loyalty_account AS account USING (profile_id)
CROSS JOIN LATERAL (
    VALUES ('earn', floor(goods * 10)), ('earn_reversal', -floor(goods * 10 * refunded / gross))
) AS entry (type, points)
WHERE counts AND points <> 0
"""
_LOTS = """
INSERT INTO crm_points_lot (account_id, transaction_id, status, amount, remaining, available_at, expires_at)
SELECT earned.account_id, earned.id, 'active', earned.points, earned.points + coalesce(reversed.points, 0),
    earned.earned_at + interval '14 days', earned.earned_at + interval '14 days' + interval '36 months'
FROM crm_points_transaction AS earned
LEFT JOIN crm_points_transaction AS reversed ON reversed.order_id = earned.order_id AND reversed.type = 'earn_reversal'
WHERE earned.type = 'earn'
"""
_CONSUMPTIONS = """
INSERT INTO crm_lot_consumption (transaction_id, lot_id, points)
SELECT reversed.id, lot.id, -reversed.points
FROM crm_points_transaction AS reversed
JOIN crm_points_transaction AS earned ON earned.order_id = reversed.order_id AND earned.type = 'earn'
JOIN crm_points_lot AS lot ON lot.transaction_id = earned.id WHERE reversed.type = 'earn_reversal'
"""


def take_in(connection: Any) -> None:
    """The history: about the rows that a backfill writes, by eleven statements."""
    with connection.cursor() as cursor:
        for statement in (_USERS, _GUESTS):
            cursor.execute(statement)
        cursor.execute("ANALYZE crm_customer_profile, crm_profile_identity")
        cursor.execute(_FACTS)
        cursor.execute("ANALYZE fact")
        for statement in (_SEEN, _ORDERS, _METRICS, _EVENTS, _ACCOUNTS, _ENTRIES, _LOTS, _CONSUMPTIONS):
            cursor.execute(statement)
        cursor.execute("DROP TABLE fact")


def empty(connection: Any) -> None:
    with unchecked(connection) as cursor:
        cursor.execute(f"TRUNCATE {FILLED} RESTART IDENTITY CASCADE")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")


def compare(connection: Any) -> None:
    """How many orders are not as they were seen."""
    _rows(
        connection,
        "SELECT count(*) FROM order_order AS orders FULL JOIN crm_order_sync AS seen ON seen.order_id = orders.id"
        " WHERE orders.status IS DISTINCT FROM 'draft' AND (seen.order_id IS NULL OR orders.id IS NULL"
        " OR seen.seen_updated_at <> orders.updated_at OR seen.seen_user_id IS DISTINCT FROM orders.user_id)",
    )


def bring_facts_in_line(connection: Any) -> None:
    """Facts and metrics of the orders that have changed, without points and events; taken back."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "CREATE TEMPORARY TABLE moved ON COMMIT DROP AS SELECT orders.id, orders.status, orders.updated_at,"
            " orders.total_gross_amount, sum(line.quantity) AS items FROM order_order AS orders"
            " JOIN crm_order_sync AS seen ON seen.order_id = orders.id AND seen.seen_updated_at <> orders.updated_at"
            " JOIN order_orderline AS line ON line.order_id = orders.id GROUP BY orders.id"
        )
        cursor.execute("ANALYZE moved")
        cursor.execute(
            "UPDATE crm_profile_order SET counts = status <> 'canceled', gross_amount = total_gross_amount,"
            " items = moved.items FROM moved WHERE order_id = id"
        )
        cursor.execute(
            "UPDATE crm_profile_metrics AS kept SET orders_count = new.orders, gross_spent = new.gross,"
            " refunded = new.refunded, net_spent = new.gross - new.refunded FROM ("
            "   SELECT profile_id, currency, count(*) AS orders, sum(gross_amount) AS gross,"
            "     sum(refunded_amount) AS refunded FROM crm_profile_order"
            "   WHERE counts AND profile_id IN ("
            "     SELECT profile_id FROM crm_profile_order JOIN moved ON moved.id = order_id)"
            "   GROUP BY profile_id, currency) AS new"
            " WHERE kept.profile_id = new.profile_id AND kept.currency = new.currency"
        )
        cursor.execute("UPDATE crm_order_sync SET seen_updated_at = updated_at FROM moved WHERE order_id = id")
        cursor.execute("ROLLBACK")


def score(connection: Any, now: datetime.datetime) -> None:
    """Quintiles of the year's customers, by pandas; into a table of their own."""
    import pandas as pd

    orders = pd.DataFrame(
        _rows(
            connection,
            "SELECT profile_id, currency, placed_at, (gross_amount - refunded_amount)::float FROM crm_profile_order"
            " WHERE counts AND placed_at > %s AND placed_at <= %s",
            [now - datetime.timedelta(days=365), now],
        ),
        columns=["customer", "currency", "at", "amount"],
    )
    bought = orders.groupby(["customer", "currency"]).agg(
        recency=("at", "max"), frequency=("at", "size"), monetary=("amount", "sum")
    )
    scores = bought.groupby("currency").rank(pct=True).mul(5).clip(upper=4.999).astype(int) + 1
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS score"
            " (customer bigint, currency text, recency int, frequency int, monetary int)"
        )
        cursor.execute("TRUNCATE score")
        with cursor.copy("COPY score FROM STDIN") as copy:
            for (customer, currency), *values in scores.itertuples():
                copy.write_row((customer, currency, *values))


def choose(connection: Any) -> None:
    """The members of the seven segments that come with the plugin, into a table of their own."""
    profiles = "FROM crm_customer_profile AS profile WHERE "
    metrics = "EXISTS (SELECT FROM crm_profile_metrics WHERE profile_id = profile.id AND {})"
    conditions = (
        metrics.format("monetary_score = 5"),
        "lifecycle_stage = 'at_risk' OR " + metrics.format("rfm_group IN ('at_risk', 'previously_loyal')"),
        metrics.format("orders_count = 1"),
        metrics.format("last_order_at < now() - interval '1 year'"),
        metrics.format("first_order_at >= now() - interval '1 month'"),
        "EXISTS (SELECT FROM checkout_checkout AS checkout WHERE checkout.user_id = profile.user_id"
        " AND checkout.last_change > now() - interval '7 days')",
        "customer_type = 'b2b'",
    )
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE IF NOT EXISTS member (segment int, profile_id bigint)")
        cursor.execute("TRUNCATE member")
        for number, condition in enumerate(conditions):
            cursor.execute(f"INSERT INTO member SELECT {number}, profile.id {profiles}{condition}")


def expire(connection: Any, since: datetime.datetime, until: datetime.datetime) -> None:
    """The lots whose date is in a month; taken back."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "CREATE TEMPORARY TABLE due ON COMMIT DROP AS"
            " SELECT id, account_id, remaining FROM crm_points_lot"
            " WHERE status = 'active' AND remaining > 0 AND expires_at > %s AND expires_at <= %s",
            [since, until],
        )
        cursor.execute(
            "WITH entry AS ("
            " INSERT INTO crm_points_transaction (account_id, type, points, balance_after, idempotency_key, actor_type,"
            " reason, breakdown, created_at) SELECT account_id, 'expire', -remaining, active + pending - remaining,"
            " 'by hand:' || due.id, 'system', 'Expired', '{}', now() FROM due JOIN crm_loyalty_account AS account"
            " ON account.id = account_id RETURNING id, points, substr(idempotency_key, 9)::bigint AS lot_id)"
            " INSERT INTO crm_lot_consumption (transaction_id, lot_id, points) SELECT id, lot_id, -points FROM entry"
        )
        cursor.execute(
            "UPDATE crm_points_lot AS lot SET remaining = 0, status = 'expired' FROM due WHERE lot.id = due.id"
        )
        cursor.execute(
            "UPDATE crm_loyalty_account AS account SET active = active - points FROM"
            " (SELECT account_id, sum(remaining) AS points FROM due GROUP BY account_id) AS lost"
            " WHERE account.id = lost.account_id"
        )
        cursor.execute("ROLLBACK")


def count_liability(connection: Any) -> None:
    """What is open by the month in which it expires, and what the month has moved."""
    _rows(
        connection,
        "SELECT date_trunc('month', expires_at), status, sum(remaining) FROM crm_points_lot GROUP BY 1, 2",
    )
    _rows(
        connection,
        "SELECT type, sum(points) FROM crm_points_transaction WHERE created_at > date_trunc('month', now()) GROUP BY 1",
    )


def count_pairs(connection: Any) -> None:
    """The ten products that each product was most often bought with."""
    _rows(
        connection,
        "SELECT * FROM (SELECT first, second, row_number() OVER (PARTITION BY first ORDER BY count(*) DESC) AS place"
        " FROM (SELECT one.variant_id AS first, other.variant_id AS second FROM order_orderline AS one"
        "   JOIN order_orderline AS other USING (order_id) WHERE one.variant_id <> other.variant_id) AS pair"
        " GROUP BY first, second) AS counted WHERE place <= 10",
    )


def _rows(connection: Any, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
