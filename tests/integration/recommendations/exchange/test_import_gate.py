"""Lists that were learnt elsewhere are held against those in use, on what customers have bought since."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer
from saleor.product.models import Product

from saleor_crm_plugin.exceptions import TrainingError
from saleor_crm_plugin.ingestion.import_training import import_now
from saleor_crm_plugin.recommendations import import_gate
from saleor_crm_plugin.recommendations.models import ModelStatus, RecommendationModel
from tests.integration.recommendations.shop import buy, make_products, make_profile, publish
from tests.unit.recommendations.exchange.deliveries import deliver

pytestmark = pytest.mark.django_db

PERSONAL = "personal.parquet"


@pytest.fixture(autouse=True)
def _few_customers_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_gate, "FEWEST_CASES", 3)


@pytest.fixture
def shop(channel: Channel) -> tuple[RecommendationModel, list[int], Product, Product]:
    """Five customers bought tea since the export, as the model in use said; nobody bought a hammer."""
    tea, hammer = make_products(2)
    people = [make_profile() for _ in range(5)]
    model = publish(again={person: [tea] for person in people}, data_until=timezone.now() - timedelta(days=2))
    for person in people:
        buy(person, tea, days_ago=1)
    return model, people, tea, hammer


def delivered(directory: Path, people: list[int], product: Product, days_ago: float = 3) -> Path:
    learnt_until = (timezone.now() - timedelta(days=days_ago)).isoformat()
    return deliver(
        directory, {PERSONAL: [(person, product.pk, 1.0, 1) for person in people]}, learnt_until=learnt_until
    )


def status_of(model: RecommendationModel) -> str:
    with allow_writer():
        return RecommendationModel.objects.get(pk=model.pk).status


def test_worse_lists_are_refused_with_both_figures(shop, tmp_path):
    model, people, _tea, hammer = shop

    with pytest.raises(TrainingError, match=r"5 customers.* nDCG@10 is 0\.0000, that of the model in use 1\.0000"):
        import_now(delivered(tmp_path, people, hammer))

    assert status_of(model) == ModelStatus.PUBLISHED
    with allow_writer():
        failed = RecommendationModel.objects.get(status=ModelStatus.FAILED)
    assert failed.evaluation["next_basket"]["model"]["value"] == 0
    assert failed.evaluation["next_basket"]["published"] == {"value": 1.0, "low": 1.0, "high": 1.0, "cases": 5}


def test_lists_that_are_as_good_are_published(shop, tmp_path):
    model, people, tea, _hammer = shop

    imported = import_now(delivered(tmp_path, people, tea))

    assert (status_of(model), status_of(imported)) == (ModelStatus.RETIRED, ModelStatus.PUBLISHED)


def test_force_publishes_the_worse(shop, tmp_path):
    model, people, _tea, hammer = shop

    call_command("crm_train", "--import", str(delivered(tmp_path, people, hammer)), "--force", verbosity=0)

    assert status_of(model) == ModelStatus.RETIRED


def test_the_command_says_how_to_force(shop, tmp_path):
    _model, people, _tea, hammer = shop

    with pytest.raises(CommandError, match="--force"):
        call_command("crm_train", "--import", str(delivered(tmp_path, people, hammer)), verbosity=0)


def test_nothing_is_said_where_nobody_bought_since(shop, tmp_path):
    model, people, _tea, hammer = shop

    imported = import_now(delivered(tmp_path, people, hammer, days_ago=0.5))

    assert status_of(model) == ModelStatus.RETIRED
    assert imported.evaluation["notes"][0].startswith("Too few customers bought since")


def test_what_the_model_in_use_has_learnt_from_says_nothing_about_it(shop, tmp_path):
    model, people, _tea, hammer = shop
    with allow_writer():
        # Trained last night, after the purchases of the day before.
        RecommendationModel.objects.filter(pk=model.pk).update(data_until=timezone.now() - timedelta(hours=12))

    imported = import_now(delivered(tmp_path, people, hammer))

    assert status_of(model) == ModelStatus.RETIRED
    assert imported.evaluation["notes"][0].startswith("Too few customers bought since")


def test_a_model_in_use_that_does_not_say_what_it_has_learnt_from_is_held_against_the_import(shop, tmp_path):
    model, people, _tea, hammer = shop
    with allow_writer():
        RecommendationModel.objects.filter(pk=model.pk).update(data_until=None)

    with pytest.raises(TrainingError, match="is not published"):
        import_now(delivered(tmp_path, people, hammer))
