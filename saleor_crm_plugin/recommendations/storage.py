"""Trained models in and out of the tables, in bulk.

Rows belong to a version that readers do not see until `publish` names it, in one transaction: they always see one
whole model.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from django.db import connections, models, transaction

from saleor_crm_plugin.exceptions import TrainingError
from saleor_crm_plugin.recommendations.learning.stored import PersonalList, PopularList, RelatedList
from saleor_crm_plugin.recommendations.locking import lock_served
from saleor_crm_plugin.recommendations.models import (
    ModelStatus,
    PersonalRecommendations,
    ProductAffinity,
    RecommendationModel,
)

# Rows sent in one transaction. A profile is locked against change while its row is on the way: 0.4 s for 5,000.
BATCH_SIZE = 5_000
# Superseded versions that stay whole, so that one can go back to them; likewise the records of failed trainings.
KEPT_VERSIONS = 2

_ROW_TABLES = ("crm_product_affinity", "crm_personal_recommendations", "crm_popular_products")

Row = TypeVar("Row")

# Which of some profiles, given by id, nobody can come back to, on a connection. Accounts are another domain's.
Gone = Callable[[Collection[int], str], Collection[int]]


def nobody_is_gone(profile_ids: Collection[int], using: str) -> Collection[int]:
    """For callers who know nothing of accounts."""
    return ()


def store_related(model: RecommendationModel, kind: ProductAffinity.Kind, lists: Iterable[RelatedList]) -> int:
    """Store what goes with each product. Returns the number of rows."""
    rows = ((kind.value, entry.product_id, entry.related_ids, entry.scores, entry.confidences) for entry in lists)
    columns = ("kind", "product_id", "related_ids", "scores", "confidences")
    return sum(_copy(model, "crm_product_affinity", columns, batch) for batch in _batches(rows))


def store_popular(model: RecommendationModel, lists: Iterable[PopularList]) -> int:
    """Store what each channel and category sells most, or more of than before. Returns the number of rows."""
    columns = ("kind", "channel_id", "category_id", "product_ids", "scores")
    return sum(_copy(model, "crm_popular_products", columns, batch) for batch in _batches(lists))


def store_personal(
    model: RecommendationModel, lists: Iterable[PersonalList], gone: Gone = nobody_is_gone
) -> Iterator[int]:
    """Store each customer's list, batch by batch. Yields rows stored.

    Left out is whoever is gone by now, has refused recommendations since the training began, or was separated from
    another customer, of whose purchases the list was learnt, too.
    """
    columns = (
        "profile_id",
        "product_ids",
        "scores",
        "reason_kinds",
        "reason_product_ids",
        "reason_values",
        "amounts",
        "due_days",
        "rhythm_days",
    )
    for batch in _batches(lists):
        with transaction.atomic(using=_using(model)):
            present = _lock_profiles(model, [entry.customer_id for entry in batch], gone)
            rows = [
                (*entry[:-2], _known(entry.due_days), _known(entry.rhythm_days))
                for entry in batch
                if entry.customer_id in present
            ]
            stored = _copy(model, "crm_personal_recommendations", columns, rows)
        # Not in the transaction, in which whoever reads this would be, too.
        yield stored


def take_over_related(model: RecommendationModel, source: RecommendationModel, kind: ProductAffinity.Kind) -> int:
    """Copy what goes with each product from an earlier version. Returns the number of rows."""
    return _take_over(model, source, ProductAffinity, "kind = %(kind)s", {"kind": kind.value})


def take_over_personal(
    model: RecommendationModel, source: RecommendationModel, gone: Gone = nobody_is_gone
) -> Iterator[int]:
    """Copy the lists of those who may have one from an earlier version, batch by batch. Yields rows copied."""
    using = _using(model)
    lists = PersonalRecommendations.objects.using(using).filter(model=source)
    ids = lists.order_by("profile_id").values_list("profile_id", flat=True)
    last = 0
    while batch := list(ids.filter(profile_id__gt=last)[:BATCH_SIZE]):
        with transaction.atomic(using=using):
            present = sorted(_lock_profiles(model, batch, gone))
            condition = "profile_id = ANY (%(profiles)s)"
            copied = _take_over(model, source, PersonalRecommendations, condition, {"profiles": present})
        yield copied
        last = batch[-1]


def _take_over(
    model: RecommendationModel,
    source: RecommendationModel,
    table: type[models.Model],
    condition: str,
    parameters: dict[str, str | list[int]],
) -> int:
    own = ("id", "model_id")
    columns = ", ".join(field.attname for field in table._meta.concrete_fields if field.attname not in own)
    statement = f"""
        INSERT INTO {table._meta.db_table} (model_id, {columns})
        SELECT %(model)s, {columns} FROM {table._meta.db_table}
        WHERE model_id = %(source)s AND {condition}
    """  # nosec B608  # tables and columns of our models
    with connections[_using(model)].cursor() as cursor:
        cursor.execute(statement, {"model": model.pk, "source": source.pk, **parameters})
        return int(cursor.rowcount)


def forget_personal(profile_ids: Sequence[int], using: str) -> None:
    """Delete the lists of these persons, with all profiles merged into them, in every version, also in one that is
    being trained. The caller holds locks on their profiles, for which `store_personal` waits.
    """
    if profile_ids:
        with connections[using].cursor() as cursor:
            cursor.execute(
                """
                DELETE FROM crm_personal_recommendations WHERE profile_id IN (
                    SELECT id FROM crm_customer_profile
                    WHERE id = ANY (%(profiles)s::bigint[]) OR merged_into_id = ANY (%(profiles)s::bigint[])
                )
                """,
                {"profiles": list(profile_ids)},
            )


def published(using: str) -> RecommendationModel | None:
    """The version in use."""
    return RecommendationModel.objects.using(using).filter(status=ModelStatus.PUBLISHED).first()


def publish(model: RecommendationModel, finished_at: datetime.datetime) -> None:
    """Serve this version from the next statement on, and retire the one before."""
    versions = RecommendationModel.objects.using(_using(model))
    with transaction.atomic(using=_using(model)):
        lock_served(_using(model))
        versions.filter(status=ModelStatus.PUBLISHED).update(status=ModelStatus.RETIRED)
        model.status = ModelStatus.PUBLISHED
        model.finished_at = finished_at
        model.save(using=_using(model))


def failure(error: BaseException) -> str:
    """What a record of a failed training says: nothing that might be personal, as other errors' texts might."""
    return str(error) if isinstance(error, TrainingError) else f"Failed: {type(error).__name__}."


def fail(model: RecommendationModel, message: str, finished_at: datetime.datetime) -> None:
    """Keep the record of a training that came to nothing, without its rows."""
    _delete_rows(_using(model), [model.pk])
    model.status = ModelStatus.FAILED
    model.message = message[: RecommendationModel._meta.get_field("message").max_length]
    model.finished_at = finished_at
    model.save(using=_using(model))


def discard_unfinished(using: str) -> None:
    """Clear away what a training left that was killed. Only for the holder of the training lock."""
    versions = RecommendationModel.objects.using(using).filter(status=ModelStatus.TRAINING)
    for model in versions:
        fail(model, "The training was interrupted.", model.started_at)


def discard_old(using: str) -> None:
    """Delete retired and failed versions beyond the last `KEPT_VERSIONS` of each."""
    versions = RecommendationModel.objects.using(using)
    for status in (ModelStatus.RETIRED, ModelStatus.FAILED):
        # Locked, so that nobody goes back to a version while its rows are deleted.
        with transaction.atomic(using=using):
            lock_served(using)
            # What somebody went back from is newer than the version that was good, and must not take its place.
            last = versions.filter(status=status).order_by(models.F("withdrawn_at").desc(nulls_first=True), "-pk")
            old = list(last.values_list("pk", flat=True)[KEPT_VERSIONS:])
            _delete_rows(using, old)
            versions.filter(pk__in=old).delete()


def has_rows(model: RecommendationModel) -> bool:
    """Whether anything can be served from this version."""
    lists = " OR ".join(f"EXISTS (SELECT FROM {table} WHERE model_id = %(model)s)" for table in _ROW_TABLES)  # nosec B608  # tables and columns of our models
    with connections[_using(model)].cursor() as cursor:
        cursor.execute(f"SELECT {lists}", {"model": model.pk})
        return bool(cursor.fetchone()[0])


def _using(model: RecommendationModel) -> str:
    # Set by `train`, which saves the model before anything is stored under it.
    assert model._state.db is not None
    return model._state.db


def _delete_rows(using: str, model_ids: Sequence[int]) -> None:
    """By SQL: the ORM would read a million rows to delete them."""
    if model_ids:
        with connections[using].cursor() as cursor:
            for table in _ROW_TABLES:
                cursor.execute(f"DELETE FROM {table} WHERE model_id = ANY (%s)", [list(model_ids)])  # nosec B608  # tables and columns of our models


def _lock_profiles(model: RecommendationModel, profile_ids: list[int], gone: Gone) -> set[int]:
    """Those who may have a list. Locked against a refusal, a separation and the deletion of an account, too, which
    delete what they find.
    """
    with connections[_using(model)].cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM crm_customer_profile
            WHERE id = ANY (%s) AND profiling_allowed AND recommendations_allowed AND erased_at IS NULL
            ORDER BY id FOR SHARE
            """,
            [profile_ids],
        )
        present = {profile_id for (profile_id,) in cursor.fetchall()}
        # Statements of their own: one that has waited for a lock does not see what was written meanwhile elsewhere.
        cursor.execute(
            """
            SELECT source_id FROM crm_profile_merge WHERE undone_at >= %(since)s AND source_id = ANY (%(profiles)s)
            UNION ALL
            SELECT target_id FROM crm_profile_merge WHERE undone_at >= %(since)s AND target_id = ANY (%(profiles)s)
            """,
            {"since": min(model.started_at, model.data_until or model.started_at), "profiles": profile_ids},
        )
        separated = {profile_id for (profile_id,) in cursor.fetchall()}
    return present - separated - set(gone(present, _using(model)))


def _copy(model: RecommendationModel, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> int:
    statement = f"COPY {table} (model_id, {', '.join(columns)}) FROM STDIN"
    lines = (f"{model.pk}\t" + "\t".join(_text(value) for value in row) for row in rows)
    with connections[_using(model)].cursor() as cursor, cursor.copy(statement) as copy:
        for line in lines:
            copy.write(line + "\n")
    return len(rows)


def _text(value: object) -> str:
    """In COPY's text format. All that we store is numbers, lists of numbers, and words without special characters."""
    if isinstance(value, list):
        return "{" + ",".join(map(_number, value)) + "}"
    return str(value)


def _known(days: Sequence[float | None]) -> list[float | None]:
    """Null where nothing is known: the export of a customer's data is JSON, which has no NaN."""
    return [value if value is not None and math.isfinite(value) else None for value in days]


def _number(value: float | None) -> str:
    if value is None:
        return "NULL"
    # Six digits: a score is no more exact, and a third of the size of seventeen.
    return str(value) if isinstance(value, int) else format(value, ".6g") if math.isfinite(value) else "0"


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH_SIZE)):
        yield batch
