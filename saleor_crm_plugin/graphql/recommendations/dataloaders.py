"""Recommendations for many customers, products and baskets at once: one statement for all that ask for the same."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.recommendations import serving
from saleor_crm_plugin.recommendations.arranging import NO_POLICY, Policy
from saleor_crm_plugin.recommendations.reasons import Recommendation
from saleor_crm_plugin.recommendations.serving import RecommendationKind


class Personal(NamedTuple):
    """What to serve to whom; `profile_id` is None for somebody unknown.

    In this and the others, `policy` is the channel's, and `segment_ids` are those of whoever the list is for.
    """

    profile_id: int | None
    channel_id: int
    kind: str
    first: int
    policy: Policy = NO_POLICY
    segment_ids: frozenset[int] = frozenset()


class OfProduct(NamedTuple):
    product_id: int
    channel_id: int
    kind: str
    first: int
    policy: Policy = NO_POLICY
    segment_ids: frozenset[int] = frozenset()


class OfBasket(NamedTuple):
    product_ids: tuple[int, ...]
    channel_id: int
    kind: str
    first: int
    policy: Policy = NO_POLICY
    segment_ids: frozenset[int] = frozenset()


Served = Mapping[Any, list[Recommendation]]


class PersonalRecommendationsLoader(DataLoader):
    """A list of `Recommendation` for each `Personal`."""

    context_key = "saleor_crm_plugin.personal_recommendations"

    def batch_load(self, keys: Sequence[Personal]) -> list[list[Recommendation]]:
        def serve(asked: Sequence[Personal], kind: RecommendationKind) -> Served:
            one = asked[0]
            profile_ids = [key.profile_id for key in asked]
            segment_ids = {key.profile_id: key.segment_ids for key in asked}
            using = self.database_connection_name
            return serving.for_customers(
                profile_ids, one.channel_id, one.first, kind, using, policy=one.policy, segment_ids=segment_ids
            )

        return _batched(keys, serve, lambda key: key[1:5])


class ProductRecommendationsLoader(DataLoader):
    """A list of `Recommendation` for each `OfProduct`."""

    context_key = "saleor_crm_plugin.product_recommendations"

    def batch_load(self, keys: Sequence[OfProduct]) -> list[list[Recommendation]]:
        def serve(asked: Sequence[OfProduct], kind: RecommendationKind) -> Served:
            one = asked[0]
            product_ids = [key.product_id for key in asked]
            using = self.database_connection_name
            return serving.for_products(
                product_ids, kind, one.channel_id, one.first, using, policy=one.policy, segment_ids=one.segment_ids
            )

        return _batched(keys, serve, lambda key: key[1:])


class BasketRecommendationsLoader(DataLoader):
    """A list of `Recommendation` for each `OfBasket`."""

    context_key = "saleor_crm_plugin.basket_recommendations"

    def batch_load(self, keys: Sequence[OfBasket]) -> list[list[Recommendation]]:
        def serve(asked: Sequence[OfBasket], kind: RecommendationKind) -> Served:
            one = asked[0]
            baskets = {key.product_ids: key.product_ids for key in asked}
            using = self.database_connection_name
            return serving.for_baskets(
                baskets, one.channel_id, one.first, using, kind=kind, policy=one.policy, segment_ids=one.segment_ids
            )

        return _batched(keys, serve, lambda key: key[1:])


Asked = TypeVar("Asked", Personal, OfProduct, OfBasket)


def _batched(
    keys: Sequence[Asked],
    serve: Callable[[Sequence[Asked], RecommendationKind], Served],
    what: Callable[[Asked], Hashable],
) -> list[list[Recommendation]]:
    """`serve` once for all keys that ask for the same.

    Args:
        what: what is asked for, whoever's list it is.
    """
    asked: dict[Hashable, list[Asked]] = {}
    for key in keys:
        asked.setdefault(what(key), []).append(key)
    found = {same: serve(some, RecommendationKind(some[0].kind)) for same, some in asked.items()}
    return [found[what(key)][key[0]] for key in keys]
