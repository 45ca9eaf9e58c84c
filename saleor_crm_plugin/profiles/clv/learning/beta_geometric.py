"""BG/NBD and MBG/NBD: purchases at a rate, and after each purchase the customer may leave.

- BG/NBD: P. Fader, B. Hardie, K. Lee, "Counting Your Customers" the Easy Way, Marketing Science 24 (2005), eq. 6, 10.
- MBG/NBD: E. Batislam, M. Denizel, A. Filiztekin, Empirical validation and comparison of models for customer base
  analysis, International Journal of Research in Marketing 24 (2007): the customer may leave after the first purchase
  already. By BG/NBD whoever has bought once is alive for certain, so that it says nothing about who has left.

The rate is gamma (r, alpha), the probability to leave is beta (a, b) across customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import betaln, digamma, gammaln

from saleor_crm_plugin.profiles.clv.learning.histories import Floats, Repeats
from saleor_crm_plugin.profiles.clv.learning.model import BuyTillYouDie, ModelName, Parts, Slopes

# Customers at once in `_purchases`: each of its grids takes 10 MB.
CHUNK = 8_192
# Of the trapezoid rule there: error below 1e-8 over the whole range of the search (test_models.py).
NODES = 161
_FALLEN = 40.0
# Below it p makes no difference any more, and 0 would be 0/0.
_SMALLEST = -690.0


@dataclass(frozen=True)
class BetaGeometric(BuyTillYouDie):
    """What the two have in common."""

    r: float
    alpha: float
    a: float
    b: float

    # Occasions to leave, before the first repeat purchase.
    occasions_at_first: ClassVar[int]

    @classmethod
    def starts(cls, weeks: float) -> list[tuple[float, ...]]:
        return [(0.5, 0.15 * weeks, 1.0, 2.0), (0.2, 0.02 * weeks, 0.3, 1.0), (2.0, weeks, 2.0, 8.0)]

    @classmethod
    def limits(cls, weeks: float) -> list[tuple[float, float]]:
        return [(1e-4, 1e3), (1e-5 * weeks, 1e4 * weeks), (1e-4, 1e3), (1e-4, 1e4)]

    @classmethod
    def parts(
        cls, parameters: Floats, x: Repeats, repeats: Floats, recency: Floats, age: Floats, *, slopes: bool = False
    ) -> Parts:
        r, alpha, a, b = parameters
        levels = x.levels
        stayed = levels + cls.occasions_at_first
        bought = gammaln(r + levels) - gammaln(r) + r * np.log(alpha)
        # B(a, b + k) / B(a, b), where k is how often the customer has stayed; and the same for leaving at the last.
        staying = gammaln(b + stayed) - gammaln(b) + gammaln(a + b) - gammaln(a + b + stayed)
        before = b + stayed - 1
        leaving = np.where(stayed > 0, np.log(a) - np.log(np.where(stayed > 0, before, 1.0)), -np.inf)
        log_age, log_recency = np.log(alpha + age), np.log(alpha + recency)
        alive = x.spread(bought + staying) - (r + repeats) * log_age
        left = x.spread(bought + staying + leaving) - (r + repeats) * log_recency
        if not slopes:
            return Parts(alive, left)
        by_r = x.spread(digamma(r + levels) - digamma(r) + np.log(alpha))
        stay_by_a = digamma(a + b) - digamma(a + b + stayed)
        stay_by_b = stay_by_a + digamma(b + stayed) - digamma(b)
        leave_by_b = np.where(stayed > 0, -1 / np.where(stayed > 0, before, 1.0), 0.0)
        by_alpha = r / alpha
        return Parts(
            alive,
            left,
            Slopes(
                alive=(
                    by_r - log_age,
                    by_alpha - (r + repeats) / (alpha + age),
                    x.spread(stay_by_a),
                    x.spread(stay_by_b),
                ),
                left=(
                    by_r - log_recency,
                    by_alpha - (r + repeats) / (alpha + recency),
                    x.spread(stay_by_a + 1 / a),
                    x.spread(stay_by_b + leave_by_b),
                ),
            ),
        )

    def purchases_while_alive(self, repeats: Floats, age: Floats, weeks: float) -> Floats:
        found = np.empty(len(repeats))
        for begin in range(0, len(repeats), CHUNK):
            chunk = slice(begin, begin + CHUNK)
            stayed = repeats[chunk] + self.occasions_at_first
            found[chunk] = _purchases(self.a, self.b + stayed, self.r + repeats[chunk], self.alpha + age[chunk], weeks)
        return found


class BGNBD(BetaGeometric):
    name = ModelName.BG_NBD
    occasions_at_first = 0


class MBGNBD(BetaGeometric):
    name = ModelName.MBG_NBD
    occasions_at_first = 1


def _purchases(a: float, b: Floats, r: Floats, alpha: Floats, weeks: float) -> Floats:
    """E[(1 - exp(-rate p t)) / p], p ~ Beta(a, b), rate ~ Gamma(r, alpha): purchases until t or the customer leaves.

    The papers write it with a hypergeometric function, with c = a + b - 1 and z = t / (alpha + t)
    c / (a-1) (1 - (1-z)^r 2F1(r, b; c; z)), which is 0/0 at a = 1 and which overflows for thousands of purchases. Here
    it is the integral over p that the function stands for, all of whose terms are positive: by the trapezoid rule
    after p = logistic(centre + width sinh u), so that it converges exponentially. Centre and width are those of the
    hump of the density, or of its bend where a or b is small; the ends are where it has fallen by e^-40.
    """
    width = np.sqrt(np.minimum(1.0, 1 / a + 1 / b))
    centre = np.log(max(a, 1.0)) - np.log(np.maximum(b, 1.0))
    low = -np.arcsinh(_FALLEN * np.maximum(1 / (a * width), 2.0))
    high = np.arcsinh(_FALLEN * np.maximum(1 / (b * width), 2.0))
    apart = (high - low) / (NODES - 1)
    u = low[:, None] + apart[:, None] * np.arange(NODES)
    log_odds = centre[:, None] + width[:, None] * np.sinh(u)
    log_p, log_stay = -np.logaddexp(0.0, -log_odds), -np.logaddexp(0.0, log_odds)
    density = np.exp(a * log_p + b[:, None] * log_stay - betaln(a, b)[:, None]) * np.cosh(u)
    p = np.exp(np.maximum(log_p, _SMALLEST))
    until = -np.expm1(-r[:, None] * np.log1p(p * (weeks / alpha)[:, None])) / p
    return np.asarray((density * until).sum(axis=1) * width * apart)
