"""Visitors of a shop for tests: what they send, and what is kept of it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.recommendations.tracking.checking import SentEvent, check
from saleor_crm_plugin.recommendations.tracking.holdout import in_holdout, profile_identity
from saleor_crm_plugin.recommendations.tracking.models import EventType, RecommendationEvent
from saleor_crm_plugin.recommendations.tracking.recording import Recorded, Sender, record_events
from tests.devshop.factories import make_customer, make_product

NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)
SESSION = "session-of-somebody-0001"
OTHER_SESSION = "session-of-somebody-0002"

SHOWN, CLICKED, ADDED, VIEWED = EventType.SHOWN, EventType.CLICKED, EventType.ADDED, EventType.VIEWED

# Beyond those that the database gives out.
_profile_ids = itertools.count(10_000_000)


def product_of(channel: Any, name: str | None = None, price: int = 20) -> Any:
    """A product that the channel has sold for long, without limit."""
    made = make_product(name, price, channel, stock=None)
    made.channel_listings.update(published_at=ago(days=365))
    return made


def event(type: EventType, product: Any, kind: str | None = "for_you", **fields: Any) -> SentEvent:
    product_id = product if isinstance(product, int) else product.pk
    return SentEvent(type, product_id, None if type == VIEWED else kind, **fields)


def send(
    *events: SentEvent,
    channel: Any,
    user: Any = None,
    session: str | None = SESSION,
    at: datetime = NOW,
    share: float = 0.0,
) -> Recorded:
    """What a storefront sends at a moment. The moment counts for all that do not say another."""
    good, problems = check(list(enumerate(events)), at)
    assert problems == []
    return record_events(good, Sender(user and user.pk, session), channel.pk, share, at)


def ago(**delta: float) -> datetime:
    return NOW - timedelta(**delta)


def customer(email: str = "") -> tuple[Any, CustomerProfile]:
    user = make_customer(email) if email else make_customer()
    return user, CustomerProfile.objects.create(user=user)


def kept() -> list[tuple[str, str, int, int | None, bool]]:
    """Type, kind, product, profile and whether a session is known, of all events, oldest first."""
    rows = RecommendationEvent.objects.order_by("occurred_at", "product_id", "type")
    return [(row.type, row.kind, row.product_id, row.profile_id, row.session is not None) for row in rows]


def somebody(held_out: bool, **fields: Any) -> CustomerProfile:
    """A customer, not stored yet, whom a share of a fifth holds out, or does not."""
    chosen = (number for number in _profile_ids if in_holdout(profile_identity(number), 0.2) == held_out)
    return CustomerProfile(pk=next(chosen), **fields)
