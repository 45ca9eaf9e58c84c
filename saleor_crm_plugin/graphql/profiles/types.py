"""Customers as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import graphene
from saleor.graphql.account.dataloaders import UserByUserIdLoader
from saleor.graphql.core.connection import CountableConnection
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.model import ModelObjectType
from saleor.graphql.core.types.money import Money
from saleor.graphql.core.types.sort_input import SortInputObjectType
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.access import has_any_permission, is_owner, require_owner_or_permission, requires
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.profiles.clv.enums import PredictionStatusEnum
from saleor_crm_plugin.graphql.profiles.dataloaders import GuestEmailByProfileIdLoader, MetricsByProfileIdLoader
from saleor_crm_plugin.graphql.profiles.enums import CustomerProfileSortField, RfmGroupEnum
from saleor_crm_plugin.graphql.roots import Amount
from saleor_crm_plugin.profiles import models


class CustomerMetrics(BaseObjectType):
    currency = graphene.String(required=True, description="Currency of the amounts.")
    orders_count = graphene.Int(required=True, description="Number of orders, without cancelled ones.")
    gross_spent = graphene.Field(Money, required=True, description="Total of these orders, tax and shipping included.")
    refunded = graphene.Field(Money, required=True, description="Money given back for them.")
    net_spent = graphene.Field(Money, required=True, description="What was spent, less what was given back.")
    average_order_value = graphene.Field(Money, description="Net spending for each order. Null without an order.")
    first_order_at = DateTime(description="When the first of these orders was placed.")
    last_order_at = DateTime(description="When the last of these orders was placed.")
    average_days_between_orders = graphene.Float(description="Null below two orders.")
    recency_score = graphene.Int(
        description="1 (longest ago) to 5 (most recent), by fifths of the shop's customers. Null without an order "
        "within the time that counts."
    )
    frequency_score = graphene.Int(description="1 (fewest orders) to 5 (most), by fifths of the shop's customers.")
    monetary_score = graphene.Int(description="1 (least spent) to 5 (most), by fifths of the shop's customers.")
    rfm_group = RfmGroupEnum(description="Group that follows from the three scores. Null until they are computed.")
    historic_clv = graphene.Field(
        Money, required=True, description="What the customer has been worth so far: the same as `netSpent`."
    )
    prediction_status = PredictionStatusEnum(
        required=True, description="Whether there is a forecast, and if not, why: then the fields below are null."
    )
    predicted_clv = graphene.Field(
        Money,
        description="What the customer is expected to spend, net of refunds, in the days that the forecast looks ahead "
        "(a setting, 365 at first).",
    )
    predicted_orders = graphene.Float(description="How many orders are expected in these days, one a day at most.")
    probability_alive = graphene.Float(
        description="Probability, 0 to 1, that the customer has not left for good. Null where no model can tell."
    )
    churn_probability = graphene.Float(
        description="Probability, 0 to 1, that no order comes in these days. Null where no model can tell."
    )
    expected_next_order_at = DateTime(
        description="When an order will have become more likely than none. Null if it does not in these days, or where "
        "no model can tell."
    )

    class Meta:
        description = "A customer's purchases in one currency, net of cancelled orders and refunds." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS

    @staticmethod
    def resolve_gross_spent(root: models.ProfileMetrics, _info: Any) -> Amount:
        return Amount(root.gross_spent, root.currency)

    @staticmethod
    def resolve_refunded(root: models.ProfileMetrics, _info: Any) -> Amount:
        return Amount(root.refunded, root.currency)

    @staticmethod
    def resolve_net_spent(root: models.ProfileMetrics, _info: Any) -> Amount:
        return Amount(root.net_spent, root.currency)

    @staticmethod
    def resolve_average_order_value(root: models.ProfileMetrics, _info: Any) -> Amount | None:
        value = root.average_order_value
        return None if value is None else Amount(value, root.currency)

    @staticmethod
    def resolve_historic_clv(root: models.ProfileMetrics, _info: Any) -> Amount:
        return Amount(root.net_spent, root.currency)

    @staticmethod
    def resolve_predicted_clv(root: models.ProfileMetrics, _info: Any) -> Amount | None:
        value = root.predicted_clv
        return None if value is None else Amount(value, root.currency)

    @staticmethod
    def resolve_rfm_group(root: models.ProfileMetrics, _info: Any) -> str | None:
        return root.rfm_group or None


class CustomerProfile(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the profile.")
    created_at = DateTime(required=True, description="When the profile was made.")
    is_guest = graphene.Boolean(
        required=True, description="Whether the person has no user account (any more) in the shop."
    )
    user = graphene.Field("saleor.graphql.account.types.User", description="The person's user account.")
    email = graphene.String(
        description="The e-mail address of the user, or that a guest has ordered with; it proves nothing about a guest."
        + requires(AccountPermissions.MANAGE_USERS)
        + " A customer sees the own one."
    )
    orders_count = graphene.Int(
        required=True, description="Number of orders in all currencies, without cancelled ones."
    )
    metrics = graphene.Field(
        CustomerMetrics,
        currency=graphene.String(
            description="Code of the currency. Without it, the one in which the customer has most orders."
        ),
        description="Purchases in one currency. Null if there are none in it.",
    )

    class Meta:
        description = "A person who buys in the shop: a user, or a guest known by an e-mail address." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.CustomerProfile
        doc_category = DOC_CATEGORY_USERS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, models.CustomerProfile)

    @staticmethod
    def resolve_is_guest(root: models.CustomerProfile, _info: Any) -> bool:
        return root.user_id is None

    @staticmethod
    def resolve_user(root: models.CustomerProfile, info: Any) -> Any:
        return UserByUserIdLoader(info.context).load(root.user_id) if root.user_id else None

    @staticmethod
    def resolve_email(root: models.CustomerProfile, info: Any) -> Any:
        require_owner_or_permission(info, root.user_id, AccountPermissions.MANAGE_USERS)
        if root.user_id:
            return UserByUserIdLoader(info.context).load(root.user_id).then(lambda user: user and user.email)
        return GuestEmailByProfileIdLoader(info.context).load(root.pk)

    @staticmethod
    def resolve_orders_count(root: models.CustomerProfile, info: Any) -> Any:
        def total(rows: list[models.ProfileMetrics]) -> int:
            return sum(row.orders_count for row in rows)

        return MetricsByProfileIdLoader(info.context).load(root.pk).then(total)

    @staticmethod
    def resolve_metrics(root: models.CustomerProfile, info: Any, *, currency: str | None = None) -> Any:
        def chosen(rows: list[models.ProfileMetrics]) -> models.ProfileMetrics | None:
            return next((row for row in rows if currency is None or row.currency == currency.upper()), None)

        return MetricsByProfileIdLoader(info.context).load(root.pk).then(chosen)

    @staticmethod
    def __resolve_references(roots: Iterable[CustomerProfile], info: Any) -> list[Any]:
        """Profiles that a federation gateway asks for; None for those that the requestor may not see."""
        ids = [integer_key(root.id, "CustomerProfile") for root in roots]
        profiles = models.CustomerProfile.objects.using(get_database_connection_name(info.context)).in_bulk(ids)
        sees_all = has_any_permission(info, AccountPermissions.MANAGE_USERS)
        return [
            profile if (profile := profiles.get(profile_id)) and (sees_all or is_owner(info, profile.user_id)) else None
            for profile_id in ids
        ]


class CustomerProfileCountableConnection(CountableConnection):
    class Meta:
        description = "A page of customer profiles." + ADDED_IN_010
        node = CustomerProfile
        doc_category = DOC_CATEGORY_USERS


class CustomerProfileSortingInput(SortInputObjectType):
    class Meta:
        description = "How to sort customer profiles." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS
        sort_enum = CustomerProfileSortField
        type_name = "customer profiles"
