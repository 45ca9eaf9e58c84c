"""What a channel, and each category in it, sells most of late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.learning.history import NO_CATEGORY, PurchaseHistory

# `category_id` of a list about the whole channel. Saleor's ids begin at 1.
WHOLE_CHANNEL = 0
# Products kept for each category: a page of a list holds 100, and what is missing comes from the whole channel.
CATEGORY_LIMIT = 100


@dataclass(frozen=True, slots=True)
class PopularList:
    """The (k,) most popular product positions of a channel position, best first.

    Attributes:
        category_id: the category that all of them stand in, or `WHOLE_CHANNEL`.
        scores: (k,) what they are put in order by.
    """

    channel: int
    category_id: int
    products: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


def popular_by_channel(history: PurchaseHistory, window_days: float, limit: int) -> list[PopularList]:
    """Products by baskets within the window (the scores), then by baskets ever, then by id: never empty where anything
    was sold.
    """
    size = len(history.product_ids)
    lists: list[PopularList] = []
    for channel in range(len(history.channel_ids)):
        here = history.channels == channel
        ever = np.bincount(history.products[here], minlength=size)
        lately = np.bincount(history.products[here & (history.ages < window_days)], minlength=size)
        best = by_sales(lately, ever)
        lists += in_places(channel, best, lately[best].astype(np.float64), history.categories, limit)
    return lists


def in_places(
    channel: int,
    products: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float64],
    categories: npt.NDArray[np.int64],
    limit: int,
) -> Iterator[PopularList]:
    """The first `limit` of a channel's products, and the first `CATEGORY_LIMIT` of them in each category.

    Args:
        products, scores: (k,) positions and scores, best first.
        categories: (P,) category id of each product.
    """
    if len(products) == 0:
        return
    yield PopularList(channel, WHOLE_CHANNEL, products[:limit], scores[:limit])
    of_product = categories[products]
    order = np.argsort(of_product, kind="stable")
    known, starts = np.unique(of_product[order], return_index=True)
    for category_id, places in zip(known.tolist(), np.split(order, starts[1:]), strict=True):
        if category_id != NO_CATEGORY:
            best = places[: min(CATEGORY_LIMIT, limit)]
            yield PopularList(channel, category_id, products[best], scores[best])


def by_sales(lately: npt.NDArray[np.int64], ever: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The positions of all that was ever sold: by sales of late, then by sales ever, then by position."""
    sold = np.flatnonzero(ever)
    return sold[np.lexsort((sold, -ever[sold], -lately[sold]))]


def recent_popularity(history: PurchaseHistory, window_days: float) -> npt.NDArray[np.int64]:
    """(P,) baskets within the window, over all channels."""
    lately = history.products[history.ages < window_days]
    return np.bincount(lately, minlength=len(history.product_ids))
