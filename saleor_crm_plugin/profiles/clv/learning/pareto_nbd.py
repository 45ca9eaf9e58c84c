"""Pareto/NBD: purchases at a rate, and the customer may leave at any time.

D. Schmittlein, D. Morrison, R. Colombo, Counting Your Customers: Who Are They and What Will They Do Next?, Management
Science 33 (1987); the likelihood as in P. Fader, B. Hardie, A Note on Deriving the Pareto/NBD Model and Related
Expressions (2005). The rate of buying is gamma (r, alpha), that of leaving gamma (s, beta) across customers.

The part of those who have left is an integral over when they did,

    Γ(r+x) A^r B^s / Γ(r) · s ∫ (A+y)^-(r+x) (B+y)^-(s+1) dy,   y from t_x to T, with A = alpha and B = beta.

The note solves it as the difference of two hypergeometric functions, which loses all digits when they are nearly
equal. The integral itself has a positive, smooth integrand: Gauss-Legendre in log(min(A, B) + y), and the derivatives
come from the same nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import digamma, exprel, gammaln

from saleor_crm_plugin.profiles.clv.learning.histories import Floats, Repeats
from saleor_crm_plugin.profiles.clv.learning.model import BuyTillYouDie, ModelName, Parts, Slopes

# The integrand is cut off where it has fallen by e^-42, below the last digit.
_CUT = 42.0
# Where the integrand falls by at most e^-15 over a short way, a dozen nodes give ten digits; else it takes 64.
_EASY_FALL, _EASY_LENGTH = 15.0, 2.0
_EASY_NODES = np.polynomial.legendre.leggauss(14)
_HARD_NODES = np.polynomial.legendre.leggauss(72)
# Customers at once in the integral.
CHUNK = 16_384


@dataclass(frozen=True)
class ParetoNBD(BuyTillYouDie):
    name = ModelName.PARETO_NBD

    r: float
    alpha: float
    s: float
    beta: float

    @classmethod
    def starts(cls, weeks: float) -> list[tuple[float, ...]]:
        return [(0.5, 0.25 * weeks, 0.5, 0.25 * weeks), (0.2, 0.02 * weeks, 0.3, 0.1 * weeks), (2.0, weeks, 1.0, weeks)]

    @classmethod
    def limits(cls, weeks: float) -> list[tuple[float, float]]:
        return [(1e-4, 1e3), (1e-5 * weeks, 1e4 * weeks), (1e-4, 1e3), (1e-5 * weeks, 1e4 * weeks)]

    @classmethod
    def parts(
        cls, parameters: Floats, x: Repeats, repeats: Floats, recency: Floats, age: Floats, *, slopes: bool = False
    ) -> Parts:
        r, alpha, s, beta = parameters
        levels = x.levels
        shared = x.spread(gammaln(r + levels) - gammaln(r) + r * np.log(alpha)) + s * np.log(beta)
        log_alpha_age, log_beta_age = np.log(alpha + age), np.log(beta + age)
        alive = shared - (r + repeats) * log_alpha_age - s * log_beta_age
        integral, by = _left(parameters, repeats, recency, age, slopes)
        left = shared + np.log(s) + integral
        if not slopes:
            return Parts(alive, left)
        by_r = x.spread(digamma(r + levels) - digamma(r) + np.log(alpha))
        return Parts(
            alive,
            left,
            Slopes(
                alive=(
                    by_r - log_alpha_age,
                    r / alpha - (r + repeats) / (alpha + age),
                    np.log(beta) - log_beta_age,
                    s / beta - s / (beta + age),
                ),
                left=(by_r + by[0], r / alpha + by[1], np.log(beta) + 1 / s + by[2], s / beta + by[3]),
            ),
        )

    def purchases_while_alive(self, repeats: Floats, age: Floats, weeks: float) -> Floats:
        # With B = beta + T, B/(s-1) (1 - (B/(B+t))^(s-1)) without its 0/0 at s = 1: exprel(z) = (e^z - 1)/z.
        log_growth = np.log1p(weeks / (self.beta + age))
        lifetime = (self.beta + age) * log_growth * exprel(-(self.s - 1) * log_growth)
        return np.asarray((self.r + repeats) / (self.alpha + age) * lifetime)


def _left(parameters: Floats, x: Floats, recency: Floats, age: Floats, slopes: bool) -> tuple[Floats, Floats]:
    """The logarithm of the integral, and its derivatives by r, alpha, s and beta (not computed: zeros)."""
    r, alpha, s, beta = parameters
    least = min(alpha, beta)
    begin, end = np.log(least + recency), np.log(least + age)
    # How fast the integrand falls at the beginning; it only falls faster later on.
    falls = (r + x) * (least + recency) / (alpha + recency) + (s + 1) * (least + recency) / (beta + recency) - 1
    length = np.minimum(end - begin, np.where(falls > 0, _CUT / np.maximum(falls, 1e-300), np.inf))
    fall = length * (r + x + s + 1)
    easy = (fall <= _EASY_FALL) & (length <= _EASY_LENGTH)
    logs, by = np.empty(len(x)), np.zeros((4, len(x)))
    for chosen, nodes in ((np.flatnonzero(easy), _EASY_NODES), (np.flatnonzero(~easy), _HARD_NODES)):
        for first in range(0, len(chosen), CHUNK):
            some = chosen[first : first + CHUNK]
            logs[some], by[:, some] = _quadrature(
                parameters, x[some], np.exp(begin[some]) - least, least, length[some], nodes, slopes
            )
    return logs, by


def _quadrature(
    parameters: Floats, x: Floats, since: Floats, least: float, length: Floats, nodes: Any, slopes: bool
) -> tuple[Floats, Any]:
    r, alpha, s, beta = parameters
    # Nodes by customers: sums over the first axis are the fast ones.
    way = (nodes[0][:, None] + 1) / 2 * length
    y = since + (least + since) * np.expm1(way)
    log_alpha, log_beta = np.log(alpha + y), np.log(beta + y)
    log_least = log_alpha if least == alpha else log_beta
    logs = log_least - (r + x) * log_alpha - (s + 1) * log_beta
    highest = logs.max(axis=0)
    weights = np.exp(logs - highest) * (nodes[1] / 2)[:, None]
    total = weights.sum(axis=0)
    with np.errstate(divide="ignore"):
        # No time to have left in: log 0.
        integral = highest + np.log(total) + np.log(length)
    if not slopes:
        return integral, 0.0
    weights /= total
    return integral, (
        -(weights * log_alpha).sum(axis=0),
        -(r + x) * (weights / (alpha + y)).sum(axis=0),
        -(weights * log_beta).sum(axis=0),
        -(s + 1) * (weights / (beta + y)).sum(axis=0),
    )
