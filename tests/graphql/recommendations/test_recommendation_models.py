"""`recommendationModels`: the versions that are kept."""

from __future__ import annotations

import pytest
from django.utils import timezone

from saleor_crm_plugin.recommendations.models import ModelStatus, RecommendationModel
from tests.graphql.client import global_id
from tests.integration.recommendations.shop import publish

pytestmark = pytest.mark.django_db

QUERY = """
{
  recommendationModels {
    id status startedAt finishedAt withdrawnAt engine learntSince lines orders customers products message
  }
}
"""


@pytest.fixture
def versions(shop):
    first = publish(popular={shop.channel: [shop.pear]})
    second = publish(popular={shop.channel: [shop.plum]})
    RecommendationModel.objects.filter(pk=first.pk).update(
        training_data={"lines": 7, "orders": 4, "customers": 3, "products": 2, "since": "2026-01-31"}
    )
    RecommendationModel.objects.filter(pk=second.pk).update(
        training_data={"engine": "Spark ALS", "customers": 9, "since": "2026-01-31"}
    )
    return first, second


def test_newest_first(versions, staff_with, app_with):
    first, second = versions
    failed = RecommendationModel.objects.create(
        status=ModelStatus.FAILED, started_at=timezone.now(), message="Failed: MemoryError."
    )
    for api in (staff_with("MANAGE_PRODUCTS"), app_with("MANAGE_PRODUCTS")):
        newest, middle, oldest = api.data(QUERY)["recommendationModels"]
        assert (newest["id"], newest["status"]) == (global_id("RecommendationModel", failed.pk), "FAILED")
        assert (newest["message"], newest["learntSince"], newest["finishedAt"]) == ("Failed: MemoryError.", None, None)
        assert (middle["id"], middle["status"]) == (global_id("RecommendationModel", second.pk), "PUBLISHED")
        assert (middle["engine"], middle["customers"], middle["lines"]) == ("Spark ALS", 9, None)
        assert oldest == {
            "id": global_id("RecommendationModel", first.pk),
            "status": "RETIRED",
            "startedAt": first.started_at.isoformat(),
            "finishedAt": first.finished_at.isoformat(),
            "withdrawnAt": None,
            "engine": None,
            "learntSince": "2026-01-31",
            "lines": 7,
            "orders": 4,
            "customers": 3,
            "products": 2,
            "message": "",
        }


def test_one_statement_for_all(versions, shop, staff_with):
    staff = staff_with("MANAGE_PRODUCTS")
    before = staff.statements(QUERY)
    for _ in range(3):
        publish(popular={shop.channel: [shop.pear]})
    assert staff.statements(QUERY) == before


def test_a_shop_without_any(db, staff_with):
    assert staff_with("MANAGE_PRODUCTS").data(QUERY) == {"recommendationModels": []}


def test_only_who_manages_products(versions, anonymous, as_ann, staff_with, app_with):
    for requestor in (anonymous, as_ann, staff_with("MANAGE_DISCOUNTS", "MANAGE_USERS"), app_with("MANAGE_PLUGINS")):
        assert requestor.denied(QUERY) == {"MANAGE_PRODUCTS"}
