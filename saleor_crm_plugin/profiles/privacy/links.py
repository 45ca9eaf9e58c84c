"""Links to files about customers: told once, of no use after a day, and found by their digest only.

There is no file behind a link. What it leads to is put together when it is opened, so that no copy lies about and an
erased customer is in no file any more.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.profiles.privacy.models import DataRequest, RequestKind

LINK_HOURS = 24
TOKEN_BYTES = 32
# Longer than any token; nothing longer is looked up.
TOKEN_MAX_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Link:
    """`token`: what the address of the file ends with."""

    request: DataRequest
    token: str


def make_link(
    kind: RequestKind, actor: Actor, now: datetime, *, profile_id: int | None = None, segment_id: int | None = None
) -> Link:
    """Put an export on record and make its link."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    request = DataRequest.objects.create(
        kind=kind,
        profile_id=profile_id,
        segment_id=segment_id,
        actor_type=actor.type,
        actor_id=actor.id,
        created_at=now,
        token_digest=_digest(token),
        expires_at=now + timedelta(hours=LINK_HOURS),
    )
    return Link(request, token)


def open_link(token: str, now: datetime) -> DataRequest | None:
    """The request that a link belongs to, and count the download; None if there is no such link (any more)."""
    if not 0 < len(token) <= TOKEN_MAX_LENGTH:
        return None
    found = DataRequest.objects.filter(token_digest=_digest(token), expires_at__gt=now)
    return found.first() if found.update(downloads=F("downloads") + 1) else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
