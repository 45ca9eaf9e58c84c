"""Shops whose customers buy by a known story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from saleor_crm_plugin.profiles.clv.forecast import Terms, forecast_currency
from saleor_crm_plugin.profiles.clv.learning.pareto_nbd import ParetoNBD
from saleor_crm_plugin.profiles.clv.models import ClvFit
from saleor_crm_plugin.profiles.metrics import refresh_metrics
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics
from saleor_crm_plugin.profiles.orders import OrderFact, store_order_facts
from tests.integration.profiles.facts import make_fact
from tests.unit.profiles.clv.worlds import purchase_times

NOW = datetime(2026, 3, 1, 2, 40, tzinfo=UTC)
TERMS = Terms(days=365, minimum_customers=50, minimum_days=60, minimum_loyal=1)
FORECAST = (
    "prediction_status",
    "predicted_clv",
    "predicted_orders",
    "probability_alive",
    "churn_probability",
    "expected_next_order_at",
)
NOTHING = (None,) * 5
WEEKS = 104


@cache
def _lives(customers: int) -> list[tuple[datetime, list[float], list[int]]]:
    """First order, weeks from it to each repeat order, and the value of all of them."""
    generator = np.random.default_rng(customers)
    starts = np.sort(generator.uniform(0, WEEKS, customers))
    starts[0] = 0.0
    lives = purchase_times(ParetoNBD(0.8, 6.0, 0.6, 12.0), customers, WEEKS, generator)
    return [
        (
            NOW - timedelta(weeks=float(WEEKS - start)),
            [float(week) for week in times if start + week <= WEEKS - 0.2],
            [int(value) for value in generator.gamma(6, generator.uniform(2, 12), len(times) + 1) + 1],
        )
        for start, times in zip(starts, lives, strict=True)
    ]


def fill(customers: int = 120, currency: str = "USD") -> list[int]:
    """Two years of a shop; returns the profile ids. Ninety customers are known before the last third."""
    ids = [person.pk for person in CustomerProfile.objects.bulk_create([CustomerProfile() for _ in range(customers)])]
    facts = [
        make_fact(
            profile_id, value, placed_at=first + timedelta(weeks=week), currency=currency, gross_amount=Decimal(value)
        )
        for profile_id, (first, weeks, values) in zip(ids, _lives(customers), strict=True)
        for week, value in zip([0.0, *weeks], values, strict=False)
    ]
    place(*facts)
    return ids


def place(*facts: OrderFact) -> None:
    refresh_metrics(store_order_facts(facts))


def forecast(terms: Terms = TERMS, now: datetime = NOW, currency: str = "USD") -> ClvFit:
    return forecast_currency(currency, terms, now, lambda stage, done: None)


def forecast_of(profile_id: int, currency: str = "USD") -> tuple[Any, ...]:
    return ProfileMetrics.objects.values_list(*FORECAST).get(profile_id=profile_id, currency=currency)


def forecasts() -> dict[int, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in ProfileMetrics.objects.values_list("profile_id", *FORECAST)}
