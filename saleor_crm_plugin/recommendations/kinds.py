"""What a list of recommendations is about."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class RecommendationKind(StrEnum):
    FOR_YOU = "for_you"
    BUY_AGAIN = "buy_again"
    DISCOVER = "discover"
    FREQUENTLY_BOUGHT_TOGETHER = "frequently_bought_together"
    SIMILAR = "similar"
    TRENDING = "trending"
    NEW_ARRIVALS = "new_arrivals"
    BESTSELLERS = "bestsellers"
    RECENTLY_VIEWED = "recently_viewed"


# About products that the caller names, and nothing without them.
PRODUCT_KINDS: Final = frozenset({RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER, RecommendationKind.SIMILAR})
# Kinds about a person that look at a cart as well.
CART_KINDS: Final = frozenset({RecommendationKind.FOR_YOU, RecommendationKind.DISCOVER})
# About a person: what they bought counts, and they may have forbidden it.
PERSONAL_KINDS: Final = CART_KINDS | {RecommendationKind.BUY_AGAIN, RecommendationKind.RECENTLY_VIEWED}
