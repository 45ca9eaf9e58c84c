"""What rewards ask about the shopper, and what accounts took, each in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from promise import Promise
from saleor.graphql.core.dataloaders import DataLoader
from saleor.graphql.utils import get_user_or_app_from_context

from saleor_crm_plugin.graphql.loyalty.owners import owner_ids
from saleor_crm_plugin.graphql.page_loaders import CountLoader, PageLoader
from saleor_crm_plugin.ingestion.sold_variants import sold_among
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.rewards import queries
from saleor_crm_plugin.loyalty.rewards.models import LoyaltyReward, RewardRedemption
from saleor_crm_plugin.loyalty.tiers.queries import current_tiers
from saleor_crm_plugin.profiles.traits import NO_GROUPS, RFMGroups, rfm_groups


class PermissionLoader(DataLoader):
    """Whether a requestor has a permission, by (requestor, permission); a list asks once, not for each of its rows.

    Who asks is in the key: for the payloads of an event's webhooks, Saleor shares loaders between the apps.
    """

    context_key = "saleor_crm_plugin.permission"

    def batch_load(self, keys: Sequence[tuple[Any, Any]]) -> list[bool]:
        return [bool(requestor) and requestor.has_perm(permission) for requestor, permission in keys]


def has_permission(info: Any, permission: Any) -> Promise[bool]:
    """Promise of whether the user or app that sent the request has a permission."""
    return PermissionLoader(info.context).load((get_user_or_app_from_context(info.context), permission))


class RewardByIdLoader(DataLoader):
    """`LoyaltyReward` by primary key."""

    context_key = "saleor_crm_plugin.reward_by_id"

    def batch_load(self, keys: Sequence[int]) -> list[LoyaltyReward | None]:
        found = LoyaltyReward.objects.using(self.database_connection_name).in_bulk(keys)
        return [found.get(reward_id) for reward_id in keys]


class OwnersByAccountIdLoader(DataLoader):
    """Primary keys of the users who own an account (`owner_ids`), by account id."""

    context_key = "saleor_crm_plugin.owners_by_account_id"

    def batch_load(self, keys: Sequence[int]) -> list[list[int]]:
        rows = LoyaltyAccount.objects.using(self.database_connection_name).filter(pk__in=keys)
        owners = dict(rows.values_list("pk", owner_ids()))
        return [owners.get(account_id, []) for account_id in keys]


class TierLevelByAccountIdLoader(DataLoader):
    """Level of the account's tier, 0 without one, by account id."""

    context_key = "saleor_crm_plugin.tier_level_by_account_id"

    def batch_load(self, keys: Sequence[int]) -> list[int]:
        found = current_tiers(keys, self.database_connection_name)
        return [found[account_id].level if account_id in found else 0 for account_id in keys]


class GroupsByProfileIdLoader(DataLoader):
    """`RFMGroups` by profile id."""

    context_key = "saleor_crm_plugin.groups_by_profile_id"

    def batch_load(self, keys: Sequence[int]) -> list[RFMGroups]:
        groups = rfm_groups(keys, self.database_connection_name)
        return [groups.get(profile_id, NO_GROUPS) for profile_id in keys]


class TakenLoader(DataLoader):
    """How many of a reward an account has, without those given back, by (account id, reward id)."""

    context_key = "saleor_crm_plugin.rewards_taken"

    def batch_load(self, keys: Sequence[tuple[int, int]]) -> list[int]:
        found = queries.taken(set(keys), self.database_connection_name)
        return [found.get(key, 0) for key in keys]


class SoldVariantLoader(DataLoader):
    """Whether shoppers can buy a variant, by (variant id, channel id)."""

    context_key = "saleor_crm_plugin.sold_variant"

    def batch_load(self, keys: Sequence[tuple[int, int]]) -> list[bool]:
        sold = sold_among(keys, self.database_connection_name)
        return [key in sold for key in keys]


class RedemptionsByAccountIdLoader(PageLoader):
    context_key = "saleor_crm_plugin.redemptions_by_account_id"
    model = RewardRedemption
    owner = "account_id"


class RedemptionCountByAccountIdLoader(CountLoader):
    context_key = "saleor_crm_plugin.redemption_count_by_account_id"
    model = RewardRedemption
    owner = "account_id"
