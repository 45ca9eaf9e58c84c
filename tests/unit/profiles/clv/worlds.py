"""Simulated customers, whose true parameters are known, and strategies for histories."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from saleor_crm_plugin.profiles.clv.learning.beta_geometric import BGNBD, MBGNBD, BetaGeometric
from saleor_crm_plugin.profiles.clv.learning.histories import Histories, histories
from saleor_crm_plugin.profiles.clv.learning.model import BuyTillYouDie
from saleor_crm_plugin.profiles.clv.learning.pareto_nbd import ParetoNBD

KINDS = (BGNBD, MBGNBD, ParetoNBD)

# Weeks; of CDNOW.
CDNOW_MODELS: tuple[BuyTillYouDie, ...] = (
    BGNBD(0.243, 4.414, 0.793, 2.426),
    MBGNBD(0.525, 6.183, 0.891, 1.614),
    ParetoNBD(0.553, 10.578, 0.606, 11.669),
)


def purchase_times(model: BuyTillYouDie, customers: int, weeks: float, generator: Any) -> list[Any]:
    """Times of the repeat purchases of customers who first bought at 0, by the story that the model tells."""
    found = []
    for _ in range(customers):
        if isinstance(model, ParetoNBD):
            rate = generator.gamma(model.r, 1 / model.alpha)
            leaves_at = min(weeks, generator.exponential(1 / generator.gamma(model.s, 1 / model.beta)))
            count = generator.poisson(rate * leaves_at)
            found.append(np.sort(generator.uniform(0, leaves_at, count)))
            continue
        assert isinstance(model, BetaGeometric)
        rate, leaves = generator.gamma(model.r, 1 / model.alpha), generator.beta(model.a, model.b)
        times = np.cumsum(generator.exponential(1 / rate, generator.poisson(rate * weeks) + 200)) if rate else []
        times = np.asarray([time for time in times if time <= weeks])
        stays = generator.uniform(size=len(times) + 1) >= leaves
        if model.occasions_at_first == 0:
            stays = np.concatenate([[True], stays])
        gone = np.flatnonzero(~stays[: len(times) + 1])
        found.append(times[: gone[0]] if len(gone) else times)
    return found


@st.composite
def some_histories(draw: Any, most_days: int = 3653) -> Histories:
    """One to eight customers, of up to ten years; one-time buyers, daily buyers and brand-new ones among them."""
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        age = draw(st.one_of(st.sampled_from([0, 1, most_days]), st.integers(0, most_days)))
        t_x = draw(st.one_of(st.just(0), st.just(age), st.integers(0, age)))
        x = draw(st.one_of(st.sampled_from([min(1, t_x), t_x]), st.integers(min(1, t_x), max(t_x, min(1, t_x)))))
        rows.append((x, t_x if x else 0, age))
    return histories(*(list(column) for column in zip(*rows, strict=True)))


def parameters_of(kind: type[BuyTillYouDie], most_decades: float = 3.0) -> Any:
    """Models with parameters over many orders of magnitude."""
    exponents = st.lists(st.floats(-most_decades, most_decades), min_size=4, max_size=4)
    return exponents.map(lambda powers: kind(*(10.0**power for power in powers)))
