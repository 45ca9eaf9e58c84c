"""What earning rules add to Saleor's schema."""

from __future__ import annotations

from typing import Any

from saleor.graphql.core.connection import create_connection_slice
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.fields import ConnectionField
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.graphql.addition import PAGE, Addition, mutation
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.rules.mutations.loyalty_earning_rule_create import LoyaltyEarningRuleCreate
from saleor_crm_plugin.graphql.loyalty.rules.mutations.loyalty_earning_rule_delete import LoyaltyEarningRuleDelete
from saleor_crm_plugin.graphql.loyalty.rules.mutations.loyalty_earning_rule_simulate import LoyaltyEarningRuleSimulate
from saleor_crm_plugin.graphql.loyalty.rules.mutations.loyalty_earning_rule_update import LoyaltyEarningRuleUpdate
from saleor_crm_plugin.graphql.loyalty.rules.types import LoyaltyEarningRuleCountableConnection
from saleor_crm_plugin.loyalty.rules.models import EarningRule


def resolve_loyalty_earning_rules(_root: Any, info: Any, **arguments: Any) -> Any:
    rules = EarningRule.objects.using(get_database_connection_name(info.context)).filter(deleted_at__isnull=True)
    return create_connection_slice(rules.order_by("pk"), info, arguments, LoyaltyEarningRuleCountableConnection)


ADDITIONS = (
    Addition(
        "Query",
        "loyalty_earning_rules",
        resolve_loyalty_earning_rules,
        ConnectionField(
            LoyaltyEarningRuleCountableConnection,
            description="Rules that give points, oldest first; without deleted ones." + ADDED_IN_010,
            permissions=[DiscountPermissions.MANAGE_DISCOUNTS],
            doc_category=DOC_CATEGORY_DISCOUNTS,
        ),
        multipliers=PAGE,
    ),
    mutation("loyalty_earning_rule_create", LoyaltyEarningRuleCreate.Field()),
    mutation("loyalty_earning_rule_update", LoyaltyEarningRuleUpdate.Field()),
    mutation("loyalty_earning_rule_delete", LoyaltyEarningRuleDelete.Field()),
    mutation("loyalty_earning_rule_simulate", LoyaltyEarningRuleSimulate.Field()),
)

TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {
    "LoyaltyEarningRule": {"uses": {"complexity": 1}},
    "EarningRuleConditions": {"customerSegments": {"complexity": 1}},
}
