"""What a storefront sends, checked event by event: a wrong one is refused by itself, the others are recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from saleor_crm_plugin.recommendations.tracking.identity import EVENT_ID_FORMAT
from saleor_crm_plugin.recommendations.tracking.models import POSITION_LIMIT, EventType

# A page with five lists of twenty products, in one request.
EVENTS_LIMIT: Final = 100
# A phone that was offline sends what it kept; what is older says nothing about a purchase that was made since.
OLDEST: Final = timedelta(hours=24)
# Clocks of visitors differ; what seems to come from the future within this counts as now.
CLOCKS_DIFFER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event as it was sent. `kind` is a value of `RecommendationKind`; `occurred_at` None means now."""

    type: EventType
    product_id: int
    kind: str | None = None
    position: int | None = None
    occurred_at: datetime | None = None
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an event is not recorded.

    Attributes:
        number: of the event in what was sent, from 0.
        field: at fault, in the GraphQL spelling.
        code: the name of a value of the domain's error enum.
    """

    number: int
    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class CheckedEvent:
    number: int
    type: EventType
    product_id: int
    kind: str
    position: int | None
    occurred_at: datetime
    event_id: str | None


def check(events: Sequence[tuple[int, SentEvent]], now: datetime) -> tuple[list[CheckedEvent], list[Problem]]:
    """Those that can be recorded if their product can be, and what is wrong with the others.

    Args:
        events: with their numbers.
    """
    good: list[CheckedEvent] = []
    problems: list[Problem] = []
    for number, event in events:
        occurred_at = _moment(event.occurred_at, now)
        problem = _problem(number, event, occurred_at, now)
        if problem is not None:
            problems.append(problem)
            continue
        good.append(
            CheckedEvent(
                number,
                event.type,
                event.product_id,
                event.kind or "",
                event.position,
                min(occurred_at, now),
                event.event_id,
            )
        )
    return good, problems


def _moment(occurred_at: datetime | None, now: datetime) -> datetime:
    if occurred_at is None:
        return now
    return occurred_at if occurred_at.tzinfo else occurred_at.replace(tzinfo=UTC)


def _problem(number: int, event: SentEvent, occurred_at: datetime, now: datetime) -> Problem | None:
    if event.type == EventType.VIEWED:
        if event.kind or event.position is not None:
            return Problem(
                number, "kind" if event.kind else "position", "INVALID", "A product page is in no list: leave this out."
            )
    elif not event.kind:
        return Problem(number, "kind", "REQUIRED", "Say of which list the product was.")
    if event.position is not None and not 1 <= event.position <= POSITION_LIMIT:
        return Problem(number, "position", "INVALID", f"Give a position from 1 to {POSITION_LIMIT}.")
    if event.event_id is not None and not EVENT_ID_FORMAT.fullmatch(event.event_id):
        return Problem(
            number, "eventId", "INVALID", "Give 8 to 64 letters, digits, hyphens and underscores, for example a UUID."
        )
    if occurred_at > now + CLOCKS_DIFFER:
        return Problem(number, "occurredAt", "INVALID", "This is in the future. Leave it out for now.")
    if occurred_at < now - OLDEST:
        hours = int(OLDEST.total_seconds()) // 3600
        return Problem(number, "occurredAt", "INVALID", f"This is more than {hours} hours ago.")
    return None
