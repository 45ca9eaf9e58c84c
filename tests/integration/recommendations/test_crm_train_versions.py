"""`crm_train --list` and `--rollback`."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.recommendations.locking import TRAINING
from saleor_crm_plugin.recommendations.models import ModelStatus, RecommendationModel
from tests.integration.recommendations.shop import buy, make_products, make_profile, publish

pytestmark = pytest.mark.django_db


def crm_train(*arguments: str) -> str:
    out = StringIO()
    call_command("crm_train", *arguments, stdout=out)
    return out.getvalue()


def published() -> int:
    with allow_writer():
        return RecommendationModel.objects.get(status=ModelStatus.PUBLISHED).pk


def test_the_versions_with_their_figures(channel: Channel) -> None:
    (tea,) = make_products(1)
    buy(make_profile(), tea)
    crm_train()
    crm_train()
    with allow_writer():
        second, first = RecommendationModel.objects.order_by("-pk")
        failed = RecommendationModel.objects.create(
            status=ModelStatus.FAILED, started_at=timezone.now(), message="Failed: MemoryError."
        )

    lines = crm_train("--list").splitlines()

    note = f"{'':8}The history is too short to choose anything on."
    assert [line if line.startswith("        ") else line.split()[:2] for line in lines[1:]] == [
        [str(failed.pk), "failed"],
        f"{'':8}Failed: MemoryError.",
        [str(second.pk), "published"],
        note,
        [str(first.pk), "retired"],
        note,
    ]
    since = second.training_data["since"]
    assert lines[3].endswith(f"1 lines, 1 orders, 1 customers, 1 products since {since}")


def test_back_and_forth(channel: Channel) -> None:
    with allow_writer():
        first, second = (publish(popular={channel: make_products(1)}).pk for _ in range(2))

    assert f"Model {first} is served now" in crm_train("--rollback")
    assert published() == first
    assert "withdrawn" in crm_train("--list")
    assert f"Model {second} is served now" in crm_train("--rollback", str(second))
    assert published() == second
    assert "withdrawn" not in crm_train("--list")


def test_it_warns_of_a_training_that_will_publish(channel: Channel) -> None:
    with allow_writer():
        for _ in range(2):
            publish(popular={channel: make_products(1)})
    elsewhere = connection.copy()
    try:
        with elsewhere.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [TRAINING])
        assert "A training is running; it will publish" in crm_train("--rollback")
    finally:
        elsewhere.close()


def test_nothing_to_go_back_to(channel: Channel) -> None:
    with pytest.raises(CommandError, match="no earlier model"):
        crm_train("--rollback")
    with pytest.raises(CommandError, match="There is no model 99"):
        crm_train("--rollback", "99")
    with pytest.raises(CommandError, match="--rollback"):
        crm_train("--rollback", "yesterday")


def test_one_thing_at_a_time(channel: Channel, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="not allowed with"):
        crm_train("--list", "--export", str(tmp_path))
