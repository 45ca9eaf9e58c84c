"""What others ask about tiers: one statement each, for any number of accounts."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from saleor_crm_plugin.loyalty.tiers.models import TierMembership


class TierRef(NamedTuple):
    """A tier by primary key, with its level (1 is the lowest) and name."""

    tier_id: int
    level: int
    name: str


def current_tiers(account_ids: Collection[int], using: str) -> dict[int, TierRef]:
    """The tier of each account that is in one, by account id."""
    rows = (
        TierMembership.objects.using(using)
        .filter(account_id__in=account_ids)
        .values_list("account_id", "tier_id", "tier__level", "tier__name")
    )
    return {account_id: TierRef(tier_id, level, name) for account_id, tier_id, level, name in rows}
