"""Forgets the details of old events, where the shop has said for how long it keeps them. That it happened stays."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections

# Rows of one transaction: locked for some 0.1 s.
BATCH_SIZE: Final = 5_000

# Locked rows are being moved or blanked by somebody else, and are found again in the next night.
_BLANK = """
UPDATE crm_profile_event SET details = '{}'
WHERE id IN (
    SELECT id FROM crm_profile_event
    WHERE happened_at < %s AND NOT details = '{}'
    ORDER BY happened_at LIMIT %s
    FOR UPDATE SKIP LOCKED
)
"""


def blank_old_details(days: int, now: datetime, batch_size: int = BATCH_SIZE, using: str | None = None) -> int:
    """Blank the details of events that happened more than `days` ago; returns of how many.

    Stopped at any time, the next run goes on: what is blank already is not looked at again.
    """
    blanked = 0
    while True:
        with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(_BLANK, [now - timedelta(days=days), batch_size])
            found = int(cursor.rowcount)
        blanked += found
        if found < batch_size:
            return blanked
