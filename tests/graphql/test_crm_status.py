"""`crmStatus`: what an operator wants to know before asking anybody."""

from __future__ import annotations

import pytest
from django.utils import timezone

import saleor_crm_plugin
from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.compat import saleor_version
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.ingestion.models import OrderSync, SyncState
from saleor_crm_plugin.ingestion.reconcile import STATE
from saleor_crm_plugin.profiles.models import CustomerProfile, ErasureLevel
from tests.devshop.factories import make_order
from tests.integration.recommendations.shop import publish

pytestmark = pytest.mark.django_db

STATUS = (
    "{ crmStatus { version saleorVersion lastSyncAt ordersBehind failedOrders lastTrainingAt forecasts { currency } } }"
)


def test_a_plugin_that_has_just_been_installed(db, staff_with):
    assert staff_with("MANAGE_PLUGINS").data(STATUS)["crmStatus"] == {
        "version": saleor_crm_plugin.__version__,
        "saleorVersion": saleor_version(),
        "lastSyncAt": None,
        "ordersBehind": 0,
        "failedOrders": 0,
        "lastTrainingAt": None,
        "forecasts": [],
    }


def test_a_plugin_at_work(shop, app_with):
    SyncState.objects.create(name=STATE, value={})
    publish()
    OrderSync.objects.filter(order_id=shop.first.pk).update(error="Something is odd")
    make_order(shop.ann, channel=shop.channel)
    today = timezone.now().date().isoformat()
    status = app_with("MANAGE_PLUGINS").data(STATUS)["crmStatus"]
    assert (status["lastSyncAt"][:10], status["lastTrainingAt"][:10]) == (today, today)
    assert status["failedOrders"] == 1
    assert status["ordersBehind"] >= 1


def test_only_who_manages_plugins(as_ann, anonymous, staff_with, app_with):
    for requestor in (as_ann, anonymous, staff_with("MANAGE_USERS", "MANAGE_PRODUCTS"), app_with("MANAGE_USERS")):
        assert requestor.denied(STATUS) == {"MANAGE_PLUGINS"}
        assert requestor.post(STATUS)["data"] == {"crmStatus": None}


def test_an_order_of_a_customer_who_was_deleted_on_request_fails_no_more(shop, staff_with):
    OrderSync.objects.filter(order_id=shop.first.pk).update(error="Something is odd")
    erase_customer(CustomerProfile.objects.get(user=shop.ann).pk, ErasureLevel.DELETE, SYSTEM)
    assert staff_with("MANAGE_PLUGINS").data(STATUS)["crmStatus"]["failedOrders"] == 0
    # As an erasure of before has left it.
    OrderSync.objects.filter(is_forgotten=True).update(error="Something is odd")
    assert staff_with("MANAGE_PLUGINS").data(STATUS)["crmStatus"]["failedOrders"] == 0
