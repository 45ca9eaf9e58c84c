"""Jobs of which two at once would only do the same work twice."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections

# Our half of PostgreSQL's two-part advisory lock key: "crm", so that nobody else's locks are ours.
NAMESPACE: Final = 0x63726D


@contextmanager
def only_one(job: str, using: str | None = None) -> Iterator[bool]:
    """Yields whether this process may run the job; False while another does.

    The lock belongs to the database session, so it is gone when the process is, however it ended. It saves work and
    nothing more: what runs under it is safe without it.
    """
    key = [NAMESPACE, zlib.crc32(job.encode()) & 0x7FFFFFFF]
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)
