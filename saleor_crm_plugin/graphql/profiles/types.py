"""Customers as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import graphene
from promise import Promise
from saleor.graphql.account.dataloaders import UserByUserIdLoader
from saleor.graphql.core.connection import CountableConnection
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.fields import ConnectionField
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.graphql.core.types.model import ModelObjectType
from saleor.graphql.core.types.money import Money
from saleor.permission.auth_filters import AuthorizationFilters
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.access import (
    has_any_permission,
    is_owner_of,
    require_owner_of,
    require_permission,
    requires,
)
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.lists import DEFAULT_FIRST, FIRST_LIMIT
from saleor_crm_plugin.graphql.page_loaders import loaded_page
from saleor_crm_plugin.graphql.profiles.clv.enums import PredictionStatusEnum
from saleor_crm_plugin.graphql.profiles.dataloaders import (
    AccountByProfileIdLoader,
    GuestEmailByProfileIdLoader,
    MetricsByProfileIdLoader,
)
from saleor_crm_plugin.graphql.profiles.enums import RfmGroupEnum
from saleor_crm_plugin.graphql.profiles.feedback.dataloaders import (
    FeedbackByProfileIdLoader,
    FeedbackCountByProfileIdLoader,
)
from saleor_crm_plugin.graphql.profiles.feedback.types import CustomerFeedbackCountableConnection
from saleor_crm_plugin.graphql.profiles.lifecycle.enums import CustomerTypeEnum, LifecycleStageEnum
from saleor_crm_plugin.graphql.profiles.lifecycle.types import FavoriteCategory, load_favorite_categories
from saleor_crm_plugin.graphql.profiles.merging.dataloaders import MergesByProfileIdLoader
from saleor_crm_plugin.graphql.profiles.merging.types import CustomerMerge
from saleor_crm_plugin.graphql.profiles.segments.resolvers import resolve_segments_of_profile
from saleor_crm_plugin.graphql.profiles.segments.types import CustomerSegment
from saleor_crm_plugin.graphql.profiles.staff import fields as staff
from saleor_crm_plugin.graphql.profiles.staff.types import (
    CustomerConsent,
    CustomerConsentCountableConnection,
    CustomerNoteCountableConnection,
)
from saleor_crm_plugin.graphql.profiles.timeline.inputs import TimelineFilterInput
from saleor_crm_plugin.graphql.profiles.timeline.types import TimelineEventCountableConnection, resolve_timeline
from saleor_crm_plugin.graphql.roots import Amount
from saleor_crm_plugin.profiles import models
from saleor_crm_plugin.profiles.consents.enforcement import without_profiling
from saleor_crm_plugin.profiles.merging.family import found_by_id

OWNER_OR_USERS = requires(AuthorizationFilters.OWNER, AccountPermissions.MANAGE_USERS)


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
    items_count = graphene.Int(required=True, description="Pieces in these orders, those that came back included.")
    returned_items = graphene.Int(
        required=True,
        description="Pieces of them that came back. Not those that were refunded and kept, nor those that came back "
        "and were refunded later: Saleor does not tell these apart.",
    )
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
    user = graphene.Field(
        "saleor.graphql.account.types.User",
        description="The person's user account. Of two accounts that were merged, a customer sees the own one; others "
        "see that of this profile or, if it was deleted, the other one.",
    )
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
    feedback = ConnectionField(
        CustomerFeedbackCountableConnection,
        required=True,
        description="What the customer says about their orders, newest first.",
    )

    merges = NonNullList(
        CustomerMerge,
        description="Profiles that were merged into this one, newest first."
        + requires(AccountPermissions.MANAGE_USERS),
    )
    tags = NonNullList(
        graphene.String,
        description="Words that staff have put on the customer, who does not see them."
        + requires(AccountPermissions.MANAGE_USERS),
    )
    notes = ConnectionField(
        CustomerNoteCountableConnection,
        description="Notes of staff about the customer, newest first." + requires(AccountPermissions.MANAGE_USERS),
    )
    consents = NonNullList(
        CustomerConsent,
        description="What the customer has last said about each purpose, of those that anything was said about."
        + OWNER_OR_USERS,
    )
    consent_history = ConnectionField(
        CustomerConsentCountableConnection,
        description="What the customer has ever said, newest first." + requires(AccountPermissions.MANAGE_USERS),
    )
    profiling_allowed = graphene.Boolean(
        description="Whether scores, forecasts, a lifecycle stage and segments are computed." + OWNER_OR_USERS
    )
    recommendations_allowed = graphene.Boolean(
        description="Whether products are chosen from what the customer has bought." + OWNER_OR_USERS
    )
    lifecycle_stage = LifecycleStageEnum(
        description="Where the customer stands. Null until it is computed, and for who refuses profiling."
        + OWNER_OR_USERS
    )
    lifecycle_since = DateTime(description="Since when the customer has been in this stage." + OWNER_OR_USERS)
    customer_type = CustomerTypeEnum(
        description="What the customer is, by what they say of themselves or by what staff have said." + OWNER_OR_USERS
    )
    favorite_categories = graphene.Field(
        NonNullList(FavoriteCategory),
        first=graphene.Argument(
            graphene.Int, default_value=DEFAULT_FIRST, description=f"How many categories, 1 to {FIRST_LIMIT}."
        ),
        description="Categories that the customer buys from, those in most orders first. Empty for who refuses "
        "profiling." + OWNER_OR_USERS,
    )
    timeline = ConnectionField(
        TimelineEventCountableConnection,
        required=True,
        filter=TimelineFilterInput(description="Which events to give."),
        description="What happened to the customer, newest first." + ADDED_IN_010,
    )
    segments = NonNullList(
        CustomerSegment,
        description="Segments that the customer is in, by name." + requires(AccountPermissions.MANAGE_USERS),
    )

    class Meta:
        description = "A person who buys in the shop: a user, or a guest known by an e-mail address." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.CustomerProfile
        doc_category = DOC_CATEGORY_USERS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, models.CustomerProfile)

    resolve_tags = staticmethod(staff.resolve_tags)
    resolve_notes = staticmethod(staff.resolve_notes)
    resolve_consents = staticmethod(staff.resolve_consents)
    resolve_consent_history = staticmethod(staff.resolve_consent_history)
    resolve_profiling_allowed = staticmethod(staff.resolve_profiling_allowed)
    resolve_recommendations_allowed = staticmethod(staff.resolve_recommendations_allowed)

    @staticmethod
    def resolve_is_guest(root: models.CustomerProfile, info: Any) -> Any:
        if root.user_id is not None:
            return False
        return AccountByProfileIdLoader(info.context).load(root.pk).then(lambda user_id: user_id is None)

    @staticmethod
    def resolve_user(root: models.CustomerProfile, info: Any) -> Any:
        users = UserByUserIdLoader(info.context)
        return _shown_user_id(root, info).then(lambda user_id: users.load(user_id) if user_id else None)

    @staticmethod
    def resolve_email(root: models.CustomerProfile, info: Any) -> Any:
        require_owner_of(info, root, AccountPermissions.MANAGE_USERS)

        def address(user_id: int | None) -> Any:
            if user_id:
                return UserByUserIdLoader(info.context).load(user_id).then(lambda user: user and user.email)
            return GuestEmailByProfileIdLoader(info.context).load(root.pk)

        return _shown_user_id(root, info).then(address)

    @staticmethod
    def resolve_orders_count(root: models.CustomerProfile, info: Any) -> Any:
        def total(rows: list[models.ProfileMetrics]) -> int:
            return sum(row.orders_count for row in rows)

        return MetricsByProfileIdLoader(info.context).load(root.pk).then(total)

    @staticmethod
    def resolve_metrics(root: models.CustomerProfile, info: Any, *, currency: str | None = None) -> Any:
        def chosen(rows: list[models.ProfileMetrics]) -> models.ProfileMetrics | None:
            found = next((row for row in rows if currency is None or row.currency == currency.upper()), None)
            return found if found is None or root.profiling_allowed else without_profiling(found)

        return MetricsByProfileIdLoader(info.context).load(root.pk).then(chosen)

    @staticmethod
    def resolve_feedback(root: models.CustomerProfile, info: Any, **arguments: Any) -> Any:
        loaders = FeedbackByProfileIdLoader, FeedbackCountByProfileIdLoader
        return loaded_page(info, arguments, CustomerFeedbackCountableConnection, root.pk, *loaders)

    @staticmethod
    def resolve_merges(root: models.CustomerProfile, info: Any) -> Any:
        require_permission(info, AccountPermissions.MANAGE_USERS)
        return MergesByProfileIdLoader(info.context).load(root.pk)

    @staticmethod
    def resolve_lifecycle_stage(root: models.CustomerProfile, info: Any) -> str | None:
        require_owner_of(info, root, AccountPermissions.MANAGE_USERS)
        return root.lifecycle_stage or None

    @staticmethod
    def resolve_lifecycle_since(root: models.CustomerProfile, info: Any) -> datetime | None:
        require_owner_of(info, root, AccountPermissions.MANAGE_USERS)
        return root.lifecycle_since

    @staticmethod
    def resolve_customer_type(root: models.CustomerProfile, info: Any) -> str:
        require_owner_of(info, root, AccountPermissions.MANAGE_USERS)
        return root.customer_type

    @staticmethod
    def resolve_favorite_categories(root: models.CustomerProfile, info: Any, *, first: int | None = None) -> Any:
        require_owner_of(info, root, AccountPermissions.MANAGE_USERS)
        return load_favorite_categories(info, root.pk, first)

    @staticmethod
    def resolve_timeline(root: models.CustomerProfile, info: Any, **arguments: Any) -> Any:
        return resolve_timeline(root, info, **arguments)

    @staticmethod
    def resolve_segments(root: models.CustomerProfile, info: Any) -> Any:
        return resolve_segments_of_profile(root, info)

    @staticmethod
    def __resolve_references(roots: Iterable[CustomerProfile], info: Any) -> list[Any]:
        """Profiles that a federation gateway asks for; None for those that the requestor may not see."""
        ids = [integer_key(root.id, "CustomerProfile") for root in roots]
        profiles = found_by_id(ids, get_database_connection_name(info.context))
        sees_all = has_any_permission(info, AccountPermissions.MANAGE_USERS)
        return [
            profile if (profile := profiles.get(profile_id)) and (sees_all or is_owner_of(info, profile)) else None
            for profile_id in ids
        ]


def _shown_user_id(profile: models.CustomerProfile, info: Any) -> Promise[int | None]:
    """The account that the requestor is to see: of two that were merged, each sees the own one; staff the head's, or if
    that is gone, one that is left.
    """
    user_id = info.context.user.pk if is_owner_of(info, profile) else profile.user_id
    return Promise.resolve(user_id) if user_id else AccountByProfileIdLoader(info.context).load(profile.pk)


class CustomerProfileCountableConnection(CountableConnection):
    class Meta:
        description = "A page of customer profiles." + ADDED_IN_010
        node = CustomerProfile
        doc_category = DOC_CATEGORY_USERS
