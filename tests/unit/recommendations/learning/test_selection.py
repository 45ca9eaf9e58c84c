from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from saleor_crm_plugin.exceptions import ModelFileError
from saleor_crm_plugin.recommendations.learning import ranker as ranker_module
from saleor_crm_plugin.recommendations.learning import recommender as recommender_module
from saleor_crm_plugin.recommendations.learning import selection
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.interface import Kind
from saleor_crm_plugin.recommendations.learning.judgement import objections, summary
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.ranker import available
from saleor_crm_plugin.recommendations.learning.recommender import Recommender
from saleor_crm_plugin.recommendations.learning.selection import Comparison, Selection, horizon_of, kept, select
from tests.contract.recommender import Basket, history_of
from tests.unit.recommendations.learning.shops import due_shop, weekly_shop

ranked_only = pytest.mark.skipif(not available(), reason="the library of the ranker is not installed")


def quiet(stage: str, done: int, total: int | None) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module", autouse=True)
def _few_trees() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranker_module, "ROUNDS", 15)
        patch.setattr(ranker_module, "_threads", lambda: 1)
        yield


@pytest.fixture(scope="module")
def habits() -> PurchaseHistory:
    return weekly_shop()


@pytest.fixture(scope="module")
def simple(habits: PurchaseHistory) -> Selection:
    """Chosen on a machine without the ranker's library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "available", lambda: False)
        return select(habits, Parameters(), quiet)


@pytest.fixture(scope="module")
def ranked() -> Selection:
    return select(due_shop(), Parameters(), quiet)


@pytest.mark.parametrize(("days", "horizon"), [(0, None), (14.9, None), (15, 3), (50, 10), (140, 28), (700, 28)])
def test_next_is_a_fifth_of_the_history_at_most_four_weeks(days: float, horizon: float | None) -> None:
    assert horizon_of(history_of([Basket(1, days, (1,)), Basket(1, 0, (1,))])) == horizon


@pytest.mark.parametrize("baskets", [[], [Basket(customer, 1.0, (1, 2)) for customer in range(500)]])
def test_too_short_a_history_leaves_the_defaults(baskets: list[Basket]) -> None:
    history = history_of(baskets)

    for chosen in (select(history, Parameters(), quiet), kept(history, Parameters(), None, quiet)):
        assert chosen.notes == ["The history is too short to choose anything on."]
        assert chosen.parameters == Parameters()
        assert (chosen.rankers, chosen.comparison) == (None, Comparison())


def test_too_few_customers_leave_the_defaults() -> None:
    chosen = select(weekly_shop(customers=40), Parameters(), quiet)

    assert chosen.notes == [
        "Too few customers bought to choose the parameters on: the defaults stay.",
        "Fewer than 100 customers bought in the last 28 days: too few to compare on.",
    ]
    assert replace(chosen.parameters, horizon_days=28) == Parameters()
    assert (chosen.rankers, chosen.comparison) == (None, Comparison())
    assert summary(chosen.comparison, ranked=False) == {}, "nothing to judge by"


def test_nobody_bought_for_weeks_is_no_error() -> None:
    gap = [Basket(customer, age, (1, 2)) for customer in range(5) for age in (90.0, 1.0)]

    assert select(history_of(gap), Parameters(), quiet).rankers is None


def test_without_the_library_simple_models_are_compared(simple: Selection, habits: PurchaseHistory) -> None:
    assert simple.notes == ["The library of the ranker is not installed: lists are in the order of the simple models."]
    assert (simple.rankers, simple.parameters.ranked) == (None, False)
    assert set(simple.comparison.next) == {"bestsellers", "frequency", "decayed frequency", "simple"}
    assert set(simple.comparison.new) == {"bestsellers", "cosine", "ease", "simple"}
    cases = {len(values) for values in simple.comparison.next.values()}
    assert len(cases) == 1
    assert cases.pop() > 100
    assert Recommender.selected(habits, simple).recommend([1])[1]


def test_habits_are_found(simple: Selection) -> None:
    worth = {name: values.mean() for name, values in simple.comparison.next.items()}

    # Some 60 % of everybody's own four, at the first places, make about three quarters of the ideal gain.
    assert worth["simple"] > 0.7
    assert worth["bestsellers"] < 0.4
    assert objections(simple.comparison, False, {}) == []


def test_progress_is_told_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "available", lambda: False)
    told: list[tuple[str, int, int | None]] = []

    select(weekly_shop(customers=20), Parameters(), lambda *what: told.append(what))

    assert told[-1][:2] == (told[-1][0], told[-1][2])


@ranked_only
def test_a_ranker_that_wins_is_taken(ranked: Selection) -> None:
    assert ranked.notes == ["The ranker did better than the simple models in the last weeks."]
    assert ranked.rankers is not None
    assert ranked.parameters.ranked
    next_basket = {name: values.mean() for name, values in ranked.comparison.next.items()}
    assert next_basket["ranker"] > next_basket["simple"] + 0.05
    assert summary(ranked.comparison, ranked=True)["next_basket"]["model"]["value"] == pytest.approx(
        next_basket["ranker"]
    )


@ranked_only
def test_a_ranker_that_loses_is_not(habits: PurchaseHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "_better", lambda comparison: False)

    chosen = select(habits, Parameters(), quiet)

    assert chosen.notes == ["The ranker did no better than the simple models in the last weeks: they stay."]
    assert (chosen.rankers, chosen.parameters.ranked) == (None, False)
    assert "ranker" in chosen.comparison.next, "what it was worth is told all the same"


@ranked_only
def test_too_few_lists_teach_no_ranker(habits: PurchaseHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "FEWEST_LISTS", 100_000)

    assert select(habits, Parameters(), quiet).notes == [
        "There are too few purchases to teach a ranker: lists are in the order of the simple models."
    ]


@ranked_only
def test_what_was_chosen_before_is_kept_and_measured(ranked: Selection) -> None:
    again = kept(due_shop(), ranked.parameters, ranked.rankers, quiet)

    assert again.parameters == ranked.parameters
    assert again.rankers is ranked.rankers
    assert again.notes == []
    assert again.comparison.next["ranker"].mean() > again.comparison.next["simple"].mean()
    # The simple models are those that were compared when it was chosen: same history, same moment.
    np.testing.assert_allclose(again.comparison.next["simple"], ranked.comparison.next["simple"])


def test_rankers_gone_are_said_to_be(habits: PurchaseHistory) -> None:
    assert kept(habits, Parameters(ranked=True), None, quiet).parameters.ranked is False


@ranked_only
def test_a_ranked_model_is_saved_with_its_rankers(ranked: Selection, tmp_path: Path) -> None:
    model = Recommender.selected(due_shop(), ranked)
    model.save(tmp_path / "model.npz")

    loaded = Recommender.load(tmp_path / "model.npz")

    for kind in Kind:
        assert loaded.recommend(range(1, 30), 10, kind) == model.recommend(range(1, 30), 10, kind)
    assert loaded.parameters == model.parameters


@ranked_only
def test_a_ranked_model_on_a_machine_without_the_library(
    ranked: Selection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Recommender.selected(due_shop(), ranked).save(tmp_path / "model.npz")
    monkeypatch.setattr(recommender_module, "available", lambda: False)

    with pytest.raises(ModelFileError, match="xgboost-cpu"):
        Recommender.load(tmp_path / "model.npz")
