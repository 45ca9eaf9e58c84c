"""Recommendations as the API shows them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import graphene
from promise import Promise
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.graphql.product.dataloaders.products import ProductByIdLoader

from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.recommendations.enums import RecommendationReasonKindEnum
from saleor_crm_plugin.recommendations.reasons import Reason, Recommendation

PRODUCT = "saleor.graphql.product.types.Product"


@dataclass(frozen=True, slots=True)
class ChannelReason:
    """Root of `RecommendationReason`."""

    reason: Reason
    channel_slug: str


@dataclass(frozen=True, slots=True)
class RecommendedProduct:
    """Root of `ProductRecommendation`: a recommendation with its product, in the channel that it was asked for."""

    recommendation: Recommendation
    product: Any
    channel_slug: str


def load_products(info: Any, product_ids: list[int], channel_slug: str) -> Promise[dict[int, Any]]:
    """Promise of products in their channel, by id, through Saleor's own dataloader."""

    def by_id(products: list[Any]) -> dict[int, Any]:
        return {product.pk: in_channel(product, channel_slug) for product in products if product is not None}

    return ProductByIdLoader(info.context).load_many(product_ids).then(by_id)


class RecommendationReasonArgument(BaseObjectType):
    name = graphene.String(
        required=True, description="Name of the argument: `product`, `days`, `count`, `percent`, `times`."
    )
    value = graphene.String(required=True, description="What stands in the sentence in its place.")

    class Meta:
        description = "A word or number in the sentence of a reason." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS

    @staticmethod
    def resolve_name(root: tuple[str, str], _info: Any) -> str:
        return root[0]

    @staticmethod
    def resolve_value(root: tuple[str, str], _info: Any) -> str:
        return root[1]


class RecommendationReason(BaseObjectType):
    kind = RecommendationReasonKindEnum(required=True, description="The reason, for programs.")
    text = graphene.String(required=True, description="The reason in one English sentence, for people.")
    message_id = graphene.String(
        required=True, description="Which sentence it is, for a storefront that has its own in another language."
    )
    arguments = NonNullList(
        RecommendationReasonArgument, required=True, description="What to put into that sentence, by name."
    )
    value = graphene.Float(
        description="BOUGHT_BEFORE: the number of orders with it. BOUGHT_TOGETHER, SIMILAR: the share of purchases "
        "with `products` that hold it too, 0 to 1. TRENDING: sales as a multiple of those before. Otherwise null."
    )
    expected_at = DateTime(
        description="BOUGHT_BEFORE: when the customer is expected to buy it again. Null where that is not known."
    )
    products = NonNullList(
        PRODUCT, required=True, description="The products behind it, of those that the channel still sells."
    )

    class Meta:
        description = "Why a product is recommended." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS

    @staticmethod
    def resolve_kind(root: ChannelReason, _info: Any) -> str:
        return root.reason.kind.value

    @staticmethod
    def resolve_text(root: ChannelReason, _info: Any) -> str:
        return root.reason.text

    @staticmethod
    def resolve_message_id(root: ChannelReason, _info: Any) -> str:
        return root.reason.message

    @staticmethod
    def resolve_arguments(root: ChannelReason, _info: Any) -> list[tuple[str, str]]:
        return list(root.reason.arguments.items())

    @staticmethod
    def resolve_value(root: ChannelReason, _info: Any) -> float | None:
        return root.reason.value

    @staticmethod
    def resolve_expected_at(root: ChannelReason, _info: Any) -> datetime.datetime | None:
        return root.reason.expected_at

    @staticmethod
    def resolve_products(root: ChannelReason, info: Any) -> Any:
        ids = list(root.reason.product_ids)
        return load_products(info, ids, root.channel_slug).then(lambda products: list(products.values()))


class ProductRecommendation(BaseObjectType):
    product = graphene.Field(PRODUCT, required=True, description="The product, in the channel that was asked for.")
    score = graphene.Float(
        required=True, description="How strongly it is recommended; can be compared within one list only."
    )
    reason = graphene.Field(RecommendationReason, required=True, description="Why it is recommended.")

    class Meta:
        description = "A recommended product, and why." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS

    @staticmethod
    def resolve_score(root: RecommendedProduct, _info: Any) -> float:
        return root.recommendation.score

    @staticmethod
    def resolve_reason(root: RecommendedProduct, _info: Any) -> ChannelReason:
        return ChannelReason(root.recommendation.reason, root.channel_slug)
