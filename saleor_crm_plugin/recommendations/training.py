"""From purchases to a published model. One training at a time; what is published changes whole, or not at all."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import Final, Protocol

from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone

from saleor_crm_plugin.exceptions import TrainingError
from saleor_crm_plugin.recommendations import storage
from saleor_crm_plugin.recommendations.choices import chosen_before, is_imported, note_choice, worth_when_chosen
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.judgement import objections
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.recommender import Recommender
from saleor_crm_plugin.recommendations.learning.selection import Selection, kept, select
from saleor_crm_plugin.recommendations.locking import only_one_training
from saleor_crm_plugin.recommendations.models import ModelStatus, ProductAffinity, RecommendationModel
from saleor_crm_plugin.recommendations.progress import Progress, no_progress

# How long parameters and rankers serve. Choosing them takes four times as long as learning with them.
TUNE_EVERY: Final = datetime.timedelta(days=7)


class PurchaseSource(Protocol):
    """Where purchases come from. The ingestion side implements it for Saleor's tables."""

    def read(self, since: datetime.datetime, until: datetime.datetime, progress: Progress) -> PurchaseHistory:
        """The purchases placed from `since` until `until`, with their age in days before `until`."""
        ...


def train(
    source: PurchaseSource,
    *,
    since: datetime.datetime,
    now: datetime.datetime,
    parameters: Parameters | None = None,
    tune: bool | None = None,
    force: bool = False,
    unlisted: Collection[int] = (),
    gone: storage.Gone = storage.nobody_is_gone,
    progress: Progress = no_progress,
    using: str = DEFAULT_DB_ALIAS,
) -> RecommendationModel:
    """Learn from the purchases since `since`, and publish what was learnt if it is not worse than simple methods and
    than what is published.

    Args:
        parameters: those that settings fix, and where the choice begins.
        tune: choose parameters and rankers anew; False: keep those of the published model; None: choose anew where
            there are none, as there was too little to choose on, or where they were chosen `TUNE_EVERY` ago.
        force: publish in any case.
        unlisted: customers for whom no list is computed. Their baskets count like all others for what goes with what.
        gone: who, when lists are stored, gets none any more.

    Raises:
        TrainingError: another training is running, there is nothing to learn from, or what was learnt is worse. What
            was published stays so.
    """
    chosen = parameters or Parameters()
    with only_one_training(using):
        storage.discard_unfinished(using)
        published = storage.published(using)
        model = RecommendationModel(status=ModelStatus.TRAINING, started_at=timezone.now(), data_until=now)
        model.save(using=using)
        try:
            history = source.read(since, now, progress)
            model.training_data = _described(history, since)
            if not len(history):
                raise TrainingError(_nothing(since))
            selection = _chosen(model, published, history, chosen, tune, progress)
            if not force:
                _judge(selection, published, is_new=model.tuned_at == model.started_at)
            recommender = Recommender.selected(history, selection, progress)
            _store(model, recommender, history, unlisted, gone, progress)
            storage.publish(model, timezone.now())
        except BaseException as error:
            storage.fail(model, storage.failure(error), timezone.now())
            raise
        finally:
            storage.discard_old(using)
    return model


def _chosen(
    model: RecommendationModel,
    published: RecommendationModel | None,
    history: PurchaseHistory,
    parameters: Parameters,
    tune: bool | None,
    progress: Progress,
) -> Selection:
    """Choose parameters and rankers, or keep them, and note in the model's record what they are worth."""
    earlier = chosen_before(published)
    if earlier is None or tune or (tune is None and _is_old(published, model.started_at)):
        selection = select(history, parameters, progress)
        # Where nothing could be compared, nothing was chosen: the first orders of a shop do not settle a week.
        model.tuned_at = model.started_at if selection.comparison.next else None
        note_choice(model, selection)
    else:
        settled = earlier.parameters.with_settings_of(parameters)
        selection = kept(history, settled, earlier.rankers, progress)
        # The stored rankers are those of the training that chose them.
        model.tuned_at = published.tuned_at if published is not None else None
        note_choice(model, selection, kept_from=published)
    return selection


def _is_old(published: RecommendationModel | None, now: datetime.datetime) -> bool:
    if published is None or published.tuned_at is None:
        return True
    # Chosen at a time that is still to come: by a clock that was wrong.
    return not datetime.timedelta(0) <= now - published.tuned_at < TUNE_EVERY


def _judge(selection: Selection, published: RecommendationModel | None, *, is_new: bool) -> None:
    if published is None:
        # Nothing could be kept: even a weak model is more than the newest products.
        return
    before = worth_when_chosen(published) if is_new else published.evaluation
    if is_imported(published):
        # Its figures are about other customers, those who bought since the export: they are no yardstick.
        before = {}
    found = objections(selection.comparison, selection.rankers is not None, before)
    if found:
        raise TrainingError(
            "What was learnt is not published, and what was published stays. "
            + " ".join(found)
            + " `manage.py crm_train --force` publishes it all the same."
        )


def _store(
    model: RecommendationModel,
    recommender: Recommender,
    history: PurchaseHistory,
    unlisted: Collection[int],
    gone: storage.Gone,
    progress: Progress,
) -> None:
    customers, products = len(history.customer_ids), len(history.product_ids)
    progress("products", 0, products)
    storage.store_popular(model, recommender.popular_lists())
    storage.store_related(model, ProductAffinity.Kind.BOUGHT_TOGETHER, recommender.completing_lists())
    storage.store_related(model, ProductAffinity.Kind.SIMILAR, recommender.similar_lists())
    progress("products", products, products)
    progress("customers", 0, customers)
    stored = 0
    for rows in storage.store_personal(model, recommender.personal_lists(unlisted), gone):
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
