"""What referrals add to Saleor's schema."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.fields import ConnectionField
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.addition import PAGE, Addition, mutation
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.lists import Page, page_of
from saleor_crm_plugin.graphql.loyalty.referrals.enums import ReferralStatusEnum
from saleor_crm_plugin.graphql.loyalty.referrals.mutations.referral_code_apply import ReferralCodeApply
from saleor_crm_plugin.graphql.loyalty.referrals.mutations.referral_code_create import ReferralCodeCreate
from saleor_crm_plugin.graphql.loyalty.referrals.types import LoyaltyReferralCountableConnection
from saleor_crm_plugin.loyalty.referrals.models import Referral


def resolve_loyalty_referrals(_root: Any, info: Any, *, status: str | None = None, **arguments: Any) -> Any:
    page = Page.from_arguments(info.field_name, arguments)
    referrals = Referral.objects.using(get_database_connection_name(info.context))
    found = referrals.filter(status=status) if status else referrals.all()
    return page_of(LoyaltyReferralCountableConnection, found.select_related("code__account", "friend"), page)


ADDITIONS = (
    Addition(
        "Query",
        "loyalty_referrals",
        resolve_loyalty_referrals,
        ConnectionField(
            LoyaltyReferralCountableConnection,
            status=graphene.Argument(ReferralStatusEnum, description="Only those with this status."),
            description="Who brought whom, newest first; refused attempts as well." + ADDED_IN_010,
            # It names customers.
            permissions=[AccountPermissions.MANAGE_USERS],
            doc_category=DOC_CATEGORY_DISCOUNTS,
        ),
        multipliers=PAGE,
    ),
    mutation("referral_code_create", ReferralCodeCreate.Field()),
    mutation("referral_code_apply", ReferralCodeApply.Field()),
)

TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {
    "LoyaltyReferral": {
        name: {"complexity": 1} for name in ("referrer", "friend", "order", "referrerPoints", "friendPoints")
    },
}
