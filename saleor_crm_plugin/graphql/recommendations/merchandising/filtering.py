"""Which merchandising rules a list is to hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import graphene
from django.db.models import Q, QuerySet
from django.utils import timezone
from graphql import GraphQLError
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.types.base import BaseInputObjectType

from saleor_crm_plugin.fields import INTEGER_MAX
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.recommendations.enums import RecommendationKindEnum
from saleor_crm_plugin.graphql.recommendations.merchandising.enums import MerchandisingActionEnum
from saleor_crm_plugin.recommendations.merchandising.limits import NAME_MAX_LENGTH
from saleor_crm_plugin.recommendations.merchandising.models import MerchandisingRule
from saleor_crm_plugin.recommendations.merchandising.storage import in_force


class MerchandisingRuleFilterInput(BaseInputObjectType):
    search = graphene.String(description="A part of the name.")
    action = MerchandisingActionEnum(description="What it does.")
    is_active = graphene.Boolean(description="Whether it is switched on.")
    in_force = graphene.Boolean(description="Whether it is switched on, has begun and has not ended.")
    channel_id = graphene.ID(description="Rules for this channel, with those for all channels.")
    kind = RecommendationKindEnum(description="Rules for this kind of list, with those for all kinds.")
    product_id = graphene.ID(description="Rules that name this product.")

    class Meta:
        description = "Which merchandising rules; all that is given must hold." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS


def filtered(rules: QuerySet[MerchandisingRule], wanted: Mapping[str, Any]) -> QuerySet[MerchandisingRule]:
    """
    Raises:
        GraphQLError: an id of something else, or a search that is too long.
    """
    given = {name: value for name, value in wanted.items() if value is not None}
    if search := given.get("search", "").strip():
        if len(search) > NAME_MAX_LENGTH:
            raise GraphQLError(f"Field `search` of the filter takes up to {NAME_MAX_LENGTH} characters.")
        rules = rules.filter(name__icontains=search)
    for name in ("action", "is_active"):
        if name in given:
            rules = rules.filter(**{name: given[name]})
    if "in_force" in given:
        effective = Q(pk__in=in_force(timezone.now()).values("pk"))
        rules = rules.filter(effective if given["in_force"] else ~effective)
    if "channel_id" in given:
        rules = rules.filter(Q(channel_ids=[]) | _naming("channel_ids", integer_key(given["channel_id"], "Channel")))
    if "kind" in given:
        rules = rules.filter(Q(kinds=[]) | Q(kinds__contains=[given["kind"]]))
    if "product_id" in given:
        rules = rules.filter(_naming("product_ids", integer_key(given["product_id"], "Product")))
    return rules


def _naming(column: str, key: int) -> Q:
    # Saleor's product and channel ids are 32-bit, like those in a rule: none names a larger one of a forged global id.
    return Q(**{f"{column}__contains": [key]}) if key <= INTEGER_MAX else Q(pk__in=())
