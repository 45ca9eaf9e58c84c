"""`loyaltyRewardReturn`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.auth_filters import AuthorizationFilters
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.access import has_any_permission, is_one_of
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.enums import LoyaltyCode
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.owners import owner_ids
from saleor_crm_plugin.graphql.loyalty.rewards.types import RewardRedemption
from saleor_crm_plugin.graphql.loyalty.types import LoyaltyAccount
from saleor_crm_plugin.graphql.mutations import actor_of, invalid, key_argument
from saleor_crm_plugin.ingestion.rewards import return_reward
from saleor_crm_plugin.loyalty import models
from saleor_crm_plugin.loyalty.accounts import head_of


class LoyaltyRewardReturn(LoyaltyMutation):
    redemption = graphene.Field(RewardRedemption, description="The redemption after it.")
    account = graphene.Field(LoyaltyAccount, description="The account with the points in it.")

    class Arguments:
        redemption_id = graphene.ID(required=True, description="The ID of a redemption.")

    class Meta:
        description = (
            "Gives a reward back whose code no order has used: the code dies, and the points return to where they came "
            "from. With MANAGE_DISCOUNTS, those of any customer, and a voucher whose order was cancelled. A repeated "
            "call changes nothing." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (AuthorizationFilters.AUTHENTICATED_USER, DiscountPermissions.MANAGE_DISCOUNTS)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, redemption_id: str) -> LoyaltyRewardReturn:
        primary_key = key_argument(integer_key, redemption_id, "RewardRedemption", "redemption_id")
        of_redemption = models.LoyaltyAccount.objects.filter(redemptions=primary_key)
        owners = of_redemption.values_list(owner_ids(), flat=True).first()
        by_staff = has_any_permission(info, DiscountPermissions.MANAGE_DISCOUNTS)
        by_owner = is_one_of(info, owners or ())
        if not by_staff and not by_owner:
            # A foreign redemption gets the same answer as one that does not exist.
            raise invalid("redemption_id", "You have no such reward.", LoyaltyCode.NOT_FOUND)
        actor = actor_of(info) if by_staff else Actor(ActorType.CUSTOMER, info.context.user.pk)
        redemption = return_reward(primary_key, actor, by_staff=by_staff)
        account = models.LoyaltyAccount.objects.get(pk=redemption.account_id)
        # Of who was merged into another customer, the points are that one's.
        return cls(redemption=redemption, account=in_channel(head_of(account), None))
