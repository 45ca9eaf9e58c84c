"""`merchandisingPreview`: what a customer sees, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import graphene
from graphql import GraphQLError
from promise import Promise
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.common import NonNullList
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.access import require_permission
from saleor_crm_plugin.graphql.dataloaders import (
    ActiveChannel,
    ActiveChannelBySlugLoader,
    CustomerByUserIdLoader,
    ProfileByIdLoader,
)
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.lists import checked_first
from saleor_crm_plugin.graphql.recommendations.arguments import kind_for, product_keys
from saleor_crm_plugin.graphql.recommendations.merchandising.dataloaders import MerchandisingRuleByIdLoader
from saleor_crm_plugin.graphql.recommendations.merchandising.enums import MerchandisingCauseEnum
from saleor_crm_plugin.graphql.recommendations.merchandising.types import MerchandisingRule
from saleor_crm_plugin.graphql.recommendations.types import (
    PRODUCT,
    ChannelReason,
    RecommendationReason,
    load_products,
)
from saleor_crm_plugin.profiles.consents.queries import may_be_recommended_to
from saleor_crm_plugin.profiles.traits import segment_ids
from saleor_crm_plugin.recommendations.kinds import PERSONAL_KINDS, RecommendationKind
from saleor_crm_plugin.recommendations.merchandising.preview import Entry, Exclusion, preview
from saleor_crm_plugin.recommendations.reasons import reason_of
from saleor_crm_plugin.recommendations.serving import Asked, Scope
from saleor_crm_plugin.recommendations.tracking.outcome import served_as


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """Root of `MerchandisingPreviewEntry`."""

    entry: Entry
    product: Any
    channel_slug: str


@dataclass(frozen=True, slots=True)
class ShownExclusion:
    """Root of `MerchandisingExclusion`."""

    exclusion: Exclusion
    product: Any
    base_position: int


@dataclass(frozen=True, slots=True)
class ShownPreview:
    """Root of `MerchandisingPreview`."""

    entries: list[ShownEntry]
    excluded: list[ShownExclusion]


class MerchandisingPreviewEntry(BaseObjectType):
    product = graphene.Field(PRODUCT, required=True, description="The product, in the channel that was asked for.")
    position = graphene.Int(required=True, description="Its place, from 1.")
    base_position = graphene.Int(
        description="Its place without merchandising. Null where it would not be among the products looked at."
    )
    score = graphene.Float(required=True, description="How strongly it is recommended.")
    reason = graphene.Field(RecommendationReason, required=True, description="Why it is recommended.")
    rules = NonNullList(
        MerchandisingRule, required=True, description="The rules that have a say in its place, highest priority first."
    )
    causes = NonNullList(MerchandisingCauseEnum, required=True, description="What else has a say in its place.")

    class Meta:
        description = "A product in a list, and what put it there." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS

    @staticmethod
    def resolve_position(root: ShownEntry, _info: Any) -> int:
        return root.entry.placed.position

    @staticmethod
    def resolve_base_position(root: ShownEntry, _info: Any) -> int | None:
        return root.entry.base_position

    @staticmethod
    def resolve_score(root: ShownEntry, _info: Any) -> float:
        return root.entry.placed.candidate.score

    @staticmethod
    def resolve_reason(root: ShownEntry, _info: Any) -> ChannelReason:
        return ChannelReason(reason_of(root.entry.placed.candidate.reason), root.channel_slug)

    @staticmethod
    def resolve_rules(root: ShownEntry, info: Any) -> Any:
        return _rules(info, root.entry.placed.rule_ids)

    @staticmethod
    def resolve_causes(root: ShownEntry, _info: Any) -> list[str]:
        return [cause.value for cause in root.entry.placed.causes]


class MerchandisingExclusion(BaseObjectType):
    product = graphene.Field(PRODUCT, required=True, description="The product, in the channel that was asked for.")
    base_position = graphene.Int(required=True, description="Its place without merchandising, from 1.")
    rules = NonNullList(MerchandisingRule, required=True, description="The rules that keep it out.")

    class Meta:
        description = "A product that would be in a list, were it not excluded." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS

    @staticmethod
    def resolve_rules(root: ShownExclusion, info: Any) -> Any:
        return _rules(info, root.exclusion.rule_ids)


class MerchandisingPreview(BaseObjectType):
    entries = NonNullList(MerchandisingPreviewEntry, required=True, description="The list, as the customer sees it.")
    excluded = NonNullList(
        MerchandisingExclusion,
        required=True,
        description="The products that rules keep out of its first places, best first.",
    )

    class Meta:
        description = "What merchandising makes of a list." + ADDED_IN_010
        doc_category = DOC_CATEGORY_PRODUCTS


def resolve_merchandising_preview(
    _root: Any,
    info: Any,
    *,
    channel: str,
    kind: str | None = None,
    user_id: str | None = None,
    profile_id: str | None = None,
    product_ids: Sequence[str] | None = None,
    first: int | None = None,
) -> Any:
    limit = checked_first(first)
    products = product_keys("productIds", product_ids or ())
    wanted = kind_for(kind, products)

    def with_channel(facts: tuple[ActiveChannel | None, Asked]) -> Any:
        active, asked = facts
        if active is None or not active.recommends:
            return None
        asked = replace(asked, profile_id=served_as(asked.profile_id, wanted, active.holdout_share))
        scope = Scope(active.id, wanted, limit, only_in_stock=active.only_in_stock, policy=active.policy)
        found = preview(asked, scope, get_database_connection_name(info.context))
        ids = [entry.placed.candidate.product_id for entry in found.entries]
        ids += [exclusion.product_id for exclusion in found.excluded]
        return load_products(info, ids, active.slug).then(lambda products: _shown(found, products, active.slug))

    asked = _asked(info, wanted, products, user_id, profile_id)
    return Promise.all([ActiveChannelBySlugLoader(info.context).load(channel), asked]).then(with_channel)


def _asked(
    info: Any, kind: RecommendationKind, products: tuple[int, ...], user_id: str | None, customer_id: str | None
) -> Any:
    """Promise of who asks: like somebody unknown, whoever refuses to be recommended to."""
    if user_id is None and customer_id is None:
        return Promise.resolve(Asked(product_ids=products))
    if user_id is not None and customer_id is not None:
        raise GraphQLError("Give `userId` or `profileId`, not both.")
    # What is recommended to a customer tells what they bought.
    require_permission(info, AccountPermissions.MANAGE_USERS)
    if user_id is not None:
        loaded = CustomerByUserIdLoader(info.context).load(integer_key(user_id, "User"))
        profile = loaded.then(lambda customer: customer and customer.profile)
    else:
        profile = ProfileByIdLoader(info.context).load(integer_key(customer_id or "", "CustomerProfile"))

    def known(found: Any) -> Asked:
        if found is None:
            raise GraphQLError("There is no profile of this customer yet.")
        if not may_be_recommended_to(found):
            return Asked(product_ids=products)
        segments = segment_ids([found.pk], get_database_connection_name(info.context))
        profile_id = found.pk if kind in PERSONAL_KINDS else None
        return Asked(profile_id, products, segment_ids=segments.get(found.pk, frozenset()))

    return profile.then(known)


def _shown(found: Any, products: dict[int, Any], slug: str) -> ShownPreview:
    entries = [
        ShownEntry(entry, products[entry.placed.candidate.product_id], slug)
        for entry in found.entries
        if entry.placed.candidate.product_id in products
    ]
    excluded = [
        ShownExclusion(exclusion, products[exclusion.product_id], exclusion.base_position)
        for exclusion in found.excluded
        if exclusion.product_id in products
    ]
    return ShownPreview(entries, excluded)


def _rules(info: Any, rule_ids: Sequence[int]) -> Any:
    loaded = MerchandisingRuleByIdLoader(info.context).load_many(list(rule_ids))
    return loaded.then(lambda rules: [rule for rule in rules if rule is not None])
