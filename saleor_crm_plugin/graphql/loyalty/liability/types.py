"""What the shop owes in points, as the API shows it. Root: a `LiabilityReport`, which reads what is asked for.

Sums over all customers may be more than an Int holds: they are Floats, and whole numbers all the same.
"""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.graphql.core.types.money import Money

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.graphql.loyalty.enums import PointsTransactionTypeEnum
from saleor_crm_plugin.ingestion.liability import LiabilityReport, ValuedPoints, Worth
from saleor_crm_plugin.loyalty.liability import BREAKAGE_LOTS, BreakageStatus, Movement, Movements

WORTH = "What they pay at most, for each currency in which points can be spent: alternatives, not to be added up."

BreakageStatusEnum = enum_of(
    "LoyaltyBreakageStatusEnum",
    {
        BreakageStatus.MEASURED: "There is enough history.",
        BreakageStatus.INSUFFICIENT_DATA: f"The date of fewer than {BREAKAGE_LOTS} awards has passed.",
    },
    "Whether the shop's history says how many points expire.",
    DOC_CATEGORY_DISCOUNTS,
)


class LoyaltyPointValue(BaseObjectType):
    currency = graphene.String(required=True, description="The currency.")
    value = graphene.Float(
        required=True, description="What a point pays in the channel of this currency that gives most for it."
    )

    class Meta:
        description = "What one point is worth today in a currency." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS


class LoyaltyLiabilityMonth(BaseObjectType):
    month = graphene.String(description="The month in UTC, like 2027-03. Null for points that never expire.")
    points = graphene.Float(required=True, description="Points that can be spent.")
    pending_points = graphene.Float(required=True, description="Points that cannot be spent yet.")
    worth = NonNullList(Money, required=True, description="Of `points`. " + WORTH)
    pending_worth = NonNullList(Money, required=True, description="Of `pendingPoints`. " + WORTH)

    class Meta:
        description = "Points that expire in the same month." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @staticmethod
    def resolve_month(root: ValuedPoints, _info: Any) -> str | None:
        return None if root.month is None else f"{root.month:%Y-%m}"


class LoyaltyBreakage(BaseObjectType):
    status = BreakageStatusEnum(required=True, description="Whether there is enough history.")
    rate = graphene.Float(description="The share of the points that expired unspent, 0 to 1. Null without history.")
    lots = graphene.Int(required=True, description="Awards whose date has passed.")
    expired_points = graphene.Float(required=True, description="Their points that expired and were not reinstated.")
    spent_points = graphene.Float(required=True, description="Their points that were spent.")
    expected_points = graphene.Float(
        description="The outstanding points, pending ones included, that will expire at this rate. Those without a "
        "date are taken to be spent. Null without history."
    )
    expected_worth = NonNullList(Money, required=True, description="Of `expectedPoints`. " + WORTH)

    class Meta:
        description = "How many points expire unspent, by the shop's own history." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @staticmethod
    def resolve_status(root: LiabilityReport, _info: Any) -> str:
        return root.breakage.status

    @staticmethod
    def resolve_rate(root: LiabilityReport, _info: Any) -> float | None:
        rate = root.breakage.rate
        return None if rate is None else float(rate)

    @staticmethod
    def resolve_lots(root: LiabilityReport, _info: Any) -> int:
        return root.breakage.lots

    @staticmethod
    def resolve_expired_points(root: LiabilityReport, _info: Any) -> int:
        return root.breakage.expired

    @staticmethod
    def resolve_spent_points(root: LiabilityReport, _info: Any) -> int:
        return root.breakage.spent

    @staticmethod
    def resolve_expected_points(root: LiabilityReport, _info: Any) -> int | None:
        return root.expected_breakage

    @staticmethod
    def resolve_expected_worth(root: LiabilityReport, _info: Any) -> tuple[Worth, ...]:
        return root.expected_breakage_worth


class LoyaltyMovement(BaseObjectType):
    type = PointsTransactionTypeEnum(required=True, description="Why points moved.")
    given = graphene.Float(required=True, description="Points that customers got.")
    taken = graphene.Float(required=True, description="Points that customers gave or lost.")
    entries = graphene.Int(required=True, description="Entries of the ledger.")

    class Meta:
        description = "What entries of one type moved." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @staticmethod
    def resolve_type(root: Movement, _info: Any) -> str:
        return root.type.value


class LoyaltyMovements(BaseObjectType):
    from_ = graphene.Field(DateTime, name="from", required=True, description="Entries from this moment on.")
    to = graphene.Field(DateTime, required=True, description="Entries before this moment.")
    opening = graphene.Float(
        required=True, description="All points of all customers at the beginning, pending ones included, less deficits."
    )
    by_type = NonNullList(LoyaltyMovement, required=True, description="What moved; types without entries are left out.")
    closing = graphene.Float(
        required=True, description="All points of all customers at the end: `opening`, plus what was given, less taken."
    )

    class Meta:
        description = "How the points of all customers went from one moment's sum to another's." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @staticmethod
    def resolve_from_(root: Movements, _info: Any) -> Any:
        return root.since

    @staticmethod
    def resolve_to(root: Movements, _info: Any) -> Any:
        return root.until

    @staticmethod
    def resolve_by_type(root: Movements, _info: Any) -> Any:
        return root.movements


class LoyaltyLiability(BaseObjectType):
    as_of = graphene.Field(DateTime, required=True, description="The state after everything before this moment.")
    points = graphene.Float(required=True, description="Points that can be spent.")
    pending_points = graphene.Float(required=True, description="Points that cannot be spent yet.")
    worth = NonNullList(Money, required=True, description="Of `points`. " + WORTH)
    pending_worth = NonNullList(Money, required=True, description="Of `pendingPoints`. " + WORTH)
    deficit_points = graphene.Float(required=True, description="Points that customers owe.")
    deficit_accounts = graphene.Int(required=True, description="Customers who owe some.")
    closed_points = graphene.Float(
        required=True,
        description="Points of customers who were deleted on request, pending ones included. Nobody can spend them, "
        "and they are in none of the other numbers but those of `movements`.",
    )
    point_values = NonNullList(
        LoyaltyPointValue, required=True, description="What points are valued with: the settings of today."
    )
    months = NonNullList(
        LoyaltyLiabilityMonth, required=True, description="By the month of expiry, soonest first. They add up."
    )
    breakage = graphene.Field(LoyaltyBreakage, required=True, description="How many of them will not be spent.")
    movements = graphene.Field(LoyaltyMovements, required=True, description="What moved between two moments.")

    class Meta:
        description = "What the shop owes its customers in points." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @staticmethod
    def resolve_points(root: LiabilityReport, _info: Any) -> int:
        return root.position.active

    @staticmethod
    def resolve_pending_points(root: LiabilityReport, _info: Any) -> int:
        return root.position.pending

    @staticmethod
    def resolve_worth(root: LiabilityReport, _info: Any) -> tuple[Worth, ...]:
        return root.total.worth

    @staticmethod
    def resolve_pending_worth(root: LiabilityReport, _info: Any) -> tuple[Worth, ...]:
        return root.total.pending_worth

    @staticmethod
    def resolve_deficit_points(root: LiabilityReport, _info: Any) -> int:
        return root.position.deficit

    @staticmethod
    def resolve_deficit_accounts(root: LiabilityReport, _info: Any) -> int:
        return root.position.deficit_accounts

    @staticmethod
    def resolve_closed_points(root: LiabilityReport, _info: Any) -> int:
        return root.position.closed

    @staticmethod
    def resolve_point_values(root: LiabilityReport, _info: Any) -> list[dict[str, Any]]:
        return [{"currency": currency, "value": value} for currency, value in root.point_values.items()]

    @staticmethod
    def resolve_breakage(root: LiabilityReport, _info: Any) -> LiabilityReport:
        return root
