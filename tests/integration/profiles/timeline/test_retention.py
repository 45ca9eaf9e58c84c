"""Details of old events are blanked; that something happened stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from saleor_crm_plugin.ingestion.tasks import blank_old_details_task
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.timeline import retention
from saleor_crm_plugin.profiles.timeline.log import Event, record
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent
from saleor_crm_plugin.profiles.timeline.retention import blank_old_details
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def write(*ages: int, now: datetime = NOW) -> None:
    """Events of so many days ago."""
    profile = CustomerProfile.objects.create()
    record(
        [
            Event(profile.pk, EventKind.ORDER_PAID, now - timedelta(days=age), f"test:{age}", details={"amount": age})
            for age in ages
        ]
    )


def kept() -> dict[str, dict]:
    return {key.removeprefix("test:"): details for key, details in ProfileEvent.objects.values_list("key", "details")}


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_only_what_is_older_is_blanked(batch_size):
    write(99, 100, 101, 102, 500)
    assert blank_old_details(100, NOW, batch_size) == 3
    assert kept() == {"99": {"amount": 99}, "100": {"amount": 100}, "101": {}, "102": {}, "500": {}}
    assert blank_old_details(100, NOW, batch_size) == 0


def test_the_index_holds_only_what_is_left_to_blank():
    write(*range(200, 300))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE crm_profile_event")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {retention._BLANK}", [NOW, 10])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "crm_event_with_details" in plan
    assert "Sort" not in plan


def test_the_nightly_task_does_so_if_the_shop_has_said_for_how_long():
    write(29, 31, now=timezone.now())
    blank_old_details_task()
    assert kept() == {"29": {"amount": 29}, "31": {"amount": 31}}
    crm_settings(timeline_details_days="30")
    blank_old_details_task()
    assert kept() == {"29": {"amount": 29}, "31": {}}
