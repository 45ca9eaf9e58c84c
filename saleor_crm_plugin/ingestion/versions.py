"""Versions of the recommendation model, for the command and the API."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.recommendations.locking import is_training
from saleor_crm_plugin.recommendations.models import RecommendationModel
from saleor_crm_plugin.recommendations.versions import kept_versions, roll_back


@allow_writer()
def list_versions() -> list[RecommendationModel]:
    """All versions that there is a record of, newest first."""
    return kept_versions(DEFAULT_DB_ALIAS)


@allow_writer()
def roll_back_now(model_id: int | None = None) -> RecommendationModel:
    """Serve an earlier version again: see `recommendations.versions.roll_back`.

    Raises:
        RecommendationInputError: there is nothing to go back to, or not to this one.
    """
    return roll_back(timezone.now(), DEFAULT_DB_ALIAS, model_id)


@allow_writer()
def training_is_running() -> bool:
    return is_training(DEFAULT_DB_ALIAS)
