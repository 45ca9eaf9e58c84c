"""What others ask about tiers: one statement each, for any number of accounts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connections

from saleor_crm_plugin.loyalty.tiers.models import TierMembership


class TierRef(NamedTuple):
    """A tier by primary key, with its level (1 is the lowest) and name."""

    tier_id: int
    level: int
    name: str


class TierEnding(NamedTuple):
    """A tier that will be lost at a moment if nothing more is earned."""

    account_id: int
    tier_id: int
    keep_until: datetime


class TierThen(NamedTuple):
    """A tier that a customer was in, with what it is worth."""

    tier_id: int
    name: str
    earning_multiplier: Decimal


def current_tiers(account_ids: Collection[int], using: str) -> dict[int, TierRef]:
    """The tier of each account that is in one, by account id."""
    rows = (
        TierMembership.objects.using(using)
        .filter(account_id__in=account_ids)
        .values_list("account_id", "tier_id", "tier__level", "tier__name")
    )
    return {account_id: TierRef(tier_id, level, name) for account_id, tier_id, level, name in rows}


def about_to_be_lost(now: datetime, within: timedelta, using: str) -> Iterator[TierEnding]:
    """Tiers that end in the time from now on, soonest first, unless their customers earn more."""
    rows = (
        TierMembership.objects.using(using)
        .filter(keep_until__gt=now, keep_until__lte=now + within, account__closed_at__isnull=True)
        .order_by("keep_until", "pk")
        .values_list("account_id", "tier_id", "keep_until")
    )
    for account_id, tier_id, keep_until in rows.iterator():
        assert keep_until is not None
        yield TierEnding(account_id, tier_id, keep_until)


_THEN = """
SELECT DISTINCT ON (question.number) question.number, tier.id, tier.name, tier.earning_multiplier
FROM unnest(%(profiles)s::bigint[], %(moments)s::timestamptz[]) WITH ORDINALITY AS question (profile_id, at, number)
CROSS JOIN LATERAL (
    SELECT id FROM crm_loyalty_account WHERE profile_id = question.profile_id AND program_id = %(program)s
    UNION ALL
    -- Who has become part of this customer since: the order may have been theirs.
    SELECT account.id
    FROM crm_customer_profile AS profile
    JOIN crm_loyalty_account AS account ON account.profile_id = profile.id AND account.program_id = %(program)s
    JOIN crm_account_merge AS merge
        ON merge.source_id = account.id AND merge.undone_at IS NULL AND merge.merged_at > question.at
    WHERE profile.merged_into_id = question.profile_id
) AS account
CROSS JOIN LATERAL (
    SELECT to_tier_id FROM crm_tier_change AS change
    WHERE change.account_id = account.id AND change.at <= question.at
    ORDER BY change.id DESC LIMIT 1
) AS last
JOIN crm_loyalty_tier AS tier ON tier.id = last.to_tier_id
ORDER BY question.number, tier.level DESC
"""


def tiers_then(
    program_id: int, questions: Sequence[tuple[int, datetime]], using: str
) -> dict[tuple[int, datetime], TierThen]:
    """The tier that each (profile, moment) was in, by both; those without one are missing.

    Of a customer who was several customers at the moment, the highest: an order does not tell whose of them it was.
    """
    if not questions:
        return {}
    profile_ids, moments = zip(*questions, strict=True)
    with connections[using].cursor() as cursor:
        cursor.execute(_THEN, {"profiles": list(profile_ids), "moments": list(moments), "program": program_id})
        return {questions[number - 1]: TierThen(*tier) for number, *tier in cursor.fetchall()}
