"""How long a process takes to start, and how much memory one takes that runs."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Sequence

from tests.benchmarks.figures import Figure, Spread
from tests.benchmarks.measuring import RUNS, seconds_of
from tests.benchmarks.shop_on_off.purchases import ShopError


def start_up(name: str, ours: str, theirs: str, runs: int = RUNS) -> Figure:
    """Two commands of the shell that end when what they start is there, in turn; the first time is not counted.

    Raises:
        ShopError: one of them fails.
    """
    seconds: tuple[list[float], list[float]] = [], []
    for run in range(-1, runs):
        # Who comes second finds warm caches.
        for side in (0, 1) if run % 2 else (1, 0):
            took = seconds_of(lambda command=(ours, theirs)[side]: _run(command))
            if run >= 0:
                seconds[side].append(took)
    return Figure(
        f"start-up: {name}",
        seconds=Spread.of(seconds[0]),
        beside="without",
        theirs=Spread.of(seconds[1]),
        ratio=Spread.of([mine / other for mine, other in zip(*seconds, strict=True)]),
        note=f"{statistics.median(seconds[0]) - statistics.median(seconds[1]):+.2f} s",
    )


def _run(command: str) -> None:
    ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise ShopError(f"{command} ends with {ended.returncode}: {ended.stderr.strip()[-500:]}")


def memory(name: str, ours: Sequence[int], theirs: Sequence[int]) -> Figure:
    """Each number is of a process that runs; its children count with it."""
    mine, other = ([_megabytes(pid) for pid in pids] for pids in (ours, theirs))
    more = statistics.median(mine) - statistics.median(other)
    return Figure(
        f"memory: {name}",
        value=statistics.median(mine),
        unit="MB",
        beside=f"{statistics.median(other):.0f} MB without",
        ratio=Spread.of([one / another for one in mine for another in other]),
        note=f"{more:+.0f} MB",
    )


def _megabytes(pid: int) -> float:
    """What the process and its children have for themselves, and their shares of what several have."""
    import psutil

    process = psutil.Process(pid)
    found = [one.memory_full_info() for one in (process, *process.children(recursive=True))]
    return sum(getattr(info, "pss", info.uss) for info in found) / 2**20
