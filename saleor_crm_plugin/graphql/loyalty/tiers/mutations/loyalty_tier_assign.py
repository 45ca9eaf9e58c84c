"""`loyaltyTierAssign`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import graphene
from django.db import transaction
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.scalars import DateTime
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.mutations.whose import account_id_of
from saleor_crm_plugin.graphql.loyalty.types import LoyaltyAccount
from saleor_crm_plugin.graphql.mutations import actor_of, key_argument
from saleor_crm_plugin.ingestion.tier_facts import net_spend
from saleor_crm_plugin.loyalty import models
from saleor_crm_plugin.loyalty.adjustment import REASON_MAX_LENGTH
from saleor_crm_plugin.loyalty.tiers.assignment import assign


class LoyaltyTierAssign(LoyaltyMutation):
    account = graphene.Field(LoyaltyAccount, description="The account after the change.")

    class Arguments:
        user_id = graphene.ID(description="The ID of a user. An account is opened if the user has none.")
        email = graphene.String(description="The e-mail address of a user, or of a guest who has ordered.")
        account_id = graphene.ID(description="The ID of a loyalty account.")
        tier_id = graphene.ID(description="The ID of the tier. Without it, an assigned tier is taken away.")
        until = DateTime(description="When it ends. Needed with a tier.")
        reason = graphene.String(required=True, description=f"Why, for staff. 1 to {REASON_MAX_LENGTH} characters.")

    class Meta:
        description = (
            "Puts a customer into a tier up to a date, whatever they have earned, or ends that. A higher tier that was "
            "earned counts all the same. Entry points are for tiers that are earned." + ADDED_IN_010
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
        reason: str,
        tier_id: str | None = None,
        until: datetime | None = None,
        **whose: str | None,
    ) -> LoyaltyTierAssign:
        # A blank one is a mistake of whoever sends it, and takes nothing away.
        tier = None if tier_id is None else key_argument(integer_key, tier_id, "LoyaltyTier", "tier_id")
        # An account that was opened for a tier that cannot be assigned goes again.
        with transaction.atomic():
            account_id = account_id_of(whose)
            assign(account_id, tier, until, reason, actor_of(info), net_spend)
        account = models.LoyaltyAccount.objects.select_related("tier_membership__tier").get(pk=account_id)
        return cls(account=in_channel(account, None))
