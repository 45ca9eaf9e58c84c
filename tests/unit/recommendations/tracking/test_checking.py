"""What a storefront sends, event by event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from saleor_crm_plugin.recommendations.tracking.checking import SentEvent, check
from saleor_crm_plugin.recommendations.tracking.models import EventType

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
GOOD = {"type": EventType.SHOWN, "product_id": 1, "kind": "for_you", "position": 1}


def problem(**changes) -> tuple[str, str]:
    good, problems = check([(3, SentEvent(**{**GOOD, **changes}))], NOW)
    assert good == []
    (found,) = problems
    assert found.number == 3
    return found.field, found.code


def accepted(**changes):
    (good,), problems = check([(0, SentEvent(**{**GOOD, **changes}))], NOW)
    assert problems == []
    return good


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": None}, ("kind", "REQUIRED")),
        ({"kind": ""}, ("kind", "REQUIRED")),
        ({"type": EventType.CLICKED, "kind": None}, ("kind", "REQUIRED")),
        ({"type": EventType.VIEWED}, ("kind", "INVALID")),
        ({"type": EventType.VIEWED, "kind": None}, ("position", "INVALID")),
        ({"position": 0}, ("position", "INVALID")),
        ({"position": -1}, ("position", "INVALID")),
        ({"position": 1001}, ("position", "INVALID")),
        ({"position": 2**31 - 1}, ("position", "INVALID")),
        ({"occurred_at": NOW + timedelta(minutes=5, seconds=1)}, ("occurredAt", "INVALID")),
        ({"occurred_at": NOW - timedelta(hours=24, seconds=1)}, ("occurredAt", "INVALID")),
        ({"occurred_at": datetime(1, 1, 1, tzinfo=UTC)}, ("occurredAt", "INVALID")),
        ({"occurred_at": datetime(9999, 12, 31, tzinfo=UTC)}, ("occurredAt", "INVALID")),
        ({"event_id": "short"}, ("eventId", "INVALID")),
        ({"event_id": ""}, ("eventId", "INVALID")),
        ({"event_id": "x" * 65}, ("eventId", "INVALID")),
        ({"event_id": "with a space"}, ("eventId", "INVALID")),
        ({"event_id": "ann@example.com"}, ("eventId", "INVALID")),
        ({"event_id": "12345678\n"}, ("eventId", "INVALID")),
    ],
)
def test_what_is_refused(changes, expected):
    assert problem(**changes) == expected


def test_what_is_accepted():
    assert accepted().occurred_at == NOW
    assert accepted(position=None).position is None
    assert accepted(position=1000).position == 1000
    assert accepted(occurred_at=NOW - timedelta(hours=24)).occurred_at == NOW - timedelta(hours=24)
    assert accepted(type=EventType.VIEWED, kind=None, position=None).kind == ""
    assert accepted(event_id="2f0c2d1e-93f4-4b5c-9c36-6f7d8a9b0c1d").event_id == "2f0c2d1e-93f4-4b5c-9c36-6f7d8a9b0c1d"


def test_a_clock_that_is_fast_says_now():
    assert accepted(occurred_at=NOW + timedelta(minutes=5)).occurred_at == NOW


def test_times_with_and_without_an_offset():
    assert accepted(occurred_at=datetime(2026, 6, 1, 11)).occurred_at == NOW - timedelta(hours=1)
    east = timezone(timedelta(hours=2))
    assert accepted(occurred_at=datetime(2026, 6, 1, 13, tzinfo=east)).occurred_at == NOW - timedelta(hours=1)


def test_a_wrong_event_does_not_stop_the_others():
    good, problems = check(
        [(0, SentEvent(**GOOD)), (1, SentEvent(**{**GOOD, "position": 0})), (2, SentEvent(**GOOD))], NOW
    )
    assert ([event.number for event in good], [found.number for found in problems]) == ([0, 2], [1])
