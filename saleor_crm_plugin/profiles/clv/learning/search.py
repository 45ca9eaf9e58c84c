"""Maximum likelihood for a handful of positive parameters: BFGS over their logarithms, within limits.

Not scipy's: with two to four parameters and cheap likelihoods, its L-BFGS-B spends most of the time in LAPACK's
threads, and its BFGS looks at twice as many points, because it begins without a curvature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from saleor_crm_plugin.profiles.clv.learning.histories import Floats

# Of the mean log-likelihood of a customer by the logarithm of a parameter. Below it, the third digit stands still.
FLAT = 1e-5
# What the search aims at; rounding may stop it before.
GOAL = 1e-8
# How near to a limit, in logarithms, counts as being at it.
AT_LIMIT = 1e-3
MOST_ITERATIONS = 100
MOST_HALVINGS = 25
# Iterations in a row that gain nothing but rounding.
MOST_IN_VAIN = 3
# In logarithms: a factor of seven at once.
LONGEST_STEP = 2.0
# For the curvature at the start.
_APART = 1e-4

# Parameters -> mean log-likelihood of a customer, and its derivative by each parameter.
Objective = Callable[[Floats], tuple[float, Floats]]


@dataclass(frozen=True, slots=True)
class Found:
    """
    Attributes:
        log_likelihood: mean of a customer.
        converged: the likelihood is flat in every parameter that is not at a limit.
        at_limit: positions of the parameters that ran to a limit of the search.
    """

    parameters: tuple[float, ...]
    log_likelihood: float
    converged: bool
    at_limit: tuple[int, ...]


def maximize(objective: Objective, starts: Sequence[Sequence[float]], limits: Sequence[tuple[float, float]]) -> Found:
    """The best end of a search; later starts are tried only while none has ended well."""
    bounds = np.log(np.asarray(limits, dtype=np.float64))
    best: Found | None = None
    for start in starts:
        found = _climb(objective, np.clip(np.log(start), bounds[:, 0], bounds[:, 1]), bounds)
        if best is None or found.log_likelihood > best.log_likelihood:
            best = found
        if best.converged and not best.at_limit:
            break
    assert best is not None
    return best


def _climb(objective: Objective, start: Floats, bounds: Floats) -> Found:
    def descent(logs: Floats) -> tuple[float, Floats]:
        inside = np.clip(logs, bounds[:, 0], bounds[:, 1])
        parameters = np.exp(inside)
        value, slopes = objective(parameters)
        slopes = slopes * parameters
        if not (np.isfinite(value) and np.isfinite(slopes).all()):
            return np.inf, np.zeros_like(logs)
        # Outside of the limits everything is as at the limit, and worse the farther.
        beyond = logs - inside
        return float((beyond * beyond).sum()) - value, np.where(beyond == 0, -slopes, 2 * beyond)

    end = np.clip(_descend(descent, start), bounds[:, 0], bounds[:, 1])
    value, slopes = descent(end)
    limited = (end - bounds[:, 0] < AT_LIMIT) | (bounds[:, 1] - end < AT_LIMIT)
    return Found(
        tuple(np.exp(end).tolist()),
        -value,
        bool(np.isfinite(value) and (abs(slopes[~limited]) < FLAT).all()),
        tuple(np.flatnonzero(limited).tolist()),
    )


def _descend(function: Callable[[Floats], tuple[float, Floats]], point: Floats) -> Floats:
    value, slope = function(point)
    inverse = _inverse_curvature(function, point, slope)
    in_vain = 0
    for _ in range(MOST_ITERATIONS):
        if not np.isfinite(value) or abs(slope).max() < GOAL or in_vain == MOST_IN_VAIN:
            break
        step = -(inverse * slope).sum(axis=1)
        if (step * slope).sum() >= 0:
            inverse = np.eye(len(point))
            step = -slope
        step *= min(1.0, LONGEST_STEP / abs(step).max())
        promised = (step * slope).sum()
        for halving in range(MOST_HALVINGS):
            share = 0.5**halving
            there, slope_there = function(point + share * step)
            if there <= value + 1e-4 * share * promised:
                break
        else:
            # No lower point in sight: rounding is all that is left, or the curvature is wrong.
            if (inverse == np.eye(len(point))).all():
                break
            inverse = np.eye(len(point))
            continue
        moved, bent = share * step, slope_there - slope
        if (along := float((moved * bent).sum())) > 0:
            inverse = _updated(inverse, moved, bent, along)
        in_vain = in_vain + 1 if value - there <= 1e-14 * abs(value) else 0
        point, value, slope = point + moved, there, slope_there
    return point


def _inverse_curvature(function: Callable[[Floats], tuple[float, Floats]], point: Floats, slope: Floats) -> Floats:
    """At the start, from differences of slopes; the unit matrix where the function is not bent upwards."""
    unit = np.eye(len(point))
    curvature = np.array([(function(point + _APART * axis)[1] - slope) / _APART for axis in unit])
    if not np.isfinite(curvature).all():
        return unit
    lengths, axes = np.linalg.eigh((curvature + curvature.T) / 2)
    if lengths[0] < 1e-6:
        lengths = np.maximum(abs(lengths), 1e-2)
    return np.asarray((axes / lengths) @ axes.T)


def _updated(inverse: Floats, moved: Floats, bent: Floats, along: float) -> Floats:
    """The BFGS formula (Nocedal & Wright, Numerical Optimization, 2006, eq. 6.17)."""
    bent_back = (inverse * bent).sum(axis=1)
    cross = np.multiply.outer(moved, bent_back)
    stretch = (1 + float((bent * bent_back).sum()) / along) / along
    return np.asarray(inverse + stretch * np.multiply.outer(moved, moved) - (cross + cross.T) / along)
