"""The numbers that follow from a person's orders, per currency. Recomputable at any time from `ProfileOrder`.

- An order counts while it is a purchase (`OrderSnapshot.counts`). A fully refunded order is still an order: it adds
  to the count and, net of its refund, nothing to the money. A cancelled one adds to neither.
- `average_order_value` = net spent / orders, rounded half away from zero to the money's three places.
- `average_days_between_orders` = (last - first) / (orders - 1) in days of 24 hours, two places; None below two orders.
- `items_count` is the pieces in these orders, `returned_items` those of them that came back. What was refunded without
  coming back is not among them, nor what was refunded after it had: Saleor does not tell these apart.
- Whoever has only orders that do not count has a row of zeros; whoever has no order in a currency has no row.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.fields import INTEGER_MAX, MONEY_PLACES
from saleor_crm_plugin.profiles.models import CustomerProfile

# Profiles in one transaction when all are refreshed: short locks, a few MB, and still under a second.
REFRESH_BATCH_SIZE = 10_000

# Two syncs of one person's orders do not see each other's uncommitted rows: without this lock, the later one would
# write sums without the earlier one's order. A statement of its own, because the next must look at the data anew.
# Does not block inserts that refer to the profile.
_LOCK = "SELECT id FROM crm_customer_profile WHERE id = ANY(%(profiles)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
# The RFM columns are not ours (`rfm` writes them). All rows are locked first, in key order, as `rfm` locks them, so
# that writers cannot deadlock: PostgreSQL does not promise in which order what is deleted and what is written come.
_REFRESH = f"""
WITH locked AS MATERIALIZED (
    SELECT id FROM crm_profile_metrics
    WHERE profile_id = ANY(%(profiles)s::bigint[]) ORDER BY profile_id, currency FOR UPDATE
), gone AS (
    DELETE FROM crm_profile_metrics kept
    WHERE kept.profile_id = ANY(%(profiles)s::bigint[]) AND (SELECT count(*) FROM locked) >= 0
      AND NOT EXISTS (
        SELECT 1 FROM crm_profile_order orders
        WHERE orders.profile_id = kept.profile_id AND orders.currency = kept.currency
      )
)
INSERT INTO crm_profile_metrics AS kept
    (profile_id, currency, orders_count, gross_spent, refunded, net_spent, average_order_value,
     first_order_at, last_order_at, average_days_between_orders, items_count, returned_items, rfm_group)
SELECT
    profile_id, currency, orders_count, gross_spent, refunded, gross_spent - refunded,
    round((gross_spent - refunded) / nullif(orders_count, 0), {MONEY_PLACES}),
    first_order_at, last_order_at,
    round(extract(epoch FROM last_order_at - first_order_at) / 86400 / nullif(orders_count - 1, 0), 2),
    items_count, returned_items, ''
FROM (
    SELECT
        profile_id, currency,
        count(*) FILTER (WHERE counts) AS orders_count,
        coalesce(sum(gross_amount) FILTER (WHERE counts), 0) AS gross_spent,
        coalesce(sum(refunded_amount) FILTER (WHERE counts), 0) AS refunded,
        min(placed_at) FILTER (WHERE counts) AS first_order_at,
        max(placed_at) FILTER (WHERE counts) AS last_order_at,
        least(coalesce(sum(items) FILTER (WHERE counts), 0), {INTEGER_MAX}) AS items_count,
        least(coalesce(sum(returned_items) FILTER (WHERE counts), 0), {INTEGER_MAX}) AS returned_items
    FROM crm_profile_order
    WHERE profile_id = ANY(%(profiles)s::bigint[])
    GROUP BY profile_id, currency
) AS sums
WHERE (SELECT count(*) FROM locked) >= 0
ORDER BY profile_id, currency
ON CONFLICT (profile_id, currency) DO UPDATE SET
    orders_count = excluded.orders_count, gross_spent = excluded.gross_spent, refunded = excluded.refunded,
    net_spent = excluded.net_spent, average_order_value = excluded.average_order_value,
    first_order_at = excluded.first_order_at, last_order_at = excluded.last_order_at,
    average_days_between_orders = excluded.average_days_between_orders,
    items_count = excluded.items_count, returned_items = excluded.returned_items
WHERE (kept.orders_count, kept.gross_spent, kept.refunded, kept.first_order_at, kept.last_order_at,
       kept.average_order_value, kept.average_days_between_orders, kept.items_count, kept.returned_items)
    IS DISTINCT FROM
      (excluded.orders_count, excluded.gross_spent, excluded.refunded, excluded.first_order_at, excluded.last_order_at,
       excluded.average_order_value, excluded.average_days_between_orders, excluded.items_count,
       excluded.returned_items)
"""  # nosec B608  # constants only; values are parameters


def refresh_metrics(profile_ids: Collection[int] | None = None, using: str | None = None) -> None:
    """Bring the metrics of these profiles, or with None of all, in line with their orders.

    Two SQL statements for any number of given profiles; None takes everybody in batches of `REFRESH_BATCH_SIZE`.
    Call it after the orders were stored, in the same transaction or a later one.
    """
    alias = using or DEFAULT_DB_ALIAS
    batches = (
        key_batches(CustomerProfile.objects.using(alias), REFRESH_BATCH_SIZE)
        if profile_ids is None
        else iter([sorted(profile_ids)])
    )
    for batch in batches:
        if batch:
            _refresh(batch, alias)


def _refresh(profile_ids: list[int], alias: str) -> None:
    parameters = {"profiles": profile_ids}
    # Whoever has a transaction cannot go on after an error here, so a savepoint would be of no use to them.
    with transaction.atomic(using=alias, savepoint=False), connections[alias].cursor() as cursor:
        cursor.execute(_LOCK, parameters)
        cursor.execute(_REFRESH, parameters)
