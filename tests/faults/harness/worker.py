"""A Celery worker: tasks are put into its queue by hand, and it is known when it has done with them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import time_machine
from celery import Celery
from celery.exceptions import AlwaysEagerIgnored
from kombu import Connection
from saleor.celeryconf import app

from tests.faults.harness.broker import Broker
from tests.faults.harness.processes import Process
from tests.faults.harness.waiting import PATIENCE_SECONDS, until

TASKS: Final = "saleor_crm_plugin.ingestion.tasks"
_ENDED: Final = re.compile(
    r"Task \S*\[([-0-9a-f]+)\] (?:succeeded|failed)|Discarding revoked task: \S+\[([-0-9a-f]+)\]"
)
_RECEIVED: Final = re.compile(r"Task \S+\[([-0-9a-f]+)\] received")


class Worker:
    """
    Args:
        role: how PostgreSQL knows its processes, see `processes.start`.
    """

    def __init__(
        self, broker: Broker, directory: Path, environment: Mapping[str, str], role: str = "worker", processes: int = 1
    ) -> None:
        self.role = role
        self._broker = broker
        self._logs = directory
        self.process = Process.of_ours(
            "worker", role, str(processes), log=_new_log(directory, role), environment=environment
        )
        self.process.wait_until_it_says("ready.")

    def take_no_more(self) -> None:
        """It goes on with the task that it has: what is queued from now on is for others, whatever room it has."""
        replies = Celery(broker=self._broker.url).control.cancel_consumer(
            app.conf.task_default_queue,
            destination=[f"{self.role}@shop"],
            reply=True,
            timeout=PATIENCE_SECONDS,
            limit=1,
        )
        assert replies, f"{self.role} has not answered"

    def finish(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until everything that is queued has been done, whatever came of it."""
        # Between the queue and the worker's log a message is in neither. What was queued before this one, which does
        # nothing, has been taken when this one is done.
        [marker] = send(self._broker, "sync_orders_task", [])
        until(lambda: marker in self._ended_by_all(), "the workers have come to the end of the queue", seconds)
        until(self.is_idle, "the worker has done everything", seconds)

    def _ended_by_all(self) -> set[str]:
        return {ended for log in self._logs.glob("*.log") for ended in _ended(log.read_text(errors="replace"))}

    def ended(self) -> int:
        """Tasks that it has ended, whatever came of them."""
        return len(_ended(self.process.said()))

    def is_idle(self) -> bool:
        assert self.process.is_running(), self.process.said()[-3000:]
        if self._broker.waiting() or self._broker.taken():
            return False
        said = self.process.said()
        return {match[1] for match in _RECEIVED.finditer(said)} <= _ended(said)

    def failures(self) -> list[str]:
        """What tasks have raised so far."""
        return re.findall(r"raised unexpected: (.*)", self.process.said())


def _ended(said: str) -> set[str]:
    return {match[1] or match[2] for match in _ENDED.finditer(said)}


def send(
    broker: Broker, task: str, *arguments: Any, at: datetime | None = None, expires: float | None = None
) -> list[str]:
    """Queue one of our tasks, as a hook or beat does, and return its id. `at`: it was queued back then."""
    return send_many(broker, task, [arguments], at, expires)


def send_many(
    broker: Broker,
    task: str,
    calls: Sequence[Sequence[Any]],
    at: datetime | None = None,
    expires: float | None = None,
) -> list[str]:
    name = f"{TASKS}.{task}"
    lifetime = app.tasks[name].expires if expires is None else expires
    clock = nullcontext() if at is None else time_machine.travel(at, tick=False)
    with Connection(broker.url) as connection, warnings.catch_warnings(), clock:
        # In the process of the tests Celery is eager.
        warnings.simplefilter("ignore", AlwaysEagerIgnored)
        with connection.Producer() as producer:
            return [app.send_task(name, list(call), producer=producer, expires=lifetime).id for call in calls]


def _new_log(directory: Path, role: str) -> Path:
    """One log for each worker that has run: what an earlier one said is not this one's."""
    number = len(list(directory.glob(f"{role}-*.log")))
    return directory / f"{role}-{number}.log"
