"""What sells more of late than it did before."""

from __future__ import annotations

import numpy as np

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.popular import PopularList, in_places

# The past that the window is held against, in windows: three of four weeks are a quarter of a year, short enough not
# to compare ice cream in July with that in January.
PAST_WINDOWS = 3
# Growth is drawn to none as if so many more baskets had been sold, in the window and before it: three baskets after one
# count as 1.3 times as much, behind twenty after ten with 1.7. Not measured: no data set here says what is a trend.
PRIOR_BASKETS = 5.0


def trending_by_channel(history: PurchaseHistory, window_days: float, limit: int) -> list[PopularList]:
    """Products by their growth: baskets within the window as a multiple of what the same time before it had.

    The scores are the growth, over 1: what does not grow is not in a list. A channel whose history is shorter than two
    windows has no past to compare with, and no list.
    """
    size = len(history.product_ids)
    lists: list[PopularList] = []
    for channel in range(len(history.channel_ids)):
        here = history.channels == channel
        ages, products = history.ages[here], history.products[here]
        past_windows = min((float(ages.max(initial=0)) - window_days) / window_days, PAST_WINDOWS)
        if past_windows < 1:
            continue
        lately = np.bincount(products[ages < window_days], minlength=size)
        before = (ages >= window_days) & (ages <= window_days * (1 + past_windows))
        usual = np.bincount(products[before], minlength=size) / past_windows
        growth = (lately + PRIOR_BASKETS) / (usual + PRIOR_BASKETS)
        rising = np.flatnonzero(growth > 1)
        best = rising[np.lexsort((rising, -growth[rising]))]
        lists += in_places(channel, best, growth[best], history.categories, limit)
    return lists
