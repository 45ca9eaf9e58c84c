"""Ann and the guest have profiles; staff manage users."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.graphql.client import global_id


@pytest.fixture
def staff(shop, staff_with):
    return staff_with("MANAGE_USERS")


@pytest.fixture
def ann_profile(shop) -> CustomerProfile:
    return CustomerProfile.objects.get(user=shop.ann)


@pytest.fixture
def guest_profile(shop) -> CustomerProfile:
    return CustomerProfile.objects.get(user=None)


@pytest.fixture
def ann_id(ann_profile) -> str:
    return global_id("CustomerProfile", ann_profile.pk)


@pytest.fixture
def guest_id(guest_profile) -> str:
    return global_id("CustomerProfile", guest_profile.pk)
