"""Points as the API shows them.

Root of `LoyaltyAccount`: the account in a channel context, since its worth depends on the channel. Roots of the small
types are frozen dataclasses of `loyalty.queries` or of `checkout_points`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import graphene
from saleor.graphql.core.connection import CountableConnection
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_CHECKOUT, DOC_CATEGORY_DISCOUNTS, DOC_CATEGORY_ORDERS
from saleor.graphql.core.fields import ConnectionField
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.graphql.core.types.model import ModelObjectType
from saleor.graphql.core.types.money import Money
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.access import has_any_permission, is_one_of
from saleor_crm_plugin.graphql.dataloaders import ActiveChannelBySlugLoader, load_shop_settings
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.dataloaders import (
    NextActivationByAccountIdLoader,
    NextExpiryByAccountIdLoader,
    TransactionCountByAccountIdLoader,
    TransactionsByAccountIdLoader,
)
from saleor_crm_plugin.graphql.loyalty.enums import PointsTransactionTypeEnum
from saleor_crm_plugin.graphql.loyalty.numbers import as_int
from saleor_crm_plugin.graphql.loyalty.owners import owner_ids
from saleor_crm_plugin.graphql.loyalty.referrals.dataloaders import ReferralCodeByAccountIdLoader
from saleor_crm_plugin.graphql.loyalty.rewards.dataloaders import (
    RedemptionCountByAccountIdLoader,
    RedemptionsByAccountIdLoader,
)
from saleor_crm_plugin.graphql.loyalty.rewards.types import RewardRedemptionCountableConnection
from saleor_crm_plugin.graphql.loyalty.tiers.dataloaders import (
    TierByAccountIdLoader,
    TierProgressByAccountIdLoader,
    tier_of,
)
from saleor_crm_plugin.graphql.loyalty.tiers.types import LoyaltyTier, LoyaltyTierProgress
from saleor_crm_plugin.graphql.orders import SEEN_BY, load_order
from saleor_crm_plugin.graphql.page_loaders import loaded_page
from saleor_crm_plugin.graphql.roots import Amount, channel_slug_of, node_of
from saleor_crm_plugin.ingestion.currencies import currency_places
from saleor_crm_plugin.loyalty import models, redemption


class PointsExpiry(BaseObjectType):
    points = graphene.Int(required=True, description="Number of points.")
    expires_at = DateTime(required=True, description="When they expire unless they are spent before.")

    class Meta:
        description = "Points that expire together." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @staticmethod
    def resolve_points(root: Any, _info: Any) -> int:
        return as_int(root.points)

    @staticmethod
    def resolve_expires_at(root: Any, _info: Any) -> Any:
        return root.at


class PointsActivation(BaseObjectType):
    points = graphene.Int(required=True, description="Number of points.")
    available_at = DateTime(required=True, description="When they can be spent.")

    class Meta:
        description = "Points that become spendable together." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @staticmethod
    def resolve_points(root: Any, _info: Any) -> int:
        return as_int(root.points)

    @staticmethod
    def resolve_available_at(root: Any, _info: Any) -> Any:
        return root.at


class PointsTransaction(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the entry.")
    type = PointsTransactionTypeEnum(required=True, description="Why the points moved.")
    points = graphene.Int(required=True, description="Points, negative where they were taken away.")
    balance_after = graphene.Int(
        required=True, description="All points of the account after this entry, pending ones included."
    )
    created_at = DateTime(required=True, description="When the entry was made.")
    reason = graphene.String(
        required=True,
        description="What staff wrote or the rule is called; for other types a note in English, or empty.",
    )
    order = graphene.Field("saleor.graphql.order.types.Order", description="The order that caused the entry." + SEEN_BY)

    class Meta:
        description = "An entry in a customer's points account. Entries are never changed or removed." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.PointsTransaction
        doc_category = DOC_CATEGORY_DISCOUNTS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, models.PointsTransaction)

    @staticmethod
    def resolve_points(root: models.PointsTransaction, _info: Any) -> int:
        return as_int(root.points)

    @staticmethod
    def resolve_balance_after(root: models.PointsTransaction, _info: Any) -> int:
        return as_int(root.balance_after)

    @staticmethod
    def resolve_order(root: models.PointsTransaction, info: Any) -> Any:
        return None if root.order_id is None else load_order(info, root.order_id)


class PointsTransactionCountableConnection(CountableConnection):
    class Meta:
        description = "A page of entries of a points account, newest first." + ADDED_IN_010
        node = PointsTransaction
        doc_category = DOC_CATEGORY_DISCOUNTS


class LoyaltyAccount(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the account.")
    balance = graphene.Int(
        required=True, description="Points that can be spent now, less those that a checkout has set aside."
    )
    pending = graphene.Int(required=True, description="Points that were awarded but cannot be spent yet.")
    lifetime = graphene.Int(
        required=True,
        description="All points ever awarded for orders, actions and referrals, less those taken back. Spending "
        "changes nothing.",
    )
    deficit = graphene.Int(
        required=True, description="Points owed because an order was refunded after its points were spent."
    )
    worth = graphene.Field(
        Money,
        description=(
            "What the balance pays in the channel that the account was asked for, rounded down to the smallest coin. "
            "Null without a channel, and where points cannot be spent."
        ),
    )
    expiring_soon = graphene.Field(PointsExpiry, description="The points that expire first. Null if none do.")
    next_activation = graphene.Field(
        PointsActivation, description="The pending points that become spendable first. Null if there are none."
    )
    referral_code = graphene.String(
        description="The customer's code to bring friends with. Null until `referralCodeCreate` has made one."
    )
    tier = graphene.Field(LoyaltyTier, description="The tier that the customer is in. Null if in none.")
    tier_progress = graphene.Field(
        LoyaltyTierProgress,
        description="What is missing to the next tier and to keep the present one. Null where there are no tiers.",
    )
    transactions = ConnectionField(
        PointsTransactionCountableConnection, required=True, description="Entries of the account, newest first."
    )
    redemptions = ConnectionField(
        RewardRedemptionCountableConnection, required=True, description="Rewards that were taken, newest first."
    )

    class Meta:
        description = "A customer's points in the shop's loyalty program." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.LoyaltyAccount
        doc_category = DOC_CATEGORY_DISCOUNTS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(node_of(root), models.LoyaltyAccount)

    @staticmethod
    def resolve_id(root: Any, _info: Any) -> int:
        return node_of(root).pk

    @staticmethod
    def resolve_balance(root: Any, _info: Any) -> int:
        return as_int(node_of(root).spendable)

    @staticmethod
    def resolve_pending(root: Any, _info: Any) -> int:
        return as_int(node_of(root).pending)

    @staticmethod
    def resolve_lifetime(root: Any, _info: Any) -> int:
        return as_int(node_of(root).lifetime)

    @staticmethod
    def resolve_deficit(root: Any, _info: Any) -> int:
        return as_int(node_of(root).deficit)

    @staticmethod
    def resolve_worth(root: Any, info: Any) -> Any:
        slug = channel_slug_of(root)
        if slug is None:
            return None

        def in_channel_of(channel: Any) -> Any:
            if channel is None:
                return None

            def at(settings: Any) -> Amount | None:
                value = settings.loyalty_for(channel.id).point_pays
                if not value:
                    return None
                # Saleor would round it to the nearest coin, which the points do not pay.
                places = currency_places(channel.currency)
                return Amount(redemption.worth(node_of(root).spendable, value, places), channel.currency)

            return load_shop_settings(info.context).then(at)

        return ActiveChannelBySlugLoader(info.context).load(slug).then(in_channel_of)

    @staticmethod
    def resolve_expiring_soon(root: Any, info: Any) -> Any:
        return NextExpiryByAccountIdLoader(info.context).load(node_of(root).pk)

    @staticmethod
    def resolve_next_activation(root: Any, info: Any) -> Any:
        return NextActivationByAccountIdLoader(info.context).load(node_of(root).pk)

    @staticmethod
    def resolve_referral_code(root: Any, info: Any) -> Any:
        return ReferralCodeByAccountIdLoader(info.context).load(node_of(root).pk)

    @staticmethod
    def resolve_tier(root: Any, info: Any) -> Any:
        account = node_of(root)
        # Where the account was read, its tier came along, so that it costs no statement.
        if models.LoyaltyAccount.tier_membership.is_cached(account):
            return tier_of(account)
        return TierByAccountIdLoader(info.context).load(account.pk)

    @staticmethod
    def resolve_tier_progress(root: Any, info: Any) -> Any:
        return TierProgressByAccountIdLoader(info.context).load(node_of(root).pk)

    @staticmethod
    def resolve_transactions(root: Any, info: Any, **arguments: Any) -> Any:
        loaders = TransactionsByAccountIdLoader, TransactionCountByAccountIdLoader
        return loaded_page(info, arguments, PointsTransactionCountableConnection, node_of(root).pk, *loaders)

    @staticmethod
    def resolve_redemptions(root: Any, info: Any, **arguments: Any) -> Any:
        loaders = RedemptionsByAccountIdLoader, RedemptionCountByAccountIdLoader
        return loaded_page(info, arguments, RewardRedemptionCountableConnection, node_of(root).pk, *loaders)

    @staticmethod
    def __resolve_references(roots: Iterable[LoyaltyAccount], info: Any) -> list[Any]:
        """Accounts that a federation gateway asks for; None for those that the requestor may not see."""
        ids = [integer_key(root.id, "LoyaltyAccount") for root in roots]
        accounts = (
            models.LoyaltyAccount.objects.using(get_database_connection_name(info.context))
            .annotate(owner_ids=owner_ids())
            .in_bulk(ids)
        )
        sees_all = has_any_permission(info, AccountPermissions.MANAGE_USERS)
        return [
            in_channel(account, None)
            if (account := accounts.get(account_id)) and (sees_all or is_one_of(info, account.owner_ids))
            else None
            for account_id in ids
        ]


class PointsBreakdown(BaseObjectType):
    name = graphene.String(required=True, description="What earns the points, for example the product.")
    points = graphene.Int(required=True, description="Points for it.")
    reason = graphene.String(required=True, description="How they are computed, in one English sentence.")

    class Meta:
        description = "A part of the points that a checkout earns." + ADDED_IN_010
        doc_category = DOC_CATEGORY_CHECKOUT


class CheckoutLoyalty(BaseObjectType):
    points_to_earn = graphene.Int(
        required=True, description="Points that the order will earn if the checkout is completed as it is."
    )
    breakdown = NonNullList(PointsBreakdown, required=True, description="Where these points come from.")
    max_applicable_points = graphene.Int(
        required=True,
        description=(
            "The most points that the authenticated customer can spend on this checkout. "
            "0 for anonymous requests and for other people's checkouts."
        ),
    )
    applied_points = graphene.Int(required=True, description="Points that are set aside for this checkout.")
    discount = graphene.Field(Money, description="What the applied points take off the price. Null if there are none.")
    replaced_promotion = graphene.Field(
        Money,
        description=(
            "What a promotion of the whole order takes off now, and would not beside points: Saleor takes it off a "
            "checkout with a voucher. Null if there is none, where points pay as a gift card, and for everybody whose "
            "points cannot be spent here."
        ),
    )

    class Meta:
        description = "Points of a checkout: what it earns, and what it spends." + ADDED_IN_010
        doc_category = DOC_CATEGORY_CHECKOUT


class OrderLoyalty(BaseObjectType):
    points_earned = graphene.Int(required=True, description="Points awarded for the order, less those taken back.")
    points_pending = graphene.Int(required=True, description="The part of the earned points that cannot be spent yet.")
    points_reversed = graphene.Int(
        required=True,
        description="Points taken back because the order was refunded or cancelled, also those that were forgiven "
        "because they had been spent.",
    )
    points_redeemed = graphene.Int(required=True, description="Points spent on the order, less those given back.")
    available_at = DateTime(description="When the pending points can be spent. Null if there are none.")

    class Meta:
        description = "Points of an order." + ADDED_IN_010
        doc_category = DOC_CATEGORY_ORDERS

    @staticmethod
    def resolve_points_earned(root: Any, _info: Any) -> int:
        return root.earned

    @staticmethod
    def resolve_points_pending(root: Any, _info: Any) -> int:
        return root.pending

    @staticmethod
    def resolve_points_reversed(root: Any, _info: Any) -> int:
        return root.reversed

    @staticmethod
    def resolve_points_redeemed(root: Any, _info: Any) -> int:
        return root.redeemed
