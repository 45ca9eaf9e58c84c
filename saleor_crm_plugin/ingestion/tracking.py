"""What a storefront says that visitors saw and did, taken in with the shop's settings.

Called in a visitor's request: nothing is raised for what they send, or for tables that are missing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from django.db import DatabaseError, transaction
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.confidential import summary
from saleor_crm_plugin.exceptions import RecommendationInputError
from saleor_crm_plugin.ingestion.logs import log_once
from saleor_crm_plugin.ingestion.settings import ShopSettings, load_settings
from saleor_crm_plugin.recommendations.tracking.checking import EVENTS_LIMIT, Problem, SentEvent, check
from saleor_crm_plugin.recommendations.tracking.identity import SESSION_FORMAT
from saleor_crm_plugin.recommendations.tracking.limiting import take_quota
from saleor_crm_plugin.recommendations.tracking.recording import Sender, record_events

logger = logging.getLogger(__name__)

USING: Final = "default"


class TrackStatus(StrEnum):
    """What became of events that were sent."""

    RECORDED = "recorded"
    DISABLED = "disabled"
    NOT_ALLOWED = "not_allowed"


class RateLimitedError(RecommendationInputError):
    """Too many events in this minute.

    Args:
        retry_after: seconds after which to send them again.
    """

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"Too many events. Send them again in {retry_after} seconds.", "RATE_LIMITED", "events")


@dataclass(frozen=True, slots=True)
class Tracked:
    """Attributes:
    recorded: events that are new. duplicates: those that were known.
    problems: what is wrong with the others, by event.
    """

    status: TrackStatus
    recorded: int = 0
    duplicates: int = 0
    problems: list[Problem] = field(default_factory=list)


@allow_writer()
def track_events(
    events: Sequence[tuple[int, SentEvent]],
    *,
    sent: int,
    channel_slug: str,
    user_id: int | None,
    session_id: str | None,
    now: datetime,
) -> Tracked:
    """Record events; four SQL statements at most, for any number of them.

    Args:
        events: with their numbers, those that could be read.
        sent: how many there were, of which the quota is taken.

    Raises:
        RecommendationInputError: `REQUIRED`, `INVALID`, `NOT_FOUND`, `RATE_LIMITED` (a `RateLimitedError`): nothing was
            recorded; `UNAVAILABLE`: it cannot be just now.
    """
    try:
        # A savepoint: whatever else the request does in its transaction goes on.
        with transaction.atomic(using=USING):
            settings = load_settings(USING)
            if not settings.crm_active or not settings.crm.tracking_enabled:
                return Tracked(TrackStatus.DISABLED)
            sender = _sender(sent, user_id, session_id)
            channel_id = _channel(channel_slug)
        # By itself, so that the row in which the whole shop counts is locked no longer than it takes to count.
        with transaction.atomic(using=USING):
            wait = take_quota(sender.who, sent, settings.crm.tracking_events_per_minute, now, USING)
        if wait is not None:
            raise RateLimitedError(wait)
        with transaction.atomic(using=USING):
            return _record(events, sender, channel_id, settings, now)
    except DatabaseError as error:
        log_once(
            logger,
            "tracking",
            "Events of recommendations cannot be recorded; the shop is not affected: %s",
            summary(error),
        )
        raise RecommendationInputError("Events cannot be recorded just now.", "UNAVAILABLE") from error


def _record(
    events: Sequence[tuple[int, SentEvent]], sender: Sender, channel_id: int, settings: ShopSettings, now: datetime
) -> Tracked:
    good, problems = check(events, now)
    found = record_events(good, sender, channel_id, settings.crm.holdout_percent / 100, now, USING)
    if found.refused:
        return Tracked(TrackStatus.NOT_ALLOWED)
    if found.unknown:
        raise RecommendationInputError("Give a session id: this customer is not known yet.", "REQUIRED", "sessionId")
    problems += [
        Problem(number, "productId", "NOT_FOUND", "The channel shows no such product.") for number in found.unsold
    ]
    problems.sort(key=lambda problem: problem.number)
    return Tracked(TrackStatus.RECORDED, found.recorded, found.duplicates, problems)


def _sender(sent: int, user_id: int | None, session_id: str | None) -> Sender:
    if not sent:
        raise RecommendationInputError("Send at least one event.", "REQUIRED", "events")
    if sent > EVENTS_LIMIT:
        raise RecommendationInputError(f"Send up to {EVENTS_LIMIT} events at once.", "INVALID", "events")
    if session_id is None and user_id is None:
        raise RecommendationInputError("Give a session id, or sign in.", "REQUIRED", "sessionId")
    if session_id is not None and not SESSION_FORMAT.fullmatch(session_id):
        message = "Give 16 to 64 letters, digits, hyphens and underscores, for example a UUID."
        raise RecommendationInputError(message, "INVALID", "sessionId")
    return Sender(user_id, session_id)


def _channel(slug: str) -> int:
    # PostgreSQL takes no NUL in a text.
    found = None if "\0" in slug else Channel.objects.using(USING).filter(slug=slug, is_active=True)
    channel_id = None if found is None else found.values_list("pk", flat=True).first()
    if channel_id is None:
        raise RecommendationInputError("There is no such channel, or it does not sell.", "NOT_FOUND", "channel")
    return channel_id
