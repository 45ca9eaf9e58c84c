"""Proof, from the rows alone, that entries, lots, holds and balances say the same.

Each check is one statement over all accounts: PostgreSQL does the sums, and only what is wrong comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import DEFAULT_DB_ALIAS, connections

# Wrong rows that one check reports; an auditor needs the kind of fault, not every one of a million.
FINDINGS_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not add up, and in whose account."""

    account_id: int
    what: str


# name -> statement that gives (account id, what is wrong).
CHECKS: dict[str, str] = {
    "balances": """
        SELECT account.id, format(
            'balance %%s, pending %%s, deficit %%s, held %%s, lifetime %%s; by its rows: entries %%s, active lots %%s, '
            'pending lots %%s, holds %%s, lifetime %%s',
            account.active, account.pending, account.deficit, account.held, account.lifetime,
            coalesce(entries.points, 0), coalesce(lots.active, 0), coalesce(lots.pending, 0),
            coalesce(holds.points, 0), coalesce(entries.lifetime, 0)
        )
        FROM crm_loyalty_account AS account
        LEFT JOIN (
            SELECT account_id, sum(points) AS points,
                sum(points) FILTER (WHERE type IN ('earn', 'earn_reversal', 'earn_action', 'referral')) AS lifetime
            FROM crm_points_transaction GROUP BY account_id
        ) AS entries ON entries.account_id = account.id
        LEFT JOIN (
            SELECT account_id, sum(remaining) FILTER (WHERE status = 'active') AS active,
                sum(remaining) FILTER (WHERE status = 'pending') AS pending
            FROM crm_points_lot GROUP BY account_id
        ) AS lots ON lots.account_id = account.id
        LEFT JOIN (
            SELECT account_id, sum(points) AS points FROM crm_points_hold WHERE status = 'held' GROUP BY account_id
        ) AS holds ON holds.account_id = account.id
        WHERE account.active + account.pending - account.deficit <> coalesce(entries.points, 0)
            OR account.active <> coalesce(lots.active, 0)
            OR account.pending <> coalesce(lots.pending, 0)
            OR account.held <> coalesce(holds.points, 0)
            OR account.lifetime <> coalesce(entries.lifetime, 0)
        ORDER BY account.id
    """,
    "lots": """
        SELECT lot.account_id,
            format('lot %%s has %%s of %%s points left, but %%s were used', lot.id, lot.remaining, lot.amount,
                coalesce(used.points, 0))
        FROM crm_points_lot AS lot
        LEFT JOIN (SELECT lot_id, sum(points) AS points FROM crm_lot_consumption GROUP BY lot_id) AS used
            ON used.lot_id = lot.id
        WHERE lot.remaining <> lot.amount - coalesce(used.points, 0)
        ORDER BY lot.id
    """,
    "running balances": """
        SELECT account_id, format('entry %%s says %%s points after it, but the entries up to it add up to %%s', id,
            balance_after, balance)
        FROM (
            SELECT id, account_id, balance_after, sum(points) OVER (PARTITION BY account_id ORDER BY id) AS balance
            FROM crm_points_transaction
        ) AS entry
        WHERE balance_after <> balance
        ORDER BY id
    """,
    "awards": """
        SELECT entry.account_id,
            format('entry %%s gave %%s points, and its lot holds %%s', entry.id, entry.points, coalesce(lot.amount, 0))
        FROM crm_points_transaction AS entry
        LEFT JOIN crm_points_lot AS lot ON lot.transaction_id = entry.id AND lot.account_id = entry.account_id
        WHERE entry.points > 0
            AND entry.type IN ('earn', 'earn_action', 'referral', 'adjust', 'reinstate')
            AND lot.amount IS DISTINCT FROM entry.points
        ORDER BY entry.id
    """,
    "orders": """
        SELECT account_id, format('order %%s earned %%s points net of reversals', order_id, sum(points))
        FROM crm_points_transaction
        WHERE order_id IS NOT NULL AND type IN ('earn', 'earn_reversal')
        GROUP BY account_id, order_id HAVING sum(points) < 0
        UNION ALL
        SELECT account_id, format('order %%s got back %%s more points than were spent on it', order_id, sum(points))
        FROM crm_points_transaction
        WHERE order_id IS NOT NULL AND type IN ('redeem', 'redeem_reversal')
        GROUP BY account_id, order_id HAVING sum(points) > 0
        ORDER BY 1
    """,
    "actions": """
        SELECT coalesce(entry.account_id, used.account_id),
            format('%%s gave %%s points, and its rule recorded %%s', coalesce(entry.idempotency_key, used.key),
                coalesce(entry.points, 0), coalesce(used.points, 0))
        FROM (SELECT * FROM crm_points_transaction WHERE type = 'earn_action') AS entry
        FULL JOIN (
            SELECT account_id, points, format('action:%%s:%%s:%%s', occasion, account_id, rule_id) AS key
            FROM crm_earning_rule_use
            WHERE points > 0 AND NOT is_dry_run AND split_part(occasion, ':', 1) NOT IN ('order', 'referral')
        ) AS used ON used.key = entry.idempotency_key AND used.account_id = entry.account_id
        WHERE entry.points IS DISTINCT FROM used.points
        ORDER BY 1
    """,
    "referrals": """
        SELECT coalesce(entry.account_id, used.account_id),
            format('%%s gave %%s points, and its rules recorded %%s', coalesce(entry.occasion, used.occasion),
                coalesce(entry.points, 0), coalesce(used.points, 0))
        FROM (
            SELECT gift.account_id, 'referral:' || split_part(gift.idempotency_key, ':', 2) AS occasion,
                sum(gift.points + coalesce(reversal.points, 0)) AS points
            FROM crm_points_transaction AS gift
            LEFT JOIN crm_points_transaction AS reversal
                ON reversal.reverses_id = gift.id AND reversal.type = 'earn_reversal'
            WHERE gift.type = 'referral'
            GROUP BY 1, 2
        ) AS entry
        FULL JOIN (
            SELECT used.account_id, used.occasion,
                sum(used.points) FILTER (WHERE referral.status IN ('rewarded', 'undone')) AS points
            FROM crm_earning_rule_use AS used
            LEFT JOIN crm_referral AS referral ON used.occasion = 'referral:' || referral.id
            WHERE NOT used.is_dry_run AND split_part(used.occasion, ':', 1) = 'referral'
            GROUP BY 1, 2
        ) AS used USING (account_id, occasion)
        WHERE coalesce(entry.points, 0) <> coalesce(used.points, 0)
        ORDER BY 1
    """,
}


def findings(check: str, using: str = DEFAULT_DB_ALIAS) -> Iterator[Finding]:
    """What one of `CHECKS` finds wrong: at most `FINDINGS_LIMIT`."""
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({CHECKS[check]}) AS wrong LIMIT %s", [FINDINGS_LIMIT])
        for account_id, what in cursor.fetchall():
            yield Finding(account_id, what)
