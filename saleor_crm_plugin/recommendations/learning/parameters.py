"""What the learner takes as given, each with the measurement that chose it.

Measured by tests/benchmarks/evaluate_recommendations.py on Complete Journey (fuel left out), history before
2017-11-01, target the first basket of each household in November; see docs/explanation/recommendations.md.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameters:
    """How to learn.

    Attributes:
        minimum_support: baskets (customers) that must hold both products of a pair.
        related_limit: related products kept for each product. Never-bought nDCG@10 grew from .036 at 30 to .041 at
            100; 50 is the compromise with the time (linear in it).
        half_life_days: after so long a purchase counts half. Recall@10 of the personal frequency was .143 at 60 days,
            .147 at 90, .147 at 120, .146 at 150 and .140 without decay.
        discovery_every: every so manieth place of FOR_YOU is for a product never bought before. 10 costs 3 % of
            recall@10 (.144 for .149), 5 costs 8 %, 3 costs 13 %: what a customer buys next in a supermarket is mostly
            what was bought before.
        minimum_repeat_rate: a product that fewer of its buyers bought again stands behind the discoveries: who bought
            a fridge does not want another.
        bought_limit, discovery_limit: products kept for each customer.
        popular_window_days: what sells within it is popular; earlier sales only break ties.
        popular_limit: products kept for each channel.
    """

    minimum_support: int = 3
    related_limit: int = 50
    half_life_days: float = 90.0
    discovery_every: int = 10
    minimum_repeat_rate: float = 0.05
    bought_limit: int = 100
    discovery_limit: int = 50
    popular_window_days: int = 28
    popular_limit: int = 300
