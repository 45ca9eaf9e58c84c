"""A process of the shop: started, waited for, killed. Only what a drill started is ever ended."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from tests.faults.harness.waiting import until

ROOT: Final = Path(__file__).parents[3]
STOP_SECONDS: Final = 20
# Of Linux.
PR_SET_PDEATHSIG: Final = 1


def _end_with_the_tests() -> None:
    """Also if those are killed, and no fixture is left to stop it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A program with a log, in a session of its own, so that its children go with it."""

    def __init__(self, command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
                start_new_session=True,
                preexec_fn=_end_with_the_tests,
            )

    @classmethod
    def of_ours(cls, module: str, *arguments: str, log: Path, environment: Mapping[str, str]) -> Process:
        path = os.pathsep.join([str(ROOT), *sys.path])
        command = [sys.executable, "-m", f"tests.faults.processes.{module}", *arguments]
        return cls(command, log, {"PYTHONPATH": path, **environment})

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_until_it_says(self, words: str) -> None:
        def heard() -> bool:
            assert self.is_running(), f"It ended with {self._process.returncode}:\n{self.said()[-3000:]}"
            return words in self.said()

        until(heard, f"{self.log.name} says {words!r}")

    def children(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.pid).children(recursive=True)]

    def memory_bytes(self) -> int:
        """Resident memory of it and its children."""
        processes = [psutil.Process(pid) for pid in (self.pid, *self.children())]
        return sum(process.memory_info().rss for process in processes)

    def pause(self) -> None:
        """It and its children do nothing until `go_on`, as on a machine that hangs."""
        os.killpg(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """With all its children, and without a warning."""
        if self.is_running():
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self.is_running():
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def result(self, seconds: float = 120) -> int:
        """Its exit code, once it has ended by itself."""
        return self._process.wait(seconds)
