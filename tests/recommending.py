"""One list, or some, as tests and benchmarks ask for them: `serve` with less to write."""

from __future__ import annotations

import datetime
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS

from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.reasons import Recommendation
from saleor_crm_plugin.recommendations.serving import Asked, Scope, serve

Key = TypeVar("Key", bound=Hashable)


def for_customer(
    profile_id: int | None,
    channel_id: int,
    first: int,
    kind: RecommendationKind = RecommendationKind.FOR_YOU,
    using: str = DEFAULT_DB_ALIAS,
    *,
    now: datetime.datetime | None = None,
    **scope: Any,
) -> list[Recommendation]:
    """What a person may want next; for an unknown or anonymous one, what the channel sells most.

    Args:
        scope: further fields of `Scope`.
    """
    return serve([Asked(profile_id)], Scope(channel_id, kind, first, **scope), using, now=now)[0]


def for_customers(
    profile_ids: Iterable[int | None],
    channel_id: int,
    first: int,
    kind: RecommendationKind = RecommendationKind.FOR_YOU,
    using: str = DEFAULT_DB_ALIAS,
    **scope: Any,
) -> dict[int | None, list[Recommendation]]:
    """`for_customer` for each of many, in one statement."""
    people = list(dict.fromkeys(profile_ids))
    lists = serve([Asked(profile_id) for profile_id in people], Scope(channel_id, kind, first, **scope), using)
    return dict(zip(people, lists, strict=True))


def for_products(
    product_ids: Sequence[int],
    kind: RecommendationKind,
    channel_id: int,
    first: int,
    using: str = DEFAULT_DB_ALIAS,
    **scope: Any,
) -> dict[int, list[Recommendation]]:
    """A list for each of many products, in one statement: what goes with it, or what could take its place."""
    return for_baskets(
        {product_id: (product_id,) for product_id in product_ids}, channel_id, first, using, kind, **scope
    )


def for_basket(
    product_ids: Sequence[int],
    channel_id: int,
    first: int,
    using: str = DEFAULT_DB_ALIAS,
    kind: RecommendationKind = RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER,
    **scope: Any,
) -> list[Recommendation]:
    """What goes with these products taken together, for example with a checkout. None of them is in the answer."""
    return for_baskets({None: product_ids}, channel_id, first, using, kind, **scope)[None]


def for_baskets(
    baskets: Mapping[Key, Sequence[int]],
    channel_id: int,
    first: int,
    using: str = DEFAULT_DB_ALIAS,
    kind: RecommendationKind = RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER,
    **scope: Any,
) -> dict[Key, list[Recommendation]]:
    """`for_basket` for each of many, in one statement, by whatever tells the baskets apart."""
    asked = [Asked(product_ids=tuple(product_ids)) for product_ids in baskets.values()]
    return dict(zip(baskets, serve(asked, Scope(channel_id, kind, first, **scope), using), strict=True))
