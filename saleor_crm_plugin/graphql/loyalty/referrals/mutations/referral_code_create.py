"""`referralCodeCreate`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.auth_filters import AuthorizationFilters

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.ingestion.referral_codes import create_code


class ReferralCodeCreate(LoyaltyMutation):
    code = graphene.String(description="The customer's code, for friends to apply.")

    class Meta:
        description = (
            "Gives the authenticated customer a code to bring friends with. A repeated call returns the same one."
            + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (AuthorizationFilters.AUTHENTICATED_USER,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /) -> ReferralCodeCreate:
        return cls(code=create_code(info.context.user).code)
