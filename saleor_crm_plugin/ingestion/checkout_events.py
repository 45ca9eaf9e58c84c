"""Checkouts that were started, changed and left, as events of their owners' timelines.

A scan looks at Saleor's checkouts along its index on `last_change`; no hook of a checkout is worth a task, there are
many in a minute. A checkout is left once nothing has changed in it for the hours that the shop has set, and may be left
again after a change. Checkouts that are completed, or come and go, between two scans are never seen, nor are those that
an app keeps after it has made an order of them: the order is the event.

Whose: the user who is logged in, or the guest who has ordered with the address before. Not the user whose address
somebody typed: nothing shows up with an account that its owner has not done. Nobody who refuses profiling or is erased.
What is kept of a checkout are ids, quantities and amounts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.conf import settings as django_settings
from django.db import connections, transaction
from django.utils import timezone

from saleor_crm_plugin.ingestion.differences import IN_FLIGHT
from saleor_crm_plugin.ingestion.locks import only_one
from saleor_crm_plugin.ingestion.models import SyncState
from saleor_crm_plugin.ingestion.positions import position
from saleor_crm_plugin.profiles.identity import (
    GuestPerson,
    Person,
    UserPerson,
    find_members,
    normalize_email,
    resolve_members,
)
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind
from saleor_crm_plugin.profiles.timeline.log import Event, record
from saleor_crm_plugin.profiles.timeline.models import EventKind, SubjectType
from saleor_crm_plugin.waiting import wait_for_erasures

STATE: Final = "checkouts"
BATCH_SIZE: Final = 500
# Variants that an event names; a checkout with more is told apart by these and by its quantity.
MOST_VARIANTS: Final = 100

# `OFFSET 0` has PostgreSQL look up the order of each checkout, for which Saleor has an index.
_CHECKOUTS: Final = """
SELECT checkout.token, checkout.created_at, checkout.last_change, checkout.user_id, checkout.email, checkout.currency,
    checkout.total_gross_amount, lines.variants, lines.quantities
FROM checkout_checkout checkout
CROSS JOIN LATERAL (
    SELECT array_agg(variant_id ORDER BY variant_id) AS variants, array_agg(quantity ORDER BY variant_id) AS quantities
    FROM (
        SELECT line.variant_id, sum(line.quantity) AS quantity
        FROM checkout_checkoutline line WHERE line.checkout_id = checkout.token GROUP BY line.variant_id
    ) AS bought
) AS lines
WHERE (checkout.last_change, checkout.token) > (%(at)s, %(token)s) AND checkout.last_change <= %(until)s
    AND (checkout.user_id IS NOT NULL OR checkout.email <> '') AND lines.variants IS NOT NULL
    AND NOT EXISTS (SELECT FROM order_order WHERE checkout_token = checkout.token::text OFFSET 0)
ORDER BY checkout.last_change, checkout.token
LIMIT %(limit)s
"""
# What the last event of each checkout said is in it. Along the index that Django keeps on a unique text for LIKE.
_SEEN: Final = """
SELECT DISTINCT ON (asked.token) asked.token, event.details
FROM unnest(%s::text[]) AS asked (token)
JOIN crm_profile_event event
    ON event.key ~>=~ ('checkout:' || asked.token || ':') AND event.key ~<~ ('checkout:' || asked.token || ';')
WHERE event.kind IN ('checkout_started', 'checkout_changed')
ORDER BY asked.token, event.happened_at DESC, event.id DESC
"""

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS: Final = {
    "checkout_checkout": (
        "token",
        "created_at",
        "last_change",
        "user_id",
        "email",
        "currency",
        "total_gross_amount",
    ),
    "checkout_checkoutline": ("checkout_id", "variant_id", "quantity"),
    "order_order": ("checkout_token",),
}


@dataclass(frozen=True, slots=True)
class CheckoutSnapshot:
    """A checkout with something in it. `quantities` by variant id; `person` is whose it is."""

    token: UUID
    created_at: datetime
    last_change: datetime
    person: Person
    currency: str
    total: Decimal
    quantities: Mapping[int, int]

    @property
    def contents(self) -> dict[str, int]:
        """Variant -> quantity, as an event says it."""
        return {str(variant): quantity for variant, quantity in islice(self.quantities.items(), MOST_VARIANTS)}

    @property
    def details(self) -> dict[str, Any]:
        return {
            "amount": self.total,
            "currency": self.currency,
            "quantity": sum(self.quantities.values()),
            "variants": self.contents,
        }


def scan_checkouts(abandoned_after: timedelta, now: datetime | None = None, batch_size: int = BATCH_SIZE) -> int | None:
    """Write what happened to checkouts since the last scan; the first one looks at all that there are.

    Stopped at any time, the next scan goes on after the last batch. Two at once write the same rows, once.

    Returns:
        How many events were new; None if another scan was under way, and nothing was done.
    """
    now = now or timezone.now()
    using = django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    with only_one(STATE, using) as mine:
        if not mine:
            return None
        return _scan("seen_until", now, _changes, batch_size, using) + _scan(
            "left_until",
            now - abandoned_after,
            lambda owned, _using: [
                _event(EventKind.CHECKOUT_ABANDONED, one, profile_id, one.last_change + abandoned_after)
                for one, profile_id in owned
            ],
            batch_size,
            using,
        )


Owned = list[tuple[CheckoutSnapshot, int]]
EventsOf = Callable[[Owned, str], list[Event]]


def _scan(position: str, until: datetime, events_of: EventsOf, batch_size: int, using: str) -> int:
    """Record the events of checkouts that changed last after the stored position, which moves on to `until`."""
    written = 0
    for batch in _batches(_stored(position, using), until, batch_size, using):
        with transaction.atomic(using=using):
            events = events_of(_owned(batch, using), using)
            wait_for_erasures({event.profile_id for event in events}, using)
            written += record(events, using)
            _store(position, batch[-1].last_change, using)
    _store(position, until, using)
    return written


def _changes(owned: Owned, using: str) -> list[Event]:
    """A checkout that is new to us was started; one that holds something else than before was changed."""
    with connections[using].cursor() as cursor:
        cursor.execute(_SEEN, [[str(one.token) for one, _ in owned]])
        seen = {token: json.loads(details) for token, details in cursor.fetchall()}
    events = []
    for one, profile_id in owned:
        before = seen.get(str(one.token))
        if before is None:
            events.append(_event(EventKind.CHECKOUT_STARTED, one, profile_id, one.created_at))
        # Prices are computed when somebody looks; that is no change. Details may have been blanked.
        elif before and before["variants"] != one.contents:
            events.append(_event(EventKind.CHECKOUT_CHANGED, one, profile_id, one.last_change))
    return events


def _event(kind: EventKind, checkout: CheckoutSnapshot, profile_id: int, happened_at: datetime) -> Event:
    stage = {EventKind.CHECKOUT_STARTED: 0, EventKind.CHECKOUT_CHANGED: 1}.get(kind, 2)
    # Started once, changed and left any number of times.
    occasion = f":{checkout.last_change.timestamp():.6f}" if stage else ""
    return Event(
        profile_id,
        kind,
        happened_at,
        f"checkout:{checkout.token}:{stage}:{kind.value}{occasion}",
        SubjectType.CHECKOUT,
        str(checkout.token),
        details=checkout.details,
    )


def _batches(since: datetime | None, until: datetime, batch_size: int, using: str) -> Iterator[list[CheckoutSnapshot]]:
    at: datetime | str = since - IN_FLIGHT if since else "-infinity"
    token = UUID(int=0)
    while True:
        with connections[using].cursor() as cursor:
            cursor.execute(_CHECKOUTS, {"at": at, "token": token, "until": until, "limit": batch_size})
            rows = cursor.fetchall()
        if not rows:
            return
        yield [_snapshot(*row) for row in rows]
        token, _, at = rows[-1][:3]


def _snapshot(
    token: UUID,
    created_at: datetime,
    last_change: datetime,
    user_id: int | None,
    email: str | None,
    currency: str,
    total: Decimal,
    variants: Sequence[int],
    quantities: Sequence[int],
) -> CheckoutSnapshot:
    person: Person = GuestPerson(normalize_email(email)) if user_id is None else UserPerson(user_id)
    contents = dict(zip(variants, quantities, strict=True))
    return CheckoutSnapshot(token, created_at, last_change, person, currency, total, contents)


def _owned(batch: Collection[CheckoutSnapshot], using: str) -> Owned:
    """Those checkouts whose owner may be written about, each with the owner's own profile. The head's word counts."""
    persons = {one.person for one in batch}
    users = [person for person in persons if isinstance(person, UserPerson)]
    guests = [person for person in persons if isinstance(person, GuestPerson)]
    members = resolve_members(users, using) | find_members(guests, using, [IdentityKind.UNVERIFIED_EMAIL])
    allowed = set(
        CustomerProfile.objects.using(using)
        .filter(pk__in=[member.head_id for member in members.values()], profiling_allowed=True, erased_at__isnull=True)
        .values_list("pk", flat=True)
    )
    own = {person: member.profile_id for person, member in members.items() if member.head_id in allowed}
    return [(one, own[one.person]) for one in batch if one.person in own]


def _stored(name: str, using: str) -> datetime | None:
    value = SyncState.objects.using(using).filter(name=STATE).values_list("value", flat=True).first() or {}
    return position(value.get(name), timezone.now())


def _store(name: str, until: datetime, using: str) -> None:
    """Move a position on, never back: the hours after which a checkout is left may be set higher."""
    state, _ = SyncState.objects.using(using).get_or_create(name=STATE)
    before = position(state.value.get(name), timezone.now())
    if before is None or before < until:
        state.value[name] = until.isoformat()
        state.save(using=using)
