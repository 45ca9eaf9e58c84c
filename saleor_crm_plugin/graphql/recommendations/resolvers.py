"""Resolvers of the recommendation fields on Saleor's types and of the root field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphql import GraphQLError
from promise import Promise
from saleor.graphql.checkout.dataloaders.checkout_infos import (
    CheckoutInfoByCheckoutTokenLoader,
    CheckoutLinesInfoByCheckoutTokenLoader,
)
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.access import authenticated_user, require_owner_or_permission
from saleor_crm_plugin.graphql.dataloaders import ActiveChannel, ActiveChannelBySlugLoader, CustomerByUserIdLoader
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.lists import FIRST_LIMIT, checked_first
from saleor_crm_plugin.graphql.recommendations.dataloaders import (
    BasketRecommendationsLoader,
    OfBasket,
    OfProduct,
    Personal,
    PersonalRecommendationsLoader,
    ProductRecommendationsLoader,
)
from saleor_crm_plugin.graphql.recommendations.merchandising.segments import (
    segments_if_asked,
    segments_of_visitor,
)
from saleor_crm_plugin.graphql.recommendations.types import RecommendedProduct, load_products
from saleor_crm_plugin.graphql.roots import channel_slug_of, is_unsaved_user, node_of
from saleor_crm_plugin.profiles.consents.queries import may_be_recommended_to
from saleor_crm_plugin.recommendations.kinds import PRODUCT_KINDS, RecommendationKind
from saleor_crm_plugin.recommendations.reasons import Recommendation


def resolve_user_recommendations(
    root: Any, info: Any, *, channel: str, first: int | None = None, kind: str | None = None
) -> Any:
    user = node_of(root)
    require_owner_or_permission(info, user.pk, AccountPermissions.MANAGE_USERS)
    if kind in PRODUCT_KINDS:
        raise GraphQLError(f"{RecommendationKind(kind).name} is about products: ask the product, or `recommendations`.")
    user_id = None if is_unsaved_user(user) else user.pk
    return _personal(info, user_id, channel, kind or RecommendationKind.FOR_YOU.value, checked_first(first))


def resolve_recommendations(
    _root: Any,
    info: Any,
    *,
    channel: str,
    first: int | None = None,
    kind: str | None = None,
    product_ids: Sequence[str] | None = None,
) -> Any:
    limit = checked_first(first)
    if not product_ids:
        if kind in PRODUCT_KINDS:
            raise GraphQLError(f"{RecommendationKind(kind).name} needs `productIds`.")
        user = authenticated_user(info)
        return _personal(info, user and user.pk, channel, kind or RecommendationKind.FOR_YOU.value, limit)
    kind = kind or RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER.value
    if kind not in PRODUCT_KINDS:
        raise GraphQLError(f"{RecommendationKind(kind).name} does not take `productIds`.")
    if len(product_ids) > FIRST_LIMIT:
        raise GraphQLError(f"Argument `productIds` takes up to {FIRST_LIMIT} IDs.")
    ids = tuple(integer_key(id, "Product") for id in product_ids)

    wanted = kind

    def of_basket(active: ActiveChannel) -> Any:
        return _of_basket(info, ids, active, wanted, limit)

    return _in_channel(info, channel, of_basket)


def resolve_similar_products(root: Any, info: Any, *, first: int | None = None) -> Any:
    return _of_product(root, info, RecommendationKind.SIMILAR, first)


def resolve_frequently_bought_together(root: Any, info: Any, *, first: int | None = None) -> Any:
    return _of_product(root, info, RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER, first)


def resolve_checkout_recommendations(root: Any, info: Any, *, first: int | None = None) -> Any:
    checkout = node_of(root)
    limit = checked_first(first)

    def with_lines(facts: Sequence[Any]) -> Any:
        checkout_info, lines = facts
        ids = tuple(dict.fromkeys(line.product.pk for line in lines))

        def of_basket(active: ActiveChannel) -> Any:
            return _of_basket(info, ids, active, RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER.value, limit)

        return _in_channel(info, checkout_info.channel.slug, of_basket)

    return Promise.all(
        [
            CheckoutInfoByCheckoutTokenLoader(info.context).load(checkout.token),
            CheckoutLinesInfoByCheckoutTokenLoader(info.context).load(checkout.token),
        ]
    ).then(with_lines)


def _of_product(root: Any, info: Any, kind: RecommendationKind, first: int | None) -> Any:
    limit = checked_first(first)
    slug = channel_slug_of(root)
    if slug is None:
        # Without a channel there are no prices and nothing is on sale, as for Saleor's own `Product.pricing`.
        return []
    product_id = node_of(root).pk

    def of_product(active: ActiveChannel) -> Any:
        def load(segment_ids: frozenset[int]) -> Any:
            asked = OfProduct(product_id, active.id, kind.value, limit, active.policy, segment_ids)
            return ProductRecommendationsLoader(info.context).load(asked)

        return segments_of_visitor(info, active.policy, kind.value).then(load)

    return _in_channel(info, slug, of_product)


def _of_basket(info: Any, product_ids: tuple[int, ...], active: ActiveChannel, kind: str, first: int) -> Any:
    def load(segment_ids: frozenset[int]) -> Any:
        asked = OfBasket(product_ids, active.id, kind, first, active.policy, segment_ids)
        return BasketRecommendationsLoader(info.context).load(asked)

    return segments_of_visitor(info, active.policy, kind).then(load)


def _personal(info: Any, user_id: int | None, channel: str, kind: str, first: int) -> Any:
    def of_customer(active: ActiveChannel) -> Any:
        def serve(facts: tuple[Any, frozenset[int]]) -> Any:
            customer, segment_ids = facts
            # Whoever refuses is served like somebody unknown.
            profile_id = customer.profile.pk if customer and may_be_recommended_to(customer.profile) else None
            asked = Personal(profile_id, active.id, kind, first, active.policy, segment_ids)
            return PersonalRecommendationsLoader(info.context).load(asked)

        return Promise.all([customer_loaded, segments_if_asked(info, active.policy, kind, user_id)]).then(serve)

    customer_loaded = (
        CustomerByUserIdLoader(info.context).load(user_id) if user_id is not None else Promise.resolve(None)
    )
    return _in_channel(info, channel, of_customer)


def _in_channel(info: Any, slug: str, serve: Callable[[ActiveChannel], Any]) -> Any:
    """Promise of the recommended products; of none where the channel does not sell or the operator wants none."""

    def with_channel(active: ActiveChannel | None) -> Any:
        if active is None or not active.recommends:
            return []
        return serve(active).then(lambda served: _with_products(info, served, active.slug))

    return ActiveChannelBySlugLoader(info.context).load(slug).then(with_channel)


def _with_products(info: Any, served: list[Recommendation], slug: str) -> Any:
    def present(products: dict[int, Any]) -> list[RecommendedProduct]:
        return [
            RecommendedProduct(recommendation, products[recommendation.product_id], slug)
            for recommendation in served
            if recommendation.product_id in products
        ]

    return load_products(info, [recommendation.product_id for recommendation in served], slug).then(present)
