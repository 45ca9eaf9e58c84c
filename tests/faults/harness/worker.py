"""A Celery worker: tasks are put into its queue by hand, and it is known when it has done with them."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import time_machine
from celery.exceptions import AlwaysEagerIgnored
from kombu import Connection
from saleor.celeryconf import app

from tests.faults.harness.broker import Broker
from tests.faults.harness.processes import Process
from tests.faults.harness.waiting import until

TASKS: Final = "saleor_crm_plugin.ingestion.tasks"
SETTLE_SECONDS: Final = 0.05
_ENDS: Final = re.compile(
    r"Task \S+\[[-0-9a-f]+\] (?:succeeded in|raised unexpected)|Discarding revoked task|raised error: WorkerLostError"
)
_RECEIVED: Final = re.compile(r"Task \S+\[[-0-9a-f]+\] received")


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
        self.process = Process.of_ours(
            "worker", role, str(processes), log=_new_log(directory, role), environment=environment
        )
        self.process.wait_until_it_says("ready.")

    def finish(self, seconds: float = 60) -> None:
        """Wait until it has done everything that is queued, whatever came of it."""
        until(self.is_idle, "the worker has done everything", seconds)

    def is_idle(self) -> bool:
        """Twice in a row: between the queue and its log a message is in neither for a moment."""
        if not self._looks_idle():
            return False
        time.sleep(SETTLE_SECONDS)
        return self._looks_idle()

    def _looks_idle(self) -> bool:
        assert self.process.is_running(), self.process.said()[-3000:]
        if self._broker.waiting() or self._broker.taken():
            return False
        said = self.process.said()
        return len(_RECEIVED.findall(said)) == len(_ENDS.findall(said))

    def ended(self) -> int:
        """Tasks that it has ended, whatever came of them."""
        return len(_ENDS.findall(self.process.said()))

    def failures(self) -> list[str]:
        """What tasks have raised so far."""
        return re.findall(r"raised unexpected: (.*)", self.process.said())


def send(broker: Broker, task: str, *arguments: Any, at: datetime | None = None, expires: float | None = None) -> None:
    """Queue one of our tasks, as a hook or beat does. `at`: it was queued back then."""
    send_many(broker, task, [arguments], at, expires)


def send_many(
    broker: Broker,
    task: str,
    calls: Sequence[Sequence[Any]],
    at: datetime | None = None,
    expires: float | None = None,
) -> None:
    name = f"{TASKS}.{task}"
    lifetime = app.tasks[name].expires if expires is None else expires
    with Connection(broker.url) as connection, warnings.catch_warnings():
        # In the process of the tests Celery is eager.
        warnings.simplefilter("ignore", AlwaysEagerIgnored)
        with connection.Producer() as producer:
            for call in calls:
                if at is None:
                    app.send_task(name, list(call), producer=producer, expires=lifetime)
                else:
                    with time_machine.travel(at, tick=False):
                        app.send_task(name, list(call), producer=producer, expires=lifetime)


def _new_log(directory: Path, role: str) -> Path:
    """One log for each worker that has run: what an earlier one said is not this one's."""
    number = len(list(directory.glob(f"{role}-*.log")))
    return directory / f"{role}-{number}.log"
