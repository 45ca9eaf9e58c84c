"""Recommendations for many customers, products and baskets at once: one statement for all that ask for the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.recommendations import serving
from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.reasons import Recommendation


class Personal(NamedTuple):
    """What to serve to whom; `profile_id` is None for somebody unknown."""

    profile_id: int | None
    channel_id: int
    kind: str
    first: int


class OfProduct(NamedTuple):
    product_id: int
    channel_id: int
    kind: str
    first: int


class OfBasket(NamedTuple):
    product_ids: tuple[int, ...]
    channel_id: int
    kind: str
    first: int


Served = Mapping[Any, list[Recommendation]]


class PersonalRecommendationsLoader(DataLoader):
    """A list of `Recommendation` for each `Personal`."""

    context_key = "saleor_crm_plugin.personal_recommendations"

    def batch_load(self, keys: Sequence[Personal]) -> list[list[Recommendation]]:
        def serve(profile_ids: list[int | None], channel_id: int, kind: RecommendationKind, first: int) -> Served:
            return serving.for_customers(profile_ids, channel_id, first, kind, self.database_connection_name)

        return _batched(keys, serve)


class ProductRecommendationsLoader(DataLoader):
    """A list of `Recommendation` for each `OfProduct`."""

    context_key = "saleor_crm_plugin.product_recommendations"

    def batch_load(self, keys: Sequence[OfProduct]) -> list[list[Recommendation]]:
        def serve(product_ids: list[int], channel_id: int, kind: RecommendationKind, first: int) -> Served:
            return serving.for_products(product_ids, kind, channel_id, first, self.database_connection_name)

        return _batched(keys, serve)


class BasketRecommendationsLoader(DataLoader):
    """A list of `Recommendation` for each `OfBasket`."""

    context_key = "saleor_crm_plugin.basket_recommendations"

    def batch_load(self, keys: Sequence[OfBasket]) -> list[list[Recommendation]]:
        def serve(baskets: list[tuple[int, ...]], channel_id: int, kind: RecommendationKind, first: int) -> Served:
            products = {product_ids: product_ids for product_ids in baskets}
            return serving.for_baskets(products, channel_id, first, self.database_connection_name, kind=kind)

        return _batched(keys, serve)


def _batched(
    keys: Sequence[Personal] | Sequence[OfProduct] | Sequence[OfBasket],
    serve: Callable[[list[Any], int, RecommendationKind, int], Served],
) -> list[list[Recommendation]]:
    """`serve` once for all keys that differ in their first part only, which is whose list it is."""
    asked: dict[tuple[int, str, int], list[Any]] = {}
    for key in keys:
        asked.setdefault((key.channel_id, key.kind, key.first), []).append(key[0])
    found = {
        (channel_id, kind, first): serve(some, channel_id, RecommendationKind(kind), first)
        for (channel_id, kind, first), some in asked.items()
    }
    return [found[key.channel_id, key.kind, key.first][key[0]] for key in keys]
