"""What the learner takes as given, each with the measurement that chose it.

Figures are of `python -m tests.benchmarks.evaluate_recommendations --tune`: Complete Journey without fuel, history
before 2017-11-01, target the first basket of each household in November. December, which nothing was chosen on, is in
docs/explanation/recommendations.md.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameters:
    """How to learn.

    Attributes:
        minimum_support: baskets (customers) that must hold both products of a pair.
        related_limit: related products kept for each product. nDCG@10 of what was never bought before is .040 with 30,
            .042 with 50 and .042 with 100, and time and rows grow in step.
        half_life_days: after so long a purchase counts half. Recall@10 of the personal frequency is .133 with 30 days,
            .142 with 60, .147 with 90, .147 with 120, .144 with 180, and .142 without decay.
        discovery_every: every so manieth place of FOR_YOU is for a product never bought before. Recall@10 is .148
            without, .144 with every tenth, .138 with every fifth and .131 with every third: in a supermarket, what
            comes next is mostly what was bought before, and each place for something new costs.
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
