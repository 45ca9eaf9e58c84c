"""When points expire. Pure."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

from saleor_crm_plugin.config import Expiry


def expires_at(expiry: Expiry, available_at: datetime) -> datetime | None:
    """The moment from which points that become available at `available_at` can no longer be spent.

    "N months" counts calendar months and falls on the last day of a shorter month. "End of year" is the first moment
    of the next year, in UTC.
    """
    if expiry.kind == "never":
        return None
    if expiry.kind == "end_of_year":
        return datetime(available_at.astimezone(UTC).year + 1, 1, 1, tzinfo=UTC)
    month = available_at.month - 1 + expiry.months
    year, month = available_at.year + month // 12, month % 12 + 1
    day = min(available_at.day, calendar.monthrange(year, month)[1])
    return available_at.replace(year=year, month=month, day=day)
