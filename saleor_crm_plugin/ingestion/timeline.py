"""All that a customer's timeline is read from: what the customer domain knows, and what loyalty adds."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from saleor_crm_plugin.loyalty.models import TransactionType
from saleor_crm_plugin.profiles.timeline import sources
from saleor_crm_plugin.profiles.timeline.sources import Source


class LoyaltyKind(StrEnum):
    """What happens to customers and has rows in the loyalty domain."""

    POINTS_CHANGED = "points_changed"
    TIER_CHANGED = "tier_changed"
    REMINDER_SENT = "reminder_sent"


# An account that was merged into another one belongs to whoever has that one.
_ACCOUNTS: Final = {
    "accounts": """
        SELECT family.person, account.id AS member
        FROM family JOIN crm_loyalty_account account ON account.profile_id = family.member
        UNION
        SELECT accounts.person, joined.id
        FROM accounts JOIN crm_loyalty_account joined ON joined.merged_into_id = accounts.member
    """
}
# Points that only move between the accounts of one person are not news.
_MOVES: Final = f"'{TransactionType.MERGE_OUT.value}', '{TransactionType.MERGE_IN.value}'"

POINTS: Final = Source(
    name="points",
    table=f"(SELECT * FROM crm_points_transaction WHERE type NOT IN ({_MOVES}))",  # nosec B608  # constants only; values are parameters
    owner="account_id",
    owners="accounts",
    with_owners=_ACCOUNTS,
    happened_at="created_at",
    kind=f"'{LoyaltyKind.POINTS_CHANGED}'",
    kinds=frozenset({LoyaltyKind.POINTS_CHANGED.value}),
    subject_type="CASE WHEN entry.order_id IS NULL THEN '' ELSE 'order' END",
    subject_id="COALESCE(entry.order_id::text, '')",
    actor_type="entry.actor_type",
    actor_id="entry.actor_id",
    label="entry.type",
    details="jsonb_build_object('points', entry.points, 'balance', entry.balance_after, 'reason', entry.reason)",
)
TIERS: Final = Source(
    name="tier",
    table="crm_tier_change",
    owner="account_id",
    owners="accounts",
    with_owners=_ACCOUNTS,
    happened_at="at",
    kind=f"'{LoyaltyKind.TIER_CHANGED}'",
    kinds=frozenset({LoyaltyKind.TIER_CHANGED.value}),
    actor_type="entry.actor_type",
    actor_id="entry.actor_id",
    label="(SELECT tier.name FROM crm_loyalty_tier tier WHERE tier.id = entry.to_tier_id)",
    details="""jsonb_build_object(
        'cause', entry.cause, 'reason', entry.reason, 'from', (
            SELECT tier.name FROM crm_loyalty_tier tier WHERE tier.id = entry.from_tier_id
        )
    )""",
)
REMINDERS: Final = Source(
    name="reminder",
    table="crm_loyalty_reminder",
    owner="account_id",
    owners="accounts",
    with_owners=_ACCOUNTS,
    happened_at="sent_at",
    kind=f"'{LoyaltyKind.REMINDER_SENT}'",
    kinds=frozenset({LoyaltyKind.REMINDER_SENT.value}),
    label="entry.kind",
    details="jsonb_build_object('subject', entry.subject)",
)

SOURCES: Final = (*sources.SOURCES, POINTS, TIERS, REMINDERS)
