"""A training or import that is killed, in a process of its own: what is served stays, and the next one starts anew."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.ingestion.train import train_now
from saleor_crm_plugin.recommendations.locking import is_training
from saleor_crm_plugin.recommendations.models import (
    ModelStatus,
    PersonalRecommendations,
    PopularProducts,
    RecommendationModel,
)
from tests.integration.recommendations.shop import buy, make_products, make_profile
from tests.recommending import for_customer
from tests.unit.recommendations.exchange.deliveries import deliver

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.devshop("another process finds the test database by the stand-in's settings"),
]

ROOT = Path(__file__).parents[3]
# It stops for good when the customers' lists are stored, and says so.
WORK = """
import sys, time
from tests.benchmarks.scratch import set_up_django
set_up_django(sys.argv[1])
from pathlib import Path
from saleor_crm_plugin.ingestion.import_training import import_now
from saleor_crm_plugin.ingestion.train import train_now

def progress(stage, done, total):
    if stage == "customers" and done:
        print("stored", flush=True)
        time.sleep(300)

train_now(progress=progress) if sys.argv[2] == "train" else import_now(Path(sys.argv[2]), progress=progress)
"""


@pytest.fixture(autouse=True)
def _writer() -> Iterator[None]:
    with allow_writer():
        yield


@pytest.mark.parametrize("what", ["train", "import"])
def test_what_is_served_stays_and_the_next_one_clears_away(channel: Channel, tmp_path: Path, what: str) -> None:
    tea, sugar = make_products(2)
    ann = make_profile()
    buy(ann, tea)
    published = train_now()
    buy(ann, sugar)
    buy(ann, sugar)
    deliver(
        tmp_path,
        {
            "customer_factors.parquet": [(ann, [1.0])],
            "product_factors.parquet": [(sugar.pk, [2.0]), (tea.pk, [1.0])],
        },
    )

    process = subprocess.Popen(
        [sys.executable, "-c", WORK, connection.settings_dict["NAME"], "train" if what == "train" else str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "stored\n"
        assert is_training("default")
    finally:
        process.kill()
        process.communicate()

    killed = RecommendationModel.objects.get(status=ModelStatus.TRAINING)
    assert PersonalRecommendations.objects.filter(model=killed).exists(), "it was far"
    assert for_customer(ann, channel.pk, 1)[0].product_id == tea.pk
    _until_its_session_is_gone()

    model = train_now()

    assert dict(RecommendationModel.objects.values_list("pk", "status")) == {
        published.pk: "retired",
        killed.pk: "failed",
        model.pk: "published",
    }
    for table in (PersonalRecommendations, PopularProducts):
        assert not table.objects.filter(model=killed).exists()
    assert for_customer(ann, channel.pk, 1)[0].product_id == sugar.pk


def _until_its_session_is_gone() -> None:
    """PostgreSQL notices when it next looks at the connection."""
    with connection.cursor() as cursor:
        for _ in range(1_000):
            if not is_training("default"):
                return
            cursor.execute("SELECT pg_sleep(0.02)")
    raise AssertionError("the lock of the killed process is still held")
