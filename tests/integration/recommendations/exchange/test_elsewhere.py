"""There and back: an engine that knows nothing but the exported files, by the how-to, and what a shop serves by it.

The engine is ALS for implicit feedback (Hu, Koren and Volinsky, ICDM 2008, section 4) in a few lines of numpy. It takes
the place of the Spark of docs/how-to/train-elsewhere.md, which is not run here, and writes files of the same schema.
"""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import call_command
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.recommendations.models import ModelStatus, RecommendationModel
from saleor_crm_plugin.recommendations.serving import RecommendationKind
from tests.devshop.factories import make_category
from tests.integration.recommendations.shop import buy, make_products, make_profile
from tests.recommending import for_customer, for_products

pytestmark = pytest.mark.django_db


def als(counts: np.ndarray, rank: int, alpha: float = 20.0, regularization: float = 0.1) -> tuple[np.ndarray, ...]:
    """Factors of rows and columns of a small matrix of counts."""
    random = np.random.default_rng(7)
    rows, columns = (random.normal(scale=0.1, size=(size, rank)) for size in counts.shape)
    confidence, preference = 1 + alpha * counts, (counts > 0).astype(float)
    for _ in range(15):
        for mine, others, c, p in (
            (rows, columns, confidence, preference),
            (columns, rows, confidence.T, preference.T),
        ):
            for place in range(len(mine)):
                weighted = others.T * c[place]
                mine[place] = np.linalg.solve(weighted @ others + regularization * np.eye(rank), weighted @ p[place])
    return rows, columns


def train_elsewhere(exported: Path, target: Path) -> None:
    """As Spark does it: read the partitions, leave out nobody's purchases, write directories of parts."""
    # Without pandas, which no shop has.
    purchases = pq.read_table(exported / "purchases", columns=["customer", "product"])
    purchases = purchases.filter(purchases["customer"].is_valid())
    customers, rows = np.unique(purchases["customer"].to_numpy(), return_inverse=True)
    products, columns = np.unique(purchases["product"].to_numpy(), return_inverse=True)
    counts = np.zeros((len(customers), len(products)))
    np.add.at(counts, (rows, columns), 1)
    written = {}
    for name, ids, factors in zip(
        ("customer_factors.parquet", "product_factors.parquet"), (customers, products), als(counts, 2), strict=True
    ):
        # Spark's schema: nullable, 32 bits, parts without an order.
        schema = pa.schema([("id", pa.int32()), ("features", pa.list_(pa.float32()))])
        (target / name).mkdir(parents=True)
        for number, part in enumerate(np.array_split(np.arange(len(ids)), 3)):
            arrays = [pa.array(ids[part].tolist(), pa.int32()), pa.array(factors[part].tolist(), schema[1].type)]
            pq.write_table(
                pa.Table.from_arrays(arrays, schema=schema),
                target / name / f"part-0000{number}-c000.snappy.parquet",
            )
        (target / name / "_SUCCESS").touch()
        written[name] = len(ids)
    manifest = json.loads((exported / "manifest.json").read_text())
    (target / "manifest.json").write_text(
        json.dumps(
            {
                "format": "saleor-crm-plugin/recommendations",
                "version": 1,
                "engine": "ALS in numpy, rank 2",
                "export": manifest["id"],
                "learnt_until": manifest["until"],
                "rows": written,
            }
        )
    )


def test_there_and_back(channel: Channel, tmp_path: Path) -> None:
    """Tea drinkers and carpenters, who have nothing in common."""
    tea, sugar, cup = kitchen = make_products(3, category=make_category("Kitchen"))
    hammer, nails, saw = workshop = make_products(3, category=make_category("Workshop"))
    drinkers, carpenters = ([make_profile() for _ in range(6)] for _ in range(2))
    for people, things in ((drinkers, kitchen), (carpenters, workshop)):
        for number, person in enumerate(people):
            # Everybody lacks one thing, each of which others have.
            bought = [thing for place, thing in enumerate(things) if place != number % 3]
            buy(person, *bought, days_ago=number + 1)
            buy(person, bought[0], days_ago=number + 20)

    call_command("crm_train", "--export", str(tmp_path / "export"), stdout=StringIO())
    train_elsewhere(tmp_path / "export", tmp_path / "results")
    call_command("crm_train", "--import", str(tmp_path / "results"), stdout=StringIO())

    with allow_writer():
        model = RecommendationModel.objects.get(status=ModelStatus.PUBLISHED)
        assert model.training_data["customers"] == 12
        assert model.training_data["export"] == json.loads((tmp_path / "export" / "manifest.json").read_text())["id"]
        missing = {drinkers[0]: tea, drinkers[1]: sugar, drinkers[2]: cup, carpenters[0]: hammer, carpenters[1]: nails}
        for person, product in missing.items():
            found = for_customer(person, channel.pk, 1, RecommendationKind.DISCOVER)
            assert [one.product_id for one in found] == [product.pk], "of what they lack, what is of their kind"
            again = for_customer(person, channel.pk, 2, RecommendationKind.BUY_AGAIN)
            assert product.pk not in {one.product_id for one in again}
        similar = for_products([saw.pk], RecommendationKind.SIMILAR, channel.pk, 2)[saw.pk]
        assert {one.product_id for one in similar} == {hammer.pk, nails.pk}
