"""Training recommendations from "Complete Journey", untuned: read, learnt and stored, beside `implicit` and polars."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.benchmarks import complete_journey, frames, shop_tables
from tests.benchmarks.figures import Budget, Figure
from tests.benchmarks.measuring import Bench
from tests.benchmarks.other_engines import Engine, by_implicit, pairs_by_polars
from tests.benchmarks.scratch import scratch_database

HOUSEHOLDS = 2_469
# Storing a list costs the same whatever it was learnt from, so that the time may grow less than the lines, not more.
LINEAR = 1.1
BUDGETS = (Budget("seconds", 60), Budget("peak_mb", 1536))


def measure(bench: Bench) -> None:
    households = bench.size(HOUSEHOLDS, 16)
    found = []
    for part, database in ((households // 4, "bench_training_part"), (households, "bench_training")):
        with scratch_database(database) as connection:
            lines = fill(connection, part)
            found.append((lines, whole(bench, connection, lines, BUDGETS if part == households else ())))
            if part < households:
                learners(bench, lines)
    (few, quick), (many, slow) = found
    assert quick.seconds is not None
    assert slow.seconds is not None
    bench.say(
        "train and store: exponent of the time",
        math.log(slow.seconds.median / quick.seconds.median) / math.log(many / few),
        budgets=(Budget("value", LINEAR),),
        note=f"from {few:,} to {many:,} lines; 1 is linear",
    )


def fill(connection: Any, households: int) -> int:
    purchases = complete_journey.read(households)
    shop_tables.fill(connection, purchases)
    return len(purchases.days)


def whole(bench: Bench, connection: Any, lines: int, budgets: tuple[Budget, ...]) -> Figure:
    """What the command does in a night in which nothing is tuned."""
    from saleor_crm_plugin.ingestion.train import train_now

    return bench.measure(
        "train and store",
        lambda: train_now(tune=False, force=True),
        **frames.by("implicit", lambda: by_implicit(connection, Engine.COSINE), "implicit cosine, COPY"),
        size=lines,
        budgets=budgets,
    )


def learners(bench: Bench, lines: int) -> None:
    """Without PostgreSQL: the same arrays in, lists out."""
    from django.utils import timezone

    from saleor_crm_plugin.ingestion.purchases import SaleorPurchases
    from saleor_crm_plugin.recommendations.learning import affinity
    from saleor_crm_plugin.recommendations.learning.recommender import Recommender

    now = timezone.now()
    history = SaleorPurchases().read(now - datetime.timedelta(days=10_000), now)

    def learn() -> None:
        recommender = Recommender.fit(history)
        for lists in (recommender.completing_lists, recommender.similar_lists, recommender.personal_lists):
            for _ in lists():
                pass

    matrix = history.by_customer()
    for engine in Engine:
        bench.measure(
            f"learn, beside {engine.value}",
            learn,
            **frames.by("implicit", _fitting(engine, matrix), f"implicit {engine.value}"),
            count_statements=False,
            size=lines,
            note="ours ranks three kinds of lists, and judges itself" if engine is Engine.COSINE else "",
        )
    baskets = history.by_basket().tocoo()
    bench.measure(
        "which products go together",
        lambda: affinity.bought_together(history, 2, 50),
        **frames.by(
            "polars",
            lambda: pairs_by_polars(np.asarray(baskets.row), np.asarray(baskets.col), 2, 50),
            "polars: join, group by",
        ),
        count_statements=False,
        size=lines,
    )


def _fitting(engine: Engine, matrix: Any) -> Callable[[], object]:
    return lambda: engine.lists(matrix)
