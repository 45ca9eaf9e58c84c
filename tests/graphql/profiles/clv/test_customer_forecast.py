"""`CustomerProfile.metrics`: the forecast of a customer, and who may see it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from saleor_crm_plugin.profiles.models import CustomerProfile, PredictionStatus, ProfileMetrics
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

FORECAST = """
query ($id: ID) {
  customerProfile(id: $id) {
    metrics {
      netSpent { amount }
      historicClv { amount currency }
      predictionStatus
      predictedClv { amount currency }
      predictedOrders
      probabilityAlive
      churnProbability
      expectedNextOrderAt
    }
  }
}
"""
FIELDS = ("predictedClv", "predictedOrders", "probabilityAlive", "churnProbability", "expectedNextOrderAt")


@pytest.fixture
def ann(shop):
    return CustomerProfile.objects.get(user=shop.ann)


def metrics(requestor, profile):
    return requestor.data(FORECAST, id=global_id("CustomerProfile", profile.pk))["customerProfile"]["metrics"]


def test_before_the_first_night_there_is_none(ann, staff_with):
    seen = metrics(staff_with("MANAGE_USERS"), ann)
    assert seen["predictionStatus"] == "INSUFFICIENT_DATA"
    assert [seen[field] for field in FIELDS] == [None] * 5
    assert seen["historicClv"]["amount"] == seen["netSpent"]["amount"] > 0


def test_a_forecast_for_staff_apps_and_the_customer(ann, staff_with, app_with, as_ann):
    ProfileMetrics.objects.filter(profile=ann).update(
        prediction_status=PredictionStatus.PREDICTED,
        predicted_clv="120.50",
        predicted_orders=2.5,
        probability_alive=0.9,
        churn_probability=0.2,
        expected_next_order_at=datetime(2026, 4, 1, tzinfo=UTC),
    )
    for requestor in (staff_with("MANAGE_USERS"), app_with("MANAGE_USERS"), as_ann):
        seen = metrics(requestor, ann)
        assert seen["predictionStatus"] == "PREDICTED"
        assert seen["predictedClv"]["amount"] == 120.5
        assert seen["predictedClv"]["currency"] == seen["historicClv"]["currency"]
        assert [seen[field] for field in FIELDS[1:]] == [2.5, 0.9, 0.2, "2026-04-01T00:00:00+00:00"]


@pytest.mark.parametrize("status", [PredictionStatus.NO_PURCHASES, PredictionStatus.REFUSED])
def test_why_there_is_none(ann, staff_with, status):
    ProfileMetrics.objects.filter(profile=ann).update(prediction_status=status)
    assert metrics(staff_with("MANAGE_USERS"), ann)["predictionStatus"] == status.name


def test_nobody_else(ann, as_ben, anonymous, staff_with, app_with):
    for requestor in (as_ben, anonymous, staff_with("MANAGE_ORDERS"), app_with("MANAGE_PLUGINS")):
        denied = requestor.denied(FORECAST, id=global_id("CustomerProfile", ann.pk))
        assert denied == {"OWNER", "MANAGE_USERS"}
