"""Training on this shop's orders: the one call of the command, the nightly task and the mutation."""

from __future__ import annotations

import datetime

from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.config import CRMSettings
from saleor_crm_plugin.exceptions import TrainingError
from saleor_crm_plugin.ingestion.purchases import SaleorPurchases
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.profiles.consents.queries import not_to_be_recommended_to, of_nobody
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.models import RecommendationModel
from saleor_crm_plugin.recommendations.progress import Progress, no_progress
from saleor_crm_plugin.recommendations.training import train


def learner_parameters(settings: CRMSettings) -> Parameters:
    """What the settings of the plugin say about learning."""
    percent = settings.discovery_percent
    return Parameters(
        minimum_support=settings.minimum_support, discovery_share=None if percent is None else percent / 100
    )


def train_now(
    now: datetime.datetime | None = None,
    progress: Progress | None = None,
    *,
    since: datetime.datetime | None = None,
    tune: bool | None = None,
    force: bool = False,
) -> RecommendationModel:
    """Learn from the shop's orders with the settings of the plugin, and publish.

    Args:
        now: the moment from which ages of purchases count; later orders are left out.
        since: instead of the training history of the settings.
        tune, force: as of `recommendations.training.train`.

    Raises:
        TrainingError: recommendations are switched off, another training is running, or there is nothing to learn
            from, or what was learnt is worse than what is published.
    """
    moment = now or timezone.now()
    with allow_writer():
        settings = load_settings().crm
        if not settings.recommendations_enabled:
            raise TrainingError("Recommendations are switched off in the plugin's settings.")
        return train(
            SaleorPurchases(),
            since=since or moment - datetime.timedelta(days=settings.training_history_days),
            now=moment,
            parameters=learner_parameters(settings),
            tune=tune,
            force=force,
            unlisted=not_to_be_recommended_to(DEFAULT_DB_ALIAS),
            gone=of_nobody,
            progress=progress or no_progress,
        )
