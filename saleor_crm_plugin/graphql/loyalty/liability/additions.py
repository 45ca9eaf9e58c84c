"""What the liability report adds to Saleor's schema."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import graphene
from django.utils import timezone
from graphql import GraphQLError
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.fields import PermissionsField
from saleor.graphql.core.scalars import DateTime
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.graphql.addition import Addition
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.liability.types import LoyaltyLiability
from saleor_crm_plugin.ingestion.liability import LiabilityReport


def resolve_loyalty_liability(
    _root: Any,
    info: Any,
    *,
    as_of: datetime | None = None,
    from_: datetime | None = None,
    to: datetime | None = None,
) -> LiabilityReport:
    try:
        return LiabilityReport(
            as_of=as_of,
            since=from_,
            until=to,
            now=timezone.now(),
            using=get_database_connection_name(info.context),
        )
    except LoyaltyInputError as error:
        raise GraphQLError(f"`{error.field}`: {error}") from error


ADDITIONS = (
    Addition(
        "Query",
        "loyalty_liability",
        resolve_loyalty_liability,
        PermissionsField(
            LoyaltyLiability,
            as_of=graphene.Argument(
                DateTime,
                description="The state after everything before this moment. By default, now. The first moment of a "
                "month gives the end of the month before.",
            ),
            from_=graphene.Argument(
                DateTime,
                name="from",
                description="Movements from this moment on. By default, from the beginning of the month that `to` is "
                "in or ends.",
            ),
            to=graphene.Argument(DateTime, description="Movements before this moment. By default, `asOf`."),
            description="What the shop owes its customers in points, now or at a moment in the past." + ADDED_IN_010,
            permissions=[DiscountPermissions.MANAGE_DISCOUNTS],
            doc_category=DOC_CATEGORY_DISCOUNTS,
        ),
    ),
)

TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {
    "LoyaltyLiability": {
        field: {"complexity": 1}
        for field in ("points", "pendingPoints", "worth", "pendingWorth", "months", "breakage", "movements")
    }
}
