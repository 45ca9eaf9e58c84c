"""What staff enter for a merchandising rule, and how it becomes a definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import graphene
from django.db import DEFAULT_DB_ALIAS
from saleor.channel.models import Channel
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseInputObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.product.models import Category, Collection, Product

from saleor_crm_plugin.exceptions import RecommendationInputError
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.keys import existing_keys
from saleor_crm_plugin.graphql.recommendations.enums import RecommendationKindEnum
from saleor_crm_plugin.graphql.recommendations.merchandising.enums import MerchandisingActionEnum
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from saleor_crm_plugin.recommendations.merchandising.attributes import missing_values
from saleor_crm_plugin.recommendations.merchandising.definition import RuleAction, RuleDefinition, Targets
from saleor_crm_plugin.recommendations.merchandising.limits import (
    FACTOR_LIMIT,
    PLACES_LIMIT,
    POSITION_LIMIT,
    TARGET_LIMIT,
)

MODELS: Mapping[str, Any] = {
    "product_ids": Product,
    "category_ids": Category,
    "collection_ids": Collection,
    "channel_ids": Channel,
    "segment_ids": CustomerSegment,
}


class MerchandisingAttributeInput(BaseInputObjectType):
    slug = graphene.String(required=True, description="The slug of a product attribute.")
    values = NonNullList(graphene.String, required=True, description="Slugs of its values; a product has one of them.")

    class Meta:
        description = "Products by the values of an attribute." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS


class MerchandisingTargetsInput(BaseInputObjectType):
    product_ids = NonNullList(graphene.ID, description="Products; a PIN places them in this order.")
    category_ids = NonNullList(graphene.ID, description="Categories, with all below them.")
    collection_ids = NonNullList(graphene.ID, description="Collections.")
    attributes = NonNullList(
        MerchandisingAttributeInput, description="Values of attributes. Of several attributes all must hold."
    )

    class Meta:
        description = (
            "The products that a rule is for: those in any of the products, and in any of the categories, and in any "
            f"of the collections, and with the attributes, of what is given. At least one, at most {TARGET_LIMIT} of "
            "each." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_PRODUCTS


class MerchandisingRuleInput(BaseInputObjectType):
    name = graphene.String(description="What staff call it. A new rule needs it.")
    is_active = graphene.Boolean(description="Whether it is switched on. A new rule is not unless this says so.")
    action = MerchandisingActionEnum(description="What it does. A new rule needs it.")
    targets = graphene.Field(
        MerchandisingTargetsInput, description="The products that it is for; replaces them all. A new rule needs it."
    )
    position = graphene.Int(
        description=f"Of a PIN: the first place that it takes, from 1 to {POSITION_LIMIT}. Of two on one place the one "
        "with the higher priority gets it, and the other the next."
    )
    places = graphene.Int(
        description="Of a PIN: how many places it takes. Without it as many as it names products, at most "
        f"{PLACES_LIMIT}, or one."
    )
    factor = graphene.Float(
        description=f"Of BOOST and BURY: by how much, above 1 and at most {FACTOR_LIMIT}. With 3, a product at place "
        "12 is boosted to place 4, or buried to place 36. The factors of several rules are multiplied."
    )
    channel_ids = NonNullList(graphene.ID, description="Channels that it is for. Empty: all.")
    kinds = NonNullList(RecommendationKindEnum, description="Kinds of lists that it is for. Empty: all.")
    segment_ids = NonNullList(
        graphene.ID, description="Customer segments that it is for, who is in any of them. Empty: everybody."
    )
    starts_at = DateTime(description="Before this moment it does nothing. Null: from now on.")
    ends_at = DateTime(description="From this moment on it does nothing. Null: without end.")
    priority = graphene.Int(description="Rules with a higher number go first. A new rule: 0.")

    class Meta:
        description = "What a merchandising rule says. In an update, what is left out stays." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS


def definition_of(data: Mapping[str, Any], before: RuleDefinition | None) -> RuleDefinition:
    """What the rule says after the input.

    Args:
        before: what it said; None for a new rule.

    Raises:
        RecommendationInputError, ValidationError: with the field at fault.
    """
    if before is None:
        if data.get("action") is None:
            raise RecommendationInputError("A new rule needs it.", "REQUIRED", "action")
        before = RuleDefinition(RuleAction(data["action"]), Targets())
    changes: dict[str, Any] = {name: data[name] for name in ("position", "places", "factor") if name in data}
    if data.get("action") is not None:
        changes["action"] = RuleAction(data["action"])
    if data.get("priority") is not None:
        changes["priority"] = data["priority"]
    if data.get("targets") is not None:
        changes["targets"] = _targets(data["targets"])
    scope: dict[str, Any] = {name: data[name] for name in ("starts_at", "ends_at") if name in data}
    for name in ("channel_ids", "segment_ids"):
        if data.get(name) is not None:
            scope[name] = frozenset(_keys(name, data[name]))
    if data.get("kinds") is not None:
        scope["kinds"] = frozenset(data["kinds"])
    return _fitting(replace(before, scope=replace(before.scope, **scope), **changes), data, before)


def _fitting(rule: RuleDefinition, data: Mapping[str, Any], before: RuleDefinition) -> RuleDefinition:
    """Without what another action left behind; a PIN that does not say takes as many places as `_places_of`."""
    if rule.action is RuleAction.PIN:
        # Of a PIN that was told how many places it takes, other products change nothing about that.
        follows = data.get("targets") is not None and "places" not in data and before.places == _places_of(before)
        if rule.places is None or follows:
            rule = replace(rule, places=_places_of(rule))
    elif data.get("position") is None and data.get("places") is None:
        rule = replace(rule, position=None, places=None)
    if rule.action not in (RuleAction.BOOST, RuleAction.BURY) and data.get("factor") is None:
        rule = replace(rule, factor=None)
    return rule


def _places_of(rule: RuleDefinition) -> int:
    """As many as a PIN takes that does not say."""
    return min(max(len(rule.targets.product_ids), 1), PLACES_LIMIT)


def _targets(data: Mapping[str, Any]) -> Targets:
    found: dict[str, Any] = {}
    for name, parse in (("product_ids", tuple), ("category_ids", frozenset), ("collection_ids", frozenset)):
        if data.get(name):
            found[name] = parse(_keys(name, data[name]))
    values: dict[str, frozenset[str]] = {}
    for attribute in data.get("attributes") or ():
        known = values.get(attribute["slug"], frozenset())
        values[attribute["slug"]] = known | frozenset(attribute["values"])
    _limited("attributes", [value for several in values.values() for value in several])
    if missing := missing_values(values, DEFAULT_DB_ALIAS):
        names = ", ".join(f"{slug}: {value}" for slug, value in missing)
        raise RecommendationInputError(
            f"There is no such value of a product attribute: {names}.", "NOT_FOUND", "attributes"
        )
    return Targets(**found, attribute_values=values)


def _keys(name: str, global_ids: list[str]) -> list[int]:
    _limited(name, global_ids)
    return existing_keys(MODELS[name].objects.all(), name, global_ids, RecommendationInputError)


def _limited(name: str, values: list[str]) -> None:
    """Before anything is looked up."""
    if len(values) > TARGET_LIMIT:
        raise RecommendationInputError(f"At most {TARGET_LIMIT}.", "INVALID", name)
