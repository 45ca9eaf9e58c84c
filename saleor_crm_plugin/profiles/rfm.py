"""Recency, frequency and monetary value: five scores each, and eleven groups of customers.

Within a currency, each customer with an order in the window gets three scores from 1 (worst) to 5 (best), by quintile
among those customers: time of the last order, number of orders, and net money. Equal values get equal scores.
The groups and what they mean are those of Shopify's RFM report (shopify.dev, enum `CustomerRfmGroup`), which goes, as
we do, by the recency score and the mean of the other two. That reference names no cut-offs; ours are `_GRID`.

Who refuses profiling, is erased, or was merged into another profile has neither scores nor a group, and counts in
nobody's quintile.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections

from saleor_crm_plugin.profiles.models import RFMGroup as Group

SCORES: Final = range(1, 6)
QUINTILES: Final = 5

# _GRID[recency][mean of frequency and monetary, halves rounded up]; the columns are 1 to 5.
_GRID: Final[dict[int, tuple[Group, Group, Group, Group, Group]]] = {
    5: (Group.NEW, Group.NEW, Group.ACTIVE, Group.CHAMPIONS, Group.CHAMPIONS),
    4: (Group.PROMISING, Group.PROMISING, Group.ACTIVE, Group.LOYAL, Group.LOYAL),
    3: (Group.ALMOST_LOST, Group.ALMOST_LOST, Group.NEEDS_ATTENTION, Group.LOYAL, Group.LOYAL),
    2: (Group.DORMANT, Group.DORMANT, Group.AT_RISK, Group.AT_RISK, Group.PREVIOUSLY_LOYAL),
    1: (Group.DORMANT, Group.DORMANT, Group.AT_RISK, Group.AT_RISK, Group.PREVIOUSLY_LOYAL),
}


def value_level(frequency: int, monetary: int) -> int:
    """The mean of the two scores, halves rounded up: 1 to 5."""
    return (frequency + monetary + 1) // 2


def group_for(recency: int, frequency: int, monetary: int) -> Group:
    """The group of a customer with these scores, each 1 to 5."""
    return _GRID[recency][value_level(frequency, monetary) - 1]


def group_without_scores(orders_count: int) -> Group:
    """The group of a customer who bought nothing in the window: dormant, or never bought at all."""
    return Group.DORMANT if orders_count else Group.PROSPECTS


def quintile(lower: int, ties: int, total: int) -> int:
    """The score 1 to 5 of a value among `total` values, of which `lower` are smaller and `ties` equal (itself too).

    The value stands in the middle of its ties (the mid-distribution function, Parzen 2004), so that a crowd of equal
    values is scored neither as the best nor as the worst. Whole numbers only: SQL and Python agree exactly.
    """
    return 1 + QUINTILES * (2 * lower + ties) // (2 * total)


def _quintile_sql(column: str) -> str:
    # `quintile`, with rank() - 1 values below and count(*) over the equal ones.
    return (
        f"1 + {QUINTILES} * (2 * (rank() OVER (PARTITION BY currency ORDER BY {column}) - 1)"
        f" + count(*) OVER (PARTITION BY currency, {column})) / (2 * count(*) OVER (PARTITION BY currency))"
    )


def _group_sql() -> str:
    cells = " ".join(
        f"WHEN recency = {recency} AND (frequency + monetary + 1) / 2 = {level} THEN '{group.value}'"
        for recency, row in _GRID.items()
        for level, group in enumerate(row, start=1)
    )
    return f"CASE {cells} WHEN orders_count > 0 THEN '{Group.DORMANT.value}' ELSE '{Group.PROSPECTS.value}' END"


# The rows that change are locked in the order in which `metrics` writes them, so that the two cannot deadlock.
_REFRESH = f"""
WITH customer AS (
    SELECT id AS profile_id FROM crm_customer_profile
    WHERE profiling_allowed AND erased_at IS NULL AND merged_into_id IS NULL
), bought AS (
    SELECT profile_id, currency, max(placed_at) AS last_at, count(*) AS orders,
           sum(gross_amount - refunded_amount) AS net
    FROM crm_profile_order JOIN customer USING (profile_id)
    WHERE counts AND placed_at > %(since)s AND placed_at <= %(now)s
    GROUP BY profile_id, currency
), scored AS (
    SELECT profile_id, currency,
           {_quintile_sql("last_at")} AS recency,
           {_quintile_sql("orders")} AS frequency,
           {_quintile_sql("net")} AS monetary
    FROM bought
), wanted AS (
    SELECT kept.id, recency, frequency, monetary,
           CASE WHEN customer.profile_id IS NULL THEN '' ELSE {_group_sql()} END AS rfm_group
    FROM crm_profile_metrics kept LEFT JOIN customer USING (profile_id) LEFT JOIN scored USING (profile_id, currency)
), changed AS (
    SELECT kept.id
    FROM crm_profile_metrics kept JOIN wanted USING (id)
    WHERE (kept.recency_score, kept.frequency_score, kept.monetary_score, kept.rfm_group)
        IS DISTINCT FROM (wanted.recency, wanted.frequency, wanted.monetary, wanted.rfm_group)
    ORDER BY kept.profile_id, kept.currency
    FOR NO KEY UPDATE OF kept
)
UPDATE crm_profile_metrics kept
SET recency_score = wanted.recency, frequency_score = wanted.frequency, monetary_score = wanted.monetary,
    rfm_group = wanted.rfm_group
FROM changed JOIN wanted USING (id)
WHERE kept.id = changed.id
"""  # nosec B608  # constants only; values are parameters


def refresh_rfm(window_days: int, now: datetime, using: str | None = None) -> int:
    """Score everybody who may be profiled anew; one SQL statement, which writes only what changes.

    Args:
        window_days: how far back orders are looked at. Whoever has none since then has no scores.
        now: end of the window; orders placed later are left out.

    Returns:
        The number of rows written.
    """
    parameters = {"now": now, "since": now - timedelta(days=window_days)}
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_REFRESH, parameters)
        return int(cursor.rowcount)
