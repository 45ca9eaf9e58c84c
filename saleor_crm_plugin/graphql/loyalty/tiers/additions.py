"""What tiers add to Saleor's schema."""

from __future__ import annotations

from typing import Any

from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.fields import BaseField, PermissionsField
from saleor.graphql.core.types.common import NonNullList
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.graphql.addition import Addition, mutation
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.tiers.dataloaders import load_tier_scheme
from saleor_crm_plugin.graphql.loyalty.tiers.mutations.loyalty_tier_assign import LoyaltyTierAssign
from saleor_crm_plugin.graphql.loyalty.tiers.mutations.loyalty_tier_create import LoyaltyTierCreate
from saleor_crm_plugin.graphql.loyalty.tiers.mutations.loyalty_tier_delete import LoyaltyTierDelete
from saleor_crm_plugin.graphql.loyalty.tiers.mutations.loyalty_tier_policy_update import LoyaltyTierPolicyUpdate
from saleor_crm_plugin.graphql.loyalty.tiers.mutations.loyalty_tier_update import LoyaltyTierUpdate
from saleor_crm_plugin.graphql.loyalty.tiers.types import LoyaltyTier, LoyaltyTierPolicy
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.tiers.models import TierPolicy
from saleor_crm_plugin.loyalty.tiers.scheme import policy_of


def resolve_loyalty_tiers(_root: Any, info: Any) -> Any:
    return load_tier_scheme(info.context).then(lambda scheme: list(scheme.tiers) if scheme else [])


def resolve_loyalty_tier_policy(_root: Any, info: Any) -> TierPolicy:
    using = get_database_connection_name(info.context)
    return policy_of(default_program_id(using), using)


ADDITIONS = (
    Addition(
        "Query",
        "loyalty_tiers",
        resolve_loyalty_tiers,
        BaseField(
            NonNullList(LoyaltyTier),
            description="Tiers of the loyalty program, lowest level first." + ADDED_IN_010,
            doc_category=DOC_CATEGORY_DISCOUNTS,
        ),
    ),
    Addition(
        "Query",
        "loyalty_tier_policy",
        resolve_loyalty_tier_policy,
        PermissionsField(
            LoyaltyTierPolicy,
            description="How tiers are won and lost." + ADDED_IN_010,
            permissions=[DiscountPermissions.MANAGE_DISCOUNTS],
            doc_category=DOC_CATEGORY_DISCOUNTS,
        ),
    ),
    mutation("loyalty_tier_policy_update", LoyaltyTierPolicyUpdate.Field()),
    mutation("loyalty_tier_create", LoyaltyTierCreate.Field()),
    mutation("loyalty_tier_update", LoyaltyTierUpdate.Field()),
    mutation("loyalty_tier_delete", LoyaltyTierDelete.Field()),
    mutation("loyalty_tier_assign", LoyaltyTierAssign.Field()),
)
