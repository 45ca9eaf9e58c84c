"""Tiers for tests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.tiers.editing import create_tier, update_policy
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier


def make_tiers(*thresholds: int | str, policy: dict[str, Any] | None = None, **fields: Any) -> list[LoyaltyTier]:
    """A tier for each threshold: Bronze, Silver, Gold, Platinum, with the same further fields."""
    program_id = default_program_id()
    if policy:
        update_policy(program_id, policy)
    names = ("Bronze", "Silver", "Gold", "Platinum")
    return [
        create_tier(program_id, {"name": name, "level": level, "threshold": Decimal(threshold), **fields})
        for level, (name, threshold) in enumerate(zip(names, thresholds, strict=False), start=1)
    ]
