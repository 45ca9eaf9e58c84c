"""Each model against what it must satisfy whatever its parameters, and against the story it tells."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammaln, hyp2f1
from scipy.stats import nbinom

from saleor_crm_plugin.exceptions import ForecastError
from saleor_crm_plugin.profiles.clv.learning.beta_geometric import BGNBD, MBGNBD, BetaGeometric
from saleor_crm_plugin.profiles.clv.learning.histories import Histories, Repeats, grouped, histories
from saleor_crm_plugin.profiles.clv.learning.model import BuyTillYouDie, Degeneracy
from saleor_crm_plugin.profiles.clv.learning.pareto_nbd import ParetoNBD
from tests.unit.profiles.clv.worlds import CDNOW_MODELS, KINDS, parameters_of, purchase_times, some_histories

patiently = settings(max_examples=60)
EACH_KIND = pytest.mark.parametrize("kind", KINDS)
EACH_MODEL = pytest.mark.parametrize("model", CDNOW_MODELS, ids=lambda model: model.name)


def columns(customers: Histories) -> tuple[Any, ...]:
    return Repeats(customers.repeats), customers.repeats.astype(float), customers.recency, customers.age


def log_likelihood(kind: type[BuyTillYouDie], parameters: Any, customers: Histories) -> float:
    return float(kind.parts(np.asarray(parameters), *columns(customers)).total.sum())


@EACH_KIND
@patiently
@given(data=st.data())
def test_slopes_are_those_of_the_likelihood(kind: type[BuyTillYouDie], data: Any) -> None:
    parameters = data.draw(parameters_of(kind, 1.5)).parameters
    customers = data.draw(some_histories(730))
    parts = kind.parts(parameters, *columns(customers), slopes=True)
    alive = np.exp(parts.alive - parts.total)
    for position, size in enumerate(parameters):
        slope = np.sum(alive * parts.slopes.alive[position] + (1 - alive) * parts.slopes.left[position])
        step = 1e-5 * size
        above, below = parameters.copy(), parameters.copy()
        above[position] += step
        below[position] -= step
        level = log_likelihood(kind, parameters, customers)
        difference = (log_likelihood(kind, above, customers) - log_likelihood(kind, below, customers)) / (2 * step)
        assert slope == pytest.approx(difference, rel=1e-4, abs=1e-8 * (1 + abs(level)) / size)


@EACH_KIND
@patiently
@given(data=st.data())
def test_probabilities_are_probabilities_for_any_history(kind: type[BuyTillYouDie], data: Any) -> None:
    model, customers = data.draw(parameters_of(kind)), data.draw(some_histories())
    days = data.draw(st.sampled_from([1, 30, 365, 3650]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alive = model.probability_alive(customers)
        none, none_longer = (model.probability_of_none(customers, d) for d in (days, 2 * days))
        orders, orders_longer = (model.expected_purchases(customers, d) for d in (days, 2 * days))
    assert ((alive >= 0) & (alive <= 1)).all()
    assert ((none >= 0) & (none <= 1)).all()
    assert (none_longer <= none + 1e-7).all()
    # Who has left buys nothing.
    assert (none >= 1 - alive - 1e-6).all()
    assert np.isfinite(orders).all()
    assert (orders >= 0).all()
    assert (orders_longer >= orders * (1 - 1e-7)).all()
    # Nobody buys more than they would without ever leaving.
    r, alpha = model.parameters[:2]
    ceiling = (r + customers.repeats) / (alpha + customers.age) * days / 7
    assert (orders <= ceiling * (1 + 1e-6)).all()
    # An expected number is at least the probability of any.
    assert (orders >= (1 - none) * (1 - 1e-5) - 1e-6).all()


@EACH_KIND
@patiently
@given(data=st.data())
def test_the_longer_the_silence_the_less_likely_alive(kind: type[BuyTillYouDie], data: Any) -> None:
    model = data.draw(parameters_of(kind, 2))
    t_x = data.draw(st.integers(0, 1000))
    x = data.draw(st.integers(1, t_x)) if t_x else 0
    ages = [t_x + silence for silence in (0, 1, 10, 100, 1000)]
    alive = model.probability_alive(histories([x] * 5, [t_x] * 5, ages))
    assert (np.diff(alive) <= 1e-9).all()


def test_by_bg_nbd_a_one_time_buyer_is_alive_for_ever() -> None:
    alive = CDNOW_MODELS[0].probability_alive(histories([0, 0], [0, 0], [1, 3650]))
    assert alive.tolist() == [1, 1]


@EACH_MODEL
def test_the_likelihood_sums_to_one(model: BuyTillYouDie) -> None:
    """Over all histories of one age: the density of t_x, integrated, for each x."""
    age = 20.0
    total = 0.0
    for x in range(40):

        def density(t_x: float, x: int = x) -> float:
            parts = model.parts(
                model.parameters, Repeats(np.array([x])), np.array([float(x)]), np.array([t_x]), np.array([age])
            )
            # The other purchases lie anywhere before: t_x^(x-1) / (x-1)!.
            ways = (x - 1) * np.log(t_x) - gammaln(x) if x > 1 else 0.0
            return float(np.exp(parts.total[0] + ways))

        with np.errstate(divide="ignore"):
            total += quad(density, 1e-12, age)[0] if x else density(0.0)
    assert total == pytest.approx(1, abs=2e-4)


@EACH_MODEL
def test_closed_forms_agree_with_simulated_customers(model: BuyTillYouDie) -> None:
    """Of those who share a history, as many live on, and buy, as the formulas say."""
    generator = np.random.default_rng(20260301)
    now, then = 26.0, 52.0
    lives = purchase_times(model, 40_000, then, generator)
    x = np.array([int((times <= now).sum()) for times in lives])
    t_x = np.array([times[count - 1] if count else 0.0 for times, count in zip(lives, x, strict=True)])
    later = np.array([len(times) for times in lives]) - x
    days = np.maximum(np.round(t_x * 7), x).astype(int)
    customers = histories(x, days, [182] * len(x))
    expected = model.expected_purchases(customers, 182)
    none = model.probability_of_none(customers, 182)
    for some in (x == 0, x == 1, x == 2, (x > 2) & (t_x > 20), (x > 2) & (t_x < 15)):
        size = some.sum()
        assert size > 100
        deviation = later[some].std() / np.sqrt(size)
        assert later[some].mean() == pytest.approx(expected[some].mean(), abs=4 * deviation)
        deviation = 0.5 / np.sqrt(size)
        assert (later[some] == 0).mean() == pytest.approx(none[some].mean(), abs=4 * deviation)


@patiently
@given(
    kind=st.sampled_from((BGNBD, MBGNBD)),
    r=st.floats(0.05, 5),
    alpha=st.floats(0.5, 50),
    a=st.floats(0.05, 5).filter(lambda a: abs(a - 1) > 0.01),
    b=st.floats(0.5, 20),
    x=st.integers(0, 20),
    age=st.integers(20, 1000),
)
@example(kind=BGNBD, r=0.243, alpha=4.414, a=0.793, b=2.426, x=2, age=272)
def test_expected_purchases_are_the_papers_formula(
    kind: type[BetaGeometric], r: float, alpha: float, a: float, b: float, x: int, age: int
) -> None:
    weeks, age_weeks = 39.0, age / 7
    k = b + x + kind.occasions_at_first
    z = weeks / (alpha + age_weeks + weeks)
    c = a + k - 1
    series = hyp2f1(r + x, k, c, z)
    assume(np.isfinite(series) and c > 0.01)
    formula = c / (a - 1) * (1 - (1 - z) ** (r + x) * series)
    found = kind(r, alpha, a, b).purchases_while_alive(np.array([float(x)]), np.array([age_weeks]), weeks)
    assert found[0] == pytest.approx(formula, rel=1e-7)


@pytest.mark.parametrize("kind", [BGNBD, MBGNBD])
@pytest.mark.parametrize("scale", [1e-4, 1e-2, 1.0, 1e2, 1e3])
@pytest.mark.parametrize("x", [0, 1, 50, 3650])
def test_the_integral_holds_where_the_formula_does_not(kind: type[BetaGeometric], scale: float, x: int) -> None:
    """At a = 1, at a near its limits, and after thousands of purchases; against a sum over how often they buy."""
    model = kind(0.5, 10.0, scale, 3.0)
    stayed = 3.0 + x + kind.occasions_at_first
    weeks, alpha = 52.0, 10.0 + 520.0
    found = model.purchases_while_alive(np.array([float(x)]), np.array([520.0]), weeks)[0]
    # Sum over j of P(more than j purchases if nobody left) x P(stayed j times).
    counts = np.arange(6000)
    log_stay = gammaln(stayed + counts) - gammaln(stayed) + gammaln(scale + stayed) - gammaln(scale + stayed + counts)
    expected = float((nbinom.sf(counts, 0.5 + x, alpha / (alpha + weeks)) * np.exp(log_stay)).sum())
    assert found == pytest.approx(expected, rel=1e-8)


@patiently
@given(model=parameters_of(ParetoNBD, 2), customers=some_histories(1500))
@example(model=ParetoNBD(0.5, 100.0, 0.6, 0.01), customers=histories([0, 0, 900], [0, 0, 1000], [1500, 1, 1500]))
@example(model=ParetoNBD(0.5, 0.01, 0.6, 100.0), customers=histories([0, 3, 900], [0, 90, 1000], [1500, 91, 1500]))
def test_the_integral_of_pareto_nbd(model: ParetoNBD, customers: Histories) -> None:
    parts = model.parts(model.parameters, *columns(customers))
    r, alpha, s, beta = model.parameters
    for position in range(len(customers)):
        x, t_x, age = customers.repeats[position], customers.recency[position], customers.age[position]
        if age == t_x:
            assert parts.left[position] == -np.inf
            continue

        least = min(alpha, beta)

        def density(v: float, x: int = x, t_x: float = t_x, least: float = least) -> float:
            # Substituted, and relative to the value at t_x, so that quad can find it.
            y = t_x + (least + t_x) * np.expm1(v)
            logs = -(r + x) * np.log((alpha + y) / (alpha + t_x)) - (s + 1) * np.log((beta + y) / (beta + t_x))
            return float(np.exp(logs + v))

        far = np.log((least + age) / (least + t_x))
        ends = np.unique(np.minimum(far, np.concatenate([[0], np.geomspace(1e-4, 1, 9) * far])))
        integral = sum(quad(density, low, high, epsabs=0, epsrel=1e-11)[0] for low, high in pairwise(ends))
        scale = np.log(least + t_x) - (r + x) * np.log(alpha + t_x) - (s + 1) * np.log(beta + t_x)
        shared = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.log(s)
        assert parts.left[position] == pytest.approx(shared + scale + np.log(integral), abs=1e-8, rel=1e-9)


@EACH_MODEL
def test_the_next_order_is_expected_when_it_becomes_likelier_than_not(model: BuyTillYouDie) -> None:
    generator = np.random.default_rng(3)
    age = generator.integers(1, 700, 400)
    t_x = generator.integers(0, age + 1)
    x = np.minimum(generator.poisson(4, 400), t_x)
    customers = histories(x, np.where(x > 0, t_x, 0), age)
    for within in (1, 30, 365):
        days = model.days_to_next(customers, within)
        likely = model.probability_of_none(customers, within) <= 0.5
        assert ((days > 0) == likely).all()
        assert (days <= within).all()
        some, found = customers.take(likely), days[likely]
        assert (model.probability_of_none(some, found) <= 0.5).all()
        assert ((found == 1) | (model.probability_of_none(some, found - 1) > 0.5)).all()
    assert likely.sum() > 20


@EACH_KIND
def test_a_fit_finds_the_world_it_was_simulated_from(kind: type[BuyTillYouDie]) -> None:
    truth = next(model for model in CDNOW_MODELS if isinstance(model, kind))
    generator = np.random.default_rng(11)
    lives = purchase_times(truth, 20_000, 104.0, generator)
    x = np.array([len(times) for times in lives])
    t_x = np.array([times[-1] if len(times) else 0.0 for times in lives])
    model, wrong = kind.fit(histories(x, np.maximum(np.round(t_x * 7), x).astype(int), [728] * len(x)))
    assert wrong is None
    assert model.parameters == pytest.approx(truth.parameters, rel=0.2)


@EACH_KIND
def test_a_world_that_nobody_leaves_is_degenerate(kind: type[BuyTillYouDie]) -> None:
    generator = np.random.default_rng(5)
    rates = generator.gamma(2.0, 0.5, 3000)
    lives = [np.sort(generator.uniform(0, 104, generator.poisson(rate * 104))) for rate in rates]
    x = np.array([len(times) for times in lives])
    t_x = np.array([times[-1] if len(times) else 0.0 for times in lives])
    _, wrong = kind.fit(histories(x, np.maximum(np.round(t_x * 7), x).astype(int), [728] * len(x)))
    assert wrong in (Degeneracy.NOBODY_LEAVES, Degeneracy.AT_LIMIT)


@EACH_KIND
@pytest.mark.parametrize("customers", [1, 50, 500])
def test_a_world_where_nobody_comes_back_is_degenerate(kind: type[BuyTillYouDie], customers: int) -> None:
    _, wrong = kind.fit(histories([0] * customers, [0] * customers, list(range(1, customers + 1))))
    assert wrong == Degeneracy.NOBODY_CAME_BACK


@EACH_KIND
@settings(max_examples=12)
@given(customers=some_histories())
def test_a_fit_of_anything_ends_in_finite_numbers_or_says_what_is_wrong(
    kind: type[BuyTillYouDie], customers: Histories
) -> None:
    model, wrong = kind.fit(customers)
    assert np.isfinite(model.parameters).all()
    if wrong is None:
        assert np.isfinite(model.expected_purchases(customers, 365)).all()


@EACH_KIND
def test_no_customers_no_fit(kind: type[BuyTillYouDie]) -> None:
    with pytest.raises(ForecastError, match="no customers"):
        kind.fit(histories([], [], []))


@EACH_KIND
def test_equal_customers_counted_once_give_the_same_fit(kind: type[BuyTillYouDie]) -> None:
    x, t_x, age = [0, 1, 4, 0, 2], [0, 70, 300, 0, 20], [200, 350, 350, 90, 350]
    single = histories(x * 30, t_x * 30, age * 30)
    assert len(grouped(single)) == 5
    once, many = kind.fit(histories(x, t_x, age, [30] * 5))[0], kind.fit(single)[0]
    assert once.parameters == pytest.approx(many.parameters, rel=1e-6)
