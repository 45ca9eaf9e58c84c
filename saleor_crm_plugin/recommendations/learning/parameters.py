"""What the learner takes as given.

Defaults serve a shop with too little history to tune on; a training replaces those marked "tuned" by what did best on
the shop's own last weeks. Figures are of Complete Journey without fuel, by `crm_evaluate`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class Discovery(StrEnum):
    """What puts products that a customer never bought in order, without a ranker."""

    EASE = "ease"
    COSINE = "cosine"
    POPULAR = "popular"


@dataclass(frozen=True, slots=True)
class Parameters:
    """How to learn.

    Attributes:
        minimum_support: baskets (customers) that must hold both products of a pair.
        related_limit: related products kept for each product. nDCG@10 of what was never bought before is .040 with 30,
            .042 with 50 and .042 with 100, and time and rows grow in step.
        completing_limit: the same of what completes baskets, where few products are sold. Hit rate@10 by product type
            (1,868) is .316 with 50, .319 with 100 and .320 with 200; by product (26,722) 50 are as good as 200.
        half_life_days: tuned. After so long a purchase counts half.
        repeat_power: tuned. Frequency counts times the product's repeat rate to this power.
        discovery: tuned. What puts discoveries in order: `ease`, the co-purchase cosine, or what sells most.
        popularity_power: tuned. Their scores count times the logarithm of recent sales to this power.
        regularization: lambda of `ease` on customers.
        basket_regularization: tuned. The same on baskets.
        discovery_every: tuned. Every so manieth place of FOR_YOU is for a product never bought before; 0: such products
            come after all that were bought. A ranker decides each place by itself instead, unless `discovery_share` is
            set.
        discovery_share: share of FOR_YOU's places (0 to 0.5) that the operator sets aside for products never bought
            before; None: learnt.
        minimum_repeat_rate: a product that fewer of its buyers bought again stands behind the discoveries: who bought
            a fridge does not want another.
        bought_limit, discovery_limit: products kept for each customer.
        popular_window_days: what sells within it is popular; earlier sales only break ties.
        popular_limit: products kept for each channel.
        basket_cosine, basket_linear: tuned. Weights of the co-purchase cosine and of `ease` on baskets in what
            completes a basket.
        basket_own: tuned. Weight of what the customer buys anyway beside them.
        own_half_life_days, own_power: tuned. What the customer buys anyway is the number of baskets that held it, each
            counting half after the former, to the power of the latter.
        horizon_days: how far ahead "next" looks.
        ranked: whether a gradient-boosted ranker orders the lists: set where it won on held-out weeks.
    """

    minimum_support: int = 3
    related_limit: int = 50
    completing_limit: int = 200
    half_life_days: float = 90.0
    repeat_power: float = 0.5
    discovery: Discovery = Discovery.EASE
    popularity_power: float = 1.0
    regularization: float = 500.0
    basket_regularization: float = 200.0
    discovery_every: int = 10
    discovery_share: float | None = None
    minimum_repeat_rate: float = 0.05
    bought_limit: int = 100
    discovery_limit: int = 50
    popular_window_days: int = 28
    popular_limit: int = 300
    basket_cosine: float = 1.0
    basket_linear: float = 1.0
    basket_own: float = 0.1
    own_half_life_days: float = 60.0
    own_power: float = 0.7
    horizon_days: float = 28.0
    ranked: bool = False

    def with_settings_of(self, given: Self) -> Self:
        """The same, with what the shop's settings fix taken from `given`."""
        return replace(self, minimum_support=given.minimum_support, discovery_share=given.discovery_share)
