"""The lists of each channel and each category in it: what sells most, and what sells more than before."""

from __future__ import annotations

from collections.abc import Iterator

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.popular import popular_by_channel
from saleor_crm_plugin.recommendations.learning.stored import BESTSELLERS, TRENDING, PopularList
from saleor_crm_plugin.recommendations.learning.trending import trending_by_channel


def channel_lists(history: PurchaseHistory, window_days: float, limit: int) -> Iterator[PopularList]:
    """Arguments as of `popular_by_channel`."""
    for kind, lists in (
        (BESTSELLERS, popular_by_channel(history, window_days, limit)),
        (TRENDING, trending_by_channel(history, window_days, limit)),
    ):
        for entry in lists:
            yield PopularList(
                kind,
                int(history.channel_ids[entry.channel]),
                entry.category_id,
                history.product_ids[entry.products].tolist(),
                entry.scores.tolist(),
            )
