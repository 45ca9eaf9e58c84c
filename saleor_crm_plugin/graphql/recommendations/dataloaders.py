"""Recommendations for many customers and products at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.recommendations import serving
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


class PersonalRecommendationsLoader(DataLoader):
    """A list of `Recommendation` for each `Personal`."""

    context_key = "saleor_crm_plugin.personal_recommendations"

    def batch_load(self, keys: Sequence[Personal]) -> list[list[Recommendation]]:
        return [
            serving.for_customer(
                key.profile_id,
                key.channel_id,
                key.first,
                serving.RecommendationKind(key.kind),
                self.database_connection_name,
            )
            for key in keys
        ]


class ProductRecommendationsLoader(DataLoader):
    """A list of `Recommendation` for each `OfProduct`; one statement for all products asked for the same."""

    context_key = "saleor_crm_plugin.product_recommendations"

    def batch_load(self, keys: Sequence[OfProduct]) -> list[list[Recommendation]]:
        asked: dict[tuple[int, str, int], list[int]] = {}
        for key in keys:
            asked.setdefault((key.channel_id, key.kind, key.first), []).append(key.product_id)
        found = {
            (channel_id, kind, first): serving.for_products(
                product_ids, serving.RecommendationKind(kind), channel_id, first, self.database_connection_name
            )
            for (channel_id, kind, first), product_ids in asked.items()
        }
        return [found[key.channel_id, key.kind, key.first][key.product_id] for key in keys]


class BasketRecommendationsLoader(DataLoader):
    """A list of `Recommendation` for each `OfBasket`."""

    context_key = "saleor_crm_plugin.basket_recommendations"

    def batch_load(self, keys: Sequence[OfBasket]) -> list[list[Recommendation]]:
        return [
            serving.for_basket(
                key.product_ids,
                key.channel_id,
                key.first,
                self.database_connection_name,
                kind=serving.RecommendationKind(key.kind),
            )
            for key in keys
        ]
