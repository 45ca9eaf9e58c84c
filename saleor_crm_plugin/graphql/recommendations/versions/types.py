"""Versions of the recommendation model as the API shows them. Roots: the rows."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.scalars import Date, DateTime
from saleor.graphql.core.types.model import ModelObjectType

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.recommendations import models
from saleor_crm_plugin.recommendations.models import ModelStatus

RecommendationModelStatusEnum = enum_of(
    "RecommendationModelStatusEnum",
    {
        ModelStatus.TRAINING: "It is being made, and not served yet.",
        ModelStatus.PUBLISHED: "It is served.",
        ModelStatus.RETIRED: "It was served, and can be served again.",
        ModelStatus.FAILED: "It came to nothing; there is only this record of it.",
    },
    "What has become of a version of the recommendation model.",
    DOC_CATEGORY_PRODUCTS,
)


def _figure(name: str, description: str) -> graphene.Int:
    return graphene.Int(
        description=f"{description} Null where another engine has learnt, which does not say.",
        resolver=lambda root, _info: root.training_data.get(name),
    )


class RecommendationModel(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the version.")
    status = RecommendationModelStatusEnum(required=True, description="What has become of it.")
    started_at = DateTime(required=True, description="When its training or import began.")
    finished_at = DateTime(description="When that ended. Null while it goes on.")
    withdrawn_at = DateTime(
        description="When somebody went back from it to an earlier version. Null if nobody did, or it is served again."
    )
    engine = graphene.String(description="The engine elsewhere that has learnt it. Null if the plugin has.")
    learnt_since = Date(description="The day from which on orders were learnt from.")
    lines = _figure("lines", "Order lines that were learnt from.")
    orders = _figure("orders", "Orders that were learnt from.")
    customers = _figure("customers", "Customers whose orders were learnt from, or who were brought a list.")
    products = _figure("products", "Products that were learnt about.")
    message = graphene.String(required=True, description="Why it failed; empty otherwise.")

    class Meta:
        description = "A version of what recommendations are made from." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.RecommendationModel
        doc_category = DOC_CATEGORY_PRODUCTS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, models.RecommendationModel)

    @staticmethod
    def resolve_engine(root: models.RecommendationModel, _info: Any) -> str | None:
        return root.training_data.get("engine")

    @staticmethod
    def resolve_learnt_since(root: models.RecommendationModel, _info: Any) -> Any:
        since = root.training_data.get("since")
        return Date.parse_value(since) if since else None
