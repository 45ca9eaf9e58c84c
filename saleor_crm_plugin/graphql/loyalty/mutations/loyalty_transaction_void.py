"""`loyaltyTransactionVoid`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.types import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.graphql.mutations import actor_of, key_argument
from saleor_crm_plugin.loyalty.accounts import head_of
from saleor_crm_plugin.loyalty.adjustment import REASON_MAX_LENGTH
from saleor_crm_plugin.loyalty.corrections import void


class LoyaltyTransactionVoid(LoyaltyMutation):
    account = graphene.Field(LoyaltyAccount, description="The account after it.")
    transaction = graphene.Field(PointsTransaction, description="The entry that was made.")

    class Arguments:
        transaction_id = graphene.ID(required=True, description="The ID of an entry of type ADJUST or REINSTATE.")
        reason = graphene.String(
            required=True, description=f"Why; the customer can read it. 1 to {REASON_MAX_LENGTH} characters."
        )
        allow_deficit = graphene.Boolean(
            default_value=False, description="Let the customer owe what has been spent since. Otherwise it is refused."
        )

    class Meta:
        description = (
            "Takes an entry back that staff made. Both stay in the account. A repeated call changes nothing."
            + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (DiscountPermissions.MANAGE_DISCOUNTS,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(
        cls, _root: Any, info: Any, /, *, transaction_id: str, reason: str, allow_deficit: bool = False
    ) -> LoyaltyTransactionVoid:
        entry_id = key_argument(integer_key, transaction_id, "PointsTransaction", "transaction_id")
        entry = void(entry_id, reason, actor_of(info), allow_deficit=allow_deficit)
        return cls(account=in_channel(head_of(entry.account), None), transaction=entry)
