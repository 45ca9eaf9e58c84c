"""The shop of `tests.graphql.conftest`, and one segment of whoever bought twice."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.ingestion.segments import refresh_segment
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.models import CustomerSegment


@pytest.fixture
def staff(shop, staff_with):
    return staff_with("MANAGE_USERS")


@pytest.fixture
def segment(shop):
    """Ann is in it."""
    CustomerSegment.objects.all().delete()
    segment = CustomerSegment.objects.create(name="Twice", slug="twice", query="orders_count >= 2")
    refresh_segment(segment.pk)
    return segment


@pytest.fixture
def profiles(shop):
    return {
        "ann": CustomerProfile.objects.get(user=shop.ann),
        "guy": CustomerProfile.objects.get(user=None),
    }


@pytest.fixture
def everybody_else(as_ann, as_ben, anonymous, staff_with, app_with):
    """Whoever may not see segments; Ann is in one."""
    return (as_ann, as_ben, anonymous, staff_with("MANAGE_ORDERS", "MANAGE_DISCOUNTS"), app_with("MANAGE_ORDERS"))
