"""Gamma-Gamma: what a customer's purchases are worth on average.

P. Fader, B. Hardie, The Gamma-Gamma Model of Monetary Value (2013), eq. 1a and 5: a purchase is gamma (p, nu), where
nu is gamma (q, v) across customers. Whoever has bought little is drawn to the mean of all. The model assumes that how
much is spent does not depend on how often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import digamma, gammaln

from saleor_crm_plugin.exceptions import ForecastError
from saleor_crm_plugin.profiles.clv.learning.histories import Floats, Integers, Repeats
from saleor_crm_plugin.profiles.clv.learning.model import Degeneracy
from saleor_crm_plugin.profiles.clv.learning.search import maximize

_STARTS = [(6.0, 4.0, 3.0), (1.0, 2.0, 1.0), (20.0, 20.0, 20.0)]
# In units of the median value.
_LIMITS = [(1e-3, 1e4), (1e-3, 1e4), (1e-6, 1e6)]


@dataclass(frozen=True, slots=True)
class GammaGamma:
    p: float
    q: float
    v: float

    @classmethod
    def fit(cls, purchases: Integers, means: Floats) -> tuple[Self, Degeneracy | None]:
        """The parameters under which these purchases are likeliest, and what is wrong with them, if anything.

        Args:
            purchases: how many purchases of each customer have a value, at least 1.
            means: their mean value, above 0.

        Raises:
            ForecastError: there are no purchases with a value, or a value is not a positive number.
        """
        if not len(purchases) or len(purchases) != len(means) or purchases.min() < 1:
            raise ForecastError("There are no purchases with a value to learn from.")
        if not (np.isfinite(means).all() and means.min() > 0):
            raise ForecastError("Values of purchases are positive numbers.")
        # So that the limits fit every currency.
        unit = float(np.median(means))
        x, counts, values = Repeats(purchases), purchases.astype(np.float64), means / unit
        log_spent = np.log(counts) + np.log(values)
        mean_log_value = float(np.log(values).mean())
        spent = counts * values

        def objective(parameters: Floats) -> tuple[float, Floats]:
            p, q, v = parameters
            shape = p * x.levels
            with np.errstate(all="ignore"):
                shapes, log_all = p * counts, np.log(v + spent)
                constant = q * np.log(v) - gammaln(q)
                level = gammaln(shape + q) - gammaln(shape)
                likelihood = (x.spread(level) + shapes * log_spent - (shapes + q) * log_all).mean()
                by_p = x.levels * (digamma(shape + q) - digamma(shape))
                return float(likelihood + constant - mean_log_value), np.array(
                    [
                        (x.spread(by_p) + counts * (log_spent - log_all)).mean(),
                        (x.spread(digamma(shape + q)) - log_all).mean() + np.log(v) - digamma(q),
                        q / v - ((shapes + q) / (v + spent)).mean(),
                    ]
                )

        found = maximize(objective, _STARTS, _LIMITS)
        p, q, v = found.parameters
        model = cls(p, q, v * unit)
        # The mean of all customers is p v / (q - 1): below q = 1 there is none.
        if found.at_limit or q <= 1:
            return model, Degeneracy.AT_LIMIT
        return model, None if found.converged else Degeneracy.NOT_CONVERGED

    def log_likelihood(self, purchases: Integers, means: Floats) -> float:
        """Of all customers together."""
        p, q, v = self.p, self.q, self.v
        shape = p * purchases
        terms = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(v)
        terms += (shape - 1) * np.log(means) + shape * np.log(purchases) - (shape + q) * np.log(v + purchases * means)
        return float(terms.sum())

    def expected_value(self, purchases: Integers, means: Floats) -> Floats:
        """The expected mean value of a customer's purchases; of who has 0, whatever the mean, that of all customers."""
        spent = np.where(purchases > 0, purchases * means, 0.0)
        return np.asarray(self.p * (self.v + spent) / (self.p * purchases + self.q - 1))


@dataclass(frozen=True, slots=True)
class AverageValue:
    """The same for everybody: where Gamma-Gamma finds no shape, for example because everything costs the same."""

    mean: float

    def expected_value(self, purchases: Integers, means: Floats) -> Floats:
        return np.full(len(purchases), self.mean)


ValueModel = GammaGamma | AverageValue
