"""What customers can be found and sorted by, in the form of Saleor's own `where` and `sortBy`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.scalars import Decimal
from saleor.graphql.core.types.base import BaseInputObjectType
from saleor.graphql.core.types.common import DateTimeRangeInput, DecimalRangeInput, IntRangeInput, NonNullList
from saleor.graphql.core.types.sort_input import SortInputObjectType

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.graphql.profiles.enums import RfmGroupEnum
from saleor_crm_plugin.graphql.profiles.lifecycle.enums import CustomerTypeEnum, LifecycleStageEnum
from saleor_crm_plugin.graphql.profiles.search.sorting import SortField
from saleor_crm_plugin.graphql.profiles.staff.enums import CustomerConsentPurposeEnum, CustomerConsentStateEnum

EQ = "The value equal to."
ONE_OF = "The value included in."
RANGE = "The value in range."
CURRENCY = "Code of the currency."


def _filter_input(name: str, value: Any, description: str, **fields: Any) -> Any:
    """An input type with `eq` and `oneOf`, and more."""
    meta = type("Meta", (), {"description": description + ADDED_IN_010, "doc_category": DOC_CATEGORY_USERS})
    attributes = {
        "eq": value(description=EQ),
        "one_of": NonNullList(value, description=ONE_OF),
        **fields,
        "Meta": meta,
        "__module__": __name__,
    }
    return type(name, (BaseInputObjectType,), attributes)


class CustomerTagFilterInput(BaseInputObjectType):
    contains_any = NonNullList(graphene.String, description="The customer has at least one of the tags.")
    contains_all = NonNullList(graphene.String, description="The customer has all of the tags.")

    class Meta:
        description = "Filter by tags." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS


CustomerSegmentFilterInput = _filter_input("CustomerSegmentFilterInput", graphene.ID, "Filter by segments.")
CustomerTierFilterInput = _filter_input(
    "CustomerTierFilterInput", graphene.ID, "Filter by tiers of the loyalty program."
)
CustomerLifecycleStageFilterInput = _filter_input(
    "CustomerLifecycleStageFilterInput", LifecycleStageEnum, "Filter by lifecycle stage."
)
CustomerTypeFilterInput = _filter_input("CustomerTypeFilterInput", CustomerTypeEnum, "Filter by kind of customer.")
CustomerRfmGroupFilterInput = _filter_input(
    "CustomerRfmGroupFilterInput",
    RfmGroupEnum,
    "Filter by group of recency, frequency and amount.",
    currency=graphene.String(
        description=CURRENCY
        + " Without it: in any currency. PROSPECTS are those who have never bought in it, or in any."
    ),
)
CustomerNumberFilterInput = _filter_input(
    "CustomerNumberFilterInput",
    graphene.Int,
    "Filter by a whole number.",
    range=IntRangeInput(description=RANGE),
)
CustomerAmountFilterInput = _filter_input(
    "CustomerAmountFilterInput",
    Decimal,
    "Filter by an amount of money in one currency.",
    range=DecimalRangeInput(description=RANGE),
    currency=graphene.String(required=True, description=CURRENCY),
)


class CustomerConsentFilterInput(BaseInputObjectType):
    purpose = CustomerConsentPurposeEnum(required=True, description="What it is about.")
    state = CustomerConsentStateEnum(
        description="What the customer has said last. Without it: customers who have said nothing about the purpose."
    )

    class Meta:
        description = "Filter by what customers have agreed to or refused." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS


class CustomerProfileWhereInput(BaseInputObjectType):
    ids = NonNullList(graphene.ID, description="IDs of customer profiles.")
    tags = CustomerTagFilterInput(description="Filter by tags.")
    segment = CustomerSegmentFilterInput(description="Filter by segments that the customer is in.")
    tier = CustomerTierFilterInput(description="Filter by the tier that the customer is in.")
    lifecycle_stage = CustomerLifecycleStageFilterInput(description="Filter by lifecycle stage.")
    rfm_group = CustomerRfmGroupFilterInput(description="Filter by group of recency, frequency and amount.")
    customer_type = CustomerTypeFilterInput(description="Filter by kind of customer.")
    orders_count = CustomerNumberFilterInput(
        description="Filter by the number of orders in all currencies, without cancelled ones."
    )
    net_spent = CustomerAmountFilterInput(
        description="Filter by what was spent less what was given back. Finds customers who have ordered in the "
        "currency."
    )
    last_order_at = DateTimeRangeInput(description="Filter by the time of the last order.")
    created_at = DateTimeRangeInput(description="Filter by the time at which the profile was made.")
    is_guest = graphene.Boolean(description="Filter by whether the person has no user account.")
    consent = CustomerConsentFilterInput(description="Filter by what customers have agreed to or refused.")
    AND = NonNullList(lambda: CustomerProfileWhereInput, description="List of conditions that must be met.")
    OR = NonNullList(
        lambda: CustomerProfileWhereInput, description="List of conditions of which at least one must be met."
    )

    class Meta:
        description = (
            "Where input for customer profiles. Fields of one object must all be met; `AND` and `OR` stand alone in "
            "their object." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS


CustomerProfileSortField = enum_of(
    "CustomerProfileSortField",
    {
        SortField.CREATED_AT: "The time at which the profile was made.",
        SortField.ORDERS_COUNT: "Number of orders, in `currency` or in all.",
        SortField.LAST_ORDER_AT: "Time of the last order, in `currency` or in any.",
        SortField.NET_SPENT: "What was spent less what was given back, in `currency`.",
        SortField.PREDICTED_CLV: "What the customer is expected to spend, in `currency`.",
    },
    "What customer profiles can be sorted by.",
    DOC_CATEGORY_USERS,
)


class CustomerProfileSortingInput(SortInputObjectType):
    currency = graphene.String(description="Code of the currency. NET_SPENT and PREDICTED_CLV need it.")

    class Meta:
        description = (
            "How to sort customer profiles. Those of whom the value is not known come last, whichever the direction."
            + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS
        sort_enum = CustomerProfileSortField
        type_name = "customer profiles"
