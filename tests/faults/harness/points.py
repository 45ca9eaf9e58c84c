"""Stops a process at its n-th write to the database, whatever that is, and lets the drill do what it wants to it there.

A trigger before each write of each table counts those of the processes with a given role. At the chosen one it waits
for a lock that the drill holds: inside the transaction, with all writes before it done and none after it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from django.db import connection
from psycopg import sql

from tests.faults.harness.waiting import until

LOCK: Final = 6_66_06

_INSTALL = """
CREATE TABLE faults_point (role text, number bigint);
INSERT INTO faults_point VALUES ('nobody', NULL);
CREATE SEQUENCE faults_writes;
-- It may be stopped for longer than it would wait for a lock of its own.
CREATE FUNCTION faults_count() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$
DECLARE
    number bigint;
BEGIN
    IF split_part(current_setting('application_name'), ':', 1) = (SELECT role FROM faults_point) THEN
        number := nextval('faults_writes');
        IF number = (SELECT point.number FROM faults_point AS point) THEN
            -- Says in pg_stat_activity what it was about to do.
            PERFORM set_config('application_name',
                format('%s at %s %s', current_setting('application_name'), lower(TG_OP), TG_TABLE_NAME), false);
            PERFORM pg_advisory_xact_lock({lock});
        END IF;
    END IF;
    RETURN NULL;
END $$;
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'faults_%' LOOP
        EXECUTE format('CREATE TRIGGER faults_count BEFORE INSERT OR UPDATE OR DELETE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION faults_count()', name);
    END LOOP;
END $$;
"""
_REMOVE = """
DROP FUNCTION IF EXISTS faults_count CASCADE;
DROP TABLE IF EXISTS faults_point;
DROP SEQUENCE IF EXISTS faults_writes;
"""
_WAITING = """
SELECT pid, application_name FROM pg_stat_activity
WHERE application_name LIKE %s AND wait_event_type = 'Lock' AND %s = ANY (pg_blocking_pids(pid))
"""


def install() -> None:
    _run(_REMOVE + _INSTALL.replace("{lock}", str(LOCK)))


def remove() -> None:
    _run(_REMOVE)


def _run(script: str) -> None:
    with connect() as session:
        session.execute(script)


def connect(database: str = "") -> psycopg.Connection[Any]:
    """A connection of the drill's own, beside Django's."""
    parameters = connection.get_connection_params()
    if database:
        parameters["dbname"] = database
    names = {"dbname", "user", "password", "host", "port"}
    return psycopg.connect(
        **{name: value for name, value in parameters.items() if name in names and value}, autocommit=True
    )


@dataclass(frozen=True, slots=True)
class Stopped:
    """A process that waits in the middle of its work.

    Attributes:
        before: what it is about to do, like `insert crm_points_lot`.
    """

    pid: int
    backend: int
    before: str
    session: Any

    def kill(self) -> None:
        """kill -9; its database session ends when PostgreSQL notices, and leaves nothing behind."""
        os.kill(self.pid, signal.SIGKILL)
        self.let_go()
        until(self._session_is_gone, "PostgreSQL has ended the session of the killed process")

    def cut(self) -> None:
        """The database ends the connection; the process lives."""
        self.session.execute("SELECT pg_terminate_backend(%s)", [self.backend])
        until(self._session_is_gone, "the connection is cut")
        self.let_go()

    def let_go(self) -> None:
        self.session.execute("UPDATE faults_point SET role = 'nobody', number = NULL")
        self.session.execute("SELECT pg_advisory_unlock_all()")

    def _session_is_gone(self) -> bool:
        found = self.session.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [self.backend])
        return found.fetchone() is None


class Point:
    """Where the next process of that role stops."""

    def __init__(self, session: Any, role: str) -> None:
        self._session = session
        self._role = role

    def reached(self) -> Stopped:
        return until(self._look, f"a process {self._role!r} stops")

    def reached_unless(self, is_done: Callable[[], bool]) -> Stopped | None:
        """None: the work was done with fewer writes."""
        found: list[Stopped | None] = []

        def stopped_or_done() -> bool:
            # In this order: whoever was seen done has not stopped before.
            done = is_done()
            found[:] = [self._look()]
            return done or found[0] is not None

        until(stopped_or_done, f"a process {self._role!r} stops, or has done")
        return found[0]

    def _look(self) -> Stopped | None:
        own = self._session.info.backend_pid
        found = self._session.execute(_WAITING, [f"{self._role}:% at %", own]).fetchone()
        if found is None:
            return None
        backend, name = found
        who, _, before = name.partition(" at ")
        return Stopped(int(who.rpartition(":")[2]), backend, before, self._session)


@contextmanager
def stop_at(number: int, role: str) -> Iterator[Point]:
    """The process of that role that makes its n-th write from now on waits there, at most until the block ends."""
    with connect() as session:
        session.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        session.execute("SELECT setval('faults_writes', 1, false)")
        session.execute("UPDATE faults_point SET role = %s, number = %s", [role, number])
        try:
            yield Point(session, role)
        finally:
            session.execute("UPDATE faults_point SET role = 'nobody', number = NULL")


class Counted:
    """
    Attributes:
        writes: how many there were, once the block has ended.
    """

    writes = 0


@contextmanager
def counting(role: str) -> Iterator[Counted]:
    """Count the writes of the processes of a role."""
    counted = Counted()
    with connect() as session:
        session.execute("SELECT setval('faults_writes', 1, false)")
        session.execute(sql.SQL("UPDATE faults_point SET role = %s, number = NULL"), [role])
        try:
            yield counted
        finally:
            found = session.execute("SELECT last_value, is_called FROM faults_writes").fetchone()
            assert found is not None
            counted.writes = found[0] if found[1] else 0
            session.execute("UPDATE faults_point SET role = 'nobody'")
