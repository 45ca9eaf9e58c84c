"""Ann has 500 points, Ben has none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.rewards.definition import Reward, RewardKind
from saleor_crm_plugin.loyalty.rewards.editing import create_reward
from saleor_crm_plugin.loyalty.rewards.models import LoyaltyReward


@pytest.fixture
def staff(staff_with):
    return staff_with("MANAGE_DISCOUNTS")


@pytest.fixture
def make_reward(shop):
    def make(name: str = "Five off", kind: RewardKind = RewardKind.VOUCHER_FIXED, **fields: Any) -> LoyaltyReward:
        worth: dict[str, Any] = {"cost": 200, "is_active": True}
        if kind in (RewardKind.VOUCHER_FIXED, RewardKind.GIFT_CARD):
            worth |= {"amount": Decimal(5), "currency": "USD"}
        return create_reward(default_program_id(), Reward(name=name, kind=kind, **{**worth, **fields}))

    return make
