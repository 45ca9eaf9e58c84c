"""Stages follow from what happens in the shop, at once, and from the time that passes, at night."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from saleor.account.models import User
from saleor.order.models import Order

from saleor_crm_plugin.config import CRMSettings
from saleor_crm_plugin.ingestion.backfill import backfill
from saleor_crm_plugin.ingestion.lifecycle import STATE, refresh_all_stages
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent
from tests.devshop.factories import make_customer, make_order, make_product
from tests.devshop.flows import cancel_order
from tests.integration.profiles.facts import PLACED
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db


def day(number: float) -> datetime:
    return PLACED + timedelta(days=number)


def place(user: User | None, number: float, **fields: Any) -> Order:
    """An order of that day, of which a hook tells at once."""
    with time_machine.travel(day(number), tick=False):
        order = make_order(user, created_at=day(number), **fields)
        sync_orders([order.pk])
    return order


def stage_of(user: User | None) -> str:
    return CustomerProfile.objects.get(user=user).lifecycle_stage


def told() -> list[tuple[str, str, str]]:
    events = ProfileEvent.objects.filter(kind=EventKind.LIFECYCLE_CHANGED).order_by("pk")
    return [(event.details["from"], event.details["to"], event.details["cause"]) for event in events]


def test_a_new_account_is_a_prospect_and_an_order_moves_it_at_once() -> None:
    ada = make_customer()
    sync_customer(ada.pk)
    assert stage_of(ada) == "prospect"
    assert not told()

    order = place(ada, 0)
    assert stage_of(ada) == "first_time"
    place(ada, 10)
    assert stage_of(ada) == "repeat"
    place(ada, 400)

    assert stage_of(ada) == "won_back"
    assert told() == [
        ("prospect", "first_time", "order"),
        ("first_time", "repeat", "order"),
        ("repeat", "won_back", "order"),
    ]
    first = ProfileEvent.objects.filter(kind=EventKind.LIFECYCLE_CHANGED).earliest("pk")
    assert (first.subject_id, first.happened_at) == (str(order.pk), day(0))


def test_hearing_of_an_order_again_is_no_news() -> None:
    ada = make_customer()
    order = place(ada, 0)
    of_stages = ProfileEvent.objects.filter(kind="lifecycle_changed")
    before = list(of_stages)

    sync_orders([order.pk])
    sync_customer(ada.pk)

    assert list(of_stages.all()) == before != []


def test_a_cancelled_order_is_none() -> None:
    ada = make_customer()
    order = place(ada, 0)

    cancel_order(order)
    sync_orders([order.pk])

    assert stage_of(ada) == "prospect"
    assert told()[-1] == ("first_time", "prospect", "no_purchase_left")


def test_the_shops_terms_are_settings() -> None:
    crm_settings(loyal_orders="3", won_back_days="5", usual_gap_days="7")
    ada, bob = make_customer(), make_customer()
    for number in (0, 1, 2):
        place(ada, number)
    place(bob, 0)
    place(bob, 15)
    assert (stage_of(ada), stage_of(bob)) == ("loyal", "won_back")

    settings = CRMSettings(loyal_orders=3, won_back_days=5, usual_gap_days=7)
    refresh_all_stages(settings, day(20))

    assert (stage_of(ada), stage_of(bob)) == ("at_risk", "repeat")


def test_the_nights_gap_holds_for_the_days_orders() -> None:
    for number in range(20):
        user = make_customer()
        place(user, 0)
        place(user, 20 + number % 2)

    refresh_all_stages(CRMSettings(), day(30))

    assert SyncState.objects.get(name=STATE).value == {"shop_gap_seconds": 20 * 86400}
    ada = make_customer()
    place(ada, 0)
    # 41 days are more than twice the shop's 20, and less than twice the setting's 90.
    place(ada, 41)
    assert stage_of(ada) == "won_back"


def test_the_backfill_tells_of_no_stage_in_between() -> None:
    ada = make_customer()
    for number in (0, 100, 400, 410):
        make_order(ada, created_at=day(number))
    with time_machine.travel(day(411), tick=False):
        backfill(batch_size=1)
        refresh_all_stages(CRMSettings(), timezone.now())

    assert stage_of(ada) == "won_back"
    assert not told()


def test_nothing_is_computed_for_who_refuses() -> None:
    ada = make_customer()
    place(ada, 0)
    CustomerProfile.objects.update(profiling_allowed=False)

    place(ada, 1)
    sync_customer(ada.pk)

    assert stage_of(ada) == ""
    assert told() == [("prospect", "first_time", "order")]


def test_switched_off_profiles_have_no_stage() -> None:
    crm_settings(profiles_enabled=False)

    place(make_customer(), 0)

    assert not CustomerProfile.objects.exclude(lifecycle_stage="").exists()


@pytest.mark.parametrize("again", [False, True])
def test_a_sync_of_many_customers_takes_as_many_statements_as_of_two(again: bool) -> None:
    product = make_product()

    def statements(customers: int) -> int:
        ids = [make_order(make_customer(), lines=[(product, 1)]).pk for _ in range(customers)]
        if again:
            sync_orders(ids)
        with CaptureQueriesContext(connection) as captured:
            sync_orders(ids)
        return len(captured)

    assert statements(9) == statements(2)
