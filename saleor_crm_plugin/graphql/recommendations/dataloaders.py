"""Recommendations for many customers, products and baskets at once: one statement for all that ask for the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.recommendations.arranging import NO_POLICY, Policy
from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.reasons import Recommendation
from saleor_crm_plugin.recommendations.serving import Asked, Scope, serve


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


class PersonalRecommendationsLoader(DataLoader):
    """A list of `Recommendation` for each `Personal`."""

    context_key = "saleor_crm_plugin.personal_recommendations"

    def batch_load(self, keys: Sequence[Personal]) -> list[list[Recommendation]]:
        return _batched(keys, lambda key: Asked(key.profile_id, (), key.segment_ids), self.database_connection_name)


class ProductRecommendationsLoader(DataLoader):
    """A list of `Recommendation` for each `OfProduct`."""

    context_key = "saleor_crm_plugin.product_recommendations"

    def batch_load(self, keys: Sequence[OfProduct]) -> list[list[Recommendation]]:
        return _batched(
            keys, lambda key: Asked(None, (key.product_id,), key.segment_ids), self.database_connection_name
        )


class BasketRecommendationsLoader(DataLoader):
    """A list of `Recommendation` for each `OfBasket`."""

    context_key = "saleor_crm_plugin.basket_recommendations"

    def batch_load(self, keys: Sequence[OfBasket]) -> list[list[Recommendation]]:
        return _batched(keys, lambda key: Asked(None, key.product_ids, key.segment_ids), self.database_connection_name)


Key = TypeVar("Key", Personal, OfProduct, OfBasket)


def _batched(keys: Sequence[Key], asked_by: Callable[[Key], Asked], using: str) -> list[list[Recommendation]]:
    """One statement for all keys that differ only in whose list it is."""
    scopes: dict[Scope, list[Key]] = {}
    for key in keys:
        scope = Scope(key.channel_id, RecommendationKind(key.kind), key.first, policy=key.policy)
        scopes.setdefault(scope, []).append(key)
    found: dict[Key, list[Recommendation]] = {}
    for scope, some in scopes.items():
        found.update(zip(some, serve([asked_by(key) for key in some], scope, using), strict=True))
    return [found[key] for key in keys]
