"""Orders as purchase histories: aggregated by PostgreSQL, one row a customer, in a stream.

A purchase is a day (UTC) with an order that counts; what was spent on it is net of refunds. Whoever refuses profiling,
is erased or was merged into another profile is not read.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connections, transaction

from saleor_crm_plugin.profiles.clv.learning.choice import Purchases
from saleor_crm_plugin.profiles.clv.learning.histories import MOST_DAYS, Integers, histories
from saleor_crm_plugin.profiles.clv.learning.holdout import Past, holdout_days

# Rows fetched at once.
ROWS = 20_000
# Of PostgreSQL for this one statement: a million orders are grouped without a file.
WORK_MEMORY = "192MB"

_ORDERS = """
FROM crm_profile_order orders JOIN crm_customer_profile person ON person.id = orders.profile_id
WHERE orders.currency = %(currency)s AND orders.counts AND orders.placed_at <= %(now)s
  AND orders.placed_at > %(now)s - make_interval(days => %(most_days)s)
  AND person.profiling_allowed AND person.erased_at IS NULL AND person.merged_into_id IS NULL
"""
_FIRST_DAY = f"SELECT min((orders.placed_at AT TIME ZONE 'UTC')::date) {_ORDERS}"
_HISTORIES = f"""
WITH bought AS (
    SELECT orders.profile_id, (orders.placed_at AT TIME ZONE 'UTC')::date AS day,
           sum(orders.gross_amount - orders.refunded_amount) AS net
    {_ORDERS}
    GROUP BY 1, 2
), dated AS (
    SELECT profile_id, day, net, min(day) OVER (PARTITION BY profile_id) AS first_day FROM bought
)
SELECT profile_id,
       count(*) - 1, max(day) - first_day, %(today)s::date - first_day,
       count(*) FILTER (WHERE net > 0 AND day > first_day),
       coalesce(sum(net) FILTER (WHERE net > 0 AND day > first_day), 0)::float8,
       count(*) FILTER (WHERE net > 0), coalesce(sum(net) FILTER (WHERE net > 0), 0)::float8,
       count(*) FILTER (WHERE day <= %(cut)s) - 1,
       coalesce(max(day) FILTER (WHERE day <= %(cut)s) - first_day, 0), %(cut)s::date - first_day,
       count(*) FILTER (WHERE day <= %(cut)s AND day > %(before)s AND day > first_day)
FROM dated
GROUP BY profile_id, first_day
ORDER BY profile_id
"""  # nosec B608  # constants only; values are parameters


@dataclass(frozen=True, slots=True)
class Read:
    """
    Attributes:
        profile_ids: of the customers in `purchases`, ascending.
        past: what was known at the end of the day `cut`, and what came until `today`.
    """

    profile_ids: Integers
    purchases: Purchases
    past: Past
    first_day: datetime.date
    cut: datetime.date
    today: datetime.date

    @property
    def history_days(self) -> int:
        return (self.today - self.first_day).days

    @property
    def loyal_customers(self) -> int:
        """Who bought on three days or more."""
        return int((self.purchases.histories.repeats >= 2).sum())


def read(
    currency: str, now: datetime.datetime, forecast_days: int, using: str, progress: Callable[[int], None]
) -> Read | None:
    """All purchases in a currency until now; None if there are none. Three SQL statements, 100 bytes a customer.

    Args:
        progress: told the number of customers read so far.
    """
    today = now.astimezone(datetime.UTC).date()
    parameters: dict[str, Any] = {"currency": currency, "now": now, "today": today, "most_days": MOST_DAYS - 1}
    with connections[using].cursor() as cursor:
        cursor.execute(_FIRST_DAY, parameters)
        (first_day,) = cursor.fetchone()
    if first_day is None:
        return None
    held_out = holdout_days((today - first_day).days, forecast_days)
    cut = today - datetime.timedelta(days=held_out)
    parameters |= {"cut": cut, "before": cut - datetime.timedelta(days=held_out)}
    parts = []
    read_so_far = 0
    # In a transaction, so that the server need not keep the answer, and may sort in memory.
    with transaction.atomic(using=using), connections[using].chunked_cursor() as cursor:
        with connections[using].cursor() as setting:
            setting.execute(f"SET LOCAL work_mem = '{WORK_MEMORY}'")
        cursor.execute(_HISTORIES, parameters)
        while rows := cursor.fetchmany(ROWS):
            parts.append(np.array(rows, dtype=np.float64))
            read_so_far += len(rows)
            progress(read_so_far)
    table = np.concatenate(parts).T
    # Money is a fraction; everything else, also ids below 2^53, is whole in a float.
    ids, repeats, recency, age, valued, _, all_valued, _, known, known_recency, known_age, before = table.astype(
        np.int64
    )
    spent, all_spent = table[5], table[7]
    knew = known >= 0
    return Read(
        ids,
        Purchases(
            histories(repeats, recency, age),
            valued,
            np.where(valued > 0, spent / np.maximum(valued, 1), 0.0),
            float(all_spent.sum() / max(all_valued.sum(), 1)),
            float(all_valued.sum() / (repeats + 1).sum()),
        ),
        Past(
            histories(known[knew], known_recency[knew], known_age[knew]),
            held_out,
            (repeats - known)[knew],
            before[knew],
        ),
        first_day,
        cut,
        today,
    )
