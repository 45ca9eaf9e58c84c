"""`loyaltyPointsApply`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.context import SyncWebhookControlContext
from saleor.graphql.core.doc_category import DOC_CATEGORY_CHECKOUT
from saleor.graphql.core.types.money import Money
from saleor.graphql.plugins.dataloaders import get_plugin_manager_promise
from saleor.permission.auth_filters import AuthorizationFilters

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import uuid_key
from saleor_crm_plugin.graphql.loyalty.enums import PointsLimitEnum
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.mutations import key_argument
from saleor_crm_plugin.graphql.roots import Amount
from saleor_crm_plugin.ingestion.redemption import apply_points


class LoyaltyPointsApply(LoyaltyMutation):
    checkout = graphene.Field(
        "saleor.graphql.checkout.types.Checkout", description="The checkout with the discount on it."
    )
    applied_points = graphene.Int(description="Points that were set aside for the checkout.")
    discount = graphene.Field(Money, description="What they take off the price.")
    limited_by = PointsLimitEnum(description="Why they are fewer than asked for. Null if they are not.")
    replaced_promotion = graphene.Field(
        Money,
        description=(
            "What a promotion of the whole order took off before, and does not any more: Saleor takes it off a "
            "checkout with a voucher. Null if there was none."
        ),
    )

    class Arguments:
        checkout_id = graphene.ID(required=True, description="The ID of the customer's own checkout.")
        points = graphene.Int(
            required=True,
            description="How many points to spend. If fewer are possible, these are applied, and `limitedBy` says why.",
        )

    class Meta:
        description = (
            "Sets points of the authenticated customer aside and takes their worth off the customer's own checkout. "
            "A repeated call replaces what was applied before." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_CHECKOUT
        permissions = (AuthorizationFilters.AUTHENTICATED_USER,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, checkout_id: str, points: int) -> LoyaltyPointsApply:
        token = key_argument(uuid_key, checkout_id, "Checkout", "checkout_id")
        manager = get_plugin_manager_promise(info.context).get()
        applied = apply_points(token, info.context.user.pk, points, manager=manager)
        return cls(
            checkout=SyncWebhookControlContext(node=applied.checkout),
            applied_points=applied.points,
            discount=Amount(applied.amount, applied.currency),
            limited_by=applied.limit.value if applied.limit else None,
            replaced_promotion=Amount(applied.replaced, applied.currency) if applied.replaced else None,
        )
