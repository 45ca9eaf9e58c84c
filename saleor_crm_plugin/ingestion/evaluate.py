"""Evaluating recommendations on this shop's own purchases."""

from __future__ import annotations

import datetime
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.ingestion.purchases import SaleorPurchases
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.train import learner_parameters
from saleor_crm_plugin.recommendations.evaluation.purchases import Purchases
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.models import RecommendationEvaluation
from saleor_crm_plugin.recommendations.progress import Progress

# Reports that are kept, the newest ones: a year of weekly ones.
KEPT_REPORTS: Final = 52
_DAY: Final = 86_400.0


def own_purchases(progress: Progress) -> tuple[Purchases, Parameters]:
    """The shop's purchases within the training history of the settings, and the learner's parameters."""
    now = timezone.now()
    with allow_writer():
        settings = load_settings().crm
        since = now - datetime.timedelta(days=settings.training_history_days)
        history = SaleorPurchases().read(since, now, progress)
    return Purchases.of_history(history, now.timestamp() / _DAY), learner_parameters(settings)


def store_report(report: dict[str, Any], using: str = DEFAULT_DB_ALIAS) -> RecommendationEvaluation:
    """Keep a report, and the newest `KEPT_REPORTS` with it."""
    with allow_writer():
        reports = RecommendationEvaluation.objects.using(using)
        stored = reports.create(created_at=timezone.now(), report=report)
        old = list(reports.order_by("-pk").values_list("pk", flat=True)[KEPT_REPORTS:])
        reports.filter(pk__in=old).delete()
    return stored
