"""A ledger of any size straight into its tables, in seconds, with the invariants of `loyalty.models`.

Each account has lots of 1,000 points, one for each award. Of each lot, four entries use 200; a fifth of the lots have
expired, and had their last 200 points taken by the job. One account in a hundred owes 50. Entries are spread evenly
over three years, oldest first.
"""

from __future__ import annotations

from typing import Any

from tests.benchmarks.tables import unchecked

DAYS = 1095
USES = 4

_ACCOUNTS = """
INSERT INTO crm_loyalty_account (program_id, profile_id, active, pending, deficit, held, lifetime, created_at)
SELECT (SELECT min(id) FROM crm_loyalty_program), number,
    (SELECT count(*) FILTER (WHERE lot %% 5 <> 0) * 200 FROM generate_series(0, lots - 1) AS lot),
    0, CASE WHEN number %% 100 = 0 THEN 50 ELSE 0 END, 0, 1000 * lots, now()
FROM generate_series(1, %(accounts)s) AS number
CROSS JOIN LATERAL (SELECT CASE WHEN number = 1 THEN %(first)s ELSE %(lots)s END AS lots) AS size
"""

# What is planned for each account: its lots, and how each was used; `at` is days ago.
_PLAN = f"""
CREATE TEMPORARY TABLE plan AS
SELECT row_number() OVER (ORDER BY at DESC, account_id, lot, step) AS id, *
FROM (
    SELECT account.id AS account_id, lot, step,
        CASE WHEN step = 0 THEN 'earn' WHEN step <= {USES} THEN 'redeem' ELSE 'expire' END AS type,
        CASE WHEN step = 0 THEN 1000 ELSE -200 END AS points,
        {DAYS} * (1 - (lot + step / 8.0 + account.id % 97 / 900.0) * 1000 / account.lifetime) AS at
    FROM crm_loyalty_account AS account
    CROSS JOIN generate_series(0, account.lifetime / 1000 - 1) AS lot
    CROSS JOIN generate_series(0, {USES} + 1) AS step
    WHERE step <= {USES} OR lot % 5 = 0
    UNION ALL
    SELECT id, NULL, NULL, 'redeem', -50, 1 FROM crm_loyalty_account WHERE deficit > 0
) AS planned
"""

_ENTRIES = """
INSERT INTO crm_points_transaction (id, account_id, type, points, balance_after, idempotency_key, actor_type, reason,
    breakdown, created_at, earned_at)
SELECT id, account_id, type, points, 0, 'bench:' || id, 'system', '', '{}',
    now() - at * interval '1 day', CASE WHEN type = 'earn' THEN now() - at * interval '1 day' END
FROM plan ORDER BY id
"""

_LOTS = """
INSERT INTO crm_points_lot (id, account_id, transaction_id, status, amount, remaining, available_at, expires_at)
SELECT id, account_id, id, CASE WHEN lot % 5 = 0 THEN 'expired' ELSE 'active' END, 1000,
    CASE WHEN lot % 5 = 0 THEN 0 ELSE 200 END, now() - at * interval '1 day',
    CASE WHEN lot % 5 = 0 THEN now() - at * interval '1 day' + interval '200 day'
        WHEN lot % 5 <> 1 THEN now() + (30 + (id % 700)) * interval '1 day' END
FROM plan WHERE step = 0 ORDER BY id
"""

_CONSUMPTIONS = """
INSERT INTO crm_lot_consumption (transaction_id, lot_id, points)
SELECT used.id, opened.id, -used.points
FROM plan AS used JOIN plan AS opened USING (account_id, lot) WHERE used.step > 0 AND opened.step = 0 ORDER BY used.id
"""


def fill(connection: Any, accounts: int, lots: int, *, first: int | None = None) -> int:
    """`accounts` with `lots` awards each, or `first` for the first one; returns how many entries there are."""
    values = {"accounts": accounts, "lots": lots, "first": first or lots}
    # There are no customers.
    with unchecked(connection) as cursor:
        for statement in (_ACCOUNTS, _PLAN, _ENTRIES, _LOTS, _CONSUMPTIONS):
            cursor.execute(statement, values if "%(" in statement else None)
        cursor.execute("SELECT count(*) FROM crm_points_transaction")
        entries = int(cursor.fetchone()[0])
        cursor.execute("DROP TABLE plan")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
    return entries
