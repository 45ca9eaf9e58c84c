"""`referralCodeApply`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.scalars import DateTime
from saleor.permission.auth_filters import AuthorizationFilters

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.ingestion.referral_codes import apply_code


class ReferralCodeApply(LoyaltyMutation):
    applied_at = DateTime(description="When the code was applied. Null if it was refused.")

    class Arguments:
        code = graphene.String(required=True, description="The code of whoever brought the customer, in any spelling.")

    class Meta:
        description = (
            "Says who brought the authenticated customer, before their first order. Both are rewarded when that "
            "order's return window is over. Nothing in the answer says whose code it is." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (AuthorizationFilters.AUTHENTICATED_USER,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(cls, _root: Any, info: Any, /, *, code: str) -> ReferralCodeApply:
        return cls(applied_at=apply_code(info.context.user, code).applied_at)
