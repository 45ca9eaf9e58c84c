from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.config import CRMSettings
from saleor_crm_plugin.exceptions import TrainingError
from saleor_crm_plugin.ingestion import train
from saleor_crm_plugin.recommendations.models import RecommendationModel
from tests.integration.recommendations.shop import buy, make_products, make_profile

pytestmark = pytest.mark.django_db


def crm_train(*arguments: str) -> str:
    out = StringIO()
    call_command("crm_train", *arguments, stdout=out)
    return out.getvalue()


def use_settings(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    class Settings:
        crm = CRMSettings(**fields)

    monkeypatch.setattr(train, "load_settings", Settings)


def test_it_says_what_it_learnt_from(channel: Channel) -> None:
    tea, sugar = make_products(2)
    buy(make_profile(), tea, sugar)

    out = crm_train()

    assert "is published: learnt from 2 lines of 1 orders by 1 customers of 2 products since" in out


def test_nothing_to_learn_from_is_an_error(channel: Channel) -> None:
    with pytest.raises(CommandError, match="There are no purchases since"):
        crm_train()


def test_since_replaces_the_history_of_the_settings(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    (tea,) = make_products(1)
    buy(make_profile(), tea, days_ago=50)
    use_settings(monkeypatch, training_history_days=30)

    with pytest.raises(CommandError):
        crm_train()
    assert "1 orders" in crm_train("--since", (timezone.now() - timedelta(days=60)).date().isoformat())


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="--since"):
        crm_train("--since", "yesterday")


def test_switched_off_in_the_settings(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    (tea,) = make_products(1)
    buy(make_profile(), tea)
    use_settings(monkeypatch, recommendations_enabled=False)

    with pytest.raises(TrainingError, match="switched off"):
        train.train_now()
    with allow_writer():
        assert not RecommendationModel.objects.exists()


def test_the_settings_are_used(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    (tea,) = make_products(1)
    buy(make_profile(), tea)
    use_settings(monkeypatch, minimum_support=17)

    assert train.train_now().parameters["minimum_support"] == 17
