"""Everything that we add to Saleor's schema: the one list, from which the schema, the costs and the docs are made.

A field's cost counts like Saleor's own: `complexity`, multiplied by the arguments named in `multipliers`. A field that
is not listed in the cost map costs nothing, so whatever reads rows is listed here.

None of the added fields is required: an error in one of ours, for example because `migrate` was forgotten, must not
null the product or checkout around it.
"""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import (
    DOC_CATEGORY_DISCOUNTS,
    DOC_CATEGORY_PRODUCTS,
    DOC_CATEGORY_SHOP,
    DOC_CATEGORY_USERS,
)
from saleor.graphql.core.fields import BaseField, PermissionsField
from saleor.graphql.core.types.common import NonNullList
from saleor.permission.auth_filters import AuthorizationFilters
from saleor.permission.enums import AccountPermissions, OrderPermissions, PluginsPermissions

from saleor_crm_plugin.graphql.access import requires
from saleor_crm_plugin.graphql.addition import PAGE, Addition, mutation
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.lists import FIRST_LIMIT
from saleor_crm_plugin.graphql.loyalty import resolvers as loyalty
from saleor_crm_plugin.graphql.loyalty.liability import additions as liability
from saleor_crm_plugin.graphql.loyalty.mutations.loyalty_points_adjust import LoyaltyPointsAdjust
from saleor_crm_plugin.graphql.loyalty.mutations.loyalty_points_apply import LoyaltyPointsApply
from saleor_crm_plugin.graphql.loyalty.mutations.loyalty_points_remove import LoyaltyPointsRemove
from saleor_crm_plugin.graphql.loyalty.mutations.loyalty_transaction_reinstate import LoyaltyTransactionReinstate
from saleor_crm_plugin.graphql.loyalty.mutations.loyalty_transaction_void import LoyaltyTransactionVoid
from saleor_crm_plugin.graphql.loyalty.referrals import additions as referrals
from saleor_crm_plugin.graphql.loyalty.rewards import additions as rewards
from saleor_crm_plugin.graphql.loyalty.rules import additions as earning_rules
from saleor_crm_plugin.graphql.loyalty.tiers import additions as tiers
from saleor_crm_plugin.graphql.loyalty.types import CheckoutLoyalty, LoyaltyAccount, OrderLoyalty
from saleor_crm_plugin.graphql.profiles import resolvers as profiles
from saleor_crm_plugin.graphql.profiles.clv import additions as clv
from saleor_crm_plugin.graphql.profiles.feedback import additions as feedback
from saleor_crm_plugin.graphql.profiles.lifecycle import additions as lifecycle
from saleor_crm_plugin.graphql.profiles.merging import additions as merging
from saleor_crm_plugin.graphql.profiles.privacy import additions as privacy
from saleor_crm_plugin.graphql.profiles.search import additions as customer_search
from saleor_crm_plugin.graphql.profiles.segments import additions as segments
from saleor_crm_plugin.graphql.profiles.staff import additions as customer_staff
from saleor_crm_plugin.graphql.profiles.timeline import additions as timeline
from saleor_crm_plugin.graphql.profiles.types import CustomerProfile
from saleor_crm_plugin.graphql.recommendations import resolvers as recommendations
from saleor_crm_plugin.graphql.recommendations.arguments import category_argument, list_arguments
from saleor_crm_plugin.graphql.recommendations.enums import RecommendationKindEnum
from saleor_crm_plugin.graphql.recommendations.merchandising import additions as merchandising
from saleor_crm_plugin.graphql.recommendations.mutations.recommendation_model_train import RecommendationModelTrain
from saleor_crm_plugin.graphql.recommendations.tracking import additions as tracking
from saleor_crm_plugin.graphql.recommendations.types import ProductRecommendation
from saleor_crm_plugin.graphql.recommendations.versions import additions as model_versions
from saleor_crm_plugin.graphql.status import CrmStatus, resolve_crm_status

OWNER_OR_USERS = requires(AuthorizationFilters.OWNER, AccountPermissions.MANAGE_USERS)
OWNER_OR_ORDERS = requires(AuthorizationFilters.OWNER, OrderPermissions.MANAGE_ORDERS)


def _channel(description: str, *, required: bool = False) -> graphene.Argument:
    return graphene.Argument(graphene.String, required=required, description=description)


def _recommended(description: str, permissions: str = "", **arguments: Any) -> BaseField:
    return BaseField(
        NonNullList(ProductRecommendation),
        description=description + ADDED_IN_010 + permissions,
        doc_category=DOC_CATEGORY_PRODUCTS,
        **list_arguments(**arguments),
    )


# A product before the page has to be found as one on the page has.
_RECOMMENDED_COST = ("first", "offset")


USER_FIELDS = (
    Addition(
        "User",
        "loyalty_account",
        loyalty.resolve_user_loyalty_account,
        BaseField(
            LoyaltyAccount,
            channel=_channel("Slug of the channel in which the balance's worth is given."),
            description="Points of the customer. Null until the shop has opened an account: at the latest for the "
            "first points, a tier, or a referral code that the customer made or tried." + ADDED_IN_010 + OWNER_OR_USERS,
        ),
    ),
    Addition(
        "User",
        "customer_profile",
        profiles.resolve_user_customer_profile,
        BaseField(
            CustomerProfile,
            description="The customer and what they have bought. Null until the shop has taken the customer in; "
            "`ordersCount` says whether they have bought." + ADDED_IN_010 + OWNER_OR_USERS,
        ),
    ),
    Addition(
        "User",
        "recommendations",
        recommendations.resolve_user_recommendations,
        _recommended(
            "Products for the customer, of those that the channel sells.",
            OWNER_OR_USERS,
            channel=_channel("Slug of the channel.", required=True),
            kind=graphene.Argument(RecommendationKindEnum, description="What the list is about. Without it FOR_YOU."),
            category=category_argument(),
        ),
        multipliers=_RECOMMENDED_COST,
    ),
)

PRODUCT_FIELDS = (
    Addition(
        "Product",
        "similar_products",
        recommendations.resolve_similar_products,
        _recommended(
            "Products that could take the place of this one, of those that the channel sells. Empty without a channel.",
        ),
        multipliers=_RECOMMENDED_COST,
    ),
    Addition(
        "Product",
        "frequently_bought_together",
        recommendations.resolve_frequently_bought_together,
        _recommended(
            "Products that others bought together with this one, of those that the channel sells. "
            "Empty without a channel.",
        ),
        multipliers=_RECOMMENDED_COST,
    ),
)

CHECKOUT_FIELDS = (
    Addition(
        "Checkout",
        "loyalty",
        loyalty.resolve_checkout_loyalty,
        BaseField(
            CheckoutLoyalty,
            description="Points that the checkout earns and spends." + ADDED_IN_010,
        ),
    ),
    Addition(
        "Checkout",
        "recommendations",
        recommendations.resolve_checkout_recommendations,
        _recommended(
            "Products that go with those in the checkout, of those that the channel sells. For its authenticated "
            "owner, what they bought before counts too.",
        ),
        multipliers=_RECOMMENDED_COST,
    ),
)

ORDER_FIELDS = (
    Addition(
        "Order",
        "loyalty",
        loyalty.resolve_order_loyalty,
        BaseField(
            OrderLoyalty,
            description="Points that the order has earned and spent." + ADDED_IN_010 + OWNER_OR_ORDERS,
        ),
    ),
)

QUERIES = (
    Addition(
        "Query",
        "loyalty_account",
        loyalty.resolve_loyalty_account,
        BaseField(
            LoyaltyAccount,
            user_id=graphene.Argument(graphene.ID, description="The ID of a user."),
            email=graphene.Argument(
                graphene.String, description="The e-mail address of a user, or of a guest who has ordered. For staff."
            ),
            channel=_channel("Slug of the channel in which the balance's worth is given."),
            description="Points of a customer; without arguments, of the authenticated one. Null where there are none."
            + ADDED_IN_010
            + OWNER_OR_USERS,
            doc_category=DOC_CATEGORY_DISCOUNTS,
        ),
    ),
    Addition(
        "Query",
        "recommendations",
        recommendations.resolve_recommendations,
        _recommended(
            "Products to recommend, of those that the channel sells: for the authenticated customer, or to go with "
            "given products. Somebody unknown gets what the channel sells most.",
            channel=_channel("Slug of the channel.", required=True),
            kind=graphene.Argument(
                RecommendationKindEnum,
                description="What the list is about: by default FOR_YOU, with `productIds` FREQUENTLY_BOUGHT_TOGETHER.",
            ),
            product_ids=graphene.Argument(
                NonNullList(graphene.ID),
                description=f"Products to go with, for example those of a basket; up to {FIRST_LIMIT}. "
                "FREQUENTLY_BOUGHT_TOGETHER and SIMILAR need them, FOR_YOU and DISCOVER look at them too.",
            ),
            category=category_argument(),
            session_id=graphene.Argument(
                graphene.String,
                description="Of an anonymous visitor, as given to `recommendationEventTrack`. For RECENTLY_VIEWED.",
            ),
        ),
        multipliers=_RECOMMENDED_COST,
    ),
    Addition(
        "Query",
        "customer_profile",
        profiles.resolve_customer_profile,
        BaseField(
            CustomerProfile,
            id=graphene.Argument(graphene.ID, description="The ID of the profile."),
            user_id=graphene.Argument(graphene.ID, description="The ID of a user."),
            email=graphene.Argument(
                graphene.String, description="The e-mail address of a user, or of a guest who has ordered. For staff."
            ),
            description="A customer and what they have bought. Give one of the arguments."
            + ADDED_IN_010
            + OWNER_OR_USERS,
            doc_category=DOC_CATEGORY_USERS,
        ),
    ),
    Addition(
        "Query",
        "crm_status",
        resolve_crm_status,
        PermissionsField(
            CrmStatus,
            description="State of saleor-crm-plugin." + ADDED_IN_010,
            permissions=[PluginsPermissions.MANAGE_PLUGINS],
            doc_category=DOC_CATEGORY_SHOP,
        ),
    ),
)

MUTATIONS = (
    mutation("loyalty_points_apply", LoyaltyPointsApply.Field()),
    mutation("loyalty_points_remove", LoyaltyPointsRemove.Field()),
    mutation("loyalty_points_adjust", LoyaltyPointsAdjust.Field()),
    mutation("loyalty_transaction_void", LoyaltyTransactionVoid.Field()),
    mutation("loyalty_transaction_reinstate", LoyaltyTransactionReinstate.Field()),
    mutation("recommendation_model_train", RecommendationModelTrain.Field()),
)

ADDITIONS: tuple[Addition, ...] = (
    *USER_FIELDS,
    *PRODUCT_FIELDS,
    *CHECKOUT_FIELDS,
    *ORDER_FIELDS,
    *QUERIES,
    *MUTATIONS,
    *earning_rules.ADDITIONS,
    *liability.ADDITIONS,
    *rewards.ADDITIONS,
    *referrals.ADDITIONS,
    *tiers.ADDITIONS,
    *feedback.ADDITIONS,
    *privacy.ADDITIONS,
    *merging.ADDITIONS,
    *customer_search.ADDITIONS,
    *customer_staff.ADDITIONS,
    *lifecycle.ADDITIONS,
    *segments.ADDITIONS,
    *model_versions.ADDITIONS,
    *tracking.ADDITIONS,
    *merchandising.ADDITIONS,
)

# Our types that a federation gateway may look up by id.
ENTITIES = (LoyaltyAccount, CustomerProfile)

# Fields of our own types that read rows.
TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {
    "LoyaltyAccount": {
        "worth": {"complexity": 1},
        "expiringSoon": {"complexity": 1},
        "nextActivation": {"complexity": 1},
        "referralCode": {"complexity": 1},
        "tier": {"complexity": 1},
        "tierProgress": {"complexity": 1},
        "transactions": {"complexity": 1, "multipliers": list(PAGE)},
        "redemptions": {"complexity": 1, "multipliers": list(PAGE)},
    },
    "PointsTransaction": {"order": {"complexity": 1}},
    "CustomerProfile": {
        "feedback": {"complexity": 1, "multipliers": list(PAGE)},
        "user": {"complexity": 1},
        "email": {"complexity": 1},
        "ordersCount": {"complexity": 1},
        "metrics": {"complexity": 1},
        "merges": {"complexity": 1},
        **customer_staff.PROFILE_COSTS,
        **lifecycle.PROFILE_COSTS,
        **timeline.TYPE_COSTS["CustomerProfile"],
        "segments": {"complexity": 1},
    },
    "TimelineEvent": timeline.TYPE_COSTS["TimelineEvent"],
    "ProductRecommendation": {"product": {"complexity": 1}},
    "RecommendationReason": {"products": {"complexity": 1}},
    **earning_rules.TYPE_COSTS,
    **liability.TYPE_COSTS,
    **rewards.TYPE_COSTS,
    **referrals.TYPE_COSTS,
    **feedback.TYPE_COSTS,
    **privacy.TYPE_COSTS,
    **merging.TYPE_COSTS,
    **customer_staff.TYPE_COSTS,
    **segments.TYPE_COSTS,
    **clv.TYPE_COSTS,
    **tracking.TYPE_COSTS,
    **merchandising.TYPE_COSTS,
}


def costs() -> dict[str, dict[str, dict[str, Any]]]:
    """Entries for Saleor's cost map: type -> field -> cost. Mutations cost nothing there, as Saleor's own."""
    entries = {type_name: dict(fields) for type_name, fields in TYPE_COSTS.items()}
    for addition in ADDITIONS:
        if addition.complexity:
            cost: dict[str, Any] = {"complexity": addition.complexity}
            if addition.multipliers:
                cost["multipliers"] = list(addition.multipliers)
            entries.setdefault(addition.type_name, {})[addition.name] = cost
    return entries
