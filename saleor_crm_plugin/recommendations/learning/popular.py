"""What a channel sells most of late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory


@dataclass(frozen=True, slots=True)
class PopularList:
    """The (k,) most popular product positions of a channel position, best first, with the baskets in the window."""

    channel: int
    products: npt.NDArray[np.int64]
    baskets: npt.NDArray[np.int64]


def popular_by_channel(history: PurchaseHistory, window_days: float, limit: int) -> list[PopularList]:
    """Products by baskets within the window, then by baskets ever, then by id: never empty where anything was sold."""
    size = len(history.product_ids)
    lists = []
    for channel in range(len(history.channel_ids)):
        here = history.channels == channel
        ever = np.bincount(history.products[here], minlength=size)
        lately = np.bincount(history.products[here & (history.ages < window_days)], minlength=size)
        sold = np.flatnonzero(ever)
        best = sold[np.lexsort((sold, -ever[sold], -lately[sold]))[:limit]]
        lists.append(PopularList(channel, best, lately[best]))
    return lists


def recent_popularity(history: PurchaseHistory, window_days: float) -> npt.NDArray[np.int64]:
    """(P,) baskets within the window, over all channels."""
    lately = history.products[history.ages < window_days]
    return np.bincount(lately, minlength=len(history.product_ids))
