"""One training at a time, and one change of what is served at a time.

Both are advisory locks of PostgreSQL. The first is held for minutes by whoever makes a new version; the second only
while versions change their status, so that going back to an earlier one never waits for a training.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from saleor_crm_plugin.exceptions import TrainingError

# Names of the locks.
TRAINING = "saleor_crm_plugin.recommendations.training"
SERVED = "saleor_crm_plugin.recommendations.served"

_IS_HELD = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32) | objid::bigint = hashtextextended(%s, 0)
)
"""


@contextmanager
def only_one_training(using: str) -> Iterator[None]:
    """Hold the training lock. It belongs to the database session, so a killed process lets go of it.

    Raises:
        TrainingError: somebody else holds it.
    """
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [TRAINING])
        if not cursor.fetchone()[0]:
            raise TrainingError("Another training is running. Wait for it to end; it will publish what it learns.")
    try:
        yield
    finally:
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [TRAINING])


def is_training(using: str) -> bool:
    """Whether a training is running, in whatever process."""
    with connections[using].cursor() as cursor:
        cursor.execute(_IS_HELD, [TRAINING])
        return bool(cursor.fetchone()[0])


def lock_served(using: str) -> None:
    """Until the end of the transaction nobody else changes the status of a version that is whole, or deletes one."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [SERVED])
