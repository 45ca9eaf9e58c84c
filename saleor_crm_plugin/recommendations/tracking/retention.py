"""Old events are deleted, a batch at a time.

Not a partitioned table: the name of an event has to be unique in the whole table, and Django knows no partitions. What
the deletion costs instead stands in docs/explanation/tracking.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections

# Rows of one transaction: locked for some 0.2 s.
BATCH_SIZE: Final = 10_000
# Counts of minutes that are over are of no use.
QUOTA_KEPT: Final = timedelta(hours=1)

# Locked rows are being forgotten, and are found again in the next night.
_DELETE: Final = """
DELETE FROM {table} WHERE id IN (
    SELECT id FROM {table} WHERE {moment} < %s ORDER BY {moment} LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


def delete_old_events(days: int, now: datetime, batch_size: int = BATCH_SIZE, using: str | None = None) -> int:
    """Delete events of more than `days` ago, and spent quotas; returns how many events.

    Stopped at any time, the next run goes on.
    """
    _delete("crm_recommendation_quota", "minute", now - QUOTA_KEPT, batch_size, using)
    return _delete("crm_recommendation_event", "occurred_at", now - timedelta(days=days), batch_size, using)


def _delete(table: str, moment: str, before: datetime, batch_size: int, using: str | None) -> int:
    deleted = 0
    while True:
        with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(_DELETE.format(table=table, moment=moment), [before, batch_size])
            found = int(cursor.rowcount)
        deleted += found
        if found < batch_size:
            return deleted
