"""`loyaltyPointsRemove`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.context import SyncWebhookControlContext
from saleor.graphql.core.doc_category import DOC_CATEGORY_CHECKOUT
from saleor.graphql.plugins.dataloaders import get_plugin_manager_promise
from saleor.permission.auth_filters import AuthorizationFilters

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import uuid_key
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.mutations import key_argument
from saleor_crm_plugin.ingestion.redemption import remove_points


class LoyaltyPointsRemove(LoyaltyMutation):
    checkout = graphene.Field(
        "saleor.graphql.checkout.types.Checkout", description="The checkout without points on it."
    )

    class Arguments:
        checkout_id = graphene.ID(required=True, description="The ID of the customer's own checkout.")

    class Meta:
        description = (
            "Takes the points off the authenticated customer's own checkout and gives them back. "
            "A checkout without points stays as it is." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_CHECKOUT
        permissions = (AuthorizationFilters.AUTHENTICATED_USER,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, checkout_id: str) -> LoyaltyPointsRemove:
        token = key_argument(uuid_key, checkout_id, "Checkout", "checkout_id")
        manager = get_plugin_manager_promise(info.context).get()
        removed = remove_points(token, info.context.user.pk, manager=manager)
        return cls(checkout=SyncWebhookControlContext(node=removed.checkout))
