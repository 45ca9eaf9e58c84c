"""The stand-in shop's server as a process of its own, stopped by whoever started it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from demo.client import StoryError

HOST: Final = "127.0.0.1"
PREFERRED_PORT: Final = 8000
START_SECONDS: Final = 60
STOP_SECONDS: Final = 10
MANAGE: Final = str(Path(__file__).resolve().parent.parent / "tests" / "devshop" / "manage.py")


def manage(*arguments: str) -> None:
    """Run one of Django's commands, as an operator does.

    Raises:
        StoryError: it failed; it has said why.
    """
    if subprocess.run([sys.executable, MANAGE, *arguments], check=False).returncode:
        raise StoryError(f"manage.py {' '.join(arguments)} failed.")


@contextmanager
def running(log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server that answers, as its GraphQL address and its process."""
    port = free_port()
    url = f"http://{HOST}:{port}/graphql/"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, MANAGE, "runserver", "--noreload", f"{HOST}:{port}"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            _wait_until_it_answers(url, process, log)
            yield url, process
        finally:
            _stop(process)


def free_port() -> int:
    """8000 if nobody listens there, else any."""
    for port in (PREFERRED_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StoryError(f"No port is free on {HOST}.")


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    request = urllib.request.Request(url, b'{"query": "{ __typename }"}', {"Content-Type": "application/json"})
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise StoryError(f"The server did not start; its log, {log}, ends with:\n{log.read_text()[-3000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
