"""`loyaltyEarningRuleSimulate`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import graphene
from django.utils import timezone
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.scalars import DateTime
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.rules.inputs import LoyaltyEarningRuleInput, definition_of
from saleor_crm_plugin.graphql.loyalty.rules.simulation import EarningRuleSimulation
from saleor_crm_plugin.graphql.mutations import key_argument
from saleor_crm_plugin.ingestion.simulation import (
    DEFAULT_DAYS,
    MOST_DAYS,
    NEW_RULE_ID,
    ORDERS_LIMIT,
    channel_id_of,
    date_range,
    simulate,
    stored_rule,
)
from saleor_crm_plugin.loyalty.rules.storage import LiveRule
from saleor_crm_plugin.loyalty.rules.validation import validate


class LoyaltyEarningRuleSimulate(LoyaltyMutation):
    simulation = graphene.Field(EarningRuleSimulation, description="What the rule would have changed.")

    class Arguments:
        id = graphene.ID(description="The ID of a rule, which may be off or on trial. Without it, a new rule.")
        input = LoyaltyEarningRuleInput(
            description="What a new rule says, or what would be different in the rule with the ID."
        )
        channel = graphene.String(description="Slug of a channel: only its orders. Without it, of all.")
        from_ = graphene.Argument(
            DateTime,
            name="from",
            description=f"Orders placed from this moment on. By default {DEFAULT_DAYS} days before `to`, at most "
            f"{MOST_DAYS}.",
        )
        to = graphene.Argument(DateTime, description="Orders placed before this moment. By default, now.")

    class Meta:
        description = (
            "Computes what a rule would have given on past orders; nothing is written. Orders are awarded without the "
            "rule and with it, on the settings and the live rules of today, less what was refunded. At most "
            f"{ORDERS_LIMIT} orders." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (DiscountPermissions.MANAGE_DISCOUNTS,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(
        cls,
        _root: Any,
        info: Any,
        /,
        *,
        id: str | None = None,
        input: dict[str, Any] | None = None,
        channel: str | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
    ) -> LoyaltyEarningRuleSimulate:
        using = get_database_connection_name(info.context)
        rule = _rule(id, input, using)
        channel_id = channel_id_of(channel, using)
        since, until = date_range(from_, to, timezone.now())
        return cls(simulation=simulate(rule, since, until, using=using, channel_id=channel_id))


def _rule(global_id: str | None, changes: dict[str, Any] | None, using: str) -> LiveRule:
    if global_id is None:
        if changes is None:
            raise LoyaltyInputError("Give the ID of a rule, or what a new one says.", "REQUIRED", "input")
        rule = LiveRule(NEW_RULE_ID, 1, changes.get("name") or "", definition_of(changes, None), is_dry_run=False)
    else:
        rule = stored_rule(key_argument(integer_key, global_id, "LoyaltyEarningRule", "id"), using)
        rule = replace(rule, definition=definition_of(changes or {}, rule.definition))
    validate(rule.definition)
    return rule
