"""`recommendationModelTrain`: a training out of turn."""

from __future__ import annotations

import pytest
from kombu.exceptions import OperationalError

from saleor_crm_plugin.ingestion import tasks
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

TRAIN = "mutation { recommendationModelTrain { queued errors { field message code } } }"


@pytest.fixture
def queued(monkeypatch):
    calls = []
    monkeypatch.setattr(tasks.train_recommendations_task, "apply_async", lambda **options: calls.append(options))
    return calls


def train(api):
    answer = api.data(TRAIN)["recommendationModelTrain"]
    return answer["queued"], [error["code"] for error in answer["errors"]]


def test_the_task_is_handed_to_the_workers(db, queued, staff_with, app_with):
    assert train(staff_with("MANAGE_PRODUCTS")) == (True, [])
    assert train(app_with("MANAGE_PRODUCTS")) == (True, [])
    assert queued == [{"kwargs": {"asked": True}, "retry": False}] * 2, "also where the nightly training is off"


def test_not_while_recommendations_are_off(db, queued, staff_with):
    crm_settings(recommendations_enabled=False)
    assert train(staff_with("MANAGE_PRODUCTS")) == (None, ["DISABLED"])
    crm_settings(active=False)
    assert train(staff_with("MANAGE_PRODUCTS")) == (None, ["DISABLED"])
    assert queued == []


def test_a_broker_that_is_down(db, monkeypatch, staff_with):
    def fail(**options):
        raise OperationalError("Connection refused")

    monkeypatch.setattr(tasks.train_recommendations_task, "apply_async", fail)
    assert train(staff_with("MANAGE_PRODUCTS")) == (None, ["UNAVAILABLE"])


def test_only_who_manages_products(db, queued, anonymous, staff_with, app_with):
    for requestor in (anonymous, staff_with("MANAGE_DISCOUNTS", "MANAGE_USERS"), app_with("MANAGE_PLUGINS")):
        assert requestor.denied(TRAIN) == {"MANAGE_PRODUCTS"}
    assert queued == []
