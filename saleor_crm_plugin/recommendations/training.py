"""From purchases to a published model. One training at a time; what is published changes whole, or not at all."""

from __future__ import annotations

import dataclasses
import datetime
import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Protocol

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from saleor_crm_plugin.exceptions import TrainingError
from saleor_crm_plugin.recommendations import storage
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.recommender import Recommender
from saleor_crm_plugin.recommendations.models import ModelStatus, ProductAffinity, RecommendationModel

logger = logging.getLogger(__name__)

# Name of the PostgreSQL advisory lock that a training holds.
LOCK_NAME = "saleor_crm_plugin.recommendations.training"


class Progress(Protocol):
    """Told what is going on: `done` of `total` (None: unknown) of the stage."""

    def __call__(self, stage: str, done: int, total: int | None) -> None: ...


class PurchaseSource(Protocol):
    """Where purchases come from. The ingestion side implements it for Saleor's tables."""

    def read(self, since: datetime.datetime, until: datetime.datetime, progress: Progress) -> PurchaseHistory:
        """The purchases placed from `since` until `until`, with their age in days before `until`."""
        ...


def no_progress(stage: str, done: int, total: int | None) -> None:
    """For callers whom nobody watches."""


def train(
    source: PurchaseSource,
    *,
    since: datetime.datetime,
    now: datetime.datetime,
    parameters: Parameters | None = None,
    unlisted: Collection[int] = (),
    progress: Progress = no_progress,
    using: str = DEFAULT_DB_ALIAS,
) -> RecommendationModel:
    """Learn from the purchases since `since` and publish what was learnt.

    Time and memory are linear in the order lines: 1.47 million of them by 2,469 customers take 12 s and 410 MB, reading
    and storing included (tests/benchmarks/bench_training.py --full, 2 cores).

    Args:
        unlisted: customers for whom no list is computed. Their baskets count like all others for what goes with what.

    Raises:
        TrainingError: another training is running, or there is nothing to learn from. What was published stays so.
    """
    chosen = parameters or Parameters()
    with _only_one(using):
        storage.discard_unfinished(using)
        model = RecommendationModel(
            status=ModelStatus.TRAINING,
            started_at=timezone.now(),
            data_until=now,
            parameters=dataclasses.asdict(chosen),
        )
        model.save(using=using)
        try:
            history = source.read(since, now, progress)
            model.training_data = _described(history, since)
            if not len(history):
                raise TrainingError(_nothing(since))
            _learn(model, history, chosen, unlisted, progress)
            storage.publish(model, timezone.now())
        except BaseException as error:
            message = str(error) if isinstance(error, TrainingError) else f"Failed: {type(error).__name__}."
            storage.fail(model, message, timezone.now())
            raise
        finally:
            storage.discard_old(using)
    return model


def _learn(
    model: RecommendationModel,
    history: PurchaseHistory,
    parameters: Parameters,
    unlisted: Collection[int],
    progress: Progress,
) -> None:
    customers, products = len(history.customer_ids), len(history.product_ids)
    progress("learning", 0, None)
    recommender = Recommender.fit(history, parameters)
    progress("products", 0, products)
    storage.store_popular(model, recommender.popular())
    storage.store_related(model, ProductAffinity.Kind.BOUGHT_TOGETHER, recommender.bought_together())
    storage.store_related(model, ProductAffinity.Kind.SIMILAR, recommender.similar())
    progress("products", products, products)
    progress("customers", 0, customers)
    stored = 0
    for rows in storage.store_personal(model, recommender.personal(unlisted)):
        stored += rows
        progress("customers", stored, customers)


def _described(history: PurchaseHistory, since: datetime.datetime) -> dict[str, int | str]:
    return {
        "orders": history.baskets_count,
        "lines": len(history),
        "customers": len(history.customer_ids),
        "products": len(history.product_ids),
        "since": since.date().isoformat(),
    }


def _nothing(since: datetime.datetime) -> str:
    return (
        f"There are no purchases since {since.date().isoformat()} to learn from. If the shop has orders, run "
        "`manage.py crm_backfill` first, or set more days to learn from in the plugin's settings."
    )


@contextmanager
def _only_one(using: str) -> Iterator[None]:
    """Hold the training lock. It belongs to the database session, so a killed process lets go of it."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [LOCK_NAME])
        if not cursor.fetchone()[0]:
            raise TrainingError("Another training is running. Wait for it to end; it will publish what it learns.")
    try:
        yield
    finally:
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [LOCK_NAME])
