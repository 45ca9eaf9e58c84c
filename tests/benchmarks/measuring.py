"""How a benchmark measures: ours and the other side in turn, so that a busy machine slows both."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.figures import Budget, Figure, Spread

RUNS = 5

Call = Callable[[], object]


@dataclass(frozen=True)
class Bench:
    """What a benchmark is told, and where it puts what it finds.

    Attributes:
        quick: at the least size that still goes through everything; the figures say nothing.
        runs: of each side, at least. report: takes each figure as soon as there is one.
    """

    report: Callable[[Figure], None]
    quick: bool = False
    runs: int = RUNS

    def size(self, whole: int, quick: int) -> int:
        return quick if self.quick else whole

    def say(self, name: str, value: float, unit: str = "", **more: Any) -> None:
        """A figure that is not a time: what was counted."""
        self.report(Figure(name, value=value, unit=unit, **more))

    def measure(
        self,
        name: str,
        ours: Call | Sequence[Call],
        theirs: Call | Sequence[Call] | None = None,
        *,
        beside: str = "",
        before: Call | None = None,
        count_statements: bool = True,
        size: int | None = None,
        budgets: Sequence[Budget] = (),
        note: str = "",
    ) -> Figure:
        """Run each side once unmeasured, then in turn, and report.

        `ours` and `theirs`: one call, or several of which the median of a run is taken and the 95th and 99th
        percentiles of all runs. `before` is run before each side, unmeasured: it puts the database back.
        """
        sides = [_calls(ours)] + ([] if theirs is None else [_calls(theirs)])
        before = before or (lambda: None)
        before()
        statements = statements_of(sides[0][0]) if count_statements else None
        if theirs is not None:
            before()
            sides[1][0]()
        times: list[list[list[float]]] = [[] for _ in sides]
        peak = 0.0
        for run in range(self.runs):
            # Who comes second finds warm caches.
            for number in range(len(sides)) if run % 2 == 0 else reversed(range(len(sides))):
                before()
                with peak_memory() as most:
                    times[number].append([seconds_of(call) for call in sides[number]])
                if number == 0:
                    peak = max(peak, most())
        medians = [[float(np.median(some)) for some in runs] for runs in times]
        many = len(sides[0]) > 1
        figure = Figure(
            name,
            size=size,
            seconds=Spread.of(medians[0]),
            p95=float(np.percentile(times[0], 95)) if many else None,
            p99=float(np.percentile(times[0], 99)) if many else None,
            beside=beside,
            theirs=Spread.of(medians[1]) if theirs is not None else None,
            ratio=Spread.of([mine / other for mine, other in zip(*medians, strict=True)]) if theirs else None,
            peak_mb=peak,
            statements=statements,
            budgets=tuple(budgets),
            note=note,
        )
        self.report(figure)
        return figure


def _calls(side: Call | Sequence[Call]) -> Sequence[Call]:
    return [side] if callable(side) else side


def seconds_of(call: Call) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def statements_of(call: Call) -> int:
    """Calls once; how many statements went through Django to any of its databases."""
    from django.db import connections

    count = 0

    def counted(execute: Any, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        return execute(*arguments)

    with ExitStack() as stack:
        # A name that mirrors another one shares its wrappers.
        for connection in {id(each.execute_wrappers): each for each in connections.all()}.values():
            stack.enter_context(connection.execute_wrapper(counted))
        call()
    return count


@contextmanager
def peak_memory() -> Iterator[Callable[[], float]]:
    """The most resident memory of this process since it was entered, in MB; 0 where the system does not tell."""
    gc.collect()
    try:
        # proc(5): 5 sets the peak back to what is resident now.
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        yield lambda: 0.0
        return

    def most() -> float:
        status = Path("/proc/self/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024

    yield most
