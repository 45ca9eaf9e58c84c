"""What is learnt is published only if it is not worse than simple methods, nor than what is published."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.exceptions import TrainingError
from saleor_crm_plugin.ingestion import train as train_module
from saleor_crm_plugin.management.commands import crm_train
from saleor_crm_plugin.recommendations import choices, storage, training
from saleor_crm_plugin.recommendations.choices import chosen_before
from saleor_crm_plugin.recommendations.learning import ranker as ranker_module
from saleor_crm_plugin.recommendations.learning import selection
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.ranker import Ranker, available
from saleor_crm_plugin.recommendations.models import ModelStatus, RecommendationModel
from saleor_crm_plugin.recommendations.progress import Progress, no_progress
from saleor_crm_plugin.recommendations.training import train
from tests.unit.recommendations.learning.shops import due_shop, weekly_shop

pytestmark = pytest.mark.django_db
ranked_only = pytest.mark.skipif(not available(), reason="the library of the ranker is not installed")


@pytest.fixture(autouse=True)
def _writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ranker_module, "ROUNDS", 5)
    monkeypatch.setattr(ranker_module, "_threads", lambda: 1)
    with allow_writer():
        yield


@pytest.fixture(scope="module")
def habits() -> PurchaseHistory:
    return weekly_shop()


@pytest.fixture
def simple_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "available", lambda: False)


class Shop:
    def __init__(self, history: PurchaseHistory) -> None:
        self._history = history

    def read(self, since: datetime, until: datetime, progress: Progress) -> PurchaseHistory:
        return self._history


def learn(history: PurchaseHistory, **arguments: Any) -> RecommendationModel:
    now = timezone.now()
    return train(Shop(history), since=now - timedelta(days=365), now=now, **arguments)


def statuses() -> list[str]:
    return list(RecommendationModel.objects.order_by("pk").values_list("status", flat=True))


def lose(monkeypatch: pytest.MonkeyPatch) -> None:
    """A learner that has lost its touch: its lists are worth half of what they were."""
    compared = selection._compared

    def worse(*arguments: Any) -> selection.Comparison:
        found = compared(*arguments)
        found.next["simple"] = np.zeros_like(found.next["simple"])
        return found

    monkeypatch.setattr(selection, "_compared", worse)


def test_what_was_chosen_and_what_it_is_worth_are_noted(habits: PurchaseHistory, simple_only: None) -> None:
    model = learn(habits)

    model.refresh_from_db()
    assert model.status == ModelStatus.PUBLISHED
    assert model.tuned_at == model.started_at
    assert model.evaluation["next_basket"]["model"] == model.evaluation["next_basket"]["simple"]
    assert model.evaluation["next_basket"]["model"]["value"] > 0.7
    assert model.evaluation["notes"][0].startswith("The library of the ranker is not installed")
    assert model.parameters["ranked"] is False
    assert (model.ranker_next, model.ranker_new) == (None, None)


def test_worse_than_simple_methods_is_refused(
    habits: PurchaseHistory, simple_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = learn(habits)
    lose(monkeypatch)

    with pytest.raises(TrainingError, match=r"is below .* of frequency") as raised:
        learn(habits)

    assert "what was published stays" in str(raised.value)
    assert "crm_train --force" in str(raised.value)
    failed = RecommendationModel.objects.latest("pk")
    assert statuses() == ["published", "failed"]
    published_now = storage.published("default")
    assert published_now is not None
    assert published_now.pk == published.pk
    assert failed.message == str(raised.value)[:255]
    assert failed.evaluation["next_basket"]["model"]["value"] == 0, "why can be looked up"
    assert failed.parameters["minimum_support"] == 3
    assert not storage.has_rows(failed)


def test_force_publishes_it(habits: PurchaseHistory, simple_only: None, monkeypatch: pytest.MonkeyPatch) -> None:
    learn(habits)
    lose(monkeypatch)

    assert learn(habits, force=True).status == ModelStatus.PUBLISHED
    assert statuses() == ["retired", "published"]


@pytest.mark.parametrize(("share", "published"), [(0.76, True), (0.74, False)])
def test_less_than_three_quarters_of_what_is_published(
    habits: PurchaseHistory, simple_only: None, share: float, published: bool
) -> None:
    model = learn(habits)
    figure = model.evaluation["next_basket"]["model"]
    RecommendationModel.objects.filter(pk=model.pk).update(
        evaluation={"next_basket": {"model": {**figure, "value": figure["value"] / share}}}
    )

    if published:
        assert learn(habits, tune=False).status == ModelStatus.PUBLISHED
    else:
        with pytest.raises(TrainingError, match=r"nDCG@10 fell from .* Are orders missing\?"):
            learn(habits, tune=False)


def test_what_an_import_was_worth_to_other_customers_is_no_yardstick(
    habits: PurchaseHistory, simple_only: None
) -> None:
    model = learn(habits)
    figure = model.evaluation["next_basket"]["model"]
    RecommendationModel.objects.filter(pk=model.pk).update(
        parameters={"engine": "Spark ALS, rank 64", "rows": {}},
        evaluation={"next_basket": {"model": {**figure, "value": figure["value"] / 0.5}}},
        tuned_at=None,
    )

    assert learn(habits).status == ModelStatus.PUBLISHED


@pytest.mark.parametrize(
    ("days", "tune", "chosen_anew"),
    [(6.9, None, False), (7.1, None, True), (99, False, False), (0, True, True)],
)
def test_parameters_serve_for_a_week(
    habits: PurchaseHistory,
    simple_only: None,
    monkeypatch: pytest.MonkeyPatch,
    days: float,
    tune: bool | None,
    chosen_anew: bool,
) -> None:
    first = learn(habits)
    tuned_at = timezone.now() - timedelta(days=days)
    # As no choice on this shop would give.
    RecommendationModel.objects.filter(pk=first.pk).update(
        tuned_at=tuned_at, parameters={**first.parameters, "half_life_days": 77.0}
    )

    second = learn(habits, tune=tune, parameters=Parameters(minimum_support=2, discovery_share=0.2))

    second.refresh_from_db()
    assert (second.parameters["half_life_days"] != 77.0) is chosen_anew
    assert second.tuned_at == (second.started_at if chosen_anew else tuned_at)
    # What the settings fix holds at once, whenever the rest was chosen.
    assert (second.parameters["minimum_support"], second.parameters["discovery_share"]) == (2, 0.2)


def test_the_first_orders_of_a_shop_settle_nothing_for_a_week(habits: PurchaseHistory, simple_only: None) -> None:
    first = learn(weekly_shop(customers=20))
    assert first.evaluation["notes"][-1].startswith("Fewer than 100 customers bought in the last 28 days")

    # Then comes the rest, by `crm_backfill`.
    second = learn(habits)

    assert (first.tuned_at, second.tuned_at) == (None, second.started_at)
    assert second.evaluation["next_basket"]


@pytest.fixture(scope="module")
def chosen() -> selection.Selection:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranker_module, "ROUNDS", 5)
        patch.setattr(ranker_module, "_threads", lambda: 1)
        return selection.select(due_shop(), Parameters(), no_progress)


@pytest.fixture
def ranked(chosen: selection.Selection, monkeypatch: pytest.MonkeyPatch) -> RecommendationModel:
    """A published model with rankers; whoever chooses anew chooses the same, which takes seconds only once."""
    monkeypatch.setattr(training, "select", lambda history, parameters, progress: chosen)
    model = learn(due_shop())
    model.refresh_from_db()
    assert model.parameters["ranked"]
    return model


@ranked_only
def test_rankers_are_used_again_within_the_week(ranked: RecommendationModel) -> None:
    again = learn(due_shop())

    again.refresh_from_db()
    assert bytes(again.ranker_next or b"") == bytes(ranked.ranker_next or b"")
    assert again.tuned_at == ranked.tuned_at
    assert again.evaluation["next_basket"]["model"]["value"] == pytest.approx(
        again.evaluation["next_basket"]["ranker"]["value"]
    )


@ranked_only
@pytest.mark.parametrize("nights", [1, 3])
def test_a_new_choice_is_not_held_against_weeks_that_rankers_know_by_heart(
    ranked: RecommendationModel, nights: int
) -> None:
    honest = ranked.evaluation["next_basket"]["model"]["value"]
    for _ in range(nights):
        night = learn(due_shop(), force=True)
        # As in a shop with few orders, where they know most of the weeks that they are judged on.
        night.evaluation["next_basket"]["model"]["value"] = honest / 0.7
        night.save()
    RecommendationModel.objects.filter(pk=night.pk).update(tuned_at=timezone.now() - timedelta(days=8))

    again = learn(due_shop())

    assert again.status == ModelStatus.PUBLISHED
    assert again.tuned_at == again.started_at


@ranked_only
def test_a_new_choice_is_held_against_what_the_published_was_worth_when_chosen(ranked: RecommendationModel) -> None:
    ranked.evaluation["next_basket"]["model"]["value"] /= 0.7
    ranked.save()
    RecommendationModel.objects.filter(pk=learn(due_shop(), force=True).pk).update(
        tuned_at=timezone.now() - timedelta(days=8)
    )

    with pytest.raises(TrainingError, match=r"Next basket: nDCG@10 fell from .* Are orders missing\?"):
        learn(due_shop())


@ranked_only
@pytest.mark.parametrize("column", ["ranker_next", "ranker_new"])
@pytest.mark.parametrize("damage", ["damaged", "foreign", "gone"])
def test_rankers_that_cannot_be_read_are_chosen_anew(
    ranked: RecommendationModel, column: str, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = bytes(getattr(ranked, column))
    assert chosen_before(ranked) is not None
    setattr(ranked, column, {"damaged": saved[:-7], "foreign": b"another engine's", "gone": None}[damage])

    assert chosen_before(ranked) is None


@ranked_only
def test_a_training_with_a_damaged_ranker_chooses_anew(ranked: RecommendationModel) -> None:
    RecommendationModel.objects.filter(pk=ranked.pk).update(ranker_next=bytes(ranked.ranker_next or b"")[:-7])

    again = learn(due_shop(), tune=False)

    assert again.tuned_at == again.started_at
    assert Ranker.from_bytes(bytes(again.ranker_next or b"")) is not None


@ranked_only
def test_a_machine_without_the_library_chooses_anew(
    ranked: RecommendationModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choices, "available", lambda: False)

    assert chosen_before(ranked) is None


def test_parameters_of_another_version_are_chosen_anew(habits: PurchaseHistory, simple_only: None) -> None:
    model = learn(habits)
    assert chosen_before(model) is not None
    model.parameters = {**model.parameters, "temperature": 1}

    assert chosen_before(model) is None
    assert chosen_before(None) is None
    model.parameters, model.tuned_at = {}, None
    assert chosen_before(model) is None, "learnt elsewhere"


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ((), {"tune": None, "force": False}),
        (("--tune",), {"tune": True, "force": False}),
        (("--no-tune", "--force"), {"tune": False, "force": True}),
    ],
)
def test_options_of_the_command(
    arguments: tuple[str, ...], given: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    def train_now(**options: object) -> None:
        asked.update(options)
        raise TrainingError("enough")

    monkeypatch.setattr(crm_train, "train_now", train_now)
    with pytest.raises(CommandError, match="enough"):
        call_command("crm_train", *arguments, verbosity=0)
    assert {name: asked[name] for name in given} == given


def test_tune_and_no_tune_exclude_each_other() -> None:
    with pytest.raises(CommandError, match="not allowed with"):
        call_command("crm_train", "--tune", "--no-tune")


def test_the_call_of_the_command_hands_both_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr(train_module, "train", lambda source, **options: asked.update(options))

    train_module.train_now(tune=False, force=True)

    assert (asked["tune"], asked["force"]) == (False, True)
    assert timedelta(days=7) == training.TUNE_EVERY
