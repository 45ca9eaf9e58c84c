"""Who sent an event, without keeping who: digests that only this shop can compute.

Keyed with a secret that follows from Django's SECRET_KEY, so that an id that is easy to guess cannot be guessed from
the table. With a new SECRET_KEY visitors begin anew.
"""

from __future__ import annotations

import re
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.utils.crypto import salted_hmac

# As the storefront makes it up: a UUID has 36 characters, 128 random bits in base64 have 22. Shorter ones are guessed.
SESSION_FORMAT: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
EVENT_ID_FORMAT: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
# The key of the checkout's metadata under which the storefront leaves its session id; Saleor copies it to the order.
METADATA_KEY: Final = "crm_session"
# An event without an id counts once in this time: a list that is rendered again has not been shown again.
REPEAT_MINUTES: Final = 30

_SALT: Final = "saleor_crm_plugin.recommendations.tracking"


def secret() -> str:
    """Of this shop. 64 hexadecimal digits."""
    return salted_hmac(_SALT, "", algorithm="sha256").hexdigest()


def session_digest(session_id: str) -> UUID:
    """128 bits that stand for a visitor's session. `sql_session_digest` computes the same."""
    return _digest(session_id)


def event_key(
    who: str, event_id: str | None, type: str, kind: str, product_id: int, channel_id: int, occurred_at: datetime
) -> UUID:
    """The name of an event: by the sender's own id, or by what happened in which half hour.

    Args:
        who: only their own events can be taken for each other.
    """
    if event_id is not None:
        return _digest(f"{who} id {event_id}")
    half_hour = int(occurred_at.timestamp()) // (REPEAT_MINUTES * 60)
    return _digest(f"{who} {type} {kind} {product_id} {channel_id} {half_hour}")


def quota_key(who: str, minute: datetime) -> UUID:
    return _digest(f"{who} quota {minute.isoformat()}")


def _digest(text: str) -> UUID:
    return UUID(bytes=sha256(f"{secret()}:{text}".encode()).digest()[:16])


def sql_session_digest(value: str) -> str:
    """SQL for `session_digest` of an SQL expression. Parameter `secret`."""
    return f"encode(substring(sha256(convert_to(%(secret)s || ':' || ({value}), 'UTF8')) for 16), 'hex')::uuid"
