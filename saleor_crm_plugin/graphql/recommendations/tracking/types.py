"""The report about recommendations, as the API shows it. Root: a `RecommendationReport`, which reads what is asked for.

Counts over all visitors may be more than an Int holds: they are Floats, and whole numbers all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.graphql.core.types.money import Money

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.recommendations.enums import RecommendationKindEnum
from saleor_crm_plugin.graphql.recommendations.tracking.enums import RecommendationComparisonStatusEnum
from saleor_crm_plugin.ingestion.recommendation_report import rounded
from saleor_crm_plugin.recommendations.tracking.counts import Counts
from saleor_crm_plugin.recommendations.tracking.outcome import Group
from saleor_crm_plugin.recommendations.tracking.report import Performance, RecommendationReport
from saleor_crm_plugin.recommendations.tracking.statistics import Share


@dataclass(frozen=True, slots=True)
class Amount:
    """Root of Saleor's `Money`."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class OfKind:
    """Root of `RecommendationPerformance`."""

    performance: Performance
    currency: str


@dataclass(frozen=True, slots=True)
class OfGroup:
    """Root of `RecommendationCustomerGroup`."""

    group: Group
    currency: str


def amount(value: Decimal | Fraction | float, currency: str) -> Amount:
    """Rounded to the currency's smallest coin."""
    return Amount(rounded(value, currency), currency)


class RecommendationShare(BaseObjectType):
    value = graphene.Float(required=True, description="The share, 0 to 1.")
    low = graphene.Float(required=True, description="The lower end of its 95 % interval.")
    high = graphene.Float(required=True, description="The upper end of its 95 % interval.")
    successes = graphene.Float(required=True, description="Of how many it holds.")
    trials = graphene.Float(required=True, description="Of how many in all.")

    class Meta:
        description = "A share with Wilson's interval." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS


class RecommendationPerformance(BaseObjectType):
    kind = RecommendationKindEnum(description="Of which lists. Null for all together.")
    shown = graphene.Float(required=True, description="Products shown.")
    clicked = graphene.Float(required=True, description="Products opened from a list.")
    added = graphene.Float(required=True, description="Products put into the cart from a list.")
    click_through = graphene.Field(
        RecommendationShare,
        description="`clicked` of `shown`. Null where nothing was shown, or less than was clicked: then the storefront "
        "does not track all that it shows.",
    )
    conversion = graphene.Field(
        RecommendationShare,
        description="Clicks after which the same visitor bought the product in time, of all clicks. Null without "
        "clicks.",
    )
    orders = graphene.Float(
        required=True, description="Orders with products that were last clicked or added in such a list."
    )
    lines = graphene.Float(required=True, description="Lines of them with such products.")
    revenue = graphene.Field(
        Money, required=True, description="What these lines brought, gross, less refunds by their share of the order."
    )

    class Meta:
        description = "What lists of one kind are looked at and lead to." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS

    @staticmethod
    def resolve_kind(root: OfKind, _info: Any) -> str | None:
        return root.performance.kind

    @staticmethod
    def resolve_shown(root: OfKind, _info: Any) -> int:
        return root.performance.counts.shown

    @staticmethod
    def resolve_clicked(root: OfKind, _info: Any) -> int:
        return root.performance.counts.clicked

    @staticmethod
    def resolve_added(root: OfKind, _info: Any) -> int:
        return root.performance.counts.added

    @staticmethod
    def resolve_click_through(root: OfKind, _info: Any) -> Share | None:
        return root.performance.click_through

    @staticmethod
    def resolve_conversion(root: OfKind, _info: Any) -> Share | None:
        return root.performance.conversion

    @staticmethod
    def resolve_orders(root: OfKind, _info: Any) -> int:
        return root.performance.attributed.orders

    @staticmethod
    def resolve_lines(root: OfKind, _info: Any) -> int:
        return root.performance.attributed.lines

    @staticmethod
    def resolve_revenue(root: OfKind, _info: Any) -> Amount:
        return amount(root.performance.attributed.revenue, root.currency)


class RecommendationModelPerformance(BaseObjectType):
    model_version = graphene.Int(description="Number of the trained model. Null: before any was trained.")
    shown = graphene.Float(required=True, description="Products shown.")
    clicked = graphene.Float(required=True, description="Products opened from a list.")
    added = graphene.Float(required=True, description="Products put into the cart from a list.")
    click_through = graphene.Field(RecommendationShare, description="As for a kind of lists.")

    class Meta:
        description = "How lists were looked at while one trained model was in use." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS

    @staticmethod
    def resolve_model_version(root: tuple[int | None, Counts], _info: Any) -> int | None:
        return root[0]

    @staticmethod
    def resolve_shown(root: tuple[int | None, Counts], _info: Any) -> int:
        return root[1].shown

    @staticmethod
    def resolve_clicked(root: tuple[int | None, Counts], _info: Any) -> int:
        return root[1].clicked

    @staticmethod
    def resolve_added(root: tuple[int | None, Counts], _info: Any) -> int:
        return root[1].added

    @staticmethod
    def resolve_click_through(root: tuple[int | None, Counts], _info: Any) -> Share | None:
        return root[1].click_through


class RecommendationCustomerGroup(BaseObjectType):
    customers = graphene.Float(required=True, description="Customers who were shown a personal list.")
    buyers = graphene.Float(required=True, description="Those of them who bought something afterwards.")
    revenue = graphene.Field(
        Money,
        required=True,
        description="What they spent afterwards: gross, without shipping, less refunds by their share of the order.",
    )
    revenue_per_customer = graphene.Field(Money, description="On average. Null without customers.")

    class Meta:
        description = "Customers who got the same treatment, and what they spent." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS

    @staticmethod
    def resolve_customers(root: OfGroup, _info: Any) -> int:
        return root.group.spent.count

    @staticmethod
    def resolve_buyers(root: OfGroup, _info: Any) -> int:
        return root.group.buyers

    @staticmethod
    def resolve_revenue(root: OfGroup, _info: Any) -> Amount:
        return amount(root.group.spent.first, root.currency)

    @staticmethod
    def resolve_revenue_per_customer(root: OfGroup, _info: Any) -> Amount | None:
        mean = root.group.spent.mean
        return None if mean is None else amount(mean, root.currency)


class RecommendationComparison(BaseObjectType):
    status = RecommendationComparisonStatusEnum(required=True, description="Whether the groups can be compared.")
    since = graphene.Field(
        DateTime,
        required=True,
        description="Customers are compared from this moment on: that of the report or, if it was later, of the last "
        "change of the percentage. For the time before a change, ask for a report until then.",
    )
    holdout_percent = graphene.Int(required=True, description="The percentage that is set now.")
    held_out = graphene.Field(
        RecommendationCustomerGroup, required=True, description="Who got what sells most instead of personal lists."
    )
    others = graphene.Field(RecommendationCustomerGroup, required=True, description="Who got personal lists.")
    changed_customers = graphene.Float(
        required=True, description="Customers who were in both groups, because they were merged, and are left out."
    )
    customers_needed = graphene.Float(
        description="Customers that each group needs, for how uneven their spending is. Null while nothing is known."
    )
    difference = graphene.Field(
        Money, description="What the others spend more for each customer. Null unless measured."
    )
    low = graphene.Field(Money, description="The lower end of its 95 % interval.")
    high = graphene.Field(Money, description="The upper end of its 95 % interval.")

    class Meta:
        description = (
            "What personal recommendations are worth: revenue for each customer against that of held-out ones, with "
            "Welch's interval." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_PRODUCTS

    @staticmethod
    def resolve_status(root: RecommendationReport, _info: Any) -> str:
        return root.comparison.status.value

    @staticmethod
    def resolve_since(root: RecommendationReport, _info: Any) -> datetime:
        return root.compared_since

    @staticmethod
    def resolve_held_out(root: RecommendationReport, _info: Any) -> OfGroup:
        return OfGroup(root.outcome.held_out, root.currency)

    @staticmethod
    def resolve_others(root: RecommendationReport, _info: Any) -> OfGroup:
        return OfGroup(root.outcome.others, root.currency)

    @staticmethod
    def resolve_changed_customers(root: RecommendationReport, _info: Any) -> int:
        return root.outcome.changed

    @staticmethod
    def resolve_customers_needed(root: RecommendationReport, _info: Any) -> int | None:
        return root.comparison.needed

    @staticmethod
    def resolve_difference(root: RecommendationReport, _info: Any) -> Amount | None:
        return _optional(root.comparison.difference, root.currency)

    @staticmethod
    def resolve_low(root: RecommendationReport, _info: Any) -> Amount | None:
        return _optional(root.comparison.low, root.currency)

    @staticmethod
    def resolve_high(root: RecommendationReport, _info: Any) -> Amount | None:
        return _optional(root.comparison.high, root.currency)


def _optional(value: Fraction | float | None, currency: str) -> Amount | None:
    return None if value is None else amount(value, currency)


class RecommendationReportType(BaseObjectType):
    since = graphene.Field(DateTime, required=True, description="Events from this moment on.")
    until = graphene.Field(DateTime, required=True, description="Events before this moment.")
    attribution_days = graphene.Int(required=True, description="How many days after a click an order counts for it.")
    is_final = graphene.Boolean(
        required=True,
        description="Whether these days are over for every click, so that only refunds and cancellations change "
        "anything.",
    )
    kinds = NonNullList(
        RecommendationPerformance, required=True, description="Of each kind of lists of which there are events."
    )
    total = graphene.Field(RecommendationPerformance, required=True, description="Of all lists.")
    models = NonNullList(
        RecommendationModelPerformance, required=True, description="By the model that was in use, oldest first."
    )
    comparison = graphene.Field(
        RecommendationComparison, required=True, description="What personal recommendations are worth."
    )

    class Meta:
        name = "RecommendationReport"
        description = "What recommendations are looked at, lead to and are worth in a channel." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS

    @staticmethod
    def resolve_attribution_days(root: RecommendationReport, _info: Any) -> int:
        return root.window.days

    @staticmethod
    def resolve_kinds(root: RecommendationReport, _info: Any) -> list[OfKind]:
        return [OfKind(performance, root.currency) for performance in root.kinds]

    @staticmethod
    def resolve_total(root: RecommendationReport, _info: Any) -> OfKind:
        return OfKind(root.total, root.currency)

    @staticmethod
    def resolve_comparison(root: RecommendationReport, _info: Any) -> RecommendationReport:
        return root
