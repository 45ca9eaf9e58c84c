"""Shares and averages with how far they can be trusted. Pure.

Wilson's interval for a share: E. B. Wilson, JASA 22 (1927), equation 3; recommended for small numbers by Brown, Cai and
DasGupta, Statistical Science 16 (2001). Welch's interval for a difference of averages: B. L. Welch, Biometrika 34
(1947). When revenue for each customer is even enough for it: Kohavi, Deng, Longbotham and Xu, "Seven Rules of Thumb for
Web Site Experimenters", KDD 2014, rule 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

CONFIDENCE: Final = 0.95
_Z: Final = 1.959963984540054

# The average of n values is near enough to normal for a 95 % interval from n = 355 times the square of their skewness
# (rule 7 of the paper above).
SKEWNESS_FACTOR: Final = 355
# Skewness itself cannot be told from fewer.
LEAST_CUSTOMERS: Final = 100


@dataclass(frozen=True, slots=True)
class Share:
    """A share of trials, 0 to 1, with its 95 % interval."""

    successes: int
    trials: int
    value: float
    low: float
    high: float


def share_of(successes: int, trials: int) -> Share | None:
    """None without trials, and where there are more successes than trials, which then are not all known."""
    if trials <= 0 or not 0 <= successes <= trials:
        return None
    value, z2 = successes / trials, _Z * _Z
    middle = (value + z2 / (2 * trials)) / (1 + z2 / trials)
    reach = _Z / (1 + z2 / trials) * math.sqrt(value * (1 - value) / trials + z2 / (4 * trials * trials))
    # The ends are exact where nobody did, or everybody: rounding must not cut them off.
    low = 0.0 if successes == 0 else max(0.0, min(middle - reach, value))
    high = 1.0 if successes == trials else min(1.0, max(middle + reach, value))
    return Share(successes, trials, value, low, high)


@dataclass(frozen=True, slots=True)
class Sums:
    """Of a number for each customer: how many customers, and the sums of the first three powers. Exact."""

    count: int = 0
    first: Fraction = Fraction(0)
    second: Fraction = Fraction(0)
    third: Fraction = Fraction(0)

    @property
    def mean(self) -> Fraction | None:
        return self.first / self.count if self.count else None

    @property
    def variance(self) -> Fraction:
        """Unbiased; 0 for fewer than two customers."""
        if self.count < 2:
            return Fraction(0)
        return (self.second - self.first * self.first / self.count) / (self.count - 1)

    @property
    def skewness(self) -> float:
        """Third central moment over the deviation cubed; 0 where all values are the same."""
        if not self.count:
            return 0.0
        mean = self.first / self.count
        spread = self.second / self.count - mean * mean
        if spread <= 0:
            return 0.0
        third = self.third / self.count - 3 * mean * self.second / self.count + 2 * mean**3
        return float(third) / float(spread) ** 1.5


class ComparisonStatus(StrEnum):
    """Whether two groups can be compared."""

    MEASURED = "measured"
    # No customer was held out in this time.
    NO_HOLDOUT = "no_holdout"
    # Fewer customers than what they spend is uneven enough to need.
    INSUFFICIENT_DATA = "insufficient_data"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much more one group has for each customer than another.

    Attributes:
        needed: customers in the smaller group from which on the interval holds; None while nothing can be said, because
            nobody has spent anything.
        difference, low, high: None unless measured.
    """

    status: ComparisonStatus
    needed: int | None
    difference: Fraction | None = None
    low: float | None = None
    high: float | None = None


def compare(others: Sums, held_out: Sums) -> Comparison:
    """The average of `others` less that of `held_out`, with its 95 % interval (Welch, unequal variances)."""
    if not held_out.count:
        return Comparison(ComparisonStatus.NO_HOLDOUT, None)
    if not others.first and not held_out.first:
        return Comparison(ComparisonStatus.INSUFFICIENT_DATA, None)
    skewness = max(abs(others.skewness), abs(held_out.skewness))
    needed = max(LEAST_CUSTOMERS, math.ceil(SKEWNESS_FACTOR * skewness * skewness))
    if min(others.count, held_out.count) < needed or others.mean is None or held_out.mean is None:
        return Comparison(ComparisonStatus.INSUFFICIENT_DATA, needed)
    variances = [group.variance / group.count for group in (others, held_out)]
    total = sum(variances)
    difference = others.mean - held_out.mean
    if not total:
        # Everybody spent the same.
        return Comparison(ComparisonStatus.MEASURED, needed, difference, float(difference), float(difference))
    # Welch-Satterthwaite. Both counts are above 1 here.
    parts = zip(variances, (others, held_out), strict=True)
    freedom = float(total * total / sum(part * part / (group.count - 1) for part, group in parts))
    # Here, because it takes 0.2 s, which every start of the shop would pay.
    from scipy.special import stdtrit

    reach = float(stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * math.sqrt(total)
    return Comparison(
        ComparisonStatus.MEASURED, needed, difference, float(difference) - reach, float(difference) + reach
    )
