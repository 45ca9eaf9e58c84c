"""How many events somebody, and the whole shop, may send in a minute."""

from __future__ import annotations

from datetime import timedelta

import pytest

from saleor_crm_plugin.recommendations.tracking.limiting import SENDER_LIMIT, take_quota
from saleor_crm_plugin.recommendations.tracking.models import EventQuota
from saleor_crm_plugin.recommendations.tracking.retention import delete_old_events
from tests.integration.recommendations.tracking.visits import NOW

pytestmark = pytest.mark.django_db

PLENTY = 10**6


def take(who: str = "session a", events: int = 100, shop_limit: int = PLENTY, **later: float) -> int | None:
    return take_quota(who, events, shop_limit, NOW + timedelta(**later))


def test_up_to_the_limit_and_again_in_the_next_minute():
    for _ in range(SENDER_LIMIT // 100):
        assert take() is None
    assert take(events=1) == 60
    assert take(events=1, seconds=59.5) == 1
    assert take(seconds=60) is None


def test_the_wait_is_to_the_end_of_the_minute():
    take(events=SENDER_LIMIT)
    assert [take(events=1, seconds=seconds) for seconds in (0, 1, 30, 59, 59.999)] == [60, 59, 30, 1, 1]


def test_others_are_not_held_up():
    take(events=SENDER_LIMIT)
    assert take(events=1) is not None
    assert take("session b") is None


def test_the_shop_has_a_limit_that_new_sessions_do_not_escape():
    refused = [take(f"session {number}", events=100, shop_limit=1000) is not None for number in range(12)]
    assert refused == [False] * 10 + [True, True]
    assert take("session z", shop_limit=1000, minutes=1) is None


def test_sessions_that_come_too_late_leave_no_rows():
    for number in range(10):
        take(f"session {number}", shop_limit=1000)
    assert EventQuota.objects.count() == 10 + 1
    assert [take(f"late {number}", events=1, shop_limit=1000) for number in range(20)] == [60] * 20
    assert EventQuota.objects.count() == 10 + 1


def test_who_is_over_the_own_limit_does_not_use_up_that_of_the_shop():
    for _ in range(50):
        take("flood", events=100, shop_limit=700)
    assert take("somebody else", events=100, shop_limit=700) is None


def test_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        take()
    with django_assert_num_queries(1):
        take()


def test_a_flood_does_not_overflow():
    for _ in range(3):
        assert take(events=10**9) is not None
    assert EventQuota.objects.get().events == 10**9


def test_nothing_says_who_and_little_is_kept():
    take("session a")
    take("session a", minutes=1)
    ids = set(EventQuota.objects.values_list("id", flat=True))
    assert len(ids) == 4  # two minutes of a visitor, and of the shop: four names
    delete_old_events(30, NOW + timedelta(minutes=62), batch_size=1)
    assert not EventQuota.objects.exists()
