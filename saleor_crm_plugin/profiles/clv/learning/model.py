"""What the buy-till-you-die models share.

The likelihood of a history has two parts: the customer still buys at the end of it, or has left since the last
purchase. Everything follows from them: the fit, P(alive) as the share of the first, and the probability that nothing
is bought in the next t as L(x, t_x, T + t) / L(x, t_x, T): to see nothing then is to see the same history for longer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self

import numpy as np

from saleor_crm_plugin.exceptions import ForecastError
from saleor_crm_plugin.profiles.clv.learning.histories import (
    DAYS_PER_WEEK,
    Floats,
    Histories,
    Integers,
    Repeats,
    grouped,
)
from saleor_crm_plugin.profiles.clv.learning.search import Found, maximize

# Fewer than one customer in a thousand has left, or stays: the dropout has run to its limit, whatever its parameters.
FEWEST_LEFT_OR_STAYING = 1e-3


class ModelName(StrEnum):
    BG_NBD = "bg_nbd"
    MBG_NBD = "mbg_nbd"
    PARETO_NBD = "pareto_nbd"


class Degeneracy(StrEnum):
    """Why a fit is not used."""

    NOBODY_CAME_BACK = "nobody has bought again yet"
    NOT_CONVERGED = "the search found no maximum"
    AT_LIMIT = "a parameter ran to the limit of the search"
    NOBODY_LEAVES = "by it nobody ever leaves"
    NOBODY_STAYS = "by it nobody stays"


@dataclass(frozen=True, slots=True)
class Slopes:
    """Derivatives of the two logarithms by each parameter, in the order of the parameters."""

    alive: tuple[Any, ...]
    left: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """Logarithms of the two parts of the likelihood, by customer. `left` is -inf where nobody can have left."""

    alive: Floats
    left: Floats
    slopes: Slopes | None = None

    @property
    def total(self) -> Floats:
        return np.asarray(np.logaddexp(self.alive, self.left))


@dataclass(frozen=True)
class BuyTillYouDie(ABC):
    """A fitted model; its fields are its parameters."""

    name: ClassVar[ModelName]

    @classmethod
    @abstractmethod
    def parts(
        cls, parameters: Floats, x: Repeats, repeats: Floats, recency: Floats, age: Floats, *, slopes: bool = False
    ) -> Parts:
        """The two parts of the likelihood.

        Args:
            x: for functions of the repeats alone. `repeats`, `recency` and `age`, in weeks, are by customer.
            slopes: with derivatives.
        """

    @classmethod
    @abstractmethod
    def starts(cls, weeks: float) -> list[tuple[float, ...]]:
        """Where to begin the search; `weeks` is how long the oldest customer is known."""

    @classmethod
    @abstractmethod
    def limits(cls, weeks: float) -> list[tuple[float, float]]:
        """Of each parameter in the search."""

    @abstractmethod
    def purchases_while_alive(self, repeats: Floats, age: Floats, weeks: float) -> Floats:
        """Expected purchases in the next weeks of customers who still buy now."""

    @property
    def parameters(self) -> Floats:
        return np.array(list(asdict(self).values()), dtype=np.float64)

    @classmethod
    def _search(cls, groups: Histories) -> Found:
        x, repeats, recency, age = _columns(groups)
        weights = groups.customers / groups.total

        def objective(parameters: Floats) -> tuple[float, Floats]:
            with np.errstate(all="ignore"):
                parts = cls.parts(parameters, x, repeats, recency, age, slopes=True)
                assert parts.slopes is not None
                total = parts.total
                alive = np.exp(parts.alive - total) * weights
                left = weights - alive
                slopes = [
                    _weighted(alive, by_alive) + _weighted(left, by_left)
                    for by_alive, by_left in zip(parts.slopes.alive, parts.slopes.left, strict=True)
                ]
                return float(weights @ total), np.array(slopes)

        weeks = max(float(age.max()), 1.0)
        return maximize(objective, cls.starts(weeks), cls.limits(weeks))

    @classmethod
    def fit(cls, customers: Histories) -> tuple[Self, Degeneracy | None]:
        """The parameters under which these histories are likeliest, and what is wrong with them, if anything.

        Raises:
            ForecastError: there are no customers.
        """
        if not len(customers):
            raise ForecastError("There are no customers to learn from.")
        groups = grouped(customers)
        found = cls._search(groups)
        model = cls(*found.parameters)
        return model, model._degeneracy(found, groups)

    def _degeneracy(self, found: Found, groups: Histories) -> Degeneracy | None:
        if not groups.repeats.any():
            # That nobody buys and that nobody stays are equally likely then: the search ends anywhere between the two,
            # where rounding leads it.
            return Degeneracy.NOBODY_CAME_BACK
        if not found.converged and not found.at_limit:
            return Degeneracy.NOT_CONVERGED
        alive = float(groups.customers @ self.probability_alive(groups)) / groups.total
        if not alive < 1 - FEWEST_LEFT_OR_STAYING:
            return Degeneracy.NOBODY_LEAVES
        if not alive > FEWEST_LEFT_OR_STAYING:
            return Degeneracy.NOBODY_STAYS
        return Degeneracy.AT_LIMIT if found.at_limit else None

    def log_likelihood(self, customers: Histories) -> float:
        """Of all customers together."""
        return float(customers.customers @ self._parts(customers).total)

    def probability_alive(self, customers: Histories) -> Floats:
        """That the customer still buys at the end of the time observed."""
        parts = self._parts(customers)
        return np.exp(parts.alive - parts.total)

    def probability_of_none(self, customers: Histories, days: Any) -> Floats:
        """That the customer buys nothing in the next days (a number, or one for each customer)."""
        x, repeats, recency, age = _columns(customers)
        now = self.parts(self.parameters, x, repeats, recency, age).total
        then = self.parts(self.parameters, x, repeats, recency, customers.later(days)).total
        return np.exp(np.minimum(then - now, 0.0))

    def expected_purchases(self, customers: Histories, days: float) -> Floats:
        """Expected number of purchases in the next days."""
        # By those who still buy it depends on x and T alone: far fewer pairs than customers.
        key = customers.repeats * (customers.age_days.max(initial=0) + 1) + customers.age_days
        _, first, pair = np.unique(key, return_index=True, return_inverse=True)
        some = customers.take(first)
        expected = self.purchases_while_alive(some.repeats.astype(np.float64), some.age, days / DAYS_PER_WEEK)
        return self.probability_alive(customers) * expected[pair]

    def days_to_next(self, customers: Histories, within: int) -> Integers:
        """The number of days after which an order has become more likely than none; 0 if not `within` so many.

        P(no order within t) falls with t, so it is the first whole day on which it is at most one half.
        """
        found = np.zeros(len(customers), dtype=np.int64)
        likely = np.flatnonzero(self.probability_of_none(customers, within) <= 0.5)
        some = customers.take(likely)
        low, high = np.zeros(len(some), dtype=np.int64), np.full(len(some), within, dtype=np.int64)
        for _ in range(within.bit_length()):
            middle = np.maximum((low + high) // 2, 1)
            done = self.probability_of_none(some, middle) <= 0.5
            high = np.where(done, np.minimum(high, middle), high)
            low = np.where(done, low, np.maximum(low, middle))
        found[likely] = high
        return found

    def _parts(self, customers: Histories) -> Parts:
        with np.errstate(divide="ignore"):
            return self.parts(self.parameters, *_columns(customers))


def _columns(customers: Histories) -> tuple[Repeats, Floats, Floats, Floats]:
    return Repeats(customers.repeats), customers.repeats.astype(np.float64), customers.recency, customers.age


def _weighted(weights: Floats, slope: Any) -> float:
    # A slope that is the same for all customers is a number.
    return float(weights @ slope) if np.ndim(slope) else float(weights.sum() * slope)
