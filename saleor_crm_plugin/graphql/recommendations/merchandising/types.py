"""Merchandising rules as the API shows them. Root of `MerchandisingRule`: the row; of its targets: the pure ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import graphene
from saleor.graphql.core.connection import CountableConnection
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.graphql.core.types.model import ModelObjectType

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.recommendations.enums import RecommendationKindEnum
from saleor_crm_plugin.graphql.recommendations.merchandising.enums import MerchandisingActionEnum
from saleor_crm_plugin.recommendations.merchandising import models
from saleor_crm_plugin.recommendations.merchandising.definition import RuleDefinition, Targets


def _ids(type_name: str, keys: Iterable[int]) -> list[str]:
    return [graphene.Node.to_global_id(type_name, key) for key in keys]


@dataclass(frozen=True, slots=True)
class AttributeValues:
    """Root of `MerchandisingAttribute`."""

    slug: str
    values: list[str]


class MerchandisingAttribute(BaseObjectType):
    slug = graphene.String(required=True, description="The slug of a product attribute.")
    values = NonNullList(graphene.String, required=True, description="Slugs of its values; a product has one of them.")

    class Meta:
        description = "Products by the values of an attribute." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS


class MerchandisingTargets(BaseObjectType):
    product_ids = NonNullList(graphene.ID, required=True, description="Products, in the order of a PIN.")
    category_ids = NonNullList(graphene.ID, required=True, description="Categories, with all below them.")
    collection_ids = NonNullList(graphene.ID, required=True, description="Collections.")
    attributes = NonNullList(MerchandisingAttribute, required=True, description="Values of attributes.")

    class Meta:
        description = (
            "The products that a rule is for: those that are in one of each kind that is not empty, and have one of "
            "the values of each attribute. What was deleted since matches nothing." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_PRODUCTS

    @staticmethod
    def resolve_product_ids(root: Targets, _info: Any) -> list[str]:
        return _ids("Product", root.product_ids)

    @staticmethod
    def resolve_category_ids(root: Targets, _info: Any) -> list[str]:
        return _ids("Category", sorted(root.category_ids))

    @staticmethod
    def resolve_collection_ids(root: Targets, _info: Any) -> list[str]:
        return _ids("Collection", sorted(root.collection_ids))

    @staticmethod
    def resolve_attributes(root: Targets, _info: Any) -> list[AttributeValues]:
        return [AttributeValues(slug, sorted(values)) for slug, values in sorted(root.attribute_values.items())]


class MerchandisingRule(ModelObjectType):
    id = graphene.GlobalID(required=True, description="The ID of the rule.")
    name = graphene.String(required=True, description="What staff call it.")
    is_active = graphene.Boolean(required=True, description="Whether it is switched on.")
    version = graphene.Int(required=True, description="Goes up by one with each edit.")
    action = MerchandisingActionEnum(required=True, description="What it does.")
    targets = graphene.Field(MerchandisingTargets, required=True, description="The products that it is for.")
    position = graphene.Int(description="Of a PIN: the first place that it takes, from 1. Null for others.")
    places = graphene.Int(description="Of a PIN: how many places it takes. Null for others.")
    factor = graphene.Float(description="Of BOOST and BURY: by how much. Null for others.")
    channel_ids = NonNullList(graphene.ID, required=True, description="Channels that it is for; empty: all.")
    kinds = NonNullList(RecommendationKindEnum, required=True, description="Kinds of lists that it is for; empty: all.")
    segment_ids = NonNullList(
        graphene.ID, required=True, description="Customer segments that it is for; empty: everybody."
    )
    starts_at = DateTime(description="Before this moment it does nothing. Null: no such moment.")
    ends_at = DateTime(description="From this moment on it does nothing. Null: no such moment.")
    priority = graphene.Int(required=True, description="Rules with a higher number go first.")
    updated_at = DateTime(required=True, description="When it was last edited.")

    class Meta:
        description = "What the shop wants of its lists of recommendations, beside what was learnt." + ADDED_IN_010
        interfaces = (graphene.relay.Node,)
        model = models.MerchandisingRule
        doc_category = DOC_CATEGORY_PRODUCTS

    @classmethod
    def is_type_of(cls, root: Any, _info: Any) -> bool:
        return isinstance(root, models.MerchandisingRule)

    @staticmethod
    def resolve_targets(root: models.MerchandisingRule, _info: Any) -> Targets:
        return RuleDefinition.from_columns(root).targets

    @staticmethod
    def resolve_channel_ids(root: models.MerchandisingRule, _info: Any) -> list[str]:
        return _ids("Channel", root.channel_ids)

    @staticmethod
    def resolve_segment_ids(root: models.MerchandisingRule, _info: Any) -> list[str]:
        return _ids("CustomerSegment", root.segment_ids)


class MerchandisingRuleCountableConnection(CountableConnection):
    class Meta:
        description = "A page of merchandising rules." + ADDED_IN_010
        node = MerchandisingRule
        doc_category = DOC_CATEGORY_PRODUCTS
