"""Resolvers of the recommendation fields on Saleor's types and of the root field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from graphql import GraphQLError
from promise import Promise
from saleor.graphql.checkout.dataloaders.checkout_infos import (
    CheckoutInfoByCheckoutTokenLoader,
    CheckoutLinesInfoByCheckoutTokenLoader,
)
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.access import authenticated_user, is_owner, require_owner_or_permission
from saleor_crm_plugin.graphql.dataloaders import ActiveChannel, ActiveChannelBySlugLoader, CustomerByUserIdLoader
from saleor_crm_plugin.graphql.recommendations.arguments import ListArguments, kind_for, product_keys
from saleor_crm_plugin.graphql.recommendations.dataloaders import RecommendationsLoader, Wanted
from saleor_crm_plugin.graphql.recommendations.merchandising.segments import segments_if_asked
from saleor_crm_plugin.graphql.recommendations.tracking.sessions import session_of
from saleor_crm_plugin.graphql.recommendations.types import RecommendedProduct, load_products
from saleor_crm_plugin.graphql.roots import channel_slug_of, is_unsaved_user, node_of
from saleor_crm_plugin.profiles.consents.queries import may_be_recommended_to
from saleor_crm_plugin.recommendations.kinds import PERSONAL_KINDS, PRODUCT_KINDS, RecommendationKind
from saleor_crm_plugin.recommendations.reasons import Recommendation
from saleor_crm_plugin.recommendations.serving import Asked, Scope
from saleor_crm_plugin.recommendations.tracking.outcome import served_as


def resolve_user_recommendations(
    root: Any, info: Any, *, channel: str, kind: str | None = None, **arguments: Any
) -> Any:
    user = node_of(root)
    require_owner_or_permission(info, user.pk, AccountPermissions.MANAGE_USERS)
    wanted = RecommendationKind(kind or RecommendationKind.FOR_YOU)
    if wanted in PRODUCT_KINDS:
        raise GraphQLError(f"{wanted.name} is about products: ask the product, or `recommendations`.")
    user_id = None if is_unsaved_user(user) else user.pk
    return _served(info, channel, wanted, ListArguments.checked(**arguments), user_id)


def resolve_recommendations(
    _root: Any,
    info: Any,
    *,
    channel: str,
    kind: str | None = None,
    product_ids: Sequence[str] | None = None,
    session_id: str | None = None,
    **arguments: Any,
) -> Any:
    checked = ListArguments.checked(**arguments)
    basket = product_keys("productIds", product_ids or ())
    wanted = kind_for(kind, basket)
    user = authenticated_user(info)
    return _served(info, channel, wanted, checked, user and user.pk, basket, session_of(session_id, wanted))


def resolve_similar_products(root: Any, info: Any, **arguments: Any) -> Any:
    return _of_product(root, info, RecommendationKind.SIMILAR, arguments)


def resolve_frequently_bought_together(root: Any, info: Any, **arguments: Any) -> Any:
    return _of_product(root, info, RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER, arguments)


def resolve_checkout_recommendations(root: Any, info: Any, **arguments: Any) -> Any:
    checkout = node_of(root)
    checked = ListArguments.checked(**arguments)
    # What somebody bought before is shown to nobody else, not even to whoever holds the id of their checkout.
    user_id = checkout.user_id if is_owner(info, checkout.user_id) else None

    def with_lines(facts: Sequence[Any]) -> Any:
        checkout_info, lines = facts
        basket = tuple(dict.fromkeys(line.product.pk for line in lines))
        return _served(info, checkout_info.channel.slug, RecommendationKind.FOR_YOU, checked, user_id, basket)

    return Promise.all(
        [
            CheckoutInfoByCheckoutTokenLoader(info.context).load(checkout.token),
            CheckoutLinesInfoByCheckoutTokenLoader(info.context).load(checkout.token),
        ]
    ).then(with_lines)


def _of_product(root: Any, info: Any, kind: RecommendationKind, arguments: dict[str, Any]) -> Any:
    checked = ListArguments.checked(**arguments)
    slug = channel_slug_of(root)
    if slug is None:
        # Without a channel there are no prices and nothing is on sale, as for Saleor's own `Product.pricing`.
        return []
    return _served(info, slug, kind, checked, basket=(node_of(root).pk,))


def _served(
    info: Any,
    slug: str,
    kind: RecommendationKind,
    arguments: ListArguments,
    user_id: int | None = None,
    basket: tuple[int, ...] = (),
    session: UUID | None = None,
) -> Any:
    """Promise of the recommended products; of none where the channel does not sell or the operator wants none."""

    def with_channel(active: ActiveChannel | None) -> Any:
        if active is None or not active.recommends:
            return []
        scope = Scope(
            channel_id=active.id,
            kind=kind,
            first=arguments.first,
            offset=arguments.offset,
            category_id=arguments.category_id,
            excluded=arguments.excluded,
            only_in_stock=active.only_in_stock,
            policy=active.policy,
        )

        def serve(facts: tuple[_Visitor, frozenset[int]]) -> Any:
            known, segment_ids = facts
            profile_id = served_as(known.profile_id, kind, active.holdout_share)
            asked = Asked(profile_id, basket, known.session, segment_ids)
            return RecommendationsLoader(info.context).load(Wanted(asked, scope))

        segments = segments_if_asked(info, active.policy, kind.value, user_id)
        return (
            Promise.all([visitor, segments]).then(serve).then(lambda served: _with_products(info, served, active.slug))
        )

    visitor = _visitor(info, user_id if kind in PERSONAL_KINDS else None, session)
    return ActiveChannelBySlugLoader(info.context).load(slug).then(with_channel)


class _Visitor(NamedTuple):
    profile_id: int | None
    session: UUID | None


def _visitor(info: Any, user_id: int | None, session: UUID | None) -> Any:
    """Promise of the `_Visitor`. Whoever refuses recommendations is served like somebody unknown, without a session: it
    may have been theirs before they refused.
    """
    if user_id is None:
        return Promise.resolve(_Visitor(None, session))

    def known(customer: Any) -> _Visitor:
        if customer is None:
            return _Visitor(None, session)
        return (
            _Visitor(customer.profile.pk, session) if may_be_recommended_to(customer.profile) else _Visitor(None, None)
        )

    return CustomerByUserIdLoader(info.context).load(user_id).then(known)


def _with_products(info: Any, served: list[Recommendation], slug: str) -> Any:
    def present(products: dict[int, Any]) -> list[RecommendedProduct]:
        return [
            RecommendedProduct(recommendation, products[recommendation.product_id], slug)
            for recommendation in served
            if recommendation.product_id in products
        ]

    return load_products(info, [recommendation.product_id for recommendation in served], slug).then(present)
