"""How staff make, change and retire rewards. What customers took before stays as it was."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.loyalty.rewards.definition import Reward
from saleor_crm_plugin.loyalty.rewards.models import LoyaltyReward
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier


def create_reward(program_id: int, definition: Reward) -> LoyaltyReward:
    """
    Raises:
        LoyaltyInputError: a value is wrong, with its field.
    """
    definition.validate()
    _check_tier(definition, program_id)
    reward = LoyaltyReward(program_id=program_id)
    reward.define(definition)
    reward.save()
    return reward


def update_reward(reward_id: int, change: Callable[[Reward], Reward]) -> LoyaltyReward:
    """Change what is offered from now on.

    Args:
        change: what the reward is, from what it was.

    Raises:
        LoyaltyInputError: there is no such reward, or a value is wrong.
    """
    with transaction.atomic():
        reward = _locked(reward_id)
        before = reward.definition
        definition = change(before)
        if definition.kind != before.kind:
            raise LoyaltyInputError("A reward stays of its kind: make another one.", "INVALID", "kind")
        definition.validate()
        if definition.tier_id != before.tier_id:
            _check_tier(definition, reward.program_id)
        if definition.stock is not None and definition.stock < reward.redeemed_count:
            raise LoyaltyInputError(
                f"{reward.redeemed_count} have been taken already: give at least as many, or null.", "INVALID", "stock"
            )
        reward.define(definition)
        reward.save()
    return reward


def delete_reward(reward_id: int) -> LoyaltyReward:
    """Retire a reward for good. Codes that customers have stay good, and can be given back.

    Raises:
        LoyaltyInputError: there is no such reward.
    """
    with transaction.atomic():
        reward = _locked(reward_id)
        reward.is_active, reward.deleted_at = False, timezone.now()
        reward.save(update_fields=["is_active", "deleted_at", "updated_at"])
    return reward


def _locked(reward_id: int) -> LoyaltyReward:
    reward = LoyaltyReward.objects.select_for_update().filter(pk=reward_id, deleted_at__isnull=True).first()
    if reward is None:
        raise LoyaltyInputError("There is no such reward.", "NOT_FOUND", "id")
    return reward


def _check_tier(definition: Reward, program_id: int) -> None:
    if definition.tier_id is None:
        return
    tiers = LoyaltyTier.objects.filter(pk=definition.tier_id, program_id=program_id, deleted_at__isnull=True)
    if not tiers.exists():
        raise LoyaltyInputError("There is no such tier.", "NOT_FOUND", "minimumTierId")
