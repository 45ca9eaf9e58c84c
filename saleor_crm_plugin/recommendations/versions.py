"""The versions that are kept, and going back to one of them.

A version is served from the statement after the change on, like one that a training publishes. A training that is
running meanwhile goes on, and publishes what it learns when it is whole: going back holds until then.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from django.db import transaction

from saleor_crm_plugin.exceptions import RecommendationInputError
from saleor_crm_plugin.fields import BIGINT_MAX
from saleor_crm_plugin.recommendations.locking import lock_served
from saleor_crm_plugin.recommendations.models import ModelStatus, RecommendationModel
from saleor_crm_plugin.recommendations.storage import has_rows


def kept_versions(using: str) -> list[RecommendationModel]:
    """All versions that there is a record of, newest first. A handful: `storage.discard_old` sees to it."""
    return list(RecommendationModel.objects.using(using).order_by("-pk"))


def roll_back(now: datetime.datetime, using: str, model_id: int | None = None) -> RecommendationModel:
    """Serve an earlier version again, in one transaction, and retire the one in use. Returns what is served now.

    Args:
        model_id: of a retired version, older or newer than the one in use; for the one in use nothing changes. Without
            it: the newest one before that in use, of those that nobody has gone back from.

    Raises:
        RecommendationInputError: there is no such version, it was never whole, or its rows are deleted.
    """
    with transaction.atomic(using=using):
        lock_served(using)
        versions = kept_versions(using)
        present = next((version for version in versions if version.status == ModelStatus.PUBLISHED), None)
        target = _before(present, versions) if model_id is None else _named(model_id, versions)
        if target == present:
            return target
        if not has_rows(target):
            raise RecommendationInputError(
                f"The rows of model {target.pk} are deleted: nothing can be served from it. {_choice(versions)}",
                "NOT_KEPT",
                "id",
            )
        if present is not None:
            present.status = ModelStatus.RETIRED
            present.withdrawn_at = now if target.pk < present.pk else None
            present.save(using=using, update_fields=["status", "withdrawn_at"])
        target.status = ModelStatus.PUBLISHED
        target.withdrawn_at = None
        target.save(using=using, update_fields=["status", "withdrawn_at"])
    return target


def _named(model_id: int, versions: Sequence[RecommendationModel]) -> RecommendationModel:
    target = next((version for version in versions if version.pk == model_id), None)
    if target is None:
        raise RecommendationInputError(f"There is no model {model_id}. {_choice(versions)}", "NOT_FOUND", "id")
    if target.status == ModelStatus.TRAINING:
        raise RecommendationInputError(
            f"Model {model_id} is still being trained; it is published when it is whole.", "NOT_KEPT", "id"
        )
    if target.status == ModelStatus.FAILED:
        raise RecommendationInputError(
            f"Model {model_id} came to nothing, and no rows of it are kept: {target.message} {_choice(versions)}",
            "NOT_KEPT",
            "id",
        )
    return target


def _before(present: RecommendationModel | None, versions: Sequence[RecommendationModel]) -> RecommendationModel:
    newest = present.pk if present is not None else BIGINT_MAX
    for version in versions:
        if version.status == ModelStatus.RETIRED and version.withdrawn_at is None and version.pk < newest:
            return version
    raise RecommendationInputError(f"There is no earlier model to go back to. {_choice(versions)}", "NOT_FOUND")


def _choice(versions: Sequence[RecommendationModel]) -> str:
    kept = [str(version.pk) for version in versions if version.status == ModelStatus.RETIRED]
    return f"Retired and kept: {', '.join(kept)}." if kept else "No retired model is kept."
