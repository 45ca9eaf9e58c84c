"""Invariant 1 of the design, checked from the rows alone."""

from __future__ import annotations

from django.db import connection

PROBLEMS = """
SELECT account.id, account.active, account.pending, account.deficit, account.held,
       coalesce(entries.points, 0) AS ledger, coalesce(lots.active, 0), coalesce(lots.pending, 0),
       coalesce(holds.points, 0)
FROM crm_loyalty_account AS account
LEFT JOIN (SELECT account_id, sum(points) AS points FROM crm_points_transaction GROUP BY 1) AS entries
    ON entries.account_id = account.id
LEFT JOIN (
    SELECT account_id, sum(remaining) FILTER (WHERE status = 'active') AS active,
           sum(remaining) FILTER (WHERE status = 'pending') AS pending
    FROM crm_points_lot GROUP BY 1
) AS lots ON lots.account_id = account.id
LEFT JOIN (SELECT account_id, sum(points) AS points FROM crm_points_hold WHERE status = 'held' GROUP BY 1) AS holds
    ON holds.account_id = account.id
WHERE account.active + account.pending - account.deficit <> coalesce(entries.points, 0)
   OR account.active <> coalesce(lots.active, 0)
   OR account.pending <> coalesce(lots.pending, 0)
   OR account.held <> coalesce(holds.points, 0)
"""
LOTS = """
SELECT lot.id FROM crm_points_lot AS lot
LEFT JOIN (SELECT lot_id, sum(points) AS points FROM crm_lot_consumption GROUP BY 1) AS used ON used.lot_id = lot.id
WHERE lot.remaining <> lot.amount - coalesce(used.points, 0)
"""
LAST_BALANCES = """
SELECT DISTINCT ON (entry.account_id) entry.account_id FROM crm_points_transaction AS entry
JOIN (SELECT account_id, sum(points) AS points FROM crm_points_transaction GROUP BY 1) AS total USING (account_id)
WHERE entry.id = (SELECT max(id) FROM crm_points_transaction AS last WHERE last.account_id = entry.account_id)
  AND entry.balance_after <> total.points
"""


def assert_ledger_adds_up() -> None:
    with connection.cursor() as cursor:
        for check in (PROBLEMS, LOTS, LAST_BALANCES):
            cursor.execute(check)
            assert cursor.fetchall() == []
