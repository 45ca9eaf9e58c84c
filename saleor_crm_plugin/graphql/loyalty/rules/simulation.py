"""What a rule would have given, as the API shows it. Roots are the dataclasses of `loyalty.simulation`."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.core.prices import quantize_price
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.graphql.core.types.money import Money

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.orders import SEEN_BY, load_order
from saleor_crm_plugin.graphql.roots import Amount
from saleor_crm_plugin.loyalty.simulation import MOST_AFFECTED, AffectedOrder, Cost


class EarningRuleSimulationCost(BaseObjectType):
    currency = graphene.String(required=True, description="Currency of the orders.")
    # Sums over many orders may be more than an Int holds.
    points = graphene.Float(required=True, description="Points that the rule would have given on them.")
    worth = graphene.Field(
        Money,
        description="What these points pay in the channels of their orders. Null where points cannot be spent in any.",
    )
    points_without_worth = graphene.Float(
        required=True,
        description="The part of `points` on orders of channels where points cannot be spent; `worth` leaves it out.",
    )

    class Meta:
        description = "What a rule would have cost in one currency." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @staticmethod
    def resolve_worth(root: Cost, _info: Any) -> Amount | None:
        if root.amount is None:
            return None
        return Amount(quantize_price(root.amount, root.currency), root.currency)


class EarningRuleSimulationOrder(BaseObjectType):
    order_id = graphene.ID(description="The ID of the order." + SEEN_BY)
    number = graphene.String(required=True, description="The number of the order.")
    placed_at = DateTime(required=True, description="When it was placed.")
    points_before = graphene.Int(required=True, description="Points that it earns without the rule.")
    points_after = graphene.Int(required=True, description="Points that it earns with the rule.")

    class Meta:
        description = "An order whose points a rule would have changed." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS

    @staticmethod
    def resolve_order_id(root: AffectedOrder, info: Any) -> Any:
        order_id = graphene.Node.to_global_id("Order", root.order_id)
        return load_order(info, root.order_id).then(lambda order: order and order_id)


class EarningRuleSimulation(BaseObjectType):
    points = graphene.Float(
        required=True,
        description="Points that the rule would have given. Negative if it keeps out other rules that give more.",
    )
    orders_read = graphene.Int(required=True, description="Orders placed in that time.")
    orders = graphene.Int(required=True, description="Orders whose points it would have changed.")
    customers = graphene.Int(required=True, description="Customers to whom these orders belong.")
    costs = NonNullList(EarningRuleSimulationCost, required=True, description="What the points are worth, by currency.")
    most_affected = NonNullList(
        EarningRuleSimulationOrder,
        required=True,
        description=f"Up to {MOST_AFFECTED} orders, the largest change first.",
    )

    class Meta:
        description = "What a rule would have changed on past orders." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS
