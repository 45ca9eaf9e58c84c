"""Forecasts into `ProfileMetrics`, in batches, only what changes; and the log of fits."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connections, transaction

from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.fields import MONEY_DIGITS, MONEY_PLACES
from saleor_crm_plugin.profiles.clv.learning.choice import Forecast
from saleor_crm_plugin.profiles.clv.learning.histories import Integers
from saleor_crm_plugin.profiles.clv.models import ClvFit
from saleor_crm_plugin.profiles.models import PredictionStatus, ProfileMetrics

# Rows in one transaction: locks are held for less than a second (bench_clv.py: 0.3 s).
BATCH_SIZE = 10_000
# A forecast is not known to more; and who has left long ago stays at 0.0000, so that the row is not written again.
PLACES = 4
# A month of nights.
KEPT_FITS = 30
_LARGEST = float(10 ** (MONEY_DIGITS - MONEY_PLACES) - 1)

# The profiles first and in order, as `metrics` takes them: a consent that is withdrawn meanwhile waits or is seen.
_LOCK = """
SELECT person.id FROM crm_customer_profile person
WHERE person.id = ANY(%(profiles)s::bigint[]) ORDER BY person.id FOR NO KEY UPDATE
"""
_STORE = """
WITH forecast (profile_id, value, orders, alive, churn, next_at) AS (
    SELECT * FROM unnest(
        %(scored)s::bigint[], %(value)s::numeric[], %(orders)s::float8[], %(alive)s::float8[], %(churn)s::float8[],
        %(next_at)s::timestamptz[]
    )
), judged AS (
    SELECT kept.id, forecast.*, CASE
        WHEN NOT person.profiling_allowed OR person.erased_at IS NOT NULL OR person.merged_into_id IS NOT NULL
            THEN %(refused)s
        WHEN kept.orders_count = 0 THEN %(no_purchases)s
        WHEN forecast.profile_id IS NULL THEN %(insufficient)s
        ELSE %(predicted)s
    END AS status
    FROM crm_profile_metrics kept
    JOIN crm_customer_profile person ON person.id = kept.profile_id
    LEFT JOIN forecast USING (profile_id)
    WHERE kept.currency = %(currency)s AND kept.profile_id = ANY(%(profiles)s::bigint[])
), wanted AS (
    SELECT id, status,
        CASE WHEN status = %(predicted)s THEN value END AS value,
        CASE WHEN status = %(predicted)s THEN orders END AS orders,
        CASE WHEN status = %(predicted)s THEN alive END AS alive,
        CASE WHEN status = %(predicted)s THEN churn END AS churn,
        CASE WHEN status = %(predicted)s THEN next_at END AS next_at
    FROM judged
), changed AS (
    SELECT kept.id FROM crm_profile_metrics kept JOIN wanted USING (id)
    WHERE (kept.prediction_status, kept.predicted_clv, kept.predicted_orders, kept.probability_alive,
           kept.churn_probability, kept.expected_next_order_at)
        IS DISTINCT FROM (wanted.status, wanted.value, wanted.orders, wanted.alive, wanted.churn, wanted.next_at)
    ORDER BY kept.profile_id
    FOR NO KEY UPDATE OF kept
), written AS (
    UPDATE crm_profile_metrics kept
    SET prediction_status = wanted.status, predicted_clv = wanted.value, predicted_orders = wanted.orders,
        probability_alive = wanted.alive, churn_probability = wanted.churn, expected_next_order_at = wanted.next_at
    FROM changed JOIN wanted USING (id)
    WHERE kept.id = changed.id
)
SELECT count(*) FROM wanted WHERE status = %(predicted)s
"""


@dataclass(frozen=True, slots=True)
class Scored:
    """The forecasts of some customers, by profile id, ascending."""

    profile_ids: Integers
    forecast: Forecast
    now: datetime.datetime

    def between(self, first: int, last: int) -> dict[str, Any]:
        """The columns for the profiles with an id from first to last, as PostgreSQL takes them."""
        part = slice(*np.searchsorted(self.profile_ids, [first, last + 1]))
        made, ids = self.forecast, self.profile_ids[part].tolist()
        unknown = [None] * len(ids)
        return {
            "scored": ids,
            "value": np.round(np.minimum(made.value[part], _LARGEST), MONEY_PLACES - 1).tolist(),
            "orders": np.round(made.orders[part], PLACES).tolist(),
            "alive": unknown if made.alive is None else np.round(made.alive[part], PLACES).tolist(),
            "churn": unknown if made.churn is None else np.round(made.churn[part], PLACES).tolist(),
            "next_at": unknown
            if made.next_days is None
            else [self.now + datetime.timedelta(days=days) if days else None for days in made.next_days[part].tolist()],
        }


_NOBODY: dict[str, Any] = {name: [] for name in ("scored", "value", "orders", "alive", "churn", "next_at")}


def store_forecasts(currency: str, scored: Scored | None, using: str, progress: Callable[[int], None]) -> int:
    """Bring every row of metrics in the currency in line; with None, nobody has a forecast.

    Three SQL statements for each `BATCH_SIZE` rows. Interrupted, it leaves the batches that are done; the next run
    does the rest.

    Returns:
        The number of customers who have a forecast now.
    """
    rows = ProfileMetrics.objects.using(using).filter(currency=currency)
    parameters: dict[str, Any] = {
        "currency": currency,
        "refused": PredictionStatus.REFUSED,
        "no_purchases": PredictionStatus.NO_PURCHASES,
        "insufficient": PredictionStatus.INSUFFICIENT_DATA,
        "predicted": PredictionStatus.PREDICTED,
    }
    last = done = predicted = 0
    for batch in key_batches(rows, BATCH_SIZE, "profile_id"):
        columns = scored.between(last + 1, batch[-1]) if scored else _NOBODY
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute(_LOCK, {"profiles": batch})
            cursor.execute(_STORE, {**parameters, **columns, "profiles": batch})
            predicted += cursor.fetchone()[0]
        last = batch[-1]
        done += len(batch)
        progress(done)
    return predicted


def store_fit(fit: ClvFit, using: str) -> None:
    """Add the fit, and remove those of its currency that are older than the last `KEPT_FITS`."""
    with transaction.atomic(using=using):
        fit.save(using=using, force_insert=True)
        fits = ClvFit.objects.using(using).filter(currency=fit.currency)
        kept = fits.order_by("-pk").values_list("pk", flat=True)[:KEPT_FITS]
        fits.exclude(pk__in=list(kept)).delete()
