"""Up to when a job has looked at what there is, as text in a `SyncState`."""

from __future__ import annotations

from datetime import datetime

from django.utils.dateparse import parse_datetime


def position(text: str | None, now: datetime) -> datetime | None:
    """The moment; None if there is none yet.

    One that is still to come was written by a worker whose clock was wrong, and is none either: else nothing would be
    found until then.
    """
    moment = parse_datetime(text) if text else None
    return moment if moment is not None and moment <= now else None
