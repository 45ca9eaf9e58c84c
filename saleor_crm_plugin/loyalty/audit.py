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
            coalesce(holds.points, 0), coalesce(earned.lifetime, 0)
        )
        FROM crm_loyalty_account AS account
        LEFT JOIN (
            SELECT account_id, sum(points) AS points FROM crm_points_transaction GROUP BY account_id
        ) AS entries ON entries.account_id = account.id
        -- What merged accounts have earned stands with the account that has their points now.
        LEFT JOIN (
            SELECT family.head_id, sum(entry.points) AS lifetime
            FROM (
                WITH RECURSIVE family AS (
                    SELECT id, id AS head_id FROM crm_loyalty_account WHERE merged_into_id IS NULL
                    UNION ALL
                    SELECT merged.id, family.head_id FROM crm_loyalty_account AS merged
                    JOIN family ON merged.merged_into_id = family.id
                )
                SELECT * FROM family
            ) AS family
            JOIN crm_points_transaction AS entry ON entry.account_id = family.id
            WHERE entry.type IN ('earn', 'earn_reversal', 'earn_action', 'referral')
            GROUP BY family.head_id
        ) AS earned ON earned.head_id = account.id
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
            OR account.lifetime <> coalesce(earned.lifetime, 0)
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
            AND entry.type IN (
                'earn', 'earn_action', 'referral', 'tier_gift', 'adjust', 'reinstate', 'import'
            )
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
    "merges": """
        SELECT min(account_id), format('the move %%s between accounts adds up to %%s points', move, sum(points))
        FROM (
            SELECT account_id, type, points, regexp_replace(idempotency_key, ':merge_(in|out)$', '') AS move
            FROM crm_points_transaction WHERE type IN ('merge_in', 'merge_out')
        ) AS half
        GROUP BY move HAVING sum(points) <> 0 OR count(DISTINCT type) <> 2
        UNION ALL
        SELECT lot.account_id, format('lot %%s came from lot %%s, and expires at another time', lot.id, origin.id)
        FROM crm_points_lot AS lot JOIN crm_points_lot AS origin ON origin.id = lot.origin_id
        WHERE lot.expires_at IS DISTINCT FROM origin.expires_at
            OR lot.available_at IS DISTINCT FROM origin.available_at
        UNION ALL
        SELECT account.id, format('account is merged into %%s, but the record of merges says %%s',
            coalesce(account.merged_into_id::text, 'none'), coalesce(merge.target_id::text, 'none'))
        FROM crm_loyalty_account AS account
        LEFT JOIN crm_account_merge AS merge ON merge.source_id = account.id AND merge.undone_at IS NULL
        WHERE account.merged_into_id IS DISTINCT FROM merge.target_id
        UNION ALL
        SELECT account.id, format('account is open, but its customer %%s was merged into %%s: nobody finds its points',
            person.id, person.merged_into_id)
        FROM crm_customer_profile AS person JOIN crm_loyalty_account AS account ON account.profile_id = person.id
        WHERE person.merged_into_id IS NOT NULL AND person.erasure_level <> 'delete' AND account.closed_at IS NULL
        ORDER BY 1
    """,
    # What was spent on no order was spent on a reward, once, and came back if the reward did.
    "rewards": """
        WITH returned AS (
            SELECT reverses_id, sum(points) AS points FROM crm_points_transaction
            WHERE order_id IS NULL AND type = 'redeem_reversal' GROUP BY reverses_id
        )
        SELECT redemption.account_id, format(
            'redemption %%s over %%s points is %%s, but its entry %%s moved %%s and got back %%s', redemption.id,
            redemption.cost, redemption.status, entry.id, entry.points, coalesce(returned.points, 0)
        )
        FROM crm_reward_redemption AS redemption
        JOIN crm_points_transaction AS entry ON entry.id = redemption.entry_id
        LEFT JOIN returned ON returned.reverses_id = entry.id
        WHERE entry.type <> 'redeem' OR entry.points <> -redemption.cost
            OR coalesce(returned.points, 0) <> CASE redemption.status WHEN 'returned' THEN redemption.cost ELSE 0 END
        UNION ALL
        SELECT entry.account_id, format('entry %%s spent %%s points on neither an order nor a reward', entry.id,
            -entry.points)
        FROM crm_points_transaction AS entry
        LEFT JOIN returned ON returned.reverses_id = entry.id
        LEFT JOIN crm_reward_redemption AS redemption ON redemption.entry_id = entry.id
        WHERE entry.type = 'redeem' AND entry.order_id IS NULL AND redemption.id IS NULL
            AND entry.points + coalesce(returned.points, 0) <> 0
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
    "tiers": """
        SELECT account_id, format('is in tier %%s, and its history ends with tier %%s',
            coalesce(membership.tier_id::text, 'none'), coalesce(last.to_tier_id::text, 'none'))
        FROM crm_tier_membership AS membership
        FULL JOIN (
            SELECT DISTINCT ON (account_id) account_id, to_tier_id FROM crm_tier_change ORDER BY account_id, id DESC
        ) AS last USING (account_id)
        WHERE membership.tier_id IS DISTINCT FROM last.to_tier_id
        ORDER BY account_id
    """,
}


def findings(check: str, using: str = DEFAULT_DB_ALIAS) -> Iterator[Finding]:
    """What one of `CHECKS` finds wrong: at most `FINDINGS_LIMIT`."""
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({CHECKS[check]}) AS wrong LIMIT %s", [FINDINGS_LIMIT])  # nosec B608  # one of CHECKS
        for account_id, what in cursor.fetchall():
            yield Finding(account_id, what)
